// `strake doctor`.

#include <memory>
#include <string>
#include <utility>

#include "builder/doctor.h"
#include "cli/command.h"
#include "cli/shared_options.h"
#include "cli/value_flags.h"
#include "util/result_macros.h"

namespace strake::cli {
namespace {

class DoctorCommand final : public Command {
 public:
  void Declare(OptionSet& options) override { DeclareFormat(options, format_); }
  Status Resolve(const Environment& environment,
                 std::vector<std::string>) override {
    ASSIGN_OR_RETURN(isolation_, ParseIsolation("", environment));
    // Who has none can still ask.
    store_ = StoreDirectory(environment).value_or("");
    return {};
  }
  void Prepare() override { report_ = builder::Examine(isolation_, store_); }
  Result<int> Run(Session&) override {
    RETURN_IF_ERROR(PrintOut(format_ == "json" ? builder::DoctorJson(report_)
                                               : builder::DoctorText(report_)));
    const bool wished = isolation_ == "none" || report_.Chosen() != nullptr;
    return wished ? kExitOk : kExitFailed;
  }

 private:
  std::string format_ = "text";
  std::string isolation_;
  std::string store_;
  builder::DoctorReport report_;
};

}  // namespace

std::unique_ptr<Command> MakeDoctorCommand() {
  return std::make_unique<DoctorCommand>();
}

}  // namespace strake::cli
