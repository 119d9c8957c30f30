#include "builder/context/remote_url.h"

#include <algorithm>

#include "util/result_macros.h"
#include "util/strings.h"
#include "util/suggest.h"

namespace strake::builder::context {
namespace {

bool IsHexDigit(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
}

// "user@host:path", as scp and git write it.
bool IsScpLike(std::string_view text) {
  size_t colon = text.find(':');
  size_t at = text.find('@');
  if (colon == std::string_view::npos || at == std::string_view::npos) {
    return false;
  }
  return at > 0 && at < colon && text.find('/') > colon &&
         text.substr(colon, 3) != "://";
}

std::string_view WithoutTail(std::string_view text) {
  return text.substr(0, text.find_first_of("#?"));
}

std::string PercentDecode(std::string_view text) {
  std::string decoded;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+') {
      decoded += ' ';
      continue;
    }
    if (text[i] == '%' && i + 2 < text.size()) {
      if (auto byte = ParseUint(text.substr(i + 1, 2), 16)) {
        decoded += static_cast<char>(*byte);
        i += 2;
        continue;
      }
    }
    decoded += text[i];
  }
  return decoded;
}

Status SetSubdir(std::string_view subdir, GitSource& source) {
  std::string clean = CleanPath(subdir);
  if (clean == ".." || clean.starts_with("../")) {
    return InvalidArgument("git subdir \"" + std::string(subdir) +
                           "\" leaves the repository");
  }
  while (clean.starts_with('/')) clean.erase(0, 1);
  source.subdir = clean == "." ? "" : clean;
  return {};
}

Status SetRef(std::string_view key, const std::string& value,
              std::string prefix, GitSource& source) {
  if (value.empty()) {
    return InvalidArgument("git " + std::string(key) + "= is empty");
  }
  std::string ref = std::move(prefix) + value;
  if (!source.ref.empty() && source.ref != ref) {
    return InvalidArgument("git " + std::string(key) + "=" + value +
                           " contradicts " + source.ref);
  }
  if (ref.starts_with('-')) {
    return InvalidArgument("git ref \"" + ref + "\" begins with \"-\"");
  }
  source.ref = std::move(ref);
  return {};
}

Result<bool> ParseFlag(std::string_view key, const std::string& value) {
  if (value.empty() || value == "1" || value == "true") return true;
  if (value == "0" || value == "false") return false;
  return InvalidArgument("git " + std::string(key) + "=" + value +
                         ": expected true or false");
}

Status SetChecksum(const std::string& value, GitSource& source) {
  bool is_hex = value.size() >= 4 && value.size() <= 64;
  for (char c : value) is_hex = is_hex && IsHexDigit(c);
  if (!is_hex) {
    return InvalidArgument("git checksum \"" + value +
                           "\" is not the start of a commit's name");
  }
  if (!source.checksum.empty() && source.checksum != value) {
    return InvalidArgument("git checksum and commit contradict each other");
  }
  source.checksum = value;
  return {};
}

Status ApplyKey(std::string_view key, const std::string& value,
                GitSource& source) {
  if (key == "ref") return SetRef(key, value, "", source);
  if (key == "tag") return SetRef(key, value, "refs/tags/", source);
  if (key == "branch") return SetRef(key, value, "refs/heads/", source);
  if (key == "subdir") return SetSubdir(value, source);
  if (key == "checksum" || key == "commit") return SetChecksum(value, source);
  if (key == "keep-git-dir") {
    ASSIGN_OR_RETURN(source.keep_git_dir, ParseFlag(key, value));
    return {};
  }
  if (key == "submodules") {
    ASSIGN_OR_RETURN(source.submodules, ParseFlag(key, value));
    return {};
  }
  if (key == "mtime") {
    if (value != "checkout" && value != "commit") {
      return InvalidArgument("git mtime=" + value +
                             ": expected checkout or commit");
    }
    source.commit_mtime = value == "commit";
    return {};
  }
  if (key == "fetch-by-commit") {
    // How a commit is fetched is up to us: by its name wherever the server
    // allows it.
    ASSIGN_OR_RETURN(bool by_commit, ParseFlag(key, value));
    (void)by_commit;
    return {};
  }
  return InvalidArgument(
      "unexpected git query key \"" + std::string(key) + "\"" +
      DidYouMean(key,
                 {"ref", "tag", "branch", "subdir", "checksum", "commit",
                  "keep-git-dir", "submodules", "mtime", "fetch-by-commit"}));
}

