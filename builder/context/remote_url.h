// Sources that are fetched: web addresses and git repositories, in the forms
// that ADD and a build context take (Dockerfile reference, "Adding files from a
// Git repository"). Pure.

#ifndef STRAKE_BUILDER_CONTEXT_REMOTE_URL_H_
#define STRAKE_BUILDER_CONTEXT_REMOTE_URL_H_

#include <optional>
#include <string>
#include <string_view>

#include "util/result.h"

namespace strake::builder::context {

// A tree of a git repository.
struct GitSource {
  std::string remote;    // what git is given: URL or user@host:path
  std::string ref;       // branch, tag or commit; empty: the remote's HEAD
  std::string subdir;    // relative, clean; empty: the whole tree
  std::string checksum;  // the commit, or the start of its name; may be empty
  std::optional<bool> keep_git_dir;
  bool submodules = true;
  bool commit_mtime = false;  // files get the commit's time
};

// "http://..." or "https://...".
bool IsHttpUrl(std::string_view text);
// A repository: git://, ssh://, user@host:path, or http(s) whose path ends in
// ".git"; whatever follows as "#ref:subdir" or "?key=value".
bool IsGitUrl(std::string_view text);

// REQUIRES: IsGitUrl(text). `kInvalidArgument`: an unknown key, keys that
// contradict each other, a fragment beside a query, or a subdir that leaves the
// tree.
Result<GitSource> ParseGitUrl(std::string_view text);

// The host of a URL or scp-like address, without user and port.
std::string HostOf(std::string_view url);
// What a file fetched from `url` is called: the last component of its path,
// else "__unnamed__".
std::string FilenameOf(std::string_view url);
// The URL without a password in it, for messages.
std::string WithoutPassword(std::string_view url);
// Nor with the query, where it is no repository: tokens are written there, too.
// For what is shown and stored.
std::string WithoutSecrets(std::string_view url);
// A line of text with every URL in it so.
std::string TextWithoutSecrets(std::string_view text);

}  // namespace strake::builder::context

#endif  // STRAKE_BUILDER_CONTEXT_REMOTE_URL_H_
