#include "builder/context/context_url.h"

#include <algorithm>
#include <utility>

#include "builder/context/remote_url.h"
#include "util/result_macros.h"

namespace strake::builder::context {
namespace {

constexpr std::string_view kArtifactScheme = "oci://";
constexpr std::string_view kImageScheme = "docker-image://";
constexpr std::string_view kLayoutScheme = "oci-layout://";
constexpr std::string_view kGitHub = "github.com/";

Result<oci::Reference> ParseBehind(std::string_view scheme,
                                   std::string_view text) {
  auto reference = oci::ParseReference(text.substr(scheme.size()));
  if (!reference) {
    return std::move(reference).error().Wrap("\"" + std::string(text) + "\"");
  }
  return oci::WithDefaultTag(*std::move(reference));
}

}  // namespace

ContextKind KindOfContext(std::string_view text) {
  if (text.starts_with(kArtifactScheme)) return ContextKind::kArtifact;
  if (text.starts_with(kImageScheme)) return ContextKind::kImage;
  if (text.starts_with(kLayoutScheme)) return ContextKind::kLayout;
  if (IsGitUrl(text) || text.starts_with(kGitHub)) return ContextKind::kGit;
  if (IsHttpUrl(text)) return ContextKind::kHttp;
  return ContextKind::kFolder;
}

std::string FullGitUrl(std::string_view text) {
  if (!text.starts_with(kGitHub)) return std::string(text);
  size_t end = std::min(text.find_first_of("#?"), text.size());
  std::string_view path = text.substr(0, end);
  std::string url = "https://" + std::string(path);
  if (!path.ends_with(".git")) url += ".git";
  return url + std::string(text.substr(end));
}

Result<oci::Reference> ParseArtifactContext(std::string_view text) {
  return ParseBehind(kArtifactScheme, text);
}

Result<oci::Reference> ParseImageContext(std::string_view text) {
  return ParseBehind(kImageScheme, text);
}

Result<LayoutContext> ParseLayoutContext(std::string_view text) {
  std::string_view rest = text.substr(kLayoutScheme.size());
  LayoutContext layout;
  if (size_t at = rest.rfind('@'); at != std::string_view::npos) {
    ASSIGN_OR_RETURN(layout.digest, oci::Digest::Parse(rest.substr(at + 1)));
    rest = rest.substr(0, at);
  }
  size_t colon = rest.rfind(':');
  if (colon != std::string_view::npos &&
      rest.find('/', colon) == std::string_view::npos) {
    layout.tag = rest.substr(colon + 1);
    rest = rest.substr(0, colon);
  }
  if (rest.empty()) {
    return InvalidArgument("\"" + std::string(text) +
                           "\": expected oci-layout://FOLDER[:TAG][@DIGEST]");
  }
  layout.folder = rest;
  return layout;
}

}  // namespace strake::builder::context
