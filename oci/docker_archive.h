// The tar that `docker save` writes and `docker load` reads: `manifest.json`,
// configs and layers, together with an OCI layout in the same tar, as Docker 25
// and later write it, so that either kind of reader finds its own. Also the
// plain OCI layout as a tar (`type=oci`).

#ifndef STRAKE_OCI_DOCKER_ARCHIVE_H_
#define STRAKE_OCI_DOCKER_ARCHIVE_H_

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "oci/blob_store.h"
#include "oci/descriptor.h"
#include "oci/image_layout.h"
#include "util/byte_stream.h"
#include "util/result.h"

namespace strake::oci {

struct ArchiveOptions {
  // Opens a blob that the store lacks; documents are all there. Empty: so are
  // blobs.
  std::function<Result<std::unique_ptr<ByteSource>>(const Descriptor&)>
      open_missing = {};
  // The store is somebody else's: what it has is checked against its digest
  // while it is written.
  bool verify = false;
};

// Writes `image` (a manifest, or an index for `WriteOciArchive`) and all it
// reaches, under `names` (full references; may be empty), as a deterministic
// tar to `out`, which is left unfinished. `kUnsupported` where Docker's form
// cannot hold it (several platforms).
Status WriteDockerArchive(const BlobStore& store, const Descriptor& image,
                          const std::vector<std::string>& names, ByteSink& out,
                          const ArchiveOptions& options = {});
Status WriteOciArchive(const BlobStore& store, const Descriptor& image,
                       const std::vector<std::string>& names, ByteSink& out,
                       const ArchiveOptions& options = {});
// The same with several images, some without a name.
Status WriteOciImages(const BlobStore& store,
                      const std::vector<NamedImage>& images, ByteSink& out,
                      const ArchiveOptions& options = {});

// The `manifest.json` of such an archive, for one that is a folder.
Result<std::string> DockerArchiveManifest(
    const BlobStore& store, const Descriptor& image,
    const std::vector<std::string>& names);

}  // namespace strake::oci

#endif  // STRAKE_OCI_DOCKER_ARCHIVE_H_
