// Into an image layout: a folder of the user's, or the store.
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "builder/copy_target.h"
#include "oci/copy_blob.h"
#include "oci/reference.h"
#include "oci/walk.h"
#include "registry/pull.h"
#include "util/atomic_file.h"
#include "util/result_macros.h"

namespace strake::builder {
namespace {

namespace fs = std::filesystem;

Status CopyRoot(const CopyJob& job, const oci::Descriptor& root,
                const oci::BlobStore& target) {
  const oci::BlobStore* source = job.origin.store();
  if (source == nullptr) {
    registry::PullOptions pull;
    pull.progress = job.progress;
    pull.stop = job.stop;
    RETURN_IF_ERROR(registry::PullAll(
        job.client, oci::ByDigest(job.origin.repository(), root.digest), target,
        pull));
    return {};
  }
  ASSIGN_OR_RETURN(std::vector<oci::Descriptor> blobs,
                   oci::WalkImage(*source, root));
  for (const oci::Descriptor& blob : blobs) {
    if (job.stop.stop_requested()) return Cancelled("the copy was cancelled");
    RETURN_IF_ERROR(oci::CopyBlob(
        blob, *source, target,
        job.origin.is_ours() ? oci::BlobCopy::kLink : oci::BlobCopy::kBytes));
  }
  return {};
}

Status CopyInto(const CopyJob& job, const std::string& name,
                const oci::ImageLayout& layout) {
  RETURN_IF_ERROR(CopyRoot(job, job.image, layout.blobs()));
  std::vector<oci::NamedImage> images;
  for (const oci::Descriptor& referrer : job.referrers) {
    RETURN_IF_ERROR(CopyRoot(job, referrer, layout.blobs()));
    images.push_back({"", referrer});
  }
  images.push_back({name, job.image});
  return layout.TagAll(images);
}

// A folder that is not there yet, filled beside its place.
class NewFolder {
 public:
  explicit NewFolder(const fs::path& path)
      : path_(path),
        temporary_(path.parent_path() /
                   RandomName("." + path.filename().string() + "-")) {}
  NewFolder(const NewFolder&) = delete;
  NewFolder& operator=(const NewFolder&) = delete;
  ~NewFolder() {
    std::error_code ignored;
    if (!published_) fs::remove_all(temporary_, ignored);
  }

  std::string temporary() const { return temporary_.string(); }

  // An empty folder may be in its place.
  Status Publish() {
    std::error_code failed;
    fs::rename(temporary_, path_, failed);
    if (failed) return ErrnoError("make " + path_.string(), failed.value());
    published_ = true;
    return {};
  }

 private:
  const fs::path path_;
  const fs::path temporary_;
  bool published_ = false;
};

}  // namespace

Status CopyToLayout(const CopyJob& job, const ImagePlace& to) {
  std::error_code failed;
  const fs::path path = fs::absolute(to.path, failed).lexically_normal();
  bool there = fs::exists(path, failed);
  if (there && !fs::is_directory(path, failed)) {
    return InvalidArgument(to.text +
                           ": is a file, and an image layout is a folder");
  }
  if (there && !fs::is_empty(path, failed)) {
    ASSIGN_OR_RETURN(oci::ImageLayout layout,
                     oci::ImageLayout::Open(
                         to.path, oci::ImageLayout::OpenMode::kMustExist));
    return CopyInto(job, to.name, layout);
  }
  NewFolder folder(path.has_filename() ? path : path.parent_path());
  ASSIGN_OR_RETURN(oci::ImageLayout layout,
                   oci::ImageLayout::Open(folder.temporary(),
                                          oci::ImageLayout::OpenMode::kCreate));
  RETURN_IF_ERROR(CopyInto(job, to.name, layout));
  return folder.Publish();
}

Status CopyToStore(const CopyJob& job, const ImagePlace& to,
                   const std::string& store_directory) {
  const std::string& known = to.name.empty() ? job.origin.name() : to.name;
  if (known.empty()) return InvalidArgument("the image has no name there");
  ASSIGN_OR_RETURN(oci::Reference name, oci::ParseReference(known));
  ASSIGN_OR_RETURN(Store store, Store::Open(store_directory));
  return CopyInto(job, oci::WithDefaultTag(std::move(name)).ToString(),
                  store.layout());
}

}  // namespace strake::builder
