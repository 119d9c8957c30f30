#include "builder/container_images.h"

#include <utility>
#include <vector>

#include "builder/images.h"
#include "builder/ops/image_op.h"
#include "builder/plan/op.h"
#include "oci/reference.h"
#include "util/result_macros.h"

namespace strake::builder {
namespace {

using context::SourceImage;

oci::Platform PlatformOf(const ImageWish& wish) {
  return wish.platform.value_or(oci::HostPlatform());
}

Result<oci::Reference> NamedBy(const ImageWish& wish) {
  ASSIGN_OR_RETURN(oci::Reference reference, oci::ParseReference(wish.name));
  return oci::WithDefaultTag(std::move(reference));
}

std::string KeyOf(const oci::Reference& reference, const ImageWish& wish) {
  return reference.ToString() + " " + PlatformOf(wish).ToString();
}

plan::ImageOp OpOf(const SourceImage& image) {
  plan::ImageOp op;
  op.reference = image.reference;
  op.layers = image.layers;
  op.diff_ids = image.config.diff_ids;
  return op;
}

// An image that is in no index may be for any platform.
bool Serves(const SourceImage& image, const ImageWish& wish) {
  return !wish.platform ||
         oci::PlatformMatches(image.config.platform, *wish.platform);
}

Error WrongPlatform(const SourceImage& image, const ImageWish& wish) {
  return NotFound("image " + wish.name + " is for " +
                  image.config.platform.ToString() + ", not for " +
                  wish.platform->ToString());
}

Error Stopped(const std::string& image) {
  return Cancelled("getting image " + image + " was stopped");
}

}  // namespace

context::ImageSource ContainerImages::Source(
    const std::stop_token& stop) const {
  return {client_, store_.layout(),
          context::ImageSource::Policy::kAlwaysResolve, progress_, stop};
}

Result<ContainerImages::Image> ContainerImages::Read(
    const oci::Reference& reference, const oci::Descriptor& stored,
    const ImageWish& wish, const context::ImageSource& source) {
  const std::string key = stored.digest.ToString() + " " +
                          PlatformOf(wish).ToString() + " " +
                          reference.ToString();
  {
    auto read = read_.lock();
    auto found = read->find(key);
    if (found != read->end()) return found->second;
  }
  ASSIGN_OR_RETURN(SourceImage image,
                   source.Read(reference, stored, PlatformOf(wish)));
  auto shared = std::make_shared<const SourceImage>(std::move(image));
  read_.lock()->emplace(key, shared);
  return shared;
}

std::optional<ContainerImages::Image> ContainerImages::Pulled(
    const std::string& key) {
  auto pulled = pulled_.lock();
  auto found = pulled->find(key);
  if (found == pulled->end()) return std::nullopt;
  return found->second;
}

// By name, then by ID.
Result<std::optional<ContainerImages::Image>> ContainerImages::InStore(
    const ImageWish& wish, const context::ImageSource& source) {
  std::optional<oci::Descriptor> stored;
  oci::Reference reference;
  if (auto parsed = NamedBy(wish)) {
    reference = *std::move(parsed);
    auto named = store_.layout().Find(reference.ToString());
    if (named) {
      stored = *std::move(named);
    } else if (named.error().code() != ErrorCode::kNotFound) {
      return std::move(named).error();
    }
    // Is no ID: it has a meaning already.
    if (!stored && Pulled(KeyOf(reference, wish))) {
      return std::optional<Image>();
    }
  }
  if (!stored) {
    auto by_id = FindImage(store_.directory(), wish.name);
    if (!by_id) {
      if (wish.pull == PullPolicy::kNever) return std::move(by_id).error();
      return std::optional<Image>();
    }
    stored = by_id->descriptor;
    // A nameless image is known by its digest; it needs no registry.
    reference = oci::ParseReference(by_id->name).value_or(oci::Reference());
  }
  ASSIGN_OR_RETURN(Image image, Read(reference, *stored, wish, source));
  if (Serves(*image, wish)) return std::optional(std::move(image));
  if (wish.pull == PullPolicy::kNever) return WrongPlatform(*image, wish);
  return std::optional<Image>();
}

Result<ContainerImages::Image> ContainerImages::AskRegistry(
    const oci::Reference& reference, const ImageWish& wish,
    const context::ImageSource& source) {
  ASSIGN_OR_RETURN(SourceImage image,
                   source.Resolve(reference, PlatformOf(wish)));
  if (!Serves(image, wish)) return WrongPlatform(image, wish);
  return std::make_shared<const SourceImage>(std::move(image));
}

Result<ContainerImages::Image> ContainerImages::Find(
    const ImageWish& wish, const std::stop_token& stop) {
  const context::ImageSource source = Source(stop);
  if (wish.pull != PullPolicy::kAlways) {
    ASSIGN_OR_RETURN(std::optional<Image> stored, InStore(wish, source));
    if (stored) return *std::move(stored);
  }
  ASSIGN_OR_RETURN(const oci::Reference reference, NamedBy(wish));
  const std::string key = KeyOf(reference, wish);
  const auto turn = turns_.Take("pull " + key, stop);
  if (!turn) return Stopped(wish.name);
  if (wish.pull != PullPolicy::kAlways) {
    if (auto pulled = Pulled(key)) return *std::move(pulled);
  }
  ASSIGN_OR_RETURN(Image image, AskRegistry(reference, wish, source));
  pulled_.lock()->insert_or_assign(key, image);
  unrecorded_.lock()->insert(key);
  return image;
}

Status ContainerImages::Record(const SourceImage& image, const ImageWish& wish,
                               const std::stop_token& stop) {
  const std::string key = KeyOf(image.reference, wish);
  if (!Pulled(key)) return {};
  const std::string name = image.reference.ToString();
  // Once a pull: the name may have been given to another image since.
  const bool fresh = unrecorded_.lock()->erase(key) > 0;
  if (!fresh && store_.layout().Find(name)) return {};
  RETURN_IF_ERROR(Fetch(image, image.layers, stop));
  oci::Descriptor manifest = image.manifest;
  manifest.platform.reset();
  manifest.annotations.clear();
  return store_.layout().Tag(name, manifest);
}

Status ContainerImages::Fetch(const SourceImage& image,
                              const std::vector<oci::Descriptor>& layers,
                              const std::stop_token& stop) {
  const context::ImageSource source = Source(stop);
  if (source.HasLayers(layers)) return {};
  ProgressStep step(progress_, "pulling " + image.reference.ToString());
  return step.EndWith(source.FetchLayers(image.reference, layers, step.id()));
}

Result<snapshot::SnapshotId> ContainerImages::Unpack(
    const SourceImage& image, snapshot::Snapshotter& snapshotter,
    const std::stop_token& stop) {
  const plan::ImageOp op = OpOf(image);
  const snapshot::SnapshotId id = ops::ImageSnapshotId(op);
  if (snapshotter.Exists(id)) return id;
  const auto turn = turns_.Take("unpack " + id, stop);
  if (!turn) return Stopped(image.reference.ToString());
  const auto fetch = [&](const std::vector<oci::Descriptor>& layers) {
    return Fetch(image, layers, stop);
  };
  return ops::UnpackImage(op, oci::LayerContents::kAll, fetch, store_.blobs(),
                          snapshotter, stop);
}

}  // namespace strake::builder
