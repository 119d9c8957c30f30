// `strake doctor`.

#include <memory>
#include <string>
#include <utility>

#include "builder/doctor.h"
#include "cli/command.h"
#include "util/result_macros.h"

namespace strake::cli {
namespace {

class DoctorCommand final : public Command {
 public:
  void Declare(OptionSet& options) override {
    options.Value("--format", format_,
                  {"FORMAT", Completes::kNothing, {"text", "json"}},
                  "How the answer is written");
  }
  Status Resolve(const Environment&, std::vector<std::string>) override {
    return {};
  }
  void Prepare() override { report_ = builder::Examine(); }
  Result<int> Run(Session&) override {
    RETURN_IF_ERROR(PrintOut(format_ == "json" ? builder::DoctorJson(report_)
                                               : builder::DoctorText(report_)));
    return report_.Chosen() != nullptr ? kExitOk : kExitFailed;
  }

 private:
  std::string format_ = "text";
  builder::DoctorReport report_;
};

}  // namespace

std::unique_ptr<Command> MakeDoctorCommand() {
  return std::make_unique<DoctorCommand>();
}

}  // namespace strake::cli
