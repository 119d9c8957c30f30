#include "oci/reference.h"

#include <algorithm>

#include "util/result_macros.h"
#include "util/strings.h"

namespace strake::oci {
namespace {

constexpr std::string_view kDefaultRegistry = "docker.io";
constexpr std::string_view kLegacyRegistry = "index.docker.io";
constexpr std::string_view kOfficialPrefix = "library/";
constexpr size_t kMaxRepositoryBytes = 255;
constexpr size_t kMaxTagBytes = 128;

bool IsLower(char c) { return c >= 'a' && c <= 'z'; }
bool IsUpper(char c) { return c >= 'A' && c <= 'Z'; }
bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsLowerAlnum(char c) { return IsLower(c) || IsDigit(c); }
bool IsAlnum(char c) { return IsLowerAlnum(c) || IsUpper(c); }

bool IsHexDigit(char c) {
  return IsDigit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

// Docker's rule: the first component is a registry if it could not be part of
// a repository on Docker Hub.
bool LooksLikeRegistry(std::string_view component) {
  return component.find_first_of(".:[") != std::string_view::npos ||
         component == "localhost" || std::ranges::any_of(component, IsUpper);
}

// What Docker takes for an image's ID rather than for a name.
bool LooksLikeHexId(std::string_view name) {
  return name.size() == 64 && std::ranges::all_of(name, [](char c) {
           return IsHexDigit(c) && !IsUpper(c);
         });
}

// Letters and digits with "." "_" "__" or dashes between them.
bool IsPathComponent(std::string_view text) {
  size_t i = 0;
  while (true) {
    size_t begin = i;
    while (i < text.size() && IsLowerAlnum(text[i])) ++i;
    if (i == begin) return false;
    if (i == text.size()) return true;
    if (text[i] == '-') {
      while (i < text.size() && text[i] == '-') ++i;
    } else if (text.substr(i, 2) == "__") {
      i += 2;
    } else if (text[i] == '_' || text[i] == '.') {
      ++i;
    } else {
      return false;
    }
  }
}

bool IsHostName(std::string_view host) {
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') {
    return std::ranges::all_of(host.substr(1, host.size() - 2), [](char c) {
      return IsHexDigit(c) || c == ':' || c == '.';
    });
  }
  for (std::string_view label : Split(host, '.')) {
    bool fine = !label.empty() && IsAlnum(label.front()) &&
                IsAlnum(label.back()) && std::ranges::all_of(label, [](char c) {
                  return IsAlnum(c) || c == '-';
                });
    if (!fine) return false;
  }
  return true;
}

bool IsRegistry(std::string_view text) {
  size_t colon = text.rfind(':');
  bool has_port = colon != std::string_view::npos &&
                  text.find(']', colon) == std::string_view::npos;
  if (!has_port) return IsHostName(text);
  std::string_view port = text.substr(colon + 1);
  return !port.empty() && port.size() <= 5 &&
         std::ranges::all_of(port, IsDigit) &&
         IsHostName(text.substr(0, colon));
}

bool IsTag(std::string_view tag) {
  auto is_word = [](char c) { return IsAlnum(c) || c == '_'; };
  return !tag.empty() && tag.size() <= kMaxTagBytes && is_word(tag[0]) &&
         std::ranges::all_of(
             tag, [&](char c) { return is_word(c) || c == '.' || c == '-'; });
}

// What is wrong with `repository`, or nothing.
std::string RepositoryProblem(std::string_view repository) {
  if (repository.empty()) return "it names no repository";
  if (repository.size() > kMaxRepositoryBytes) {
    return "the repository is longer than 255 characters";
  }
  for (std::string_view component : Split(repository, '/')) {
    if (component.empty()) return "it has an empty path component";
    if (IsPathComponent(component)) continue;
    if (std::ranges::any_of(component, IsUpper)) {
      return "the repository must be lower case";
    }
    return '"' + std::string(component) +
           "\" may hold only a-z, 0-9 and, between them, \".\", \"_\", \"__\" "
           "or dashes";
  }
  return "";
}

void SplitRegistry(std::string_view name, Reference& reference) {
  auto parts = SplitOnce(name, '/');
  if (parts && LooksLikeRegistry(parts->first)) {
    reference.registry = parts->first;
    reference.repository = parts->second;
  } else {
    reference.registry = kDefaultRegistry;
    reference.repository = name;
  }
  if (reference.registry == kLegacyRegistry) {
    reference.registry = kDefaultRegistry;
  }
  if (reference.registry == kDefaultRegistry &&
      reference.repository.find('/') == std::string::npos &&
      !reference.repository.empty()) {
    reference.repository.insert(0, kOfficialPrefix);
  }
}

}  // namespace

bool MayHoldLogin(std::string_view text) {
  const size_t at = text.rfind('@');
  if (at == std::string_view::npos) return false;
  std::string_view before = text.substr(0, at);
  const size_t scheme = before.find("://");
  if (scheme != std::string_view::npos) before.remove_prefix(scheme + 3);
  const bool is_digest = text.substr(at + 1).starts_with("sha");
  return !is_digest && before.find(':') != std::string_view::npos;
}

Result<Reference> ParseReference(std::string_view text) {
  if (MayHoldLogin(text)) {
    return InvalidArgument(
        "invalid reference: it seems to have a user and a password before "
        "\"@\"; give them to \"strake login\", and the name alone here");
  }
  auto invalid = [&](std::string_view problem) {
    return InvalidArgument("invalid reference \"" + std::string(text) +
                           "\": " + std::string(problem));
  };
  if (text.empty()) return invalid("it is empty");
  Reference reference;
  std::string_view name = text;
  if (auto parts = SplitOnce(text, '@')) {
    auto digest = Digest::Parse(parts->second);
    if (!digest) {
      return std::move(digest).error().Wrap("invalid reference \"" +
                                            std::string(text) + '"');
    }
    reference.digest = *digest;
    name = parts->first;
  }
  // A colon before the last "/" belongs to the registry's port.
  size_t colon = name.rfind(':');
  size_t slash = name.rfind('/');
  if (colon != std::string_view::npos &&
      (slash == std::string_view::npos || colon > slash)) {
    reference.tag = name.substr(colon + 1);
    name = name.substr(0, colon);
    if (!IsTag(reference.tag)) {
      return invalid("\"" + reference.tag +
                     "\" is not a tag: 1 to 128 letters, digits, \"_\", \".\" "
                     "and \"-\", not beginning with \".\" or \"-\"");
    }
  }
  if (LooksLikeHexId(name)) {
    return invalid("64 hexadecimal digits are an image's ID, not a name");
  }
  SplitRegistry(name, reference);
  if (!IsRegistry(reference.registry)) {
    return invalid("\"" + reference.registry +
                   "\" is not a registry (host[:port])");
  }
  std::string problem = RepositoryProblem(reference.repository);
  if (!problem.empty()) return invalid(problem);
  return reference;
}

Reference WithDefaultTag(Reference reference) {
  if (reference.tag.empty() && !reference.digest) reference.tag = "latest";
  return reference;
}

std::string Reference::Name() const { return registry + "/" + repository; }

std::string Reference::ToString() const {
  std::string text = Name();
  if (!tag.empty()) text += ':' + tag;
  if (digest) text += '@' + digest->ToString();
  return text;
}

std::string Reference::Familiar() const {
  std::string text = ToString();
  if (registry != kDefaultRegistry) return text;
  std::string_view rest = repository;
  if (rest.starts_with(kOfficialPrefix)) {
    std::string_view name = rest.substr(kOfficialPrefix.size());
    // 64 hexadecimal digits would be read as an image ID.
    if (name.find('/') == std::string_view::npos && !LooksLikeHexId(name)) {
      rest = name;
    }
  }
  // "docker.io/a.b/c" would be read as registry "a.b" without its prefix.
  auto parts = SplitOnce(rest, '/');
  if (parts && LooksLikeRegistry(parts->first)) return text;
  return std::string(rest) + text.substr(Name().size());
}

Reference ByDigest(Reference reference, const Digest& digest) {
  reference.tag.clear();
  reference.digest = digest;
  return reference;
}

std::string Reference::TagOrDigest() const {
  if (digest) return digest->ToString();
  return tag.empty() ? "latest" : tag;
}

}  // namespace strake::oci
