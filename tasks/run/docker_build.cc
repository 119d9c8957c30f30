// `docker build`, and what follows it in a `build` step.

#include <array>
#include <memory>
#include <utility>

#include "builder/build.h"
#include "builder/build_metadata.h"
#include "builder/cache_spec.h"
#include "builder/context/context_url.h"
#include "builder/output.h"
#include "oci/reference.h"
#include "tasks/run/container_volumes.h"
#include "tasks/run/docker_commands.h"
#include "tasks/run/docker_engine.h"
#include "tasks/run/flags.h"
#include "tasks/run/image_names.h"
#include "tasks/run/path_map.h"
#include "util/atomic_file.h"
#include "util/byte_stream.h"
#include "util/result_macros.h"
#include "util/strings.h"

namespace strake::tasks::run {
namespace {

using Takes = Flag::Takes;

constexpr std::string_view kNoLimits =
    "a build's resources are not limited here; set limits on what runs strake";
constexpr std::string_view kNoAttestations =
    "attestations are not made; leave it out, or say false";

constexpr uint64_t kMostDockerfileBytes = uint64_t{16} << 20;

constexpr std::array kBuildFlags = {
    Flag{"add-host"},
    Flag{"allow"},
    Flag{"annotation"},
    Flag{"attest", 0, Takes::kRefusedValue, kNoAttestations},
    Flag{"build-arg"},
    Flag{"build-context"},
    Flag{"builder"},
    Flag{"cache-from"},
    Flag{"cache-to"},
    Flag{"cgroup-parent", 0, Takes::kRefusedValue, kNoLimits},
    Flag{"compress", 0, Takes::kNothing},
    Flag{"disable-content-trust", 0, Takes::kNothing},
    Flag{"file", 'f'},
    Flag{"force-rm", 0, Takes::kNothing},
    Flag{"iidfile"},
    Flag{"isolation"},
    Flag{"label"},
    Flag{"load", 0, Takes::kNothing},
    Flag{"memory", 'm'},
    Flag{"metadata-file"},
    Flag{"network"},
    Flag{"no-cache", 0, Takes::kNothing},
    Flag{"no-cache-filter"},
    Flag{"output", 'o'},
    Flag{"platform"},
    Flag{"progress"},
    Flag{"provenance", 0, Takes::kRefusedValue, kNoAttestations},
    Flag{"pull", 0, Takes::kNothing},
    Flag{"push", 0, Takes::kNothing},
    Flag{"quiet", 'q', Takes::kNothing},
    Flag{"rm", 0, Takes::kNothing},
    Flag{"sbom", 0, Takes::kRefusedValue, kNoAttestations},
    Flag{"secret"},
    Flag{"shm-size", 0, Takes::kRefusedValue, kNoLimits},
    Flag{"squash", 0, Takes::kNothing},
    Flag{"ssh"},
    Flag{"tag", 't'},
    Flag{"target"},
    Flag{"ulimit", 0, Takes::kRefusedValue, kNoLimits},
};

// Makes the options of one build.
class BuildMaker {
 public:
  BuildMaker(RunSpace& space, const ParsedFlags& flags,
             const Invocation& invocation, const file::Step* step)
      : space_(space), flags_(flags), invocation_(invocation), step_(step) {}

  Result<builder::BuildOptions> Make() {
    SetBasics();
    RETURN_IF_ERROR(SetContext());
    RETURN_IF_ERROR(SetArguments());
    RETURN_IF_ERROR(SetPlatforms());
    RETURN_IF_ERROR(SetSecrets());
    RETURN_IF_ERROR(SetCaches());
    RETURN_IF_ERROR(SetOutputs());
    return std::move(options_);
  }

 private:
  static Error Wrong(const std::string& what) {
    return InvalidArgument("docker build: " + what);
  }

  void SetBasics() {
    options_.store_directory = space_.settings.store_directory;
    options_.snapshotter = space_.settings.snapshotter;
    options_.isolation = space_.settings.isolation;
    options_.registry = space_.RegistryOptions();
    options_.git_environment = space_.settings.git_environment;
    options_.target = flags_.Last("target");
    options_.no_cache = flags_.On("no-cache");
    options_.no_cache_stages = flags_.All("no-cache-filter");
    options_.pull = flags_.On("pull");
    options_.squash = flags_.On("squash");
    options_.tags = flags_.All("tag");
  }

