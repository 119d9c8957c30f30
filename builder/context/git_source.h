// Trees of git repositories, for ADD and build contexts, by the `git` program.
//
// git sees no configuration but what is passed here, asks nothing at a
// terminal, and gets credentials through its environment only.

#ifndef STRAKE_BUILDER_CONTEXT_GIT_SOURCE_H_
#define STRAKE_BUILDER_CONTEXT_GIT_SOURCE_H_

#include <functional>
#include <stop_token>
#include <string>
#include <string_view>

#include "builder/context/remote_url.h"
#include "builder/context/secrets.h"
#include "util/result.h"

namespace strake::builder::context {

// The full name of the commit that `source` means now. A full commit name is
// taken as it is, without asking the remote.
// Secrets GIT_AUTH_TOKEN[.host] and GIT_AUTH_HEADER[.host] are used for http,
// the agent socket "default" for ssh. `kNotFound` (no such ref),
// `kUnauthorized`, `kUnavailable` with git's words, `kCorrupt` (another commit
// than the checksum says), `kUnsupported` (no git on PATH).
Result<std::string> ResolveGitCommit(const GitSource& source,
                                     const Secrets& secrets,
                                     std::stop_token stop);

// Files that git-lfs keeps are fetched where it is installed; else they are the
// small files that stand for them.
//
// Puts the tree of `commit` into the empty folder `directory`: submodules
// included unless `source` says otherwise, `.git` left out unless it says to
// keep it, only `subdir` where it names one. Modes become 0755 for folders and
// programs, 0644 for other files; times are now, or the commit's.
//   on_warning  may be null; told of files whose content is with git-lfs, where
//               that is not installed
Status CheckOutGit(const GitSource& source, const std::string& commit,
                   const Secrets& secrets, const std::string& directory,
                   const std::function<void(std::string_view)>& on_warning,
                   std::stop_token stop);

}  // namespace strake::builder::context

#endif  // STRAKE_BUILDER_CONTEXT_GIT_SOURCE_H_
