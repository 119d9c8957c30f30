// `strake bake`.

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "builder/bake/load_files.h"
#include "builder/bake/target.h"
#include "builder/build_targets.h"
#include "cli/bake_arguments.h"
#include "cli/build_flags.h"
#include "cli/build_metadata.h"
#include "cli/command.h"
#include "cli/event_recorder.h"
#include "cli/json_progress.h"
#include "cli/progress_mode.h"
#include "cli/result_file.h"
#include "cli/shared_options.h"
#include "cli/value_flags.h"
#include "util/result_macros.h"

namespace strake::cli {
namespace {

using builder::bake::Target;

class BakeCommand final : public Command {
 public:
  void Declare(OptionSet& options) override;
  Status Resolve(const Environment& environment,
                 std::vector<std::string> arguments) override;
  void Prepare() override { builder::PrepareProcess(isolation_value_); }
  Result<int> Run(Session& session) override;

 private:
  Result<builder::bake::Selection> Select(const Environment& environment) const;
  Result<BuildRequest> RequestOf(const Target& target,
                                 const Environment& environment) const;
  Result<std::vector<builder::TargetBuild>> MakeBuilds(
      Session& session, const builder::bake::Selection& selection);
  Status Report(const builder::bake::Selection& selection,
                const std::map<std::string, builder::BuildResult>& results,
                const EventRecorder& recorder) const;