  Result<std::string> OnHost(std::string_view path, std::string_view what) {
    return HostPath(space_, AbsolutePath(invocation_.directory, path), what);
  }

  Result<std::string> ReadStdin() const {
    if (invocation_.streams.stdin_fd < 0) {
      return Wrong("the Dockerfile is \"-\", and there is no standard input");
    }
    FdSource source(invocation_.streams.stdin_fd);
    auto text = ReadAll(source, kMostDockerfileBytes);
    if (!text) return std::move(text).error().Wrap("docker build: --file -");
    return text;
  }

  Status SetContext() {
    if (flags_.arguments().size() > 1) {
      return Wrong("requires 1 argument, the context; found " +
                   std::to_string(flags_.arguments().size()) + ": " +
                   Join(flags_.arguments(), " "));
    }
    // As ACR's engine has it, where there is none.
    const std::string context =
        flags_.arguments().empty() ? "." : flags_.arguments().front();
    const std::string dockerfile = flags_.Last("file");
    using Kind = builder::context::ContextKind;
    if (context == "-") {
      if (invocation_.streams.stdin_fd < 0) {
        return Wrong("the context is \"-\", and there is no standard input");
      }
      if (dockerfile == "-") {
        return Wrong("the context and the Dockerfile cannot both be \"-\"");
      }
      options_.context.tar_fd = invocation_.streams.stdin_fd;
      options_.dockerfile_path = dockerfile;
      return {};
    }
    if (builder::context::KindOfContext(context) != Kind::kFolder) {
      options_.context.remote = context;
      if (dockerfile == "-") {
        ASSIGN_OR_RETURN(options_.dockerfile_text, ReadStdin());
      } else {
        options_.dockerfile_path = dockerfile;
      }
      return {};
    }
    ASSIGN_OR_RETURN(options_.context.path, OnHost(context, "build context"));
    if (dockerfile == "-") {
      ASSIGN_OR_RETURN(options_.dockerfile_text, ReadStdin());
    } else if (!dockerfile.empty()) {
      ASSIGN_OR_RETURN(options_.dockerfile_path,
                       OnHost(dockerfile, "Dockerfile"));
    }
    for (const std::string& text : flags_.All("build-context")) {
      RETURN_IF_ERROR(AddNamedContext(text));
    }
    return {};
  }

  Status AddNamedContext(const std::string& text) {
    const auto parts = SplitOnce(text, '=');
    if (!parts)
      return Wrong("--build-context " + text + ": expected NAME=PLACE");
    std::string place(parts->second);
    using Kind = builder::context::ContextKind;
    if (builder::context::KindOfContext(place) == Kind::kFolder) {
      ASSIGN_OR_RETURN(place, OnHost(place, "build context"));
    }
    options_.named_contexts[std::string(parts->first)] = std::move(place);
    return {};
  }

  // A variable of the step, or of where strake runs.
  std::optional<std::string> FindVariable(const std::string& name) const {
    for (const std::string& entry : invocation_.env) {
      if (entry.starts_with(name + "=")) return entry.substr(name.size() + 1);
    }
    if (!space_.settings.environment) return std::nullopt;
    return space_.settings.environment(name);
  }

  Status SetArguments() {
    for (const std::string& text : flags_.All("build-arg")) {
      if (const auto parts = SplitOnce(text, '=')) {
        options_.build_args.emplace_back(parts->first, parts->second);
        continue;
      }
      auto value = FindVariable(text);
      if (!value) {
        return Wrong("--build-arg " + text +
                     ": expected NAME=VALUE; without a value it is that of an "
                     "environment variable, and there is no " +
                     text);
      }
      options_.build_args.emplace_back(text, *std::move(value));
    }
    for (const std::string& text : flags_.All("label")) {
      const auto parts = SplitOnce(text, '=');
      if (!parts) {
        options_.labels[text] = "";
      } else {
        options_.labels[std::string(parts->first)] = parts->second;
      }
    }
    for (const std::string& text : flags_.All("annotation")) {
      ASSIGN_OR_RETURN(auto parsed, builder::ParseAnnotation(text));
      options_.annotations.insert(options_.annotations.end(), parsed.begin(),
                                  parsed.end());
    }
    return SetSteps();
  }

