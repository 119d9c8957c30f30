#include "cli/build_flags.h"

#include <algorithm>
#include <utility>

#include "builder/context/context_url.h"
#include "cli/shared_options.h"
#include "oci/reference.h"
#include "util/result_macros.h"
#include "util/strings.h"
#include "util/suggest.h"

namespace strake::cli {
namespace {

using builder::Output;

// Options of docker buildx build that take a value, and flags.
constexpr std::string_view kMissingValues[] = {
    "--attest",      "--builder",    "--cgroup-parent", "--cpu-period",
    "--cpu-quota",   "--cpu-shares", "--cpuset-cpus",   "--cpuset-mems",
    "--memory-swap", "-m,--memory",  "--policy",        "--security-opt",
    "--shm-size",    "--ulimit"};
constexpr std::string_view kMissingFlags[] = {"--compress", "-D,--debug"};

// `--sbom` and `--provenance`, which may be turned off.
Status CheckAttestation(std::string_view option,
                        const std::optional<std::string>& value) {
  if (!value) return {};
  std::string lower = ToLower(*value);
  if (lower == "false" || lower == "0" || lower == "f") return {};
  return Unsupported(std::string(option) + "=" + *value +
                     " is not supported yet; leave it out or write " +
                     std::string(option) + "=false");
}

Status CheckName(std::string_view option, const std::string& name) {
  auto reference = oci::ParseReference(name);
  std::string context = std::string(option) + " \"" + name + "\"";
  if (!reference) return std::move(reference).error().Wrap(context);
  if (reference->digest) {
    return InvalidArgument(context +
                           ": a digest cannot be chosen; leave out \"@" +
                           reference->digest->ToString() + "\"");
  }
  return {};
}

Output OfKind(Output::Kind kind) {
  Output output;
  output.kind = kind;
  return output;
}

bool HasKind(const std::vector<Output>& outputs, Output::Kind kind) {
  return std::ranges::find(outputs, kind, &Output::kind) != outputs.end();
}

}  // namespace

void BuildFlags::Declare(OptionSet& options) {
  options.SetArguments({"CONTEXT", 1, 1, Completes::kFolders});
  options.List("-t,--tag", tags_, {"NAME", Completes::kImages},
               "Name of the image, registry/repository:tag");
  options.Value("-f,--file", file_, {"FILE", Completes::kFiles},
                "The Dockerfile (default: Dockerfile or Containerfile in the "
                "context); \"-\" reads it from standard input");
  options.Value("--target", target_, {"STAGE"},
                "Build this stage (name or number) instead of the last");
  options.List("--build-arg", build_args_, {"NAME[=VALUE]"},
               "Set a variable of ARG; without VALUE to that of the "
               "environment");
  options.List("--label", labels_, {"NAME=VALUE"}, "Add a label to the image");
  options.List("--annotation", annotations_, {"[PLACE:]KEY=VALUE"},
               "Annotate the image; PLACE is manifest (default), index, "
               "manifest-descriptor or index-descriptor, several joined by "
               "\",\", each with a [PLATFORM] if need be");
  options.Flag("--squash", squash_,
               "One layer on top of those of the base image");
  options.Flag("--no-cache", no_cache_, "Execute every step");
  options.List("--no-cache-filter", no_cache_stages_, {"STAGE"},
               "Execute every step of this stage (name or number; several "
               "with commas)");
  options.OptionalValue("--explain", explain_,
                        "Say in the log why each step that is executed was not "
                        "cached; =FILE also writes it there, as JSON");
  options.List("--cache-from", cache_from_, {"CACHE"},
               "Steps that were built elsewhere: type=registry,ref=NAME (or "
               "NAME alone), type=local,src=FOLDER");
  options.List("--cache-to", cache_to_, {"CACHE"},
               "Where to leave the steps for others: type=registry,ref=NAME, "
               "type=local,dest=FOLDER, type=inline (inside the image); "
               ",mode=max adds the steps of other stages, ,mounts=true the "
               "folders of RUN --mount=type=cache; ,ignore-error=true");
  options.Flag("--check", check_,
               "Check the Dockerfile and build nothing; short for "
               "--call=check");
  options.Value("--call", call_, {"METHOD"},
                "build, or only tell of the Dockerfile: check (its mistakes), "
                "outline (what the target takes), targets (which there are); "
                "\",format=json\" may follow");
  options.List(
      "--allow", allow_,
      {"NAME", Completes::kNothing, {"security.insecure", "network.host"}},
      "Allow RUN --security=insecure (network.host is always "
      "allowed)");
  options.Flag("--pull", pull_,
               "Ask registries for newer base images, also for those that are "
               "in the store");
  options.Flag("--push", push_,
               "Push the image to the registry in each of its names; short "
               "for --output type=registry");
  options.Flag("--load", load_,
               "Put the image into the store, also where there are other "
               "outputs");
  options.List("-o,--output", outputs_, {"OUTPUT", Completes::kFiles},
               "Where the result goes: type=TYPE[,dest=PATH][,name=NAME] with "
               "TYPE image, oci, docker, registry, local or tar; or a folder; "
               "or \"-\" for a tar on standard output (see docs/outputs.md "
               "for all keys)");
  options.Value("--network", network_,
                {"MODE", Completes::kNothing, {"default", "host", "none"}},
                "Network of RUN");
  options.List("--add-host", extra_hosts_, {"NAME:IP"},
               "Add a line to /etc/hosts of RUN");
  options.List("--platform", platforms_, {"OS/ARCH[/VARIANT],..."},
               "Platforms of the result (default: this machine's); several "
               "make an image index");
  options.List("--secret", secrets_, {"id=ID[,src=FILE|,env=NAME]"},
               "A secret for RUN --mount=type=secret");
  options.List("--ssh", ssh_, {"ID[=SOCKET]"},
               "An SSH agent for RUN --mount=type=ssh (default: the one at "
               "$SSH_AUTH_SOCK)");
  options.List("--build-context", named_contexts_,
               {"NAME=CONTEXT", Completes::kFolders},
               "Another context, for FROM NAME and COPY --from=NAME: a folder, "
               "docker-image://IMAGE, oci-layout://FOLDER[:TAG], a git or http "
               "address, oci://ARTIFACT");
  DeclareRegistry(options, registry_flags_);
  options.Value("--iidfile", image_id_file_, {"FILE", Completes::kFiles},
                "Write the image ID to FILE");
  options.Value("--metadata-file", metadata_file_, {"FILE", Completes::kFiles},
                "Write digests and names of the result, and what it took, to "
                "FILE, as JSON");
  options.Value("--trace", trace_file_, {"FILE", Completes::kFiles},
                "Write when each step, phase and transfer began and ended to "
                "FILE, as a Chrome trace");
  options.Flag("-q,--quiet", quiet_, "Print the image ID and nothing else");
  DeclareProgress(options, progress_, "$BUILDKIT_PROGRESS or auto");
  options.Value("--jobs", jobs_, {"N"},
                "Steps that run at once (default: one a CPU, but at least 4)");
  DeclareSnapshotter(options, snapshotter_);
  DeclareIsolation(options, isolation_, "RUN");
  DeclareAttestations(options, provenance_, sbom_);
  options.Flag("--rm", remove_,
               "Taken for docker's sake: nothing of a step is ever left over");
  options.Flag("--force-rm", remove_, "Like --rm");
  for (std::string_view names : kMissingValues) options.NotYetValue(names);
  for (std::string_view names : kMissingFlags) options.NotYetFlag(names);
}

Status BuildFlags::ResolveCall(BuildRequest& request) const {
  using Call = BuildRequest::Call;
  for (const std::string& name : allow_) {
    if (name == "security.insecure") {
      request.options.allow_insecure = true;
    } else if (name != "network.host") {
      return Unsupported("--allow " + name + ": there is nothing to allow");
    }
  }
  std::string method = check_ ? "check" : call_;
  if (auto parts = SplitOnce(call_, ',')) {
    if (parts->second != "format=json" && parts->second != "format=text") {
      return InvalidArgument("--call=" + call_ +
                             ": expected format=json or format=text");
    }
    request.call_json = parts->second == "format=json";
    if (!check_) method = parts->first;
  }
  constexpr std::pair<std::string_view, Call> kMethods[] = {
      {"build", Call::kBuild},     {"check", Call::kCheck},
      {"lint", Call::kCheck},      {"outline", Call::kOutline},
      {"targets", Call::kTargets},
  };
  std::vector<std::string> names;
  for (const auto& [name, call] : kMethods) {
    if (name == method) {
      request.call = call;
      return {};
    }
    names.emplace_back(name);
  }
  return InvalidArgument("--call=" + method + ": there are " +
                         Join(names, ", ") + DidYouMean(method, names));
}

Status BuildFlags::ResolveContext(const std::string& context,
                                  BuildRequest& request) const {
  auto& options = request.options;
  request.dockerfile_from_stdin = file_ == "-";
  request.context_from_stdin = context == "-";
  if (request.dockerfile_from_stdin && request.context_from_stdin) {
    return InvalidArgument("-f - and the context - both read standard input");
  }
  if (!request.dockerfile_from_stdin) options.dockerfile_path = file_;
  using builder::context::ContextKind;
  ContextKind kind = builder::context::KindOfContext(context);
  if (kind == ContextKind::kImage) {
    return InvalidArgument("the context \"" + context +
                           "\" is an image: give it a name with "
                           "--build-context, for FROM or COPY --from");
  }
  if (kind != ContextKind::kFolder) {
    options.context.remote = context;
  } else if (!request.context_from_stdin) {
    options.context.path = context;
  }
  for (const std::string& text : named_contexts_) {
    ASSIGN_OR_RETURN(auto named, ParseNamedContext(text));
    options.named_contexts.insert_or_assign(named.first, named.second);
  }
  return {};
}

Status BuildFlags::ResolveValues(const Environment& environment,
                                 BuildRequest& request) const {
  auto& options = request.options;
  for (const std::string& text : build_args_) {
    ASSIGN_OR_RETURN(auto argument, ParseBuildArg(text, environment));
    if (argument) options.build_args.push_back(*argument);
  }
  for (const std::string& text : labels_) {
    ASSIGN_OR_RETURN(auto label, ParseLabel(text));
    options.labels.insert_or_assign(label.first, label.second);
  }
  for (const std::string& text : extra_hosts_) {
    ASSIGN_OR_RETURN(auto host, ParseExtraHost(text));
    options.extra_hosts.push_back(std::move(host));
  }
  for (const std::string& text : secrets_) {
    ASSIGN_OR_RETURN(auto secret, ParseSecret(text, environment));
    request.secrets.push_back(std::move(secret));
  }
  for (const std::string& text : ssh_) {
    ASSIGN_OR_RETURN(auto agent, ParseSsh(text, environment));
    options.ssh_sockets.insert_or_assign(agent.first, agent.second);
  }
  for (const std::string& text : platforms_) {
    ASSIGN_OR_RETURN(auto platforms, ParsePlatforms(text));
    options.platforms.insert(options.platforms.end(), platforms.begin(),
                             platforms.end());
  }
  for (const std::string& text : no_cache_stages_) {
    for (std::string_view stage : Split(text, ',')) {
      options.no_cache_stages.emplace_back(stage);
    }
  }
  for (const std::string& text : cache_from_) {
    ASSIGN_OR_RETURN(auto spec, builder::ParseCacheImport(text));
    options.cache_from.push_back(std::move(spec));
  }
  for (const std::string& text : cache_to_) {
    ASSIGN_OR_RETURN(auto spec, builder::ParseCacheExport(text));
    options.cache_to.push_back(std::move(spec));
  }
  ASSIGN_OR_RETURN(options.network, ParseNetwork(network_));
  ASSIGN_OR_RETURN(options.jobs, ParseCount("--jobs", jobs_, 1024));
  options.git_environment = GitEnvironment(environment);
  ASSIGN_OR_RETURN(options.source_date_epoch, SourceDateEpoch(environment));
  ASSIGN_OR_RETURN(options.isolation, ParseIsolation(isolation_, environment));
  RETURN_IF_ERROR(CheckAttestation("--provenance", provenance_));
  RETURN_IF_ERROR(CheckAttestation("--sbom", sbom_));
  if (!remove_) {
    return Unsupported("--rm=false: there are no intermediate containers");
  }
  return {};
}

Status BuildFlags::ResolveOutputs(const Environment& environment,
                                  BuildRequest& request) const {
  auto& outputs = request.options.outputs;
  for (const std::string& tag : tags_) {
    RETURN_IF_ERROR(CheckName("--tag", tag));
  }
  request.options.tags = tags_;
  for (const std::string& text : annotations_) {
    ASSIGN_OR_RETURN(auto annotations, builder::ParseAnnotation(text));
    auto& all = request.options.annotations;
    all.insert(all.end(), annotations.begin(), annotations.end());
  }
  for (const std::string& text : outputs_) {
    ASSIGN_OR_RETURN(Output output, builder::ParseOutput(text));
    for (const std::string& name : output.names) {
      RETURN_IF_ERROR(CheckName("--output name", name));
    }
    if (output.dest == "-") {
      if (request.writes_stdout) {
        return InvalidArgument(
            "two outputs go to standard output; give one of them a dest=FILE");
      }
      if (environment.stdout_is_terminal) {
        return InvalidArgument("--output \"" + text +
                               "\" would write a tar to the terminal; redirect "
                               "standard output or give it a dest=FILE");
      }
      request.writes_stdout = true;
    }
    // One image goes to all of them.
    bool differs = !outputs.empty() && outputs.front().rewrite_timestamp !=
                                           output.rewrite_timestamp;
    if (differs) {
      return InvalidArgument(
          "rewrite-timestamp has to be the same in every --output");
    }
    request.options.rewrite_timestamp = output.rewrite_timestamp;
    outputs.push_back(std::move(output));
  }
  if (push_ && !HasKind(outputs, Output::Kind::kRegistry)) {
    outputs.push_back(OfKind(Output::Kind::kRegistry));
  }
  if (load_ && !HasKind(outputs, Output::Kind::kStore)) {
    outputs.push_back(OfKind(Output::Kind::kStore));
  }
  for (const Output& output : outputs) {
    bool pushed = output.kind == Output::Kind::kRegistry;
    if (pushed && output.names.empty() && tags_.empty()) {
      return InvalidArgument("what is pushed needs a name: give it with --tag");
    }
  }
  return {};
}

Result<BuildRequest> BuildFlags::Resolve(
    const Environment& environment,
    const std::vector<std::string>& arguments) const {
  BuildRequest request;
  request.options.target = target_;
  request.options.no_cache = no_cache_;
  request.options.explain = explain_.has_value();
  // Given alone, it is "true".
  if (explain_ && *explain_ != "true") request.explain_file = *explain_;
  request.options.pull = pull_;
  request.options.squash = squash_;
  request.options.snapshotter = snapshotter_;
  request.registry_flags = registry_flags_;
  request.image_id_file = image_id_file_;
  request.metadata_file = metadata_file_;
  request.trace_file = trace_file_;
  RETURN_IF_ERROR(ResolveCall(request));
  RETURN_IF_ERROR(ResolveContext(arguments.at(0), request));
  RETURN_IF_ERROR(ResolveValues(environment, request));
  RETURN_IF_ERROR(ResolveOutputs(environment, request));
  std::string progress = progress_.empty()
                             ? environment.Get("BUILDKIT_PROGRESS").value_or("")
                             : progress_;
  ASSIGN_OR_RETURN(request.progress, ChooseProgress(progress, environment));
  // buildx: -q and --progress=quiet are one thing.
  request.quiet = quiet_ || request.progress == ProgressMode::kQuiet;
  if (request.quiet) request.progress = ProgressMode::kQuiet;
  return request;
}

Status CompleteRequest(const Environment& environment, BuildRequest& request) {
  builder::BuildOptions& options = request.options;
  ASSIGN_OR_RETURN(options.store_directory, StoreDirectory(environment));
  ASSIGN_OR_RETURN(options.registry,
                   RegistryOptions(environment, request.registry_flags));
  for (const SecretSpec& spec : request.secrets) {
    ASSIGN_OR_RETURN(auto secret, LoadSecret(spec, environment));
    options.secrets.push_back(std::move(secret));
  }
  return {};
}

}  // namespace strake::cli
