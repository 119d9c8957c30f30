// Flags as docker's command line has them: long ones with "=" or a word of
// their own, short ones alone, with their value attached, or several in one.

#ifndef STRAKE_TASKS_RUN_FLAGS_H_
#define STRAKE_TASKS_RUN_FLAGS_H_

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "util/result.h"

namespace strake::tasks::run {

struct Flag {
  std::string_view name;  // "tag": the long form; or a lone letter
  char letter = 0;        // 't': the short form; 0: there is none
  enum class Takes {
    kValue,
    kNothing,  // a switch, also as --name=false
    // Known, and not to be had here: an error that says `why`.
    kRefusedValue,
    kRefused,
  };
  Takes takes = Takes::kValue;
  std::string_view why = {};
};

// Where words stop being flags.
enum class FlagsEnd {
  kAtArgument,  // the first that is none: `docker run IMAGE COMMAND...`
  kNever,       // they may follow arguments: `docker build . -t x`
};

class ParsedFlags {
 public:
  // Whether a switch is on; the last one counts.
  bool On(std::string_view name) const;
  // The last value, or "".
  std::string Last(std::string_view name) const;
  bool Has(std::string_view name) const;
  std::vector<std::string> All(std::string_view name) const;
  const std::vector<std::string>& arguments() const { return arguments_; }

 private:
  friend Result<ParsedFlags> ParseFlags(std::string_view, std::span<const Flag>,
                                        FlagsEnd, std::span<const std::string>);
  std::vector<std::pair<std::string_view, std::string>> values_;
  std::vector<std::string> arguments_;
};

// Reads `words` by the table `known`, which the result borrows from. "--" ends
// the flags. `kInvalidArgument`: "docker build: unknown flag: --x (did you mean
// --y?)", a flag without its value, a switch with a value that is neither true
// nor false; `kUnsupported` for those refused.
//   command  for messages: "docker build"
Result<ParsedFlags> ParseFlags(std::string_view command,
                               std::span<const Flag> known, FlagsEnd end,
                               std::span<const std::string> words);

}  // namespace strake::tasks::run

#endif  // STRAKE_TASKS_RUN_FLAGS_H_
