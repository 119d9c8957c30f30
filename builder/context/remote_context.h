// Build contexts that are fetched: git repositories, archives and Dockerfiles
// from the web, and OCI artifacts.
//
// Each ends as a folder. No ignore file counts in them, as in BuildKit: what is
// there was chosen by whoever made it.

#ifndef STRAKE_BUILDER_CONTEXT_REMOTE_CONTEXT_H_
#define STRAKE_BUILDER_CONTEXT_REMOTE_CONTEXT_H_

#include <stop_token>
#include <string>

#include "builder/context/build_context.h"
#include "builder/context/http_source.h"
#include "builder/context/secrets.h"
#include "oci/blob_store.h"
#include "oci/platform.h"
#include "registry/client.h"
#include "util/result.h"

namespace strake::builder::context {

// All borrowed.
struct RemoteServices {
  const registry::Client& client;
  const oci::BlobStore& blobs;
  const Secrets& secrets;
  HttpSource& http;
  oci::Platform platform;  // of an artifact that is there for several
  std::string temporary_directory;
  bool keep_git_dir = false;  // where the address does not say
  std::stop_token stop;
};

// Opens `text`, which is of kind kGit, kHttp, kArtifact or kLayout
// (context_url.h).
//   git        files belong to 0:0
//   http       as `OpenStreamContext`: an archive, or else a Dockerfile
//   artifact,  its layers, one on top of the other: archives are unpacked, a
//   layout     file with a title (org.opencontainers.image.title) has that name
// Errors as those of what fetches it; `kUnsupported` for a layer that is
// neither.
Result<StreamContext> OpenRemoteContext(const std::string& text,
                                        const RemoteServices& services);

}  // namespace strake::builder::context

#endif  // STRAKE_BUILDER_CONTEXT_REMOTE_CONTEXT_H_
