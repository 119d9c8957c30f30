#include "registry/registry_error.h"

#include <algorithm>
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

// A quota as Docker Hub states it: "100;w=21600" is 100 in six hours.
struct Quota {
  uint64_t count = 0;
  std::chrono::seconds window{0};
};

std::optional<Quota> ReadQuota(const HttpResponse& response, const char* name) {
  std::string value = response.headers.Get(name);
  std::string_view text = value;
  auto count = ParseUint(Trim(text.substr(0, text.find(';'))));
  if (!count) return {};
  Quota quota{*count, std::chrono::seconds(0)};
  size_t window = text.find("w=");
  if (window != std::string_view::npos) {
    auto seconds = ParseUint(Trim(text.substr(window + 2)));
    constexpr uint64_t kYear = 31'536'000;
    quota.window = std::chrono::seconds(std::min(seconds.value_or(0), kYear));
  }
  return quota;
}

// Until a point in time in seconds since 1970, as some headers have it; a small
// number is a duration.
std::optional<std::chrono::seconds> ParseReset(
    const std::string& value, std::chrono::system_clock::time_point now) {
  constexpr int64_t kYear = 31'536'000;
  auto number = ParseInt(Trim(value));
  if (!number || *number < 0) return {};
  if (*number <= kYear) return std::chrono::seconds(*number);
  auto date = std::chrono::system_clock::time_point(
      std::chrono::seconds(std::min(*number, kYear * 1000)));
  auto wait = std::chrono::ceil<std::chrono::seconds>(date - now);
  return std::clamp(wait, std::chrono::seconds(0), std::chrono::seconds(kYear));
}

// "90 s", "12 min", "5 h 3 min".
std::string HumanDuration(std::chrono::seconds duration) {
  int64_t seconds = duration.count();
  if (seconds <= 120) return std::to_string(seconds) + " s";
  int64_t minutes = (seconds + 59) / 60;
  if (minutes < 60) return std::to_string(minutes) + " min";
  std::string text = std::to_string(minutes / 60) + " h";
  if (minutes % 60 != 0) text += " " + std::to_string(minutes % 60) + " min";
  return text;
}

// "the limit is 100 in 6 h; try again in 5 h 3 min", or "".
std::string DescribeWait(const HttpResponse& response) {
  std::string text;
  auto limit = ReadQuota(response, "RateLimit-Limit");
  if (response.status == 429 && limit && limit->window.count() > 0) {
    text = "the limit is " + std::to_string(limit->count) + " in " +
           HumanDuration(limit->window);
  }
  auto wait = RetryAfterOf(response);
  if (!wait || wait->count() == 0) return text;
  if (!text.empty()) text += "; ";
  return text + "try again in " + HumanDuration(*wait);
}

}  // namespace

std::optional<std::chrono::seconds> RetryAfterOf(
    const HttpResponse& response, std::chrono::system_clock::time_point now) {
  // Whoever states a time means it by the clock that the answer was dated by.
  now = ParseHttpDate(response.headers.Get("Date")).value_or(now);
  auto stated = ParseRetryAfter(response.headers.Get("Retry-After"), now);
  if (stated || response.status != 429) return stated;
  for (const char* name : {"X-Retry-After", "X-RateLimit-Reset"}) {
    if (auto reset = ParseReset(response.headers.Get(name), now)) return reset;
  }
  // Docker Hub says how long its window is, not when ours began: by then at the
  // latest there is quota again.
  auto left = ReadQuota(response, "RateLimit-Remaining");
  if (left && left->count == 0 && left->window.count() > 0) return left->window;
  return {};
}

std::string DescribeAnswer(const HttpResponse& response) {
  std::string text = std::to_string(response.status);
  std::string_view phrase = ReasonPhrase(response.status);
  if (!phrase.empty()) text += " " + std::string(phrase);
  std::string detail = FromErrorDocument(response.body);
  if (detail.empty()) detail = Excerpt(response.body);
  if (!detail.empty()) text += ": " + detail;
  std::string wait = DescribeWait(response);
  if (!wait.empty()) text += " (" + wait + ")";
  if (response.secrets) text = response.secrets->Mask(std::move(text));
  return text + response.note;
}

Error AnswerError(std::string_view what, const HttpResponse& response) {
  return Error(CodeOf(response), std::string(what) +
                                     ": the registry answered " +
                                     DescribeAnswer(response));
}

}  // namespace strake::registry
