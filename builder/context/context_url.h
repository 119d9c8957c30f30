// What kind of thing a build context is, by how it is written: a folder, a git
// address, an URL, an image. Pure.

#ifndef STRAKE_BUILDER_CONTEXT_CONTEXT_URL_H_
#define STRAKE_BUILDER_CONTEXT_CONTEXT_URL_H_

#include <optional>
#include <string>
#include <string_view>

#include "oci/digest.h"
#include "oci/reference.h"
#include "util/result.h"

namespace strake::builder::context {

enum class ContextKind {
  kFolder,
  kGit,       // git://, ssh://, git@host:path, https://...git, github.com/...
  kHttp,      // http:// or https://: an archive or a Dockerfile
  kArtifact,  // oci://registry/repository:tag: files, kept in a registry
  kImage,     // docker-image://reference
  kLayout,    // oci-layout://folder[:tag][@digest]: an image
};
ContextKind KindOfContext(std::string_view text);

// Docker's short form of a git address: "github.com/x/y" is
// "https://github.com/x/y.git"; anything else is returned as it is.
std::string FullGitUrl(std::string_view text);

// REQUIRES: kind kArtifact / kImage. With tag "latest" where there is none.
Result<oci::Reference> ParseArtifactContext(std::string_view text);
Result<oci::Reference> ParseImageContext(std::string_view text);

struct LayoutContext {
  std::string folder;
  std::string tag;  // may be empty
  std::optional<oci::Digest> digest;
};
// REQUIRES: kind kLayout.
Result<LayoutContext> ParseLayoutContext(std::string_view text);

}  // namespace strake::builder::context

#endif  // STRAKE_BUILDER_CONTEXT_CONTEXT_URL_H_
