// A command that does something with the store alone, and answers as text or
// as JSON: no arguments, no registry.

#ifndef STRAKE_CLI_STORE_COMMAND_H_
#define STRAKE_CLI_STORE_COMMAND_H_

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cli/command.h"

namespace strake::cli {

class StoreCommand : public Command {
 public:
  Status Resolve(const Environment&, std::vector<std::string>) override {
    return {};
  }
  // States of root file systems may hold files of other users.
  void Prepare() override;
  Result<int> Run(Session& session) final;

 protected:
  //   people  what the format for people is called: "text", "table"
  explicit StoreCommand(std::string people) : format_(std::move(people)) {}

  // `--format`, which each declares among its own options.
  void DeclareFormat(OptionSet& options, std::string_view note = "");

  // Whether the answer is to be JSON.
  bool wants_json() const { return format_ == "json"; }

  // Does it with the store in this directory, and prints the answer; returns
  // the exit status.
  virtual Result<int> RunOn(const std::string& store) = 0;

 private:
  std::string format_;
};

}  // namespace strake::cli

#endif  // STRAKE_CLI_STORE_COMMAND_H_
