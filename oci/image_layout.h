// An OCI image layout directory (image-spec image-layout.md): `oci-layout`,
// `index.json` and a `BlobStore`. strake's own store is one: exporting a layout
// is linking files.
//
// Names are kept as containerd and BuildKit keep them: the annotation
// `org.opencontainers.image.ref.name` holds the tag, and
// `io.containerd.image.name` the full reference. `index.json` is replaced
// atomically under a lock file, so several processes may tag at once.

#ifndef STRAKE_OCI_IMAGE_LAYOUT_H_
#define STRAKE_OCI_IMAGE_LAYOUT_H_

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "oci/blob_store.h"
#include "oci/descriptor.h"
#include "oci/manifest.h"
#include "util/result.h"

namespace strake::oci {

// An entry of `index.json`.
struct NamedImage {
  std::string name;  // full reference, or a bare tag in a foreign layout, or ""
  Descriptor descriptor;
};

class ImageLayout {
 public:
  // Opens the layout in `directory`. `kCreate` makes it (parents too) where it
  // is not there; `kMustExist` answers `kNotFound`.
  enum class OpenMode { kCreate, kMustExist };
  static Result<ImageLayout> Open(const std::string& directory, OpenMode mode);

  ImageLayout(ImageLayout&&) noexcept = default;
  ImageLayout& operator=(ImageLayout&&) noexcept = default;

  const BlobStore& blobs() const { return blobs_; }
  const std::string& directory() const { return directory_; }

  // Every entry of `index.json`, in its order.
  Result<std::vector<NamedImage>> List() const;
  // The image called `name`; `kNotFound` otherwise.
  Result<Descriptor> Find(std::string_view name) const;
  // Gives `image` the name `name`, taking it from any other image.
  Status Tag(std::string_view name, const Descriptor& image) const;
  // Several names, one replacement of `index.json`: all or none.
  Status TagAll(const std::vector<NamedImage>& images) const;
  // `kNotFound` where there is no such name.
  Status Untag(std::string_view name) const;

 private:
  ImageLayout(std::string directory, BlobStore blobs)
      : directory_(std::move(directory)), blobs_(std::move(blobs)) {}
  Status Update(
      const std::function<Status(std::vector<NamedImage>&)>& change) const;

  std::string directory_;
  BlobStore blobs_;
};

}  // namespace strake::oci

#endif  // STRAKE_OCI_IMAGE_LAYOUT_H_
