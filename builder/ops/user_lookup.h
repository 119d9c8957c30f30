// User and group names to ids, through a root file system's own /etc/passwd and
// /etc/group. Both must be regular files of at most 10 MiB; symlinks resolve
// inside the root; a missing file has no entries.

#ifndef STRAKE_BUILDER_OPS_USER_LOOKUP_H_
#define STRAKE_BUILDER_OPS_USER_LOOKUP_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "builder/context/tree_writer.h"
#include "util/result.h"

namespace strake::builder::ops {

// Who a process runs as.
struct ResolvedUser {
  uint32_t uid = 0;
  uint32_t gid = 0;
  std::vector<uint32_t> supplementary_gids;
  std::string home = "/";  // of the first entry with this uid
};

// USER's `user[:group]` for a process (Dockerfile reference, "USER"). Two
// numbers are taken as they are. Otherwise the first entry with that name or
// number counts: a user without group gets the primary group and those that
// list the user; with a group, only that one; a number without entry gets group
// 0. "" is root.
// Errors: kNotFound (an unknown name), kInvalidArgument (a number beyond 31
// bits; a file that is too large or no regular file), kIo.
Result<ResolvedUser> ResolveUser(int root, std::string_view user);

// `--chown=user[:group]`, and who owns a directory made by WORKDIR. Numbers
// are taken as they are and give their group, too; a known name gives its
// primary group. "root" is 0. BuildKit takes an unknown name for 0 and says
// nothing; so do we, but for `unknown`, which then names it for a warning.
struct ChownTarget {
  context::FileOwner owner;
  std::string unknown;  // the name that is neither known nor a number
};
// Errors: kInvalidArgument, kIo, as above.
Result<ChownTarget> ResolveChown(int root, std::string_view text);

}  // namespace strake::builder::ops

#endif  // STRAKE_BUILDER_OPS_USER_LOOKUP_H_
