#include "builder/images.h"

#include <algorithm>
#include <set>
#include <utility>

#include "builder/context/image_source.h"
#include "builder/progress_reporter.h"
#include "builder/store.h"
#include "oci/manifest.h"
#include "oci/reference.h"
#include "oci/validate.h"
#include "oci/walk.h"
#include "registry/parallel_transfers.h"
#include "registry/pull.h"
#include "registry/push.h"
#include "util/result_macros.h"
#include "util/strings.h"
#include "util/suggest.h"

namespace strake::builder {
namespace {

constexpr size_t kMinIdDigits = 4;

// The manifest that stands for an index: the host's, else the first.
Result<oci::Descriptor> ManifestOf(const oci::BlobStore& blobs,
                                   const oci::Descriptor& image) {
  if (!oci::IsIndex(image.media_type)) return image;
  ASSIGN_OR_RETURN(std::string text, blobs.Read(image.digest));
  ASSIGN_OR_RETURN(oci::Index index, oci::ParseIndex(text));
  auto selected = oci::SelectPlatform(index, oci::HostPlatform());
  if (selected) return selected;
  if (index.manifests.empty()) return std::move(selected).error();
  return index.manifests.front();
}

Result<StoredImage> Describe(const oci::BlobStore& blobs,
                             const oci::NamedImage& named) {
  StoredImage image;
  if (!Store::IsNameless(named.name)) image.name = named.name;
  image.descriptor = named.descriptor;
  ASSIGN_OR_RETURN(std::vector<oci::Descriptor> reached,
                   oci::WalkImage(blobs, named.descriptor));
  for (const oci::Descriptor& blob : reached) {
    image.size_bytes += blob.size_bytes;
  }
  ASSIGN_OR_RETURN(oci::Descriptor manifest_blob,
                   ManifestOf(blobs, named.descriptor));
  ASSIGN_OR_RETURN(std::string text, blobs.Read(manifest_blob.digest));
  ASSIGN_OR_RETURN(oci::Manifest manifest, oci::ParseManifest(text));
  if (!oci::IsIndex(named.descriptor.media_type)) {
    image.config = manifest.config.digest;
  }
  ASSIGN_OR_RETURN(std::string config_text, blobs.Read(manifest.config.digest));
  if (auto config = oci::ParseImageConfig(config_text)) {
    image.created = config->created;
  }
  return image;
}

Result<std::string> NormalName(const std::string& name) {
  ASSIGN_OR_RETURN(oci::Reference reference, oci::ParseReference(name));
  return oci::WithDefaultTag(std::move(reference)).ToString();
}

bool LooksLikeId(std::string_view text) {
  if (text.starts_with("sha256:")) text.remove_prefix(7);
  return text.size() >= kMinIdDigits && text.size() <= 64 &&
         text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

Result<StoredImage> FindById(const Store& store, std::string_view id) {
  if (id.starts_with("sha256:")) id.remove_prefix(7);
  ASSIGN_OR_RETURN(std::vector<oci::NamedImage> named, store.layout().List());
  std::optional<StoredImage> found;
  for (const oci::NamedImage& entry : named) {
    ASSIGN_OR_RETURN(StoredImage image, Describe(store.blobs(), entry));
    if (!image.config.Hex().starts_with(id) &&
        !image.descriptor.digest.Hex().starts_with(id)) {
      continue;
    }
    if (found && found->descriptor.digest != image.descriptor.digest) {
      return InvalidArgument("\"" + std::string(id) +
                             "\" is the start of more than one image ID");
    }
    if (!found) found = std::move(image);
  }
  if (!found) return NotFound("no image ID begins with " + std::string(id));
  return *std::move(found);
}

Result<StoredImage> Find(const Store& store, const std::string& name_or_id) {
  auto name = NormalName(name_or_id);
  if (name) {
    auto found = store.layout().Find(*name);
    if (found) return Describe(store.blobs(), {*name, *found});
    if (found.error().code() != ErrorCode::kNotFound) {
      return std::move(found).error();
    }
  }
  if (LooksLikeId(name_or_id)) {
    auto by_id = FindById(store, name_or_id);
    if (by_id || by_id.error().code() != ErrorCode::kNotFound) return by_id;
  }
  if (!name) return std::move(name).error();
  ASSIGN_OR_RETURN(std::vector<oci::NamedImage> named, store.layout().List());
  std::vector<std::string> known;
  for (const oci::NamedImage& image : named) known.push_back(image.name);
  return NotFound("there is no image " + *name + " in the store" +
                  DidYouMean(*name, known));
}

// The names that removing `name_or_id`, which means `image`, takes away.
Result<std::vector<std::string>> NamesMeant(const Store& store,
                                            const std::string& name_or_id,
                                            const StoredImage& image) {
  auto name = NormalName(name_or_id);
  if (name && *name == image.name) return std::vector{image.name};
  ASSIGN_OR_RETURN(std::vector<oci::NamedImage> named, store.layout().List());
  std::vector<std::string> names;
  for (const oci::NamedImage& entry : named) {
    if (entry.descriptor.digest == image.descriptor.digest) {
      names.push_back(entry.name);
    }
  }
  return names;
}

// What the remaining names reach.
Result<std::set<oci::Digest>> ReachedBlobs(const Store& store) {
  std::set<oci::Digest> reached;
  ASSIGN_OR_RETURN(std::vector<oci::NamedImage> named, store.layout().List());
  for (const oci::NamedImage& image : named) {
    ASSIGN_OR_RETURN(std::vector<oci::Descriptor> blobs,
                     oci::WalkImage(store.blobs(), image.descriptor));
    for (const oci::Descriptor& blob : blobs) reached.insert(blob.digest);
  }
  return reached;
}

}  // namespace

Result<std::vector<StoredImage>> ListImages(
    const std::string& store_directory) {
  ASSIGN_OR_RETURN(Store store, Store::Open(store_directory));
  ASSIGN_OR_RETURN(std::vector<oci::NamedImage> named, store.layout().List());
  std::vector<StoredImage> images;
  for (const oci::NamedImage& entry : named) {
    ASSIGN_OR_RETURN(StoredImage image, Describe(store.blobs(), entry));
    images.push_back(std::move(image));
  }
  std::ranges::sort(images, {}, &StoredImage::name);
  return images;
}

Result<StoredImage> FindImage(const std::string& store_directory,
                              const std::string& name_or_id) {
  ASSIGN_OR_RETURN(Store store, Store::Open(store_directory));
  return Find(store, name_or_id);
}

Result<ImageDocuments> InspectImage(const std::string& store_directory,
                                    const std::string& name_or_id) {
  ASSIGN_OR_RETURN(Store store, Store::Open(store_directory));
  ImageDocuments documents;
  ASSIGN_OR_RETURN(documents.image, Find(store, name_or_id));
  ASSIGN_OR_RETURN(oci::Descriptor manifest_blob,
                   ManifestOf(store.blobs(), documents.image.descriptor));
  ASSIGN_OR_RETURN(documents.manifest,
                   store.blobs().Read(manifest_blob.digest));
  ASSIGN_OR_RETURN(oci::Manifest manifest,
                   oci::ParseManifest(documents.manifest));
  ASSIGN_OR_RETURN(documents.config,
                   store.blobs().Read(manifest.config.digest));
  return documents;
}

Status VerifyImage(const std::string& store_directory,
                   const std::string& name_or_id) {
  ASSIGN_OR_RETURN(Store store, Store::Open(store_directory));
  ASSIGN_OR_RETURN(StoredImage image, Find(store, name_or_id));
  return oci::ValidateImage(store.blobs(), image.descriptor);
}

Status TagImage(const std::string& store_directory,
                const std::string& name_or_id, const std::string& new_name) {
  ASSIGN_OR_RETURN(Store store, Store::Open(store_directory));
  ASSIGN_OR_RETURN(StoredImage image, Find(store, name_or_id));
  ASSIGN_OR_RETURN(std::string name, NormalName(new_name));
  return store.layout().Tag(name, image.descriptor);
}

Result<RemovedImage> RemoveImage(const std::string& store_directory,
                                 const std::string& name_or_id, bool force) {
  ASSIGN_OR_RETURN(Store store, Store::Open(store_directory));
  ASSIGN_OR_RETURN(StoredImage image, Find(store, name_or_id));
  RemovedImage removed;
  ASSIGN_OR_RETURN(removed.names, NamesMeant(store, name_or_id, image));
  if (removed.names.size() > 1 && !force) {
    return InvalidArgument("the image " + name_or_id +
                           " has several names: " + Join(removed.names, ", ") +
                           "; name one, or remove them all by --force");
  }
  ASSIGN_OR_RETURN(std::vector<oci::Descriptor> blobs,
                   oci::WalkImage(store.blobs(), image.descriptor));
  for (const std::string& name : removed.names) {
    RETURN_IF_ERROR(store.layout().Untag(name));
  }
  ASSIGN_OR_RETURN(bool alone, store.OwnAlone());
  ASSIGN_OR_RETURN(std::set<oci::Digest> garbage, store.Garbage());
  for (const oci::Descriptor& blob : blobs) garbage.insert(blob.digest);
  ASSIGN_OR_RETURN(std::set<oci::Digest> reached, ReachedBlobs(store));
  std::erase_if(garbage, [&](const oci::Digest& digest) {
    return reached.contains(digest) || !store.blobs().Contains(digest);
  });
  if (!alone) {
    removed.blobs_kept = !garbage.empty();
    RETURN_IF_ERROR(store.AddGarbage(garbage));
    return removed;
  }
  for (const oci::Digest& digest : garbage) {
    RETURN_IF_ERROR(store.blobs().Remove(digest));
    removed.blobs.push_back(digest);
  }
  RETURN_IF_ERROR(store.ForgetGarbage());
  return removed;
}

Result<oci::Descriptor> PushImage(const std::string& name,
                                  const TransferOptions& options) {
  ASSIGN_OR_RETURN(Store store, Store::Open(options.store_directory));
  ASSIGN_OR_RETURN(oci::Reference reference, oci::ParseReference(name));
  reference = oci::WithDefaultTag(std::move(reference));
  ASSIGN_OR_RETURN(StoredImage image, Find(store, reference.ToString()));
  registry::Client client(options.registry);
  ProgressReporter progress(options.progress);
  ProgressStep step(progress, "pushing " + reference.ToString());
  registry::PushOptions push;
  push.progress = context::ReportTransfers(progress, step.id());
  push.stop = options.stop;
  return step.EndWith(registry::PushImage(client, reference, image.descriptor,
                                          store.blobs(), push));
}

namespace {

// How many images are pulled at a time; each pulls several blobs.
constexpr unsigned kPullsAtOnce = 8;

Result<registry::RemoteImage> PullChecked(
    const registry::Client& client, const oci::Reference& reference,
    const std::optional<oci::Platform>& platform, const oci::BlobStore& blobs,
    const registry::PullOptions& pull) {
  ASSIGN_OR_RETURN(registry::RemoteImage remote,
                   registry::PullMetadata(
                       client, reference,
                       platform.value_or(oci::HostPlatform()), blobs, pull));
  if (platform && !oci::IsIndex(remote.resolved.media_type)) {
    auto fits = oci::CheckPlatform(remote.config, *platform);
    if (!fits) return std::move(fits).error().Wrap(reference.ToString());
  }
  RETURN_IF_ERROR(registry::PullLayers(client, reference,
                                       remote.manifest.layers, blobs, pull));
  return remote;
}

Result<StoredImage> PullWith(const registry::Client& client, const Store& store,
                             const std::string& name,
                             const TransferOptions& options,
                             ProgressReporter& progress, std::stop_token stop) {
  ASSIGN_OR_RETURN(oci::Reference reference, oci::ParseReference(name));
  reference = oci::WithDefaultTag(std::move(reference));
  ProgressStep step(progress, "pulling " + reference.ToString());
  registry::PullOptions pull;
  pull.progress = context::ReportTransfers(progress, step.id());
  pull.stop = std::move(stop);
  ASSIGN_OR_RETURN(registry::RemoteImage remote,
                   step.EndWith(PullChecked(client, reference, options.platform,
                                            store.blobs(), pull)));
  // The platform's own manifest: the index names images that are not here.
  oci::Descriptor manifest = remote.descriptor;
  manifest.platform.reset();
  manifest.annotations.clear();
  RETURN_IF_ERROR(store.layout().Tag(reference.ToString(), manifest));
  return Describe(store.blobs(), {reference.ToString(), manifest});
}

}  // namespace

Result<StoredImage> PullImage(const std::string& name,
                              const TransferOptions& options) {
  ASSIGN_OR_RETURN(std::vector<Result<StoredImage>> pulled,
                   PullImages({name}, options));
  return std::move(pulled.front());
}

Result<std::vector<Result<StoredImage>>> PullImages(
    const std::vector<std::string>& names, const TransferOptions& options) {
  ASSIGN_OR_RETURN(Store store, Store::Open(options.store_directory));
  registry::Client client(options.registry);
  ProgressReporter progress(options.progress);
  std::vector<Result<StoredImage>> pulled(names.size(),
                                          Cancelled("the pull was stopped"));
  RETURN_IF_ERROR(registry::RunTransfers(
      names.size(), kPullsAtOnce, options.stop,
      [&](size_t i, std::stop_token stop) -> Status {
        pulled[i] = PullWith(client, store, names[i], options, progress,
                             std::move(stop));
        return {};
      }));
  return pulled;
}

}  // namespace strake::builder
