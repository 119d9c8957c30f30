// Build contexts that are fetched: git repositories, archives and Dockerfiles
// from the web, and OCI artifacts.
//
// Each ends as a folder. No ignore file counts in them, as in BuildKit: what is
// there was chosen by whoever made it.

#ifndef STRAKE_BUILDER_CONTEXT_REMOTE_CONTEXT_H_
#define STRAKE_BUILDER_CONTEXT_REMOTE_CONTEXT_H_

#include <functional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

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
  // What is built, at least one: of an artifact that is there for several
  // platforms, the files of one are the context.
  std::vector<oci::Platform> platforms;
  std::string temporary_directory;
  bool keep_git_dir = false;  // where the address does not say
  std::stop_token stop;
  std::function<void(std::string_view)> on_warning = {};  // may be null
};

// Opens `text`, which is of kind kGit, kHttp, kArtifact or kLayout
// (context_url.h).
//   git        files belong to 0:0
//   http       as `OpenStreamContext`: an archive, or else a Dockerfile
//   artifact,  its layers, one on top of the other: archives are unpacked, a
//   layout     file with a title (org.opencontainers.image.title) has that name
// Errors as those of what fetches it; `kUnsupported` for a layer that is
// neither; `kInvalidArgument` for an index of several platforms where several
// are built.
Result<StreamContext> OpenRemoteContext(const std::string& text,
                                        const RemoteServices& services);

}  // namespace strake::builder::context

#endif  // STRAKE_BUILDER_CONTEXT_REMOTE_CONTEXT_H_
