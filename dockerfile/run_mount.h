// `RUN --mount=...` (Dockerfile reference, "RUN --mount").
//
// The option is a CSV list of key=value pairs. Values may hold variables, which
// are expanded after the list is split: a comma in a variable's value does not
// start another option.

#ifndef STRAKE_DOCKERFILE_RUN_MOUNT_H_
#define STRAKE_DOCKERFILE_RUN_MOUNT_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "util/result.h"

namespace strake::dockerfile {

// One mount as written: defaults that depend on other options (the target of a
// secret, the id of a cache) are left to the planner, all others are filled in.
struct RunMount {
  enum class Type { kBind, kCache, kTmpfs, kSecret, kSsh };
  enum class Sharing { kShared, kPrivate, kLocked };

  Type type = Type::kBind;
  std::string from;    // stage, named context or image; empty: none given
  std::string source;  // path in `from`; for secrets another word for id
  std::string target;  // as given, may be relative; empty: none given
  std::string id;      // cache, secret, ssh; empty: none given
  // By default bind, secret and ssh are read-only, cache and tmpfs are not.
  bool read_only = true;
  bool required = false;               // secret, ssh
  Sharing sharing = Sharing::kShared;  // cache
  std::optional<std::string> env;      // secret: the variable to set
  uint64_t size_bytes = 0;             // tmpfs; 0: unlimited
  std::optional<uint32_t> mode;        // cache, secret, ssh
  std::optional<uint32_t> uid;         // cache, secret, ssh
  std::optional<uint32_t> gid;         // cache, secret, ssh

  friend bool operator==(const RunMount&, const RunMount&) = default;
};

// "bind", "cache", ...; "shared", ...
std::string_view RunMountTypeName(RunMount::Type type);
std::string_view SharingName(RunMount::Sharing sharing);

// Called with each value but that of `from`; returns it expanded.
using MountValueExpander = std::function<Result<std::string>(std::string_view)>;

// Parses what follows `--mount=`. Without `expand`, values are taken as they
// are. Errors: kInvalidArgument naming the key and, where there is one, the
// nearest valid word.
Result<RunMount> ParseRunMount(std::string_view text,
                               const MountValueExpander& expand = {});

// The value of `from` in `text`, whatever its other values are; empty where
// there is none or `text` is no list.
std::string RunMountFrom(std::string_view text);

// Whether a value in `text` needs variables, so that it can be judged only
// when these are known.
bool RunMountHasVariables(std::string_view text);

// What can be judged even then: that `text` is a list, and that `from`, which
// is never expanded, holds no variable.
Status CheckRunMountFrom(std::string_view text);

}  // namespace strake::dockerfile

#endif  // STRAKE_DOCKERFILE_RUN_MOUNT_H_
