#include "builder/plan/lower_stage.h"

#include <algorithm>
#include <utility>
#include <variant>

#include "builder/context/remote_url.h"
#include "builder/plan/stage_lowering.h"
#include "builder/plan/windows_path.h"
#include "dockerfile/lint_rules.h"
#include "util/result_macros.h"
#include "util/strings.h"

namespace strake::builder::plan {
namespace {

namespace df = ::strake::dockerfile;

// Instructions that are steps of their own in the progress, as buildx counts.
bool IsStep(const df::Instruction& instruction) {
  return instruction.As<df::Run>() || instruction.As<df::Copy>() ||
         instruction.As<df::Add>() || instruction.As<df::Workdir>();
}

// Arguments that choose what is scanned for a bill of materials; no command
// and no cache key sees them.
bool IsForScannersOnly(std::string_view arg) {
  return arg == "BUILDKIT_SBOM_SCAN_CONTEXT" ||
         arg == "BUILDKIT_SBOM_SCAN_STAGE";
}

CommandLine ToCommandLine(const df::CommandLine& command) {
  if (command.form == df::CommandLine::Form::kShell) {
    return {{command.shell}, true};
  }
  return {command.exec, false};
}

}  // namespace

std::string StageLabel(const df::Dockerfile& file, size_t index) {
  if (!file.stages[index].name.empty()) return file.stages[index].name;
  return file.stages.size() == 1 ? "" : "stage-" + std::to_string(index);
}

StageLowering::StageLowering(const LoweringContext& context, size_t index)
    : context_(context),
      index_(index),
      stage_(context.file.stages[index]),
      resolved_(context.bases.stages[index]) {
  auto steps = [](const std::vector<Instruction>& instructions) {
    return static_cast<size_t>(
        std::count_if(instructions.begin(), instructions.end(), IsStep));
  };
  total_steps_ += steps(resolved_.triggers) + steps(stage_.instructions);
}

LoweredStage StageLowering::Lower() {
  current_ = &stage_.from;
  place_ = stage_.from.range;
  StartFromBase();
  if (resolved_.replaced) return std::move(result_);
  auto lower = [&](const Instruction& instruction, SourceRange place) {
    current_ = &instruction;
    place_ = place;
    if (IsStep(instruction)) ++steps_;
    if (auto lowered = LowerOne(instruction); !lowered) {
      context_.diagnostics.push_back(
          df::MakeError(lowered.error().message(), place));
    }
  };
  for (const Instruction& trigger : resolved_.triggers) {
    lower(trigger, stage_.from.range);
  }
  for (const Instruction& instruction : stage_.instructions) {
    lower(instruction, instruction.range);
  }
  return std::move(result_);
}

void StageLowering::StartFromBase() {
  switch (resolved_.base.kind) {
    case SourceRef::Kind::kStage:
      result_ = *context_.stages[resolved_.base.stage];
      // Triggers were taken by this stage; they are not handed on.
      result_.config.on_build.clear();
      return;
    case SourceRef::Kind::kImage:
      StartFromImage(context_.bases.images.at(resolved_.base.image));
      return;
    case SourceRef::Kind::kScratch:
      result_.config = ScratchConfig(resolved_.platform);
      result_.state = Scratch();
      break;
    case SourceRef::Kind::kContext: {
      result_.config = ScratchConfig(resolved_.platform);
      result_.state = ContextFiles(resolved_.base.context, "/");
      result_.layers = {result_.state};
      AddHistory(result_.config, "COPY / /", HasLayer::kYes);
      break;
    }
  }
  for (const std::string& entry : result_.config.env) {
    auto pair = SplitOnce(entry, '=');
    result_.variables.Set(pair->first, pair->second);
  }
}

void StageLowering::StartFromImage(const BaseImage& image) {
  result_.config = image.config;
  result_.base_known = image.config_known;
  result_.config.on_build.clear();
  result_.config.created.reset();
  result_.base_history = result_.config.history.size();
  if (!oci::FindEnv(result_.config.env, "PATH")) {
    result_.config.env.push_back(DefaultPathEntry(result_.config.platform));
  }
  for (const std::string& entry : result_.config.env) {
    auto pair = SplitOnce(entry, '=');
    if (pair) result_.variables.Set(pair->first, pair->second);
  }
  result_.state = ImageVertex(image);
  result_.layers = {result_.state};
}

Status StageLowering::LowerOne(const Instruction& instruction) {
  return std::visit([this](const auto& body) { return Lower(body); },
                    instruction.body);
}

bool StageLowering::IsWindows(const SourceRef& source) const {
  if (source.kind == SourceRef::Kind::kStage) {
    return context_.stages[source.stage]->config.platform.os == "windows";
  }
  return source.kind == SourceRef::Kind::kImage &&
         context_.bases.images.at(source.image).config.platform.os == "windows";
}

Result<std::string> StageLowering::PathInImage(const std::string& path) const {
  if (!is_windows()) return ResolveWorkdir(result_.config, path);
  ASSIGN_OR_RETURN(std::string wanted, FromWindowsPath(path));
  if (wanted.starts_with('/')) return CleanPath(wanted);
  ASSIGN_OR_RETURN(std::string base,
                   FromWindowsPath(result_.config.working_dir));
  return CleanPath("/" + base + "/" + wanted);
}

std::string StageLowering::InSnapshot(const std::string& path) const {
  return is_windows() ? std::string(kWindowsDrive) + path : path;
}

Status StageLowering::Lower(const df::Env& env) {
  ASSIGN_OR_RETURN(std::vector<KeyValue> pairs, ExpandPairs(env.pairs));
  for (const auto& [key, value] : pairs) {
    if (key.empty()) return InvalidArgument("ENV names can not be blank");
    result_.variables.Set(key, value);
    if (df::LooksLikeSecret(key)) {
      Warn(df::lint::SecretsUsedInArgOrEnv("ENV", key, place_));
    }
  }
  ApplyEnv(result_.config, pairs);
  return {};
}

Status StageLowering::Lower(const df::Arg& arg) {
  std::vector<std::string> written;
  for (const df::Arg::Entry& entry : arg.entries) {
    // `--build-arg`, then the default written here, then the global argument.
    std::optional<std::string> value =
        context_.options.build_args.Find(entry.key);
    if (!value && entry.value) {
      ASSIGN_OR_RETURN(value, Expand(*entry.value));
    }
    if (!value) value = context_.bases.globals.Find(entry.key);
    if (value && !IsForScannersOnly(entry.key)) {
      result_.variables.Set(entry.key, *value);
    }
    auto& names = result_.arg_names;
    if (std::find(names.begin(), names.end(), entry.key) == names.end()) {
      names.push_back(entry.key);
    }
    written.push_back(value ? entry.key + "=" + *value : entry.key);
    if (df::LooksLikeSecret(entry.key)) {
      Warn(df::lint::SecretsUsedInArgOrEnv("ARG", entry.key, place_));
    }
  }
  AddHistory(result_.config, "ARG " + Join(written, " "), HasLayer::kNo);
  return {};
}

Status StageLowering::Lower(const df::Workdir& workdir) {
  ASSIGN_OR_RETURN(std::string path, Expand(workdir.path));
  if (is_windows()) return LowerWindowsWorkdir(path);
  if (!path.starts_with('/') && !result_.workdir_is_set) {
    Warn(df::lint::WorkdirRelativePath(path, place_));
  }
  result_.workdir_is_set = true;
  std::string absolute = ResolveWorkdir(result_.config, path);
  // An absolute path is kept as it is written: BuildKit does not clean it.
  result_.config.working_dir = path.starts_with('/') ? path : absolute;
  std::string history = "WORKDIR " + result_.config.working_dir;
  if (absolute == "/") {
    AddHistory(result_.config, std::move(history), HasLayer::kNo);
    return {};
  }
  Advance(AddVertex(MakeDirOp{absolute, result_.config.user}, {result_.state}));
  AddHistory(result_.config, std::move(history), HasLayer::kYes);
  return {};
}

Status StageLowering::LowerWindowsWorkdir(const std::string& path) {
  result_.workdir_is_set = true;
  ASSIGN_OR_RETURN(std::string absolute, PathInImage(path));
  result_.config.working_dir = ToWindowsPath(absolute);
  std::string history = "WORKDIR " + result_.config.working_dir;
  if (absolute == "/") {
    AddHistory(result_.config, std::move(history), HasLayer::kNo);
    return {};
  }
  MakeDirOp op;
  op.path = InSnapshot(absolute);
  op.windows = true;
  Advance(AddVertex(std::move(op), {result_.state}));
  AddHistory(result_.config, std::move(history), HasLayer::kYes);
  return {};
}

Status StageLowering::Lower(const df::User& user) {
  ASSIGN_OR_RETURN(std::string name, Expand(user.user));
  ApplyUser(result_.config, name);
  return {};
}

Status StageLowering::Lower(const df::Expose& expose) {
  std::vector<std::string> ports;
  for (const df::Located& word : expose.ports) {
    ASSIGN_OR_RETURN(std::vector<std::string> expanded,
                     ExpandToWords(word.text));
    ports.insert(ports.end(), expanded.begin(), expanded.end());
  }
  for (const std::string& port : ports) {
    auto parts = SplitOnce(port, '/');
    if (parts && parts->second != ToLower(parts->second)) {
      Warn(df::lint::ExposeProtoCasing(port, place_));
    }
    if (port.substr(0, port.find('/')).find(':') != std::string::npos) {
      Warn(df::lint::ExposeInvalidFormat(port, place_));
    }
  }
  return ApplyExpose(result_.config, ports);
}

Status StageLowering::Lower(const df::Volume& volume) {
  std::vector<std::string> volumes;
  for (const std::string& path : volume.paths) {
    ASSIGN_OR_RETURN(std::string expanded, Expand(path));
    if (expanded.empty()) {
      return InvalidArgument("VOLUME specified can not be an empty string");
    }
    volumes.push_back(std::move(expanded));
  }
  ApplyVolumes(result_.config, volumes);
  return {};
}

Status StageLowering::Lower(const df::Cmd& cmd) {
  CommandLine command = ToCommandLine(cmd.command);
  if (command.shell_form && !result_.config.shell) {
    Warn(df::lint::JsonArgsRecommended(current_->keyword, place_));
  }
  ApplyCmd(result_.config, command);
  cmd_is_own_ = true;
  return {};
}

Status StageLowering::Lower(const df::Entrypoint& entrypoint) {
  CommandLine command = ToCommandLine(entrypoint.command);
  if (command.shell_form && !result_.config.shell) {
    Warn(df::lint::JsonArgsRecommended(current_->keyword, place_));
  }
  ApplyEntrypoint(result_.config, command, cmd_is_own_);
  return {};
}

Status StageLowering::Lower(const df::Label& label) {
  ASSIGN_OR_RETURN(std::vector<KeyValue> pairs, ExpandPairs(label.pairs));
  for (const auto& [key, value] : pairs) {
    if (key.empty()) return InvalidArgument("LABEL names can not be blank");
  }
  ApplyLabels(result_.config, pairs);
  return {};
}

Status StageLowering::Lower(const df::Healthcheck& check) {
  oci::HealthCheck health;
  if (check.kind == df::Healthcheck::Kind::kNone) {
    health.test = {"NONE"};
  } else if (check.command.form == df::CommandLine::Form::kShell) {
    health.test = {"CMD-SHELL", check.command.shell};
  } else {
    health.test = {"CMD"};
    health.test.insert(health.test.end(), check.command.exec.begin(),
                       check.command.exec.end());
  }
  health.interval = check.interval;
  health.timeout = check.timeout;
  health.start_period = check.start_period;
  health.start_interval = check.start_interval;
  health.retries = check.retries;
  ApplyHealthcheck(result_.config, health);
  return {};
}

Status StageLowering::Lower(const df::Shell& shell) {
  ApplyShell(result_.config, shell.argv);
  return {};
}

Status StageLowering::Lower(const df::Stopsignal& signal) {
  ASSIGN_OR_RETURN(std::string name, Expand(signal.signal));
  return ApplyStopSignal(result_.config, name);
}

Status StageLowering::Lower(const df::Onbuild& onbuild) {
  result_.config.on_build.push_back(onbuild.trigger);
  return {};
}

Status StageLowering::Lower(const df::Maintainer& maintainer) {
  ApplyMaintainer(result_.config, maintainer.name);
  return {};
}

Status StageLowering::Lower(const df::From&) {
  return Internal("FROM inside a stage");
}

df::VariableLookup StageLowering::Lookup() const {
  return [this](std::string_view name) { return result_.variables.Find(name); };
}

Result<std::string> StageLowering::Expand(std::string_view word) {
  auto expanded =
      df::ExpandWord(word, Lookup(), context_.file.directives.escape);
  if (!expanded) return std::move(expanded).error();
  ReportUnmatched(expanded->unmatched);
  return std::move(expanded->text);
}

Result<std::vector<std::string>> StageLowering::ExpandToWords(
    std::string_view text) {
  auto expanded =
      df::ExpandWords(text, Lookup(), context_.file.directives.escape);
  if (!expanded) return std::move(expanded).error();
  ReportUnmatched(expanded->unmatched);
  return std::move(expanded->words);
}

Result<std::vector<KeyValue>> StageLowering::ExpandPairs(
    const std::vector<df::KeyValue>& pairs) {
  std::vector<KeyValue> expanded;
  for (const df::KeyValue& pair : pairs) {
    ASSIGN_OR_RETURN(std::string key, Expand(pair.key));
    ASSIGN_OR_RETURN(std::string value, Expand(pair.value));
    expanded.emplace_back(std::move(key), std::move(value));
  }
  return expanded;
}

void StageLowering::ReportUnmatched(const std::vector<std::string>& names) {
  if (!result_.base_known) return;
  for (const std::string& name : names) {
    // An ARG without a value is declared all the same.
    const auto& declared = result_.arg_names;
    bool known =
        std::find(declared.begin(), declared.end(), name) != declared.end();
    if (known || IsPredefinedArg(name)) continue;
    Warn(df::lint::UndefinedVar(name, result_.variables.Names(), place_));
  }
}

void StageLowering::Warn(df::Diagnostic finding) {
  ReportLint(context_.options.lint, current_, std::move(finding),
             context_.diagnostics);
}

const SourceRef* StageLowering::FindSource(const std::string& text) const {
  auto it = resolved_.sources.find(text);
  return it == resolved_.sources.end() ? nullptr : &it->second;
}

VertexId StageLowering::SourceVertex(const SourceRef& source) {
  if (source.kind == SourceRef::Kind::kStage) {
    return context_.stages[source.stage]->state;
  }
  if (source.kind == SourceRef::Kind::kImage) {
    return ImageVertex(context_.bases.images.at(source.image));
  }
  return Scratch();
}

VertexId StageLowering::ImageVertex(const BaseImage& image) {
  ImageOp op;
  op.reference = image.reference;
  op.manifest = image.manifest;
  op.platform = image.config.platform;
  op.layers = image.layers;
  op.diff_ids = image.config.diff_ids;
  Vertex vertex;
  vertex.op = std::move(op);
  vertex.name = Prefix() + "FROM " + image.reference.ToString();
  vertex.first_line = static_cast<size_t>(place_.start_line);
  vertex.last_line = static_cast<size_t>(place_.end_line);
  return context_.graph.Add(std::move(vertex));
}

VertexId StageLowering::Scratch() {
  Vertex vertex;
  vertex.op = ScratchOp{};
  vertex.name = "scratch";
  return context_.graph.Add(std::move(vertex));
}

VertexId StageLowering::AddVertex(Op op, std::vector<VertexId> inputs) {
  Vertex vertex;
  vertex.op = std::move(op);
  vertex.inputs = std::move(inputs);
  // A command stays as it was written; addresses that are fetched do not.
  vertex.name = Prefix() + (std::holds_alternative<RunOp>(vertex.op)
                                ? current_->text
                                : context::TextWithoutSecrets(current_->text));
  vertex.first_line = static_cast<size_t>(place_.start_line);
  vertex.last_line = static_cast<size_t>(place_.end_line);
  if (std::holds_alternative<RunOp>(vertex.op)) {
    vertex.arguments = result_.arg_names;
  }
  vertex.no_cache = context_.options.no_cache_stages.contains(index_);
  return context_.graph.Add(std::move(vertex));
}

void StageLowering::Advance(VertexId vertex) {
  result_.state = vertex;
  result_.layers.push_back(vertex);
}

std::string StageLowering::Prefix() const {
  std::string label = StageLabel(context_.file, index_);
  if (!label.empty()) label += " ";
  if (context_.options.name_platforms) {
    label = resolved_.platform.ToString() + " " + label;
  }
  return "[" + label + std::to_string(steps_) + "/" +
         std::to_string(total_steps_) + "] ";
}

LoweredStage LowerStage(const LoweringContext& context, size_t index) {
  return StageLowering(context, index).Lower();
}

}  // namespace strake::builder::plan
