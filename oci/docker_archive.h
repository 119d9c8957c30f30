// The tar that `docker save` writes and `docker load` reads: `manifest.json`,
// configs and layers, together with an OCI layout in the same tar, as Docker 25
// and later write it, so that either kind of reader finds its own. Also the
// plain OCI layout as a tar (`type=oci`).

#ifndef STRAKE_OCI_DOCKER_ARCHIVE_H_
#define STRAKE_OCI_DOCKER_ARCHIVE_H_

#include <string>
#include <vector>

#include "oci/blob_store.h"
#include "oci/descriptor.h"
#include "util/byte_stream.h"
#include "util/result.h"

namespace strake::oci {

// Writes `image` (a manifest, or an index for `WriteOciArchive`) and all it
// reaches, under `names` (full references; may be empty), as a deterministic
// tar to `out`, which is left unfinished. `kUnsupported` where Docker's form
// cannot hold it (several platforms).
Status WriteDockerArchive(const BlobStore& store, const Descriptor& image,
                          const std::vector<std::string>& names, ByteSink& out);
Status WriteOciArchive(const BlobStore& store, const Descriptor& image,
                       const std::vector<std::string>& names, ByteSink& out);

// The `manifest.json` of such an archive, for one that is a folder.
Result<std::string> DockerArchiveManifest(
    const BlobStore& store, const Descriptor& image,
    const std::vector<std::string>& names);

}  // namespace strake::oci

#endif  // STRAKE_OCI_DOCKER_ARCHIVE_H_
