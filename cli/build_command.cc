// `strake build`.

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "builder/build.h"
#include "builder/check.h"
#include "cli/build_flags.h"
#include "cli/build_metadata.h"
#include "cli/build_timings.h"
#include "cli/chrome_trace.h"
#include "cli/command.h"
#include "cli/event_recorder.h"
#include "cli/json_progress.h"
#include "cli/progress_mode.h"
#include "cli/result_file.h"
#include "cli/value_flags.h"
#include "util/byte_stream.h"
#include "util/result_macros.h"

namespace strake::cli {
namespace {

constexpr uint64_t kMaxDockerfileBytes = uint64_t{16} << 20;

class BuildCommand final : public Command {
 public:
  void Declare(OptionSet& options) override { flags_.Declare(options); }
  Status Resolve(const Environment& environment,
                 std::vector<std::string> arguments) override {
    ASSIGN_OR_RETURN(request_, flags_.Resolve(environment, arguments));
    return {};
  }
  void Prepare() override {
    builder::PrepareProcess(request_.options.isolation);
  }
  Result<int> Run(Session& session) override;

 private:
  Status Complete(Session& session);
  Status ReadStdin();
  Result<int> Answer();
  Status Report(const builder::BuildResult& result,
                const EventRecorder& recorder,
                const BuildTimings& timings) const;
  // Also of a build that failed.
  Status WriteTrace(const BuildTimings& timings) const;
  int Fail(const Error& error, const EventRecorder& recorder) const;

  BuildFlags flags_;
  BuildRequest request_;
};

Status BuildCommand::ReadStdin() {
  auto& options = request_.options;
  if (request_.dockerfile_from_stdin) {
    FdSource source(STDIN_FILENO);
    auto text = ReadAll(source, kMaxDockerfileBytes);
    if (!text) {
      return std::move(text).error().Wrap("Dockerfile on standard input");
    }
    options.dockerfile_text = std::move(*text);
  }
  // The library tells a tar from a Dockerfile.
  if (request_.context_from_stdin) options.context.tar_fd = STDIN_FILENO;
  return {};
}

Status BuildCommand::Complete(Session& session) {
  RETURN_IF_ERROR(CompleteRequest(session.environment, request_));
  RETURN_IF_ERROR(PrepareResultFile("--iidfile", request_.image_id_file));
  RETURN_IF_ERROR(PrepareResultFile("--metadata-file", request_.metadata_file));
  RETURN_IF_ERROR(PrepareResultFile("--explain", request_.explain_file));
  RETURN_IF_ERROR(PrepareResultFile("--trace", request_.trace_file));
  request_.options.stop = session.interrupt.token();
  return ReadStdin();
}

Status BuildCommand::Report(const builder::BuildResult& result,
                            const EventRecorder& recorder,
                            const BuildTimings& timings) const {
  // As buildx: an index has no image ID, and is known by its digest.
  std::string image_id = result.config  ? result.config->ToString()
                         : result.image ? result.image->digest.ToString()
                                        : "";
  if (!request_.image_id_file.empty()) {
    RETURN_IF_ERROR(WriteResultFile(request_.image_id_file, image_id));
  }
  if (!request_.metadata_file.empty()) {
    RETURN_IF_ERROR(WriteResultFile(request_.metadata_file,
                                    BuildMetadata(result, &timings)));
  }
  if (!request_.explain_file.empty()) {
    RETURN_IF_ERROR(WriteResultFile(
        request_.explain_file, builder::ExplanationsJson(result.explanations)));
  }
  if (request_.quiet) {
    if (request_.writes_stdout || image_id.empty()) return {};
    return PrintOut(image_id + "\n");
  }
  if (request_.progress == ProgressMode::kRawJson) return {};
  if (std::string summary = timings.Summary(); !summary.empty()) {
    PrintError(summary + "\n");
  }
  std::string text;
  size_t count = 0;
  for (const std::string& warning : result.warnings) {
    if (recorder.WarningWasShown(warning)) continue;
    text += " - " + warning + "\n";
    ++count;
  }
  if (count > 0) {
    PrintError("\n " + std::to_string(count) +
               (count == 1 ? " warning" : " warnings") + " found:\n" + text);
  }
  return {};
}

Status BuildCommand::WriteTrace(const BuildTimings& timings) const {
  if (request_.trace_file.empty()) return {};
  return WriteResultFile(request_.trace_file, ChromeTrace(timings.spans()));
}

int BuildCommand::Fail(const Error& cause,
                       const EventRecorder& recorder) const {
  // Which part of the work noticed a stop first says nothing.
  Error error = cause.code() == ErrorCode::kCancelled
                    ? Cancelled("the build was interrupted")
                    : cause;
  if (request_.progress == ProgressMode::kRawJson) {
    PrintError(JsonError(error) + "\n");
  } else {
    PrintError(recorder.failure() + ErrorText(error));
  }
  return kExitFailed;
}

// `--check` and `--call`: nothing is built.
Result<int> BuildCommand::Answer() {
  using Call = BuildRequest::Call;
  auto format = request_.call_json ? builder::CallFormat::kJson
                                   : builder::CallFormat::kText;
  if (request_.call == Call::kCheck) {
    ASSIGN_OR_RETURN(
        builder::CheckReport report,
        builder::Check(request_.options, builder::CheckImages::kResolve));
    RETURN_IF_ERROR(PrintOut(
        request_.call_json ? dockerfile::CheckReportJson(report.file)
                           : dockerfile::FormatCheckReport({&report.file, 1})));
    // As buildx: findings of a check fail it.
    return report.file.found.empty() ? kExitOk : kExitFailed;
  }
  auto answer = request_.call == Call::kOutline
                    ? builder::Outline(request_.options, format)
                    : builder::ListTargets(request_.options, format);
  if (!answer) return std::move(answer).error();
  RETURN_IF_ERROR(PrintOut(*answer));
  return kExitOk;
}

Result<int> BuildCommand::Run(Session& session) {
  RETURN_IF_ERROR(Complete(session));
  if (request_.call != BuildRequest::Call::kBuild) return Answer();
  auto display =
      MakeProgress(request_.progress, session.environment, ProgressTitle{});
  EventRecorder recorder(*display);
  BuildTimings timings(recorder);
  request_.options.progress = &timings;
  auto result = builder::Build(request_.options);
  display.reset();
  Status traced = WriteTrace(timings);
  if (!result) return Fail(result.error(), recorder);
  if (!traced) return Fail(traced.error(), recorder);
  if (auto reported = Report(*result, recorder, timings); !reported) {
    return Fail(reported.error(), recorder);
  }
  return kExitOk;
}

}  // namespace

std::unique_ptr<Command> MakeBuildCommand() {
  return std::make_unique<BuildCommand>();
}

}  // namespace strake::cli