  // What goes for RUN.
  Status SetSteps() {
    const std::string network = flags_.Last("network");
    if (network == "none") {
      options_.network = builder::NetworkMode::kNone;
    } else if (!network.empty() && network != "default" && network != "host") {
      return Wrong("--network " + network + ": expected default, host or none");
    }
    for (const std::string& text : flags_.All("add-host")) {
      auto parts = SplitOnce(text, text.find('=') < text.find(':') ? '=' : ':');
      if (!parts)
        return Wrong("--add-host " + text + ": expected NAME:ADDRESS");
      options_.extra_hosts.emplace_back(parts->first, parts->second);
    }
    for (const std::string& text : flags_.All("allow")) {
      if (text == "network.host") continue;
      if (text != "security.insecure") {
        return Wrong("--allow " + text +
                     ": expected network.host or security.insecure");
      }
      options_.allow_insecure = true;
    }
    return {};
  }

  Status SetPlatforms() {
    if (!flags_.Has("platform")) {
      if (space_.settings.platform) {
        options_.platforms = {*space_.settings.platform};
      }
      return {};
    }
    for (const std::string& list : flags_.All("platform")) {
      for (std::string_view text : Split(list, ',')) {
        ASSIGN_OR_RETURN(oci::Platform platform,
                         oci::ParsePlatform(std::string(Trim(text))));
        options_.platforms.push_back(std::move(platform));
      }
    }
    return {};
  }

  Status SetSecrets() {
    for (const std::string& text : flags_.All("secret")) {
      ASSIGN_OR_RETURN(builder::SecretSource secret, ReadSecret(text));
      options_.secrets.push_back(std::move(secret));
    }
    for (const std::string& text : flags_.All("ssh")) {
      const auto parts = SplitOnce(text, '=');
      if (!parts) {
        return Wrong("--ssh " + text +
                     ": a task has no agent of its own; expected ID=SOCKET");
      }
      ASSIGN_OR_RETURN(options_.ssh_sockets[std::string(parts->first)],
                       OnHost(parts->second, "--ssh"));
    }
    return {};
  }

  // "id=NAME[,src=FILE][,env=VARIABLE]"; with neither: a secret of the task.
  Result<builder::SecretSource> ReadSecret(const std::string& text) {
    std::string id, path, variable;
    for (std::string_view field : Split(text, ',')) {
      const auto parts = SplitOnce(field, '=');
      const std::string_view key = parts ? parts->first : field;
      const std::string value(parts ? parts->second : "");
      if (key == "id") {
        id = value;
      } else if (key == "src" || key == "source") {
        path = value;
      } else if (key == "env") {
        variable = value;
      } else if (key != "type" || (value != "file" && value != "env")) {
        return Wrong("--secret " + text + ": unknown key \"" +
                     std::string(key) + "\"");
      }
    }
    if (id.empty()) return Wrong("--secret " + text + ": expected id=NAME");
    if (!path.empty()) {
      ASSIGN_OR_RETURN(std::string value, ReadSecretFile(id, path));
      return builder::SecretSource{id, std::move(value)};
    }
    auto own = space_.secrets.find(id);
    if (variable.empty() && own != space_.secrets.end()) {
      return builder::SecretSource{id, own->second};
    }
    if (auto value = FindVariable(variable.empty() ? id : variable)) {
      return builder::SecretSource{id, *std::move(value)};
    }
    return Wrong("--secret " + text + ": there is no secret \"" + id +
                 "\" in this task, and no such environment variable");
  }

  // In a volume of the step, or in what all steps share.
  Result<std::string> ReadSecretFile(const std::string& id,
                                     const std::string& path) {
    const std::string absolute = AbsolutePath(invocation_.directory, path);
    if (step_ != nullptr) {
      ASSIGN_OR_RETURN(auto content,
                       ReadMountedFile(space_.task, *step_, absolute));
      if (content) return *std::move(content);
    }
    return ReadShared(space_, absolute, "--secret id=" + id + ",src=");
  }

