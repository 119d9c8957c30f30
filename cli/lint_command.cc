// `strake lint`: Dockerfiles checked without building, many at once.

#include <filesystem>
#include <memory>
#include <utility>

#include "builder/build.h"
#include "builder/check.h"
#include "cli/command.h"
#include "dockerfile/parser.h"
#include "dockerfile/print.h"
#include "util/byte_stream.h"
#include "util/result_macros.h"

namespace strake::cli {
namespace {

class LintCommand final : public Command {
 public:
  void Declare(OptionSet& options) override {
    options.SetArguments(
        {"[FILE...]", 0, OptionSet::kAnyNumber, Completes::kFiles});
    options.Value("--format", format_,
                  {"FORM", Completes::kNothing, {"text", "json", "sarif"}},
                  "How findings are printed");
    options.Value("--rules", rules_, {"RULES"},
                  "In place of a file's own # check= line: "
                  "skip=RULE,...;error=true;experimental=RULE,...");
    options.Flag("--print", print_,
                 "Print what was understood of each file instead");
  }

  Status Resolve(const Environment&,
                 std::vector<std::string> arguments) override {
    files_ = std::move(arguments);
    if (files_.empty()) files_ = {"Dockerfile"};
    if (format_ != "text" && format_ != "json" && format_ != "sarif") {
      return InvalidArgument("--format " + format_ +
                             ": expected text, json or sarif");
    }
    return {};
  }

  Result<int> Run(Session& session) override {
    if (print_) return Print();
    std::vector<dockerfile::CheckedFile> checked;
    bool fails = false;
    for (const std::string& file : files_) {
      ASSIGN_OR_RETURN(builder::CheckReport report, Check(session, file));
      fails = fails || report.fails;
      checked.push_back(std::move(report.file));
    }
    RETURN_IF_ERROR(PrintOut(Report(checked)));
    return fails ? kExitFailed : kExitOk;
  }

 private:
  std::string Report(const std::vector<dockerfile::CheckedFile>& files) const {
    if (format_ == "text") return dockerfile::FormatCheckReport(files);
    if (format_ == "sarif") {
      return dockerfile::SarifReport(files, STRAKE_VERSION);
    }
    std::string text;
    for (const auto& file : files) text += dockerfile::CheckReportJson(file);
    return text;
  }

  Result<builder::CheckReport> Check(Session& session,
                                     const std::string& file) const {
    builder::BuildOptions options;
    ASSIGN_OR_RETURN(options.store_directory,
                     StoreDirectory(session.environment));
    // The folder of the file stands for the build context: an ignore file in
    // it is looked at.
    std::string folder = std::filesystem::path(file).parent_path().string();
    options.context.path = folder.empty() ? "." : folder;
    options.dockerfile_path = file;
    if (!rules_.empty()) {
      options.build_args.emplace_back("BUILDKIT_DOCKERFILE_CHECK", rules_);
    }
    auto report = builder::Check(options, builder::CheckImages::kAssume);
    if (!report) return std::move(report).error().Wrap(file);
    return report;
  }

  Result<int> Print() const {
    int status = kExitOk;
    for (const std::string& file : files_) {
      ASSIGN_OR_RETURN(std::string text, ReadFile(file));
      dockerfile::ParseResult parsed = dockerfile::Parse(text);
      RETURN_IF_ERROR(PrintOut(dockerfile::Print(parsed)));
      if (HasErrors(parsed.diagnostics)) status = kExitFailed;
    }
    return status;
  }

  std::vector<std::string> files_;
  std::string format_ = "text";
  std::string rules_;
  bool print_ = false;
};

}  // namespace

std::unique_ptr<Command> MakeLintCommand() {
  return std::make_unique<LintCommand>();
}

}  // namespace strake::cli
