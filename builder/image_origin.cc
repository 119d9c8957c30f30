#include "builder/image_origin.h"

#include <fcntl.h>

#include <algorithm>
#include <filesystem>
#include <utility>

#include "builder/context/context_url.h"
#include "builder/context/layout_image.h"
#include "builder/images.h"
#include "builder/saved_image.h"
#include "oci/manifest.h"
#include "oci/media_type.h"
#include "registry/referrers.h"
#include "util/result_macros.h"
#include "util/strings.h"
#include "util/unique_fd.h"

namespace strake::builder {
namespace {

using Kind = ImagePlace::Kind;
using OpenMode = oci::ImageLayout::OpenMode;

struct Subject {
  std::optional<oci::Descriptor> subject;
  std::string artifact_type;
};

Result<Subject> SubjectOf(std::string_view media_type, std::string_view bytes) {
  if (oci::IsIndex(media_type)) {
    ASSIGN_OR_RETURN(oci::Index index, oci::ParseIndex(bytes));
    return Subject{std::move(index.subject), std::move(index.artifact_type)};
  }
  ASSIGN_OR_RETURN(oci::Manifest manifest, oci::ParseManifest(bytes));
  return Subject{std::move(manifest.subject),
                 std::move(manifest.artifact_type)};
}

}  // namespace

Result<std::unique_ptr<ImageOrigin>> ImageOrigin::Open(
    const ImagePlace& place, const registry::Client& client,
    const std::string& store_directory, std::stop_token stop) {
  std::unique_ptr<ImageOrigin> origin(new ImageOrigin(client, std::move(stop)));
  Status opened;
  switch (place.kind) {
    case Kind::kRegistry:
      opened = origin->OpenRegistry(place);
      break;
    case Kind::kStore:
      opened = origin->OpenStore(place, store_directory);
      break;
    case Kind::kLayout:
      opened = origin->OpenLayout(place, place.path);
      break;
    case Kind::kOciArchive:
    case Kind::kDockerArchive:
      opened = origin->OpenArchive(place);
      break;
  }
  if (!opened) return std::move(opened).error().Wrap(place.text);
  return origin;
}

Status ImageOrigin::OpenRegistry(const ImagePlace& place) {
  ASSIGN_OR_RETURN(repository_, oci::ParseReference(place.name));
  repository_ = oci::WithDefaultTag(std::move(repository_));
  ASSIGN_OR_RETURN(image_, client_.ResolveManifest(repository_, stop_));
  name_ = repository_.ToString();
  return {};
}

Status ImageOrigin::OpenStore(const ImagePlace& place,
                              const std::string& directory) {
  ASSIGN_OR_RETURN(StoredImage found, FindImage(directory, place.name));
  image_ = found.descriptor;
  name_ = found.name;
  ASSIGN_OR_RETURN(store_, Store::Open(directory));
  layout_ = &store_->layout();
  return {};
}

Status ImageOrigin::OpenLayout(const ImagePlace& place,
                               const std::string& directory) {
  ASSIGN_OR_RETURN(own_layout_,
                   oci::ImageLayout::Open(directory, OpenMode::kMustExist));
  layout_ = &*own_layout_;
  return FindIn(place);
}

Status ImageOrigin::OpenArchive(const ImagePlace& place) {
  ASSIGN_OR_RETURN(UniqueFd fd, OpenFile(place.path.c_str(), O_RDONLY));
  ASSIGN_OR_RETURN(archive_, ArchivedLayout::Open(fd.get()));
  std::error_code ignored;
  if (archive_ &&
      std::filesystem::exists(archive_->path() + "/oci-layout", ignored)) {
    return OpenLayout(place, archive_->path());
  }
  archive_.reset();
  if (place.kind == Kind::kOciArchive) {
    return Corrupt("is no archive of an OCI image layout");
  }
  RETURN_IF_ERROR(UnpackSaved(fd.get()));
  return FindIn(place);
}

Status ImageOrigin::UnpackSaved(int fd) {
  ASSIGN_OR_RETURN(
      TemporaryFolder folder,
      TemporaryFolder::Make("strake-copy-", "to unpack an archive in"));
  folder_.emplace(std::move(folder));
  const std::string scratch = folder_->path() + "/files";
  std::error_code failed;
  if (!std::filesystem::create_directory(scratch, failed)) {
    return IoError("mkdir " + scratch + ": " + failed.message());
  }
  ASSIGN_OR_RETURN(
      own_layout_,
      oci::ImageLayout::Open(folder_->path() + "/layout", OpenMode::kCreate));
  layout_ = &*own_layout_;
  return UnpackSavedImages(fd, scratch, *layout_);
}

Status ImageOrigin::FindIn(const ImagePlace& place) {
  context::LayoutContext wanted;
  wanted.folder = place.path;
  wanted.tag = place.name;
  wanted.digest = place.digest;
  if (place.kind == Kind::kDockerArchive && !place.name.empty()) {
    // Archives of Docker's know full names only.
    ASSIGN_OR_RETURN(oci::Reference name, oci::ParseReference(place.name));
    wanted.tag = oci::WithDefaultTag(std::move(name)).ToString();
  }
  ASSIGN_OR_RETURN(image_, context::FindLayoutImage(wanted, *layout_));
  ASSIGN_OR_RETURN(std::vector<oci::NamedImage> images, layout_->List());
  auto same = std::ranges::find_if(images, [&](const oci::NamedImage& image) {
    return image.descriptor.digest == image_.digest;
  });
  // A bare tag is no name elsewhere.
  if (same != images.end() && same->name.find('/') != std::string::npos) {
    name_ = same->name;
  }
  return {};
}

Status ImageOrigin::ListReferrers() {
  referrers_.emplace();
  ASSIGN_OR_RETURN(std::vector<oci::NamedImage> images, layout_->List());
  for (const oci::NamedImage& image : images) {
    const oci::Descriptor& entry = image.descriptor;
    if (!oci::IsIndex(entry.media_type) && !oci::IsManifest(entry.media_type)) {
      continue;
    }
    // What is not there or damaged is no referrer of ours.
    auto bytes = layout_->blobs().Read(entry.digest);
    if (!bytes) continue;
    auto subject = SubjectOf(entry.media_type, *bytes);
    if (!subject || !subject->subject) continue;
    oci::Descriptor referrer = entry;
    referrer.artifact_type = subject->artifact_type;
    (*referrers_)[subject->subject->digest].push_back(std::move(referrer));
  }
  return {};
}

Result<std::string> ImageOrigin::Read(const oci::Descriptor& document) const {
  if (store() != nullptr) return store()->Read(document.digest);
  ASSIGN_OR_RETURN(registry::FetchedManifest fetched,
                   client_.FetchManifest(
                       oci::ByDigest(repository_, document.digest), stop_));
  return std::move(fetched.bytes);
}

Result<std::string> ImageOrigin::ReadConfig(
    const oci::Descriptor& config) const {
  if (store() != nullptr) return store()->Read(config.digest);
  return FetchImageConfig(client_, repository_, config, stop_);
}

Result<std::vector<oci::Descriptor>> ImageOrigin::ReferrersOf(
    const oci::Digest& subject) {
  if (store() != nullptr) {
    if (!referrers_) RETURN_IF_ERROR(ListReferrers());
    auto found = referrers_->find(subject);
    if (found == referrers_->end()) return std::vector<oci::Descriptor>();
    return found->second;
  }
  ASSIGN_OR_RETURN(
      registry::Referrers referrers,
      registry::ListReferrers(client_, repository_, subject, "", stop_));
  return std::move(referrers.manifests);
}

}  // namespace strake::builder