  Status SetCaches() {
    for (const std::string& text : flags_.All("cache-from")) {
      ASSIGN_OR_RETURN(builder::CacheImport spec,
                       builder::ParseCacheImport(text));
      if (!spec.path.empty()) {
        ASSIGN_OR_RETURN(spec.path, OnHost(spec.path, "--cache-from"));
      }
      options_.cache_from.push_back(std::move(spec));
    }
    for (const std::string& text : flags_.All("cache-to")) {
      ASSIGN_OR_RETURN(builder::CacheExport spec,
                       builder::ParseCacheExport(text));
      if (!spec.path.empty()) {
        ASSIGN_OR_RETURN(spec.path, OnHost(spec.path, "--cache-to"));
      }
      options_.cache_to.push_back(std::move(spec));
    }
    if (step_ == nullptr || !step_->cache_enabled) return {};
    const auto reference =
        CacheReference(options_.tags, space_.settings.run_registry,
                       space_.settings.task_name, step_->id);
    if (!reference) {
      space_.log.Line(reference.error().message() +
                      "; building without a cache");
    } else if (!reference->empty()) {
      builder::CacheExport to;
      to.reference = *reference;
      to.every_step = true;
      options_.cache_to.push_back(to);
      builder::CacheImport from;
      from.reference = *reference;
      options_.cache_from.push_back(from);
    }
    return {};
  }

  Status SetOutputs() {
    for (const std::string& text : flags_.All("output")) {
      ASSIGN_OR_RETURN(builder::Output output, builder::ParseOutput(text));
      if (output.dest == "-") {
        return Wrong("--output " + text +
                     ": standard output is the task's log; name a file");
      }
      if (!output.dest.empty()) {
        ASSIGN_OR_RETURN(output.dest, OnHost(output.dest, "--output"));
      }
      options_.outputs.push_back(std::move(output));
    }
    if (flags_.On("push")) {
      builder::Output output;
      output.kind = builder::Output::Kind::kRegistry;
      output.store = true;
      options_.outputs.push_back(std::move(output));
    } else if (flags_.On("load") && !options_.outputs.empty()) {
      options_.outputs.emplace_back();
    }
    return {};
  }

  RunSpace& space_;
  const ParsedFlags& flags_;
  const Invocation& invocation_;
  const file::Step* step_;
  builder::BuildOptions options_;
};

void Remember(RunSpace& space, size_t step,
              const std::vector<std::string>& tags,
              const builder::BuildResult& result) {
  BuiltImage built;
  built.step = step;
  if (result.image) built.digest = result.image->digest.ToString();
  for (const std::string& tag : tags) {
    if (auto reference = oci::ParseReference(tag)) {
      built.tags.push_back(
          oci::WithDefaultTag(*std::move(reference)).ToString());
    }
  }
  built.dependencies = DependenciesOf(result, tags, space.commit);
  space.built.lock()->push_back(std::move(built));
}

// To the file that `flag` names, if any.
Status WriteResult(const RunSpace& space, const ParsedFlags& flags,
                   const Invocation& invocation, const std::string& flag,
                   const std::string& content) {
  if (!flags.Has(flag)) return {};
  ASSIGN_OR_RETURN(
      std::string path,
      HostPath(space, AbsolutePath(invocation.directory, flags.Last(flag)),
               "--" + flag));
  return WriteFileAtomically(path, content);
}

}  // namespace

Result<int> BuildImage(RunSpace& space, const Invocation& invocation,
                       std::span<const std::string> words,
                       const file::Step* step, std::stop_token stop) {
  ASSIGN_OR_RETURN(ParsedFlags flags, ParseFlags("docker build", kBuildFlags,
                                                 FlagsEnd::kNever, words));
  ASSIGN_OR_RETURN(builder::BuildOptions options,
                   BuildMaker(space, flags, invocation, step).Make());
  std::unique_ptr<builder::ProgressSink> progress;
  if (space.settings.build_progress && !flags.On("quiet")) {
    progress = space.settings.build_progress(
        [&invocation](std::string_view text) { invocation.streams.Err(text); });
  }
  options.progress = progress.get();
  options.stop = stop;
  ASSIGN_OR_RETURN(builder::BuildResult result, builder::Build(options));
  progress.reset();
  for (const std::string& warning : result.warnings) {
    invocation.streams.Err("warning: " + warning + "\n");
  }
  const std::string id = result.config  ? result.config->ToString()
                         : result.image ? result.image->digest.ToString()
                                        : "";
  if (flags.On("quiet")) invocation.streams.Out(id + "\n");
  RETURN_IF_ERROR(WriteResult(space, flags, invocation, "iidfile", id));
  RETURN_IF_ERROR(WriteResult(space, flags, invocation, "metadata-file",
                              builder::BuildMetadata(result)));
  Remember(space, invocation.step, options.tags, result);
  return 0;
}

}  // namespace strake::tasks::run
