#include "registry/sent_secrets.h"

#include <algorithm>
#include <optional>
#include <vector>

#include "registry/http_client.h"
#include "util/strings.h"

namespace strake::registry {
namespace {

// Hidden wherever it stands, also inside of words.
constexpr size_t kLongBytes = 4;

bool Contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

bool NamesASecret(std::string_view name) {
  std::string lower = ToLower(name);
  if (lower.ends_with("_type")) return false;
  return std::ranges::any_of(
      std::vector<std::string_view>{"token", "secret", "password", "assertion",
                                    "authorization"},
      [&](std::string_view word) { return Contains(lower, word); });
}

std::string PercentDecode(std::string_view text) {
  std::string decoded;
  for (size_t i = 0; i < text.size(); ++i) {
    auto byte = text[i] == '%' && i + 2 < text.size()
                    ? ParseUint(text.substr(i + 1, 2), 16)
                    : std::optional<uint64_t>();
    if (byte) {
      decoded += static_cast<char>(*byte);
      i += 2;
    } else {
      decoded += text[i] == '+' ? ' ' : text[i];
    }
  }
  return decoded;
}

bool IsWordCharacter(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
         (c >= 'A' && c <= 'Z') || c == '_' || c == '-';
}

void Hide(std::string& text, std::string_view secret) {
  constexpr std::string_view kMask = "***";
  size_t at = 0;
  while ((at = text.find(secret, at)) != std::string::npos) {
    size_t end = at + secret.size();
    bool alone = (at == 0 || !IsWordCharacter(text[at - 1])) &&
                 (end == text.size() || !IsWordCharacter(text[end]));
    if (secret.size() >= kLongBytes || alone) {
      text.replace(at, secret.size(), kMask);
      at += kMask.size();
    } else {
      at = end;
    }
  }
}

}  // namespace

void SentSecrets::Add(std::string_view secret) {
  if (secret.empty()) return;
  auto secrets = secrets_.lock();
  secrets->emplace(secret);
}

void SentSecrets::RememberHeader(std::string_view name,
                                 std::string_view value) {
  if (!EqualsIgnoreCase(name, "Authorization")) {
    if (NamesASecret(name)) Add(value);
    return;
  }
  auto parts = SplitOnce(value, ' ');
  if (!parts) return Add(value);
  Add(Trim(parts->second));
  if (!EqualsIgnoreCase(parts->first, "basic")) return;
  auto login = Base64Decode(Trim(parts->second));
  if (!login) return;
  if (auto halves = SplitOnce(*login, ':')) Add(halves->second);
}

void SentSecrets::RememberForm(std::string_view form) {
  for (std::string_view field : Split(form, '&')) {
    auto parts = SplitOnce(field, '=');
    if (!parts || !NamesASecret(parts->first)) continue;
    Add(parts->second);
    Add(PercentDecode(parts->second));
  }
}

void SentSecrets::Remember(const HttpRequest& request) {
  for (const auto& [name, value] : request.headers.fields()) {
    RememberHeader(name, value);
  }
  if (Contains(request.headers.Get("Content-Type"), "form-urlencoded")) {
    RememberForm(request.body);
  }
}

std::string SentSecrets::Mask(std::string text) const {
  std::vector<std::string> secrets;
  {
    auto known = secrets_.lock();
    secrets.assign(known->begin(), known->end());
  }
  // One may be part of another.
  std::ranges::sort(secrets, std::ranges::greater(), &std::string::size);
  for (const std::string& secret : secrets) Hide(text, secret);
  return text;
}

}  // namespace strake::registry