Status ApplyQuery(std::string_view query, GitSource& source) {
  for (std::string_view field : Split(query, '&')) {
    if (field.empty()) continue;
    auto pair = SplitOnce(field, '=');
    RETURN_IF_ERROR(ApplyKey(pair ? pair->first : field,
                             pair ? PercentDecode(pair->second) : "", source));
  }
  return {};
}

Status ApplyFragment(std::string_view fragment, GitSource& source) {
  auto parts = SplitOnce(fragment, ':');
  std::string ref(parts ? parts->first : fragment);
  if (!ref.empty()) RETURN_IF_ERROR(SetRef("ref", ref, "", source));
  if (parts) RETURN_IF_ERROR(SetSubdir(parts->second, source));
  return {};
}

}  // namespace

bool IsHttpUrl(std::string_view text) {
  return text.starts_with("http://") || text.starts_with("https://");
}

bool IsGitUrl(std::string_view text) {
  if (text.starts_with("git://") || text.starts_with("ssh://")) return true;
  if (IsHttpUrl(text)) return WithoutTail(text).ends_with(".git");
  return text.starts_with("git@") ||
         (IsScpLike(text) && WithoutTail(text).ends_with(".git"));
}

Result<GitSource> ParseGitUrl(std::string_view text) {
  GitSource source;
  source.remote = WithoutTail(text);
  std::string_view tail = text.substr(source.remote.size());
  size_t hash = tail.find('#');
  std::string_view query = tail.substr(0, hash);
  std::string_view fragment =
      hash == std::string_view::npos ? "" : tail.substr(hash + 1);
  auto fail = [&](Error error) {
    return std::move(error).Wrap(WithoutPassword(text));
  };
  if (!query.empty() && !fragment.empty()) {
    return fail(InvalidArgument(
        "a git address takes either #ref:subdir or ?key=value, not both"));
  }
  if (!query.empty()) {
    if (auto applied = ApplyQuery(query.substr(1), source); !applied) {
      return fail(std::move(applied).error());
    }
  }
  if (auto applied = ApplyFragment(fragment, source); !applied) {
    return fail(std::move(applied).error());
  }
  return source;
}

std::string HostOf(std::string_view url) {
  size_t scheme = url.find("://");
  bool scp = scheme == std::string_view::npos;
  if (!scp) url.remove_prefix(scheme + 3);
  url = url.substr(0, url.find_first_of(scp ? ":" : "/?#"));
  if (size_t at = url.rfind('@'); at != std::string_view::npos) {
    url.remove_prefix(at + 1);
  }
  if (url.starts_with('['))
    return std::string(url.substr(1, url.find(']') - 1));
  return std::string(url.substr(0, url.find(':')));
}

std::string FilenameOf(std::string_view url) {
  std::string_view path = WithoutTail(url);
  if (size_t scheme = path.find("://"); scheme != std::string_view::npos) {
    path.remove_prefix(scheme + 3);
    size_t slash = path.find('/');
    path = slash == std::string_view::npos ? "" : path.substr(slash);
  }
  std::string name = PercentDecode(path.substr(path.rfind('/') + 1));
  if (name.empty() || name == "." || name == ".." ||
      name.find('/') != std::string::npos) {
    return "__unnamed__";
  }
  return name;
}

std::string WithoutPassword(std::string_view url) {
  size_t scheme = url.find("://");
  if (scheme == std::string_view::npos) return std::string(url);
  size_t start = scheme + 3;
  size_t end = url.find_first_of("/?#", start);
  std::string_view authority = url.substr(start, end - start);
  size_t at = authority.rfind('@');
  if (at == std::string_view::npos) return std::string(url);
  return std::string(url.substr(0, start)) + "xxxxx" +
         std::string(url.substr(start + at));
}

std::string WithoutSecrets(std::string_view url) {
  std::string shown = WithoutPassword(url);
  if (IsHttpUrl(url) && !IsGitUrl(url)) {
    shown.resize(std::min(shown.size(), shown.find('?')));
  }
  return shown;
}

std::string TextWithoutSecrets(std::string_view text) {
  constexpr std::string_view kAround = " \t\n\"'[],";
  std::string shown;
  while (true) {
    const size_t scheme = text.find("://");
    if (scheme == std::string_view::npos) return shown + std::string(text);
    const size_t before = text.find_last_of(kAround, scheme);
    const size_t start = before == std::string_view::npos ? 0 : before + 1;
    // Any more brackets and commas are the URL's own.
    const size_t end =
        std::min(text.size(), text.find_first_of(kAround.substr(0, 5), scheme));
    shown += text.substr(0, start);
    shown += WithoutSecrets(text.substr(start, end - start));
    text.remove_prefix(end);
  }
}

}  // namespace strake::builder::context
