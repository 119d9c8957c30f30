#include "registry/content_lists.h"

#include <algorithm>
#include <functional>
#include <optional>
#include <set>
#include <string_view>
#include <utility>

#include "oci/manifest.h"
#include "oci/media_type.h"
#include "registry/registry_error.h"
#include "util/json.h"
#include "util/result_macros.h"
#include "util/strings.h"

namespace strake::registry {
namespace {

// A list of referrers is a document of the size of a manifest.
constexpr uint64_t kPageLimitBytes = uint64_t{16} << 20;

// The target of `<target>; rel="next"` (RFC 8288), or "".
std::string NextLink(std::string_view link) {
  for (std::string_view part : Split(link, ',')) {
    size_t open = part.find('<'), close = part.find('>');
    if (open == std::string_view::npos || close == std::string_view::npos ||
        close < open) {
      continue;
    }
    std::string_view rest = part.substr(close + 1);
    if (rest.find("rel=\"next\"") != std::string_view::npos ||
        rest.find("rel=next") != std::string_view::npos) {
      return std::string(part.substr(open + 1, close - open - 1));
    }
  }
  return "";
}

// Names of repositories and tags are some of these; what is not could do
// anything to a terminal.
bool IsPlain(std::string_view name) {
  return std::ranges::all_of(name, [](char c) { return c > ' ' && c < 0x7f; });
}

// Gives each page to `take` until one is the last, or `take` has enough.
//   what  names the list in errors
Status ForEachPage(Transport& transport, ApiRequest request,
                   const std::string& what, std::stop_token stop,
                   const std::function<Result<bool>(HttpResponse&)>& take) {
  request.http.body_limit_bytes = kPageLimitBytes;
  std::set<std::string> seen_urls;
  while (seen_urls.insert(request.http.url).second) {
    auto response = transport.Send(request, stop);
    if (!response) return std::move(response).error().Wrap(what);
    auto more = take(*response);
    if (!more) return std::move(more).error();
    std::string next = NextLink(response->headers.Get("Link"));
    if (!*more || next.empty()) return {};
    request.http.url = ResolveUrl(request.http.url, next);
  }
  return Error(ErrorCode::kUnsupported,
               what + ": the registry's pages lead in a circle");
}

// The strings of `member` on all pages, as many as wanted.
Result<std::vector<std::string>> ListNames(
    Transport& transport, ApiRequest request, const std::string& what,
    const char* member, const ListOptions& options, std::stop_token stop) {
  // No registry is asked for more than is wanted.
  if (options.limit > 0) {
    request.http.url =
        WithQuery(request.http.url, "n", std::to_string(options.limit));
  }
  std::vector<std::string> names;
  auto take = [&](HttpResponse& response) -> Result<bool> {
    if (response.status != 200) return AnswerError(what, response);
    auto document = ParseJson(response.body);
    if (!document) return std::move(document).error().Wrap(what);
    auto page = JsonField(*document).At(member).StringsOr({});
    if (!page) return std::move(page).error().Wrap(what);
    for (const std::string& name : *page) {
      if (!IsPlain(name)) {
        return Unsupported(what + ": the registry gave the name " +
                           GoQuote(name) + ", which none can be");
      }
    }
    names.insert(names.end(), page->begin(), page->end());
    return options.limit == 0 || names.size() < options.limit;
  };
  RETURN_IF_ERROR(ForEachPage(transport, std::move(request), what, stop, take));
  if (options.limit > 0 && names.size() > options.limit) {
    names.resize(options.limit);
  }
  return names;
}

Result<ApiRequest> RepositoryRequest(Transport& transport,
                                     const oci::Reference& repository,
                                     std::stop_token stop) {
  ASSIGN_OR_RETURN(Endpoint endpoint, transport.Connect(repository, stop));
  ApiRequest request;
  request.target = {repository.registry, repository.repository};
  request.scopes = {RepositoryScope(repository.repository, "pull")};
  request.endpoint = std::move(endpoint);
  return request;
}

bool SaysItIsAnIndex(const HttpResponse& response) {
  std::string type = response.headers.Get("Content-Type");
  return oci::IsIndex(Trim(std::string_view(type).substr(0, type.find(';'))));
}

}  // namespace

Result<std::vector<std::string>> ListTags(Transport& transport,
                                          const oci::Reference& repository,
                                          const ListOptions& options,
                                          std::stop_token stop) {
  const std::string what = "tags of " + repository.Name();
  auto request = RepositoryRequest(transport, repository, stop);
  if (!request) return std::move(request).error().Wrap(what);
  request->http.url = TagsUrl(request->endpoint, repository.repository);
  return ListNames(transport, *std::move(request), what, "tags", options, stop);
}

Result<std::vector<std::string>> ListRepositories(Transport& transport,
                                                  const std::string& registry,
                                                  const ListOptions& options,
                                                  std::stop_token stop) {
  const std::string what = "catalog of " + registry;
  auto endpoint = transport.Connect({registry, "", "", {}}, stop);
  if (!endpoint) return std::move(endpoint).error().Wrap(what);
  ApiRequest request;
  request.target.registry = registry;
  request.scopes = {"registry:catalog:*"};
  request.http.url = PingUrl(*endpoint) + "_catalog";
  request.endpoint = *std::move(endpoint);
  return ListNames(transport, std::move(request), what, "repositories", options,
                   stop);
}

Result<std::optional<std::vector<oci::Descriptor>>> ListReferrersByApi(
    Transport& transport, const oci::Reference& repository,
    const oci::Digest& subject, const std::string& artifact_type,
    std::stop_token stop) {
  const std::string what =
      "referrers of " + oci::ByDigest(repository, subject).ToString();
  auto request = RepositoryRequest(transport, repository, stop);
  if (!request) return std::move(request).error().Wrap(what);
  request->http.url = PingUrl(request->endpoint) + repository.repository +
                      "/referrers/" + subject.ToString();
  if (!artifact_type.empty()) {
    request->http.url =
        WithQuery(request->http.url, "artifactType", artifact_type);
  }
  bool supported = true;
  std::vector<oci::Descriptor> found;
  auto take = [&](HttpResponse& response) -> Result<bool> {
    // Some that lack the endpoint answer with a page for people.
    bool lacking = response.status == 404 || response.status == 405 ||
                   response.status == 501 ||
                   (response.status == 200 && !SaysItIsAnIndex(response));
    if (lacking) {
      supported = false;
      return false;
    }
    if (response.status != 200) return AnswerError(what, response);
    auto index = oci::ParseIndex(response.body);
    if (!index) return std::move(index).error().Wrap(what);
    found.insert(found.end(), index->manifests.begin(), index->manifests.end());
    return true;
  };
  RETURN_IF_ERROR(
      ForEachPage(transport, *std::move(request), what, stop, take));
  if (!supported) return std::optional<std::vector<oci::Descriptor>>();
  return std::optional(std::move(found));
}

}  // namespace strake::registry