  std::vector<std::string> names_;
  std::vector<std::string> files_;
  std::vector<std::string> overrides_;
  RegistryFlags registry_flags_;
  std::optional<std::string> provenance_;
  std::optional<std::string> sbom_;
  std::string metadata_file_;
  std::string progress_;
  std::string jobs_ = "0";
  std::string snapshotter_ = "auto";
  std::string isolation_;
  std::string isolation_value_;
  ProgressMode mode_ = ProgressMode::kPlain;
  bool print_ = false;
  bool push_ = false;
  bool load_ = false;
  bool no_cache_ = false;
  bool pull_ = false;
};

void BakeCommand::Declare(OptionSet& options) {
  options.SetArguments({"[TARGET...]", 0, 1000});
  options.List("-f,--file", files_, {"FILE", Completes::kFiles},
               "A bake file (.json) or compose file (.yaml); several are "
               "merged (default: compose.yaml, docker-bake.json and others "
               "that are here)");
  options.List("--set", overrides_, {"TARGET.KEY=VALUE"},
               "Overrides a value; TARGET may hold \"*\", KEY+=VALUE adds to "
               "a list");
  options.Flag("--print", print_, "Print what would be built, as JSON");
  options.Flag("--push", push_, "Push every image to its registries");
  options.Flag("--load", load_, "Put every image into the store");
  options.Flag("--no-cache", no_cache_, "Execute every step");
  options.Flag("--pull", pull_, "Ask registries for newer base images");
  DeclareRegistry(options, registry_flags_);
  options.Value("--metadata-file", metadata_file_, {"FILE", Completes::kFiles},
                "Write digests and names of the results to FILE, as JSON by "
                "target");
  DeclareAttestations(options, provenance_, sbom_);
  for (std::string_view names :
       {"--allow", "--builder", "--call", "--list", "--var"}) {
    options.NotYetValue(names);
  }
  for (std::string_view names : {"--check", "-D,--debug"}) {
    options.NotYetFlag(names);
  }
  DeclareProgress(options, progress_, "$BUILDKIT_PROGRESS or auto");
  options.Value("--jobs", jobs_, {"N"},
                "Steps of one target that run at once (default: one a CPU)");
  DeclareSnapshotter(options, snapshotter_);
  DeclareIsolation(options, isolation_, "RUN");
}

Status BakeCommand::Resolve(const Environment& environment,
                            std::vector<std::string> arguments) {
  names_ = std::move(arguments);
  std::string progress = progress_.empty()
                             ? environment.Get("BUILDKIT_PROGRESS").value_or("")
                             : progress_;
  ASSIGN_OR_RETURN(mode_, ChooseProgress(progress, environment));
  ASSIGN_OR_RETURN(isolation_value_, ParseIsolation(isolation_, environment));
  return {};
}

Result<builder::bake::Selection> BakeCommand::Select(
    const Environment& environment) const {
  auto lookup = [&](std::string_view name) -> std::optional<std::string> {
    auto found = environment.variables.find(name);
    if (found == environment.variables.end()) return {};
    return found->second;
  };
  ASSIGN_OR_RETURN(builder::bake::BakeFile file,
                   builder::bake::LoadFiles(files_, lookup));
  return builder::bake::SelectTargets(file, names_, overrides_);
}

Result<BuildRequest> BakeCommand::RequestOf(
    const Target& target, const Environment& environment) const {
  ASSIGN_OR_RETURN(std::vector<std::string> words, BuildArguments(target));
  std::vector<std::string> common = {"--jobs",        jobs_,
                                     "--snapshotter", snapshotter_,
                                     "--isolation",   isolation_value_};
  for (std::string& word : RegistryWords(registry_flags_)) {
    common.push_back(std::move(word));
  }
  if (provenance_) common.push_back("--provenance=" + *provenance_);
  if (sbom_) common.push_back("--sbom=" + *sbom_);
  if (push_) common.emplace_back("--push");
  if (load_) common.emplace_back("--load");
  if (no_cache_) common.emplace_back("--no-cache");
  if (pull_) common.emplace_back("--pull");
  words.insert(words.begin(), common.begin(), common.end());
  BuildFlags flags;
  OptionSet options;
  flags.Declare(options);
  ASSIGN_OR_RETURN(auto parsed, options.Parse(words));
  ASSIGN_OR_RETURN(BuildRequest request,
                   flags.Resolve(environment, parsed.arguments));
  if (request.call != BuildRequest::Call::kBuild) {
    return Unsupported(
        "call: only build is supported; use strake build --call");
  }
  if (request.writes_stdout || request.context_from_stdin ||
      request.dockerfile_from_stdin) {
    return Unsupported("a target reads no standard input, and writes none");
  }
  auto text = target.values.find("dockerfile-inline");
  if (text != target.values.end()) {
    request.options.dockerfile_text = text->second;
    request.options.dockerfile_path.clear();
  }
  return request;
}

Result<std::vector<builder::TargetBuild>> BakeCommand::MakeBuilds(
    Session& session, const builder::bake::Selection& selection) {
  std::vector<builder::TargetBuild> builds;
  for (const Target& target : selection.targets) {
    auto request = RequestOf(target, session.environment);
    if (!request) {
      return std::move(request).error().Wrap(target.place + ": target \"" +
                                             target.name + "\"");
    }
    builder::TargetBuild& build = builds.emplace_back();
    build.name = target.name;
    build.only_used = std::ranges::find(selection.asked, target.name) ==
                      selection.asked.end();
    RETURN_IF_ERROR(CompleteRequest(session.environment, *request));
    build.options = std::move(request->options);
    // Limits hold for all targets together.
    build.options.registry.traffic = builds.front().options.registry.traffic;
    auto contexts = target.maps.find("contexts");
    if (contexts == target.maps.end()) continue;
    for (const auto& [name, context] : contexts->second) {
      if (context && context->starts_with("target:")) {
        build.uses[name] = context->substr(7);
      }
    }
  }
  return builds;
}

Status BakeCommand::Report(
    const builder::bake::Selection& selection,
    const std::map<std::string, builder::BuildResult>& results,
    const EventRecorder& recorder) const {
  if (!metadata_file_.empty()) {
    std::vector<std::pair<std::string, const builder::BuildResult*>> named;
    for (const std::string& name : selection.asked) {
      named.emplace_back(name, &results.at(name));
    }
    RETURN_IF_ERROR(WriteResultFile(metadata_file_, BakeMetadata(named)));
  }
  if (mode_ == ProgressMode::kRawJson || mode_ == ProgressMode::kQuiet) {
    return {};
  }
  for (const auto& [name, result] : results) {
    for (const std::string& warning : result.warnings) {
      if (recorder.WarningWasShown(warning)) continue;
      PrintError("[" + name + "] " + warning + "\n");
    }
  }
  return {};
}

Result<int> BakeCommand::Run(Session& session) {
  ASSIGN_OR_RETURN(builder::bake::Selection selection,
                   Select(session.environment));
  if (print_) {
    RETURN_IF_ERROR(PrintOut(builder::bake::PrintSelection(selection)));
    return kExitOk;
  }
  ASSIGN_OR_RETURN(auto builds, MakeBuilds(session, selection));
  RETURN_IF_ERROR(PrepareResultFile("--metadata-file", metadata_file_));
  auto display = MakeProgress(mode_, session.environment, ProgressTitle{});
  EventRecorder recorder(*display);
  auto results = builder::BuildTargets(std::move(builds), &recorder,
                                       session.interrupt.token());
  display.reset();
  Status done;
  if (results) {
    done = Report(selection, *results, recorder);
  } else {
    done = results.error().code() == ErrorCode::kCancelled
               ? Cancelled("the build was interrupted")
               : std::move(results).error();
  }
  if (done) return kExitOk;
  PrintError(mode_ == ProgressMode::kRawJson
                 ? JsonError(done.error()) + "\n"
                 : recorder.failure() + ErrorText(done.error()));
  return kExitFailed;
}

}  // namespace

std::unique_ptr<Command> MakeBakeCommand() {
  return std::make_unique<BakeCommand>();
}

}  // namespace strake::cli
