// RUN to a vertex (Dockerfile reference, "RUN").
#include <utility>

#include "builder/plan/default_hostname.h"
#include "builder/plan/stage_lowering.h"
#include "util/result_macros.h"
#include "util/strings.h"

namespace strake::builder::plan {
namespace {

namespace df = ::strake::dockerfile;

constexpr std::string_view kScriptFolder = "/dev/pipes/";

std::string BaseName(const std::string& path) {
  return path.substr(path.rfind('/') + 1);
}

RunMount::Kind KindOf(df::RunMount::Type type) {
  switch (type) {
    case df::RunMount::Type::kBind:
      return RunMount::Kind::kBind;
    case df::RunMount::Type::kCache:
      return RunMount::Kind::kCache;
    case df::RunMount::Type::kTmpfs:
      return RunMount::Kind::kTmpfs;
    case df::RunMount::Type::kSecret:
      return RunMount::Kind::kSecret;
    case df::RunMount::Type::kSsh:
      return RunMount::Kind::kSsh;
  }
  return RunMount::Kind::kBind;
}

RunMount::Sharing SharingOf(df::RunMount::Sharing sharing) {
  switch (sharing) {
    case df::RunMount::Sharing::kShared:
      return RunMount::Sharing::kShared;
    case df::RunMount::Sharing::kPrivate:
      return RunMount::Sharing::kPrivate;
    case df::RunMount::Sharing::kLocked:
      return RunMount::Sharing::kLocked;
  }
  return RunMount::Sharing::kShared;
}

}  // namespace

std::string EscapePattern(std::string_view path) {
  std::string pattern;
  for (char c : path) {
    if (c == '*' || c == '?' || c == '[' || c == '\\') pattern += '\\';
    pattern += c;
  }
  return pattern;
}

Status StageLowering::Lower(const df::Run& run) {
  if (is_windows()) {
    return Unsupported(
        "RUN in an image for " + result_.config.platform.ToString() +
        ": strake runs no Windows programs; run it in a stage of another "
        "platform (FROM --platform=$BUILDPLATFORM) and COPY --from what it "
        "makes");
  }
  const PlanOptions& options = context_.options;
  RunOp op;
  CommandLine command;
  command.shell_form = run.command.form == df::CommandLine::Form::kShell;
  command.args =
      command.shell_form ? std::vector{run.script} : run.command.exec;
  op.argv = WithShell(result_.config, command);
  op.env = result_.variables.env();
  op.proxy_env = options.build_args.ProxyEnv();
  op.cwd =
      result_.config.working_dir.empty() ? "/" : result_.config.working_dir;
  op.user = result_.config.user;
  op.hostname = options.build_args.Find("BUILDKIT_SANDBOX_HOSTNAME")
                    .value_or(kDefaultHostname);
  op.extra_hosts = options.extra_hosts;
  switch (run.network) {
    case df::Run::Network::kDefault:
      op.network = options.network;
      break;
    case df::Run::Network::kHost:
      op.network = RunOp::Network::kHost;
      break;
    case df::Run::Network::kNone:
      op.network = RunOp::Network::kNone;
      break;
  }
  if (run.security == df::Run::Security::kInsecure) {
    if (!options.allow_insecure) {
      return InvalidArgument(
          "security.insecure is not allowed: build with --allow "
          "security.insecure");
    }
    op.insecure = true;
  }
  if (!run.devices.empty()) {
    return Unsupported("RUN --device=" + run.devices.front().name +
                       " is not supported: strake has no device to give");
  }
  if (run.script_file) {
    op.scripts.push_back({std::string(kScriptFolder) + run.script_file->name,
                          run.script_file->content});
  }
  std::vector<VertexId> inputs = {result_.state};
  for (const df::Run::Mount& mount : run.mounts) {
    ASSIGN_OR_RETURN(RunMount lowered, LowerMount(mount, op, inputs));
    op.mounts.push_back(std::move(lowered));
  }
  std::string history = RunHistory(op.argv);
  Advance(AddVertex(std::move(op), std::move(inputs)));
  AddHistory(result_.config, std::move(history), HasLayer::kYes);
  return {};
}

std::string StageLowering::RunHistory(
    const std::vector<std::string>& argv) const {
  std::string text = "RUN ";
  const std::vector<std::string>& names = result_.arg_names;
  if (!names.empty()) text += "|" + std::to_string(names.size()) + " ";
  for (const std::string& name : names) {
    text += name + "=" + result_.variables.Find(name).value_or("") + " ";
  }
  return text + Join(argv, " ") + " # buildkit";
}

Result<RunMount> StageLowering::LowerMount(const df::Run::Mount& mount,
                                           RunOp& run,
                                           std::vector<VertexId>& inputs) {
  ASSIGN_OR_RETURN(df::RunMount parsed,
                   df::ParseRunMount(mount.text, [this](std::string_view text) {
                     return Expand(text);
                   }));
  RunMount lowered;
  lowered.kind = KindOf(parsed.type);
  lowered.read_only = parsed.read_only;
  lowered.required = parsed.required;
  lowered.sharing = SharingOf(parsed.sharing);
  lowered.size_bytes = parsed.size_bytes;
  lowered.uid = parsed.uid.value_or(0);
  lowered.gid = parsed.gid.value_or(0);
  lowered.id = parsed.id;
  if (!parsed.target.empty()) {
    lowered.target = ResolveWorkdir(result_.config, parsed.target);
  }
  lowered.from = RunMount::From::kNothing;
  switch (lowered.kind) {
    case RunMount::Kind::kBind:
      RETURN_IF_ERROR(LowerBindMount(parsed, lowered, inputs));
      break;
    case RunMount::Kind::kCache:
      lowered.mode = parsed.mode.value_or(0755);
      if (lowered.id.empty()) lowered.id = lowered.target;
      if (auto prefix =
              context_.options.build_args.Find("BUILDKIT_CACHE_MOUNT_NS")) {
        lowered.id = *prefix + "/" + lowered.id;
      }
      if (!parsed.from.empty()) {
        RETURN_IF_ERROR(LowerBindMount(parsed, lowered, inputs));
      }
      break;
    case RunMount::Kind::kTmpfs:
      break;
    case RunMount::Kind::kSecret:
      if (lowered.id.empty()) lowered.id = parsed.source;
      if (lowered.id.empty()) lowered.id = BaseName(lowered.target);
      lowered.env = parsed.env.value_or("");
      if (lowered.target.empty() && lowered.env.empty()) {
        lowered.target = "/run/secrets/" + BaseName(lowered.id);
      }
      lowered.mode = parsed.mode.value_or(0400);
      break;
    case RunMount::Kind::kSsh: {
      if (lowered.id.empty()) lowered.id = "default";
      size_t number = 0;
      for (const RunMount& other : run.mounts) {
        number += other.kind == RunMount::Kind::kSsh ? 1 : 0;
      }
      if (lowered.target.empty()) {
        lowered.target = "/run/buildkit/ssh_agent." + std::to_string(number);
      }
      if (!oci::FindEnv(run.env, "SSH_AUTH_SOCK")) {
        run.env.push_back("SSH_AUTH_SOCK=" + lowered.target);
      }
      lowered.mode = parsed.mode.value_or(0600);
      break;
    }
  }
  bool needs_target =
      lowered.kind != RunMount::Kind::kSecret || lowered.env.empty();
  if (lowered.target.empty() && needs_target) {
    return InvalidArgument("--mount=" + mount.text + ": target is missing");
  }
  if (lowered.target == "/") {
    return InvalidArgument("--mount=" + mount.text +
                           ": invalid mount target \"/\"");
  }
  return lowered;
}

// The content of a bind mount, or the first content of a cache mount.
Status StageLowering::LowerBindMount(const df::RunMount& parsed,
                                     RunMount& mount,
                                     std::vector<VertexId>& inputs) {
  mount.from = RunMount::From::kInput;
  mount.source = CleanPath("/" + parsed.source);
  mount.input = inputs.size();
  if (parsed.from.empty()) {
    inputs.push_back(ContextFiles("", mount.source));
    return {};
  }
  const SourceRef* source = FindSource(parsed.from);
  if (source == nullptr) return Internal("--mount=from was not resolved");
  inputs.push_back(source->kind == SourceRef::Kind::kContext
                       ? ContextFiles(source->context, mount.source)
                       : SourceVertex(*source));
  return {};
}

// A state that holds `source` of a build context under its own path, with the
// ignore file applied and owned by root.
VertexId StageLowering::ContextFiles(const std::string& context,
                                     const std::string& source) {
  CopyOp copy;
  CopySource files;
  files.context = context;
  files.pattern = EscapePattern(source.substr(1));
  copy.parents = !files.pattern.empty();
  copy.sources.push_back(std::move(files));
  copy.destination = InSnapshot("/");
  copy.windows = is_windows();
  Vertex vertex;
  vertex.op = std::move(copy);
  vertex.inputs = {Scratch()};
  vertex.name = context.empty()
                    ? "[internal] files of the build context: " + source
                    : "[context " + context + "] " + source;
  vertex.first_line = static_cast<size_t>(place_.start_line);
  vertex.last_line = static_cast<size_t>(place_.end_line);
  return context_.graph.Add(std::move(vertex));
}

}  // namespace strake::builder::plan
