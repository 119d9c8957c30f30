#include "builder/context/remote_context.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <utility>
#include <vector>

#include "builder/context/context_url.h"
#include "builder/context/git_source.h"
#include "builder/context/layout_image.h"
#include "builder/context/remote_url.h"
#include "builder/context/tree_writer.h"
#include "builder/context/unpack_archive.h"
#include "oci/layer_blob.h"
#include "oci/manifest.h"
#include "oci/media_type.h"
#include "registry/pull.h"
#include "util/file_copy.h"
#include "util/result_macros.h"
#include "util/rooted_fs.h"
#include "util/strings.h"

namespace strake::builder::context {
namespace {

constexpr char kTitle[] = "org.opencontainers.image.title";

Result<StreamContext> OpenGit(const std::string& text,
                              const RemoteServices& services) {
  ASSIGN_OR_RETURN(GitSource source, ParseGitUrl(FullGitUrl(text)));
  if (!source.keep_git_dir) source.keep_git_dir = services.keep_git_dir;
  ASSIGN_OR_RETURN(std::string commit,
                   ResolveGitCommit(source, services.secrets, services.stop));
  ASSIGN_OR_RETURN(
      TemporaryContext temporary,
      MakeTemporaryContext(services.temporary_directory, ContextOwners::kRoot));
  RETURN_IF_ERROR(CheckOutGit(source, commit, services.secrets,
                              temporary.context.path(), services.on_warning,
                              services.stop));
  return StreamContext{
      std::move(temporary.context), {}, commit, std::move(source.ref)};
}

Result<StreamContext> OpenHttp(const std::string& url,
                               const RemoteServices& services) {
  ASSIGN_OR_RETURN(FetchedFile file,
                   services.http.Fetch(url, {}, {}, services.stop));
  ASSIGN_OR_RETURN(UniqueFd fd, services.blobs.OpenFd(file.digest));
  FdSource stream(std::move(fd));
  return OpenStreamContext(stream, services.temporary_directory);
}

// Whether a layer of another type than an image's is to be unpacked: oras says
// so, others say it by the type.
bool IsArchiveLayer(const oci::Descriptor& layer) {
  auto unpack = layer.annotations.find("io.deis.oras.content.unpack");
  if (unpack != layer.annotations.end()) return unpack->second == "true";
  if (layer.annotations.contains(kTitle)) return false;
  for (std::string_view end : {"tar", "tar+gzip", "tar+zstd", "tar.gzip"}) {
    if (layer.media_type.ends_with(end)) return true;
  }
  return false;
}

// Never writes into a file that a lower layer brought, which may be a pipe or
// have other names: its place is taken.
Status AddFile(const oci::Descriptor& layer, const std::string& title,
               const oci::BlobStore& blobs, TemporaryContext& temporary) {
  const int root = temporary.context.root();
  std::string path = CleanPath("/" + title).substr(1);
  if (path.empty()) return InvalidArgument("a file has no name");
  const size_t slash = path.rfind('/');
  const std::string folder =
      slash == std::string::npos ? "" : path.substr(0, slash);
  if (!folder.empty()) RETURN_IF_ERROR(MakeDirsInRoot(root, folder, {}));
  ASSIGN_OR_RETURN(UniqueFd from, blobs.OpenFd(layer.digest));
  ASSIGN_OR_RETURN(ParentAndName place, OpenParentInRoot(root, path));
  const char* name = place.name.c_str();
  if (::unlinkat(place.parent.get(), name, 0) != 0 && errno != ENOENT) {
    return ErrnoError("cannot replace " + path);
  }
  if (temporary.journal != nullptr) {
    ASSIGN_OR_RETURN(const std::string real, ResolveInRoot(root, folder));
    temporary.journal->Remove(real.empty() ? place.name
                                           : real + "/" + place.name);
  }
  ASSIGN_OR_RETURN(UniqueFd to,
                   OpenFileAt(place.parent.get(), name,
                              O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0644));
  ASSIGN_OR_RETURN(uint64_t size, CopyFileContents(from.get(), to.get()));
  (void)size;
  return {};
}

Status AddLayer(const oci::Descriptor& layer, const oci::BlobStore& blobs,
                TemporaryContext& temporary) {
  int root = temporary.context.root();
  auto title = layer.annotations.find(kTitle);
  bool archive = IsArchiveLayer(layer);
  if (oci::IsLayer(layer.media_type) &&
      (archive || title == layer.annotations.end())) {
    oci::LayerApplyOptions options;
    options.journal = temporary.journal;
    ASSIGN_OR_RETURN(auto summary,
                     oci::ApplyLayerBlob(layer, {}, blobs, root, options));
    (void)summary;
    return {};
  }
  if (archive) {
    ASSIGN_OR_RETURN(std::unique_ptr<ByteSource> stream, blobs.Open(layer));
    TreeWriter writer(root, temporary.journal, nullptr);
    ASSIGN_OR_RETURN(auto summary, UnpackArchive(*stream, writer, "", {}));
    (void)summary;
    return {};
  }
  if (title != layer.annotations.end()) {
    return AddFile(layer, title->second, blobs, temporary);
  }
  return Unsupported("its layer " + layer.digest.ToString() + " of type " +
                     layer.media_type +
                     " is neither an archive nor a file with a title");
}

Result<StreamContext> AddLayers(const std::vector<oci::Descriptor>& layers,
                                const RemoteServices& services) {
  ASSIGN_OR_RETURN(TemporaryContext temporary,
                   MakeTemporaryContext(services.temporary_directory,
                                        ContextOwners::kAsWritten));
  for (const oci::Descriptor& layer : layers) {
    RETURN_IF_ERROR(AddLayer(layer, services.blobs, temporary));
  }
  return StreamContext{std::move(temporary.context), {}};
}

// The one manifest whose files make the context. All platforms of a build get
// the same files, so an index of several does not say which.
Result<oci::Descriptor> ChooseManifest(const oci::Index& index,
                                       const RemoteServices& services) {
  std::vector<std::string> offered;
  for (const oci::Descriptor& entry : index.manifests) {
    if (!entry.platform || entry.platform->os == "unknown") continue;
    offered.push_back(oci::NormalizePlatform(*entry.platform).ToString());
  }
  if (offered.size() > 1 && services.platforms.size() > 1) {
    std::vector<std::string> targets;
    for (const oci::Platform& target : services.platforms) {
      targets.push_back(target.ToString());
    }
    return InvalidArgument(
        "it is an index of several platforms (" + Join(offered, ", ") +
        "), and the files of a context are the same for all that are built (" +
        Join(targets, ", ") +
        "): name the manifest of one by its digest, as in NAME@sha256:..., or "
        "build one --platform at a time");
  }
  return oci::SelectPlatform(index, services.platforms.front());
}

Result<StreamContext> OpenArtifact(const std::string& text,
                                   const RemoteServices& services) {
  ASSIGN_OR_RETURN(oci::Reference reference, ParseArtifactContext(text));
  ASSIGN_OR_RETURN(registry::FetchedManifest fetched,
                   services.client.FetchManifest(reference, services.stop));
  if (oci::IsIndex(fetched.descriptor.media_type)) {
    ASSIGN_OR_RETURN(oci::Index index, oci::ParseIndex(fetched.bytes));
    ASSIGN_OR_RETURN(oci::Descriptor chosen, ChooseManifest(index, services));
    ASSIGN_OR_RETURN(
        fetched, services.client.FetchManifest(
                     oci::ByDigest(reference, chosen.digest), services.stop));
  }
  ASSIGN_OR_RETURN(oci::Manifest manifest, oci::ParseManifest(fetched.bytes));
  registry::PullOptions options;
  options.stop = services.stop;
  RETURN_IF_ERROR(registry::PullLayers(
      services.client, reference, manifest.layers, services.blobs, options));
  return AddLayers(manifest.layers, services);
}

Result<StreamContext> OpenLayout(const std::string& text,
                                 const RemoteServices& services) {
  ASSIGN_OR_RETURN(oci::Reference image,
                   ImportLayoutImage(text, services.blobs));
  ASSIGN_OR_RETURN(std::string bytes, services.blobs.Read(*image.digest));
  ASSIGN_OR_RETURN(std::string media_type, oci::DetectMediaType(bytes));
  if (oci::IsIndex(media_type)) {
    ASSIGN_OR_RETURN(oci::Index index, oci::ParseIndex(bytes));
    ASSIGN_OR_RETURN(oci::Descriptor chosen, ChooseManifest(index, services));
    ASSIGN_OR_RETURN(bytes, services.blobs.Read(chosen.digest));
  }
  ASSIGN_OR_RETURN(oci::Manifest manifest, oci::ParseManifest(bytes));
  return AddLayers(manifest.layers, services);
}

}  // namespace

Result<StreamContext> OpenRemoteContext(const std::string& text,
                                        const RemoteServices& services) {
  auto open = [&]() -> Result<StreamContext> {
    switch (KindOfContext(text)) {
      case ContextKind::kGit:
        return OpenGit(text, services);
      case ContextKind::kHttp:
        return OpenHttp(text, services);
      case ContextKind::kArtifact:
        return OpenArtifact(text, services);
      case ContextKind::kLayout:
        return OpenLayout(text, services);
      case ContextKind::kImage:
      case ContextKind::kFolder:
        break;
    }
    return Internal("not a remote context");
  };
  auto opened = open();
  if (opened) return opened;
  return std::move(opened).error().Wrap("build context " +
                                        WithoutSecrets(text));
}

}  // namespace strake::builder::context
