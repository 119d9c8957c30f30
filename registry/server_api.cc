#include "registry/server_api.h"

#include <algorithm>

#include "registry/endpoint.h"
#include "registry/pull_through.h"
#include "util/json.h"
#include "util/strings.h"

namespace strake::registry {
namespace {

using nlohmann::json;

constexpr std::string_view kPrefix = "/v2/";

ServerAnswer JsonAnswer(const json& document,
                        std::string content_type = "application/json") {
  ServerAnswer answer;
  answer.content_type = std::move(content_type);
  answer.body = DumpJson(document);
  return answer;
}

ServerAnswer NoSuchEndpoint(const ServerRequest& request) {
  return Refusal(404, "UNSUPPORTED",
                 "no such endpoint: " + request.method + " " + request.path);
}

// One page of sorted `names` as "n" and "last" ask for it
// (distribution-spec, "Listing Tags"). `next` is set to the last name of the
// page where more follow.
struct Page {
  std::vector<std::string> names;
  std::string next;
};

std::optional<Page> PageOf(std::vector<std::string> names,
                           const ServerRequest& request) {
  std::string last = request.Query("last");
  if (!last.empty()) {
    names.erase(names.begin(), std::ranges::upper_bound(names, last));
  }
  Page page;
  std::string n = request.Query("n");
  if (!n.empty()) {
    auto limit = ParseUint(n);
    if (!limit) return {};
    if (*limit < names.size()) {
      names.resize(*limit);
      if (!names.empty()) page.next = names.back();
    }
  }
  page.names = std::move(names);
  return page;
}

ServerAnswer PageAnswer(const ServerRequest& request, const Page& page,
                        const json& document) {
  ServerAnswer answer = JsonAnswer(document);
  if (!page.next.empty()) {
    std::string url = WithQuery(request.path, "n", request.Query("n"));
    url = WithQuery(std::move(url), "last", page.next);
    answer.headers.emplace_back("Link", "<" + url + ">; rel=\"next\"");
  }
  return answer;
}

ServerAnswer BadPageSize(const ServerRequest& request) {
  return Refusal(400, "PAGINATION_NUMBER_INVALID",
                 "n is not a number: " + request.Query("n"));
}

}  // namespace

std::string ServerRequest::Query(const std::string& name) const {
  auto it = query.find(name);
  return it == query.end() ? "" : it->second;
}

ServerAnswer Refusal(int status, std::string_view code,
                     std::string_view message) {
  json error = {{"code", std::string(code)}, {"message", std::string(message)}};
  ServerAnswer answer = JsonAnswer({{"errors", json::array({error})}});
  answer.status = status;
  return answer;
}

ServerAnswer RefusalOf(const Error& error, std::string_view not_found_code) {
  switch (error.code()) {
    case ErrorCode::kNotFound:
      return Refusal(404, not_found_code, error.message());
    case ErrorCode::kUnauthorized:  // of the registry behind this one
      return Refusal(403, "DENIED", error.message());
    case ErrorCode::kUnavailable: {
      ServerAnswer answer = Refusal(503, "UNAVAILABLE", error.message());
      answer.headers.emplace_back("Retry-After", "1");
      return answer;
    }
    default:
      return Refusal(500, "UNKNOWN", error.message());
  }
}

// A repository's name may hold "blobs" and "manifests" as components, so the
// path is read from its end.
std::optional<ServerApi::Target> ServerApi::ParseTarget(std::string_view path) {
  using Kind = Target::Kind;
  struct Form {
    std::string_view infix;
    Kind kind;
    bool with_reference;
  };
  static constexpr Form kForms[] = {
      {"/blobs/uploads/", Kind::kUploads, false},
      {"/blobs/uploads", Kind::kUploads, false},
      {"/tags/list", Kind::kTags, false},
      {"/blobs/uploads/", Kind::kUpload, true},
      {"/blobs/", Kind::kBlob, true},
      {"/manifests/", Kind::kManifest, true},
      {"/referrers/", Kind::kReferrers, true},
  };
  if (!path.starts_with(kPrefix)) return {};
  path.remove_prefix(kPrefix.size());
  for (const Form& form : kForms) {
    std::string_view head = path;
    std::string_view reference;
    if (form.with_reference) {
      size_t slash = path.rfind('/');
      if (slash == std::string_view::npos) continue;
      head = path.substr(0, slash + 1);
      reference = path.substr(slash + 1);
    }
    if (!head.ends_with(form.infix)) continue;
    head.remove_suffix(form.infix.size());
    if (!IsRepository(head)) return {};
    return Target{form.kind, std::string(head), std::string(reference)};
  }
  return {};
}

ServerAnswer ServerApi::Handle(const ServerRequest& request) {
  bool reads = request.method == "GET" || request.method == "HEAD";
  if (!reads && read_only_) {
    return Refusal(405, "UNSUPPORTED", "this registry is read-only");
  }
  if (!reads && upstream_ != nullptr) {
    return Refusal(
        405, "UNSUPPORTED",
        "this registry is a cache of " + upstream_->name() + ": push there");
  }
  if (request.path == "/v2/" || request.path == "/v2") {
    return reads ? JsonAnswer(json::object()) : NoSuchEndpoint(request);
  }
  if (request.path == "/v2/_catalog" && reads) return Catalog(request);
  auto target = ParseTarget(request.path);
  if (!target && request.path.starts_with(kPrefix)) {
    return Refusal(404, "NAME_INVALID",
                   "no such endpoint, or an invalid name: " + request.path);
  }
  if (!target) return NoSuchEndpoint(request);
  return Dispatch(request, *target);
}

ServerAnswer ServerApi::Dispatch(const ServerRequest& request,
                                 const Target& target) {
  bool reads = request.method == "GET" || request.method == "HEAD";
  switch (target.kind) {
    case Target::Kind::kBlob:
      return Blob(request, target);
    case Target::Kind::kUploads:
      if (request.method == "POST") return StartUpload(request, target);
      break;
    case Target::Kind::kUpload:
      return Upload(request, target);
    case Target::Kind::kManifest:
      return Manifest(request, target);
    case Target::Kind::kTags:
      if (reads) return Tags(request, target);
      break;
    case Target::Kind::kReferrers:
      if (reads) return Referrers(request, target);
      break;
  }
  return Refusal(405, "UNSUPPORTED",
                 request.method + " is not possible here: " + request.path);
}

ServerAnswer ServerApi::Catalog(const ServerRequest& request) {
  auto names = storage_.ListRepositories();
  if (!names) return RefusalOf(names.error(), "NAME_UNKNOWN");
  auto page = PageOf(std::move(names).value(), request);
  if (!page) return BadPageSize(request);
  return PageAnswer(request, *page, {{"repositories", page->names}});
}

ServerAnswer ServerApi::Tags(const ServerRequest& request,
                             const Target& target) {
  auto tags = upstream_ != nullptr ? upstream_->ListTags(target.repository)
                                   : storage_.ListTags(target.repository);
  if (!tags) return RefusalOf(tags.error(), "NAME_UNKNOWN");
  std::ranges::sort(*tags);  // pages go by that order
  auto page = PageOf(std::move(tags).value(), request);
  if (!page) return BadPageSize(request);
  return PageAnswer(request, *page,
                    {{"name", target.repository}, {"tags", page->names}});
}

ServerAnswer ServerApi::Referrers(const ServerRequest& request,
                                  const Target& target) {
  auto subject = oci::Digest::Parse(target.reference);
  if (!subject) {
    return Refusal(400, "DIGEST_INVALID", subject.error().message());
  }
  auto listed = upstream_ != nullptr
                    ? upstream_->ListReferrers(target.repository, *subject)
                    : storage_.ListReferrers(target.repository, *subject);
  if (!listed) return RefusalOf(listed.error(), "NAME_UNKNOWN");
  std::string wanted = request.Query("artifactType");
  json manifests = json::array();
  for (const std::string& text : *listed) {
    auto descriptor = ParseJson(text);
    if (!descriptor) continue;
    auto type = JsonField(*descriptor).At("artifactType").StringOr("");
    if (!wanted.empty() && (!type || *type != wanted)) continue;
    manifests.push_back(std::move(descriptor).value());
  }
  constexpr const char* kIndexType = "application/vnd.oci.image.index.v1+json";
  ServerAnswer answer = JsonAnswer({{"schemaVersion", 2},
                                    {"mediaType", kIndexType},
                                    {"manifests", std::move(manifests)}},
                                   kIndexType);
  if (!wanted.empty()) {
    answer.headers.emplace_back("OCI-Filters-Applied", "artifactType");
  }
  return answer;
}

}  // namespace strake::registry
