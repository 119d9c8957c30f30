// What a copy of an image is made of, wherever that is. For the `.cc` files
// that copy images.

#ifndef STRAKE_BUILDER_IMAGE_ORIGIN_H_
#define STRAKE_BUILDER_IMAGE_ORIGIN_H_

#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "builder/image_place.h"
#include "builder/pack_archive.h"
#include "builder/store.h"
#include "oci/descriptor.h"
#include "oci/image_layout.h"
#include "oci/reference.h"
#include "registry/client.h"
#include "util/result.h"
#include "util/temporary_folder.h"

namespace strake::builder {

// Not thread-safe. Archives are unpacked for as long as it lives.
class ImageOrigin {
 public:
  //   client  borrowed
  //   store_directory  of the store of `kStore`
  // `kNotFound` where there is no such image.
  static Result<std::unique_ptr<ImageOrigin>> Open(
      const ImagePlace& place, const registry::Client& client,
      const std::string& store_directory, std::stop_token stop);

  // What the place names: an index or a manifest.
  const oci::Descriptor& image() const { return image_; }
  // The full reference that it has there; empty: none.
  const std::string& name() const { return name_; }

  // Either of the two: the store that has it all, or the repository.
  const oci::BlobStore* store() const {
    return layout_ ? &layout_->blobs() : nullptr;
  }
  const oci::Reference& repository() const { return repository_; }

  // Whether what is in `store` is checked already.
  bool is_ours() const { return store_.has_value(); }

  // The bytes of a manifest or index, verified.
  Result<std::string> Read(const oci::Descriptor& document) const;

  // The bytes of an image config, verified.
  Result<std::string> ReadConfig(const oci::Descriptor& config) const;

  // The manifests there that refer to `subject`.
  Result<std::vector<oci::Descriptor>> ReferrersOf(const oci::Digest& subject);

 private:
  ImageOrigin(const registry::Client& client, std::stop_token stop)
      : client_(client), stop_(std::move(stop)) {}
  Status OpenRegistry(const ImagePlace& place);
  Status OpenStore(const ImagePlace& place, const std::string& directory);
  Status OpenLayout(const ImagePlace& place, const std::string& directory);
  Status OpenArchive(const ImagePlace& place);
  Status UnpackSaved(int fd);
  Status FindIn(const ImagePlace& place);
  Status ListReferrers();

  const registry::Client& client_;
  const std::stop_token stop_;
  oci::Descriptor image_;
  std::string name_;
  oci::Reference repository_;
  std::optional<Store> store_;
  std::unique_ptr<ArchivedLayout> archive_;
  std::optional<TemporaryFolder> folder_;
  // Of the store, the archive or a user's own.
  std::optional<oci::ImageLayout> own_layout_;
  const oci::ImageLayout* layout_ = nullptr;
  // Of a layout, by subject; nothing: not looked at yet.
  std::optional<std::map<oci::Digest, std::vector<oci::Descriptor>>> referrers_;
};

}  // namespace strake::builder

#endif  // STRAKE_BUILDER_IMAGE_ORIGIN_H_
