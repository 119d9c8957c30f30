#include "registry/registry_error.h"

#include <map>

#include "registry/retry.h"
#include "util/json.h"
#include "util/strings.h"

namespace strake::registry {
namespace {

constexpr size_t kMaxExcerptBytes = 300;

std::string_view ReasonPhrase(int status) {
  static const std::map<int, std::string_view> kPhrases = {
      {400, "Bad Request"},
      {401, "Unauthorized"},
      {403, "Forbidden"},
      {404, "Not Found"},
      {405, "Method Not Allowed"},
      {406, "Not Acceptable"},
      {408, "Request Timeout"},
      {409, "Conflict"},
      {411, "Length Required"},
      {413, "Payload Too Large"},
      {415, "Unsupported Media Type"},
      {416, "Range Not Satisfiable"},
      {429, "Too Many Requests"},
      {500, "Internal Server Error"},
      {501, "Not Implemented"},
      {502, "Bad Gateway"},
      {503, "Service Unavailable"},
      {504, "Gateway Timeout"},
  };
  auto it = kPhrases.find(status);
  return it == kPhrases.end() ? "" : it->second;
}

// "MANIFEST_UNKNOWN: manifest unknown" of an error document, or "".
std::string FromErrorDocument(std::string_view body) {
  auto document = ParseJson(body);
  if (!document) return "";
  auto errors = JsonField(*document).At("errors").Array();
  if (!errors) return "";
  std::vector<std::string> texts;
  for (const JsonField& error : *errors) {
    std::string code = error.At("code").StringOr("").value_or("");
    std::string message = error.At("message").StringOr("").value_or("");
    if (!code.empty() && !message.empty()) code += ": ";
    texts.push_back(code + message);
  }
  return Join(texts, "; ");
}

// The first line of a body that people can read, or "".
std::string Excerpt(std::string_view body) {
  std::string_view line = Trim(body);
  line = TrimRight(line.substr(0, line.find('\n')));
  if (line.size() > kMaxExcerptBytes || line.starts_with('<')) return "";
  for (char c : line) {
    if (static_cast<unsigned char>(c) < 0x20) return "";
  }
  return std::string(line);
}

ErrorCode CodeOf(const HttpResponse& response) {
  int status = response.status;
  if (status == 404) return ErrorCode::kNotFound;
  if (status == 401 || status == 403) return ErrorCode::kUnauthorized;
  if (status == 405 || status == 501) return ErrorCode::kUnsupported;
  if (IsRetryableStatus(status)) return ErrorCode::kUnavailable;
  // What we sent is not what we said: our copy is damaged.
  if (FromErrorDocument(response.body).starts_with("DIGEST_INVALID")) {
    return ErrorCode::kCorrupt;
  }
  return ErrorCode::kInvalidArgument;
}

}  // namespace

std::string DescribeAnswer(const HttpResponse& response) {
  std::string text = std::to_string(response.status);
  std::string_view phrase = ReasonPhrase(response.status);
  if (!phrase.empty()) text += " " + std::string(phrase);
  std::string detail = FromErrorDocument(response.body);
  if (detail.empty()) detail = Excerpt(response.body);
  if (!detail.empty()) text += ": " + detail;
  std::string retry_after = response.headers.Get("Retry-After");
  if (auto wait = ParseRetryAfter(retry_after); wait && wait->count() > 0) {
    text += " (try again in " + std::to_string(wait->count()) + " s)";
  }
  return text;
}

Error AnswerError(std::string_view what, const HttpResponse& response) {
  return Error(CodeOf(response), std::string(what) +
                                     ": the registry answered " +
                                     DescribeAnswer(response));
}

}  // namespace strake::registry
