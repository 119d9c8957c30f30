#include "builder/open_contexts.h"

#include <utility>
#include <vector>

#include "builder/context/context_url.h"
#include "builder/context/http_source.h"
#include "builder/context/layout_image.h"
#include "builder/context/remote_context.h"
#include "builder/context/remote_url.h"
#include "builder/context/secrets.h"
#include "builder/plan/build_args.h"
#include "builder/read_dockerfile.h"
#include "util/byte_stream.h"
#include "util/result_macros.h"

namespace strake::builder {
namespace {

using context::ContextKind;

// What fetching takes; made before there is a workshop.
class Fetcher {
 public:
  Fetcher(const BuildOptions& options, const Store& store,
          const registry::Client& client, ProgressReporter& progress)
      : store_(store),
        progress_(progress),
        http_(options.registry, store.blobs(), secrets_, store.fetched_path()),
        services_{client,
                  store.blobs(),
                  secrets_,
                  http_,
                  Platforms(options),
                  store.temporary_directory(),
                  false,
                  options.stop,
                  [this](std::string_view text) { progress_.Warning(text); }} {
    for (const SecretSource& secret : options.secrets) {
      secrets_.Add(secret.id, secret.value);
    }
    secrets_.ssh_sockets = options.ssh_sockets;
    secrets_.git_environment = options.git_environment;
    auto keep = plan::BuildArgs(options.build_args)
                    .Find("BUILDKIT_CONTEXT_KEEP_GIT_DIR");
    services_.keep_git_dir = keep && (*keep == "1" || *keep == "true");
  }

  Result<context::StreamContext> Open(const std::string& text) {
    ProgressStep step(progress_, "[internal] load remote build context " +
                                     context::WithoutSecrets(text));
    return step.EndWith(context::OpenRemoteContext(text, services_));
  }

  // The image of a layout, in the store, by its digest.
  Result<oci::Reference> Import(const std::string& text) {
    ProgressStep step(progress_, "[internal] load image " + text);
    return step.EndWith(context::ImportLayoutImage(text, store_.blobs()));
  }

 private:
  static std::vector<oci::Platform> Platforms(const BuildOptions& options) {
    if (options.platforms.empty()) return {oci::HostPlatform()};
    return options.platforms;
  }

  const Store& store_;
  ProgressReporter& progress_;
  context::Secrets secrets_;
  context::HttpSource http_;
  context::RemoteServices services_;
};

Status OpenNamed(const std::string& name, const std::string& text,
                 const Store& store, Fetcher& fetcher, OpenedContexts& opened) {
  switch (context::KindOfContext(text)) {
    case ContextKind::kFolder: {
      context::LocalContextOptions local;
      local.hidden_paths = {store.directory()};
      ASSIGN_OR_RETURN(context::BuildContext folder,
                       context::OpenLocalContext(text, local));
      opened.folders.emplace(name, std::move(folder));
      return {};
    }
    case ContextKind::kImage: {
      ASSIGN_OR_RETURN(oci::Reference reference,
                       context::ParseImageContext(text));
      opened.images.emplace(name, std::move(reference));
      return {};
    }
    case ContextKind::kLayout: {
      ASSIGN_OR_RETURN(oci::Reference reference, fetcher.Import(text));
      opened.images.emplace(name, std::move(reference));
      return {};
    }
    case ContextKind::kGit:
    case ContextKind::kHttp:
    case ContextKind::kArtifact:
      break;
  }
  ASSIGN_OR_RETURN(context::StreamContext stream, fetcher.Open(text));
  if (stream.dockerfile) {
    return InvalidArgument(context::WithoutSecrets(text) +
                           " is no archive, so it cannot be a named context");
  }
  opened.folders.emplace(name, std::move(stream.context));
  return {};
}

Result<context::StreamContext> OpenMainStream(const BuildOptions& options,
                                              const Store& store,
                                              Fetcher& fetcher) {
  if (!options.context.remote.empty()) {
    return fetcher.Open(options.context.remote);
  }
  FdSource stream(options.context.tar_fd);
  return context::OpenStreamContext(stream, store.temporary_directory());
}

Status OpenMain(const BuildOptions& options, const Store& store,
                Fetcher& fetcher, OpenedContexts& opened) {
  opened.dockerfile = options.dockerfile_text;
  if (!options.context.is_folder()) {
    ASSIGN_OR_RETURN(context::StreamContext main,
                     OpenMainStream(options, store, fetcher));
    opened.folders.emplace("", std::move(main.context));
    if (main.dockerfile) opened.dockerfile = std::move(main.dockerfile);
    opened.commit = std::move(main.commit);
    opened.ref = std::move(main.ref);
    return {};
  }
  context::LocalContextOptions local;
  local.hidden_paths = {store.directory()};
  local.dockerfile_path = DockerfilePath(options);
  auto main = context::OpenLocalContext(options.context.path, local);
  if (!main) {
    return std::move(main).error().Wrap("build context " +
                                        options.context.path);
  }
  opened.folders.emplace("", *std::move(main));
  return {};
}

}  // namespace

Result<OpenedContexts> OpenContexts(const BuildOptions& options,
                                    const Store& store,
                                    const registry::Client& client,
                                    ProgressReporter& progress) {
  OpenedContexts opened;
  Fetcher fetcher(options, store, client, progress);
  for (const auto& [name, text] : options.named_contexts) {
    if (auto named = OpenNamed(name, text, store, fetcher, opened); !named) {
      return std::move(named).error().Wrap("build context \"" + name + "\"");
    }
  }
  RETURN_IF_ERROR(OpenMain(options, store, fetcher, opened));
  return opened;
}

}  // namespace strake::builder
