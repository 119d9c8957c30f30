#include "builder/ops/user_lookup.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <limits>
#include <optional>
#include <utility>

#include "util/byte_stream.h"
#include "util/result_macros.h"
#include "util/rooted_fs.h"
#include "util/strings.h"

namespace strake::builder::ops {
namespace {

constexpr uint64_t kMaxFileBytes = uint64_t{10} << 20;

// One line of passwd(5) or group(5), taken apart. Fields that are not there are
// empty, and numbers that are none are 0, as BuildKit reads them.
class Record {
 public:
  explicit Record(std::string_view line) : fields_(Split(Trim(line), ':')) {}
  std::string_view Text(size_t field) const {
    return field < fields_.size() ? fields_[field] : std::string_view();
  }
  int64_t Number(size_t field) const {
    return ParseInt(Text(field)).value_or(0);
  }

 private:
  std::vector<std::string_view> fields_;
};

// /etc/passwd or /etc/group as a whole.
class UserFile {
 public:
  static Result<UserFile> Open(int root, const char* path) {
    UserFile file;
    // O_NONBLOCK: opening a fifo must not wait for its other end.
    auto fd = OpenInRoot(root, path, O_RDONLY | O_NONBLOCK);
    if (!fd) {
      auto st = StatInRoot(root, path, FollowLast::kYes);
      if (st && !st->has_value()) return file;
      return std::move(fd).error().Wrap(std::string("read ") + path);
    }
    struct stat st;
    if (::fstat(fd->get(), &st) != 0) {
      return ErrnoError(std::string("stat ") + path);
    }
    if (!S_ISREG(st.st_mode)) {
      return InvalidArgument(std::string(path) + " is not a regular file");
    }
    FdSource source(*std::move(fd));
    auto text = ReadAll(source, kMaxFileBytes);
    if (!text) return std::move(text).error().Wrap(path);
    file.text_ = *std::move(text);
    return file;
  }

  // Calls `visit` with each record until it returns false.
  template <typename Visit>
  void Each(Visit visit) const {
    for (std::string_view line : Split(text_, '\n')) {
      if (Trim(line).empty()) continue;
      if (!visit(Record(line))) return;
    }
  }

 private:
  std::string text_;
};

namespace passwd {
enum Field { kName = 0, kUid = 2, kGid = 3, kHome = 5 };
}
namespace group {
enum Field { kName = 0, kGid = 2, kMembers = 3 };
}

struct SplitUser {
  std::string_view user;
  std::optional<std::string_view> group;
};

SplitUser SplitAtColon(std::string_view text) {
  auto parts = SplitOnce(text, ':');
  if (!parts) return {text, std::nullopt};
  return {parts->first, parts->second};
}

Result<uint32_t> CheckedId(int64_t id, std::string_view text) {
  if (id < 0 || id > std::numeric_limits<int32_t>::max()) {
    return InvalidArgument("id " + std::string(text) +
                           " is not in the range 0 to 2147483647");
  }
  return static_cast<uint32_t>(id);
}

// The home directory of `uid`.
std::string HomeOf(const UserFile& users, uint32_t uid) {
  std::string home = "/";
  users.Each([&](const Record& record) {
    if (record.Number(passwd::kUid) != uid) return true;
    if (!record.Text(passwd::kHome).empty()) home = record.Text(passwd::kHome);
    return false;
  });
  return home;
}

struct PasswdEntry {
  std::string name;
  int64_t uid = 0;
  int64_t gid = 0;
};

// The first entry that has the name, or the number, `user`.
std::optional<PasswdEntry> FindUser(const UserFile& users,
                                    std::string_view user) {
  std::optional<int64_t> number = ParseInt(user);
  std::optional<PasswdEntry> found;
  users.Each([&](const Record& record) {
    bool matches = record.Text(passwd::kName) == user ||
                   (number && *number == record.Number(passwd::kUid));
    if (!matches) return true;
    found =
        PasswdEntry{std::string(record.Text(passwd::kName)),
                    record.Number(passwd::kUid), record.Number(passwd::kGid)};
    return false;
  });
  return found;
}

std::optional<int64_t> FindGroup(const UserFile& groups,
                                 std::string_view group) {
  std::optional<int64_t> number = ParseInt(group);
  std::optional<int64_t> found;
  groups.Each([&](const Record& record) {
    bool matches = record.Text(group::kName) == group ||
                   (number && *number == record.Number(group::kGid));
    if (matches) found = record.Number(group::kGid);
    return !matches;
  });
  return found;
}

// The groups that list `user` as a member.
Result<std::vector<uint32_t>> GroupsOf(const UserFile& groups,
                                       std::string_view user) {
  std::vector<uint32_t> gids;
  Status status;
  groups.Each([&](const Record& record) {
    for (std::string_view member : Split(record.Text(group::kMembers), ',')) {
      if (member != user) continue;
      auto gid =
          CheckedId(record.Number(group::kGid), record.Text(group::kGid));
      if (!gid) {
        status = std::move(gid).error();
        return false;
      }
      gids.push_back(*gid);
      break;
    }
    return true;
  });
  RETURN_IF_ERROR(std::move(status));
  return gids;
}

// A number as --chown takes it: of 32 bits, signed; "root" is 0.
std::optional<uint32_t> ParseChownId(std::string_view text) {
  if (text == "root") return 0;
  if (text.starts_with('+')) text.remove_prefix(1);
  auto number = ParseInt(text);
  if (!number || *number < std::numeric_limits<int32_t>::min() ||
      *number > std::numeric_limits<int32_t>::max()) {
    return std::nullopt;
  }
  // chown(2) takes -1 for "leave it", and what is copied is root's first.
  return *number == -1 ? 0 : static_cast<uint32_t>(*number);
}

}  // namespace

Result<ResolvedUser> ResolveUser(int root, std::string_view user) {
  if (user.empty()) user = "0";
  SplitUser wanted = SplitAtColon(user);
  ResolvedUser resolved;
  ASSIGN_OR_RETURN(UserFile users, UserFile::Open(root, "/etc/passwd"));
  auto both = wanted.group ? ParseUint(*wanted.group) : std::nullopt;
  if (auto uid = ParseUint(wanted.user); uid && both) {
    ASSIGN_OR_RETURN(resolved.uid,
                     CheckedId(static_cast<int64_t>(*uid), wanted.user));
    ASSIGN_OR_RETURN(resolved.gid,
                     CheckedId(static_cast<int64_t>(*both), *wanted.group));
    resolved.home = HomeOf(users, resolved.uid);
    return resolved;
  }

  std::optional<PasswdEntry> entry =
      FindUser(users, wanted.user.empty() ? "0" : wanted.user);
  if (entry) {
    ASSIGN_OR_RETURN(resolved.uid, CheckedId(entry->uid, wanted.user));
    ASSIGN_OR_RETURN(resolved.gid, CheckedId(entry->gid, wanted.user));
  } else if (!wanted.user.empty()) {
    auto number = ParseInt(wanted.user);
    if (!number) {
      return NotFound("unable to find user " + std::string(wanted.user) +
                      ": no matching entries in passwd file");
    }
    ASSIGN_OR_RETURN(resolved.uid, CheckedId(*number, wanted.user));
  }
  resolved.home = HomeOf(users, resolved.uid);

  ASSIGN_OR_RETURN(UserFile groups, UserFile::Open(root, "/etc/group"));
  if (wanted.group && !wanted.group->empty()) {
    std::optional<int64_t> gid = FindGroup(groups, *wanted.group);
    if (!gid) gid = ParseInt(*wanted.group);
    if (!gid) {
      return NotFound("unable to find group " + std::string(*wanted.group) +
                      ": no matching entries in group file");
    }
    ASSIGN_OR_RETURN(resolved.gid, CheckedId(*gid, *wanted.group));
  } else if (entry) {
    ASSIGN_OR_RETURN(resolved.supplementary_gids,
                     GroupsOf(groups, entry->name));
  }
  return resolved;
}

Result<ChownTarget> ResolveChown(int root, std::string_view text) {
  SplitUser wanted = SplitAtColon(text);
  ChownTarget target;
  if (auto uid = ParseChownId(wanted.user)) {
    target.owner = {*uid, *uid};
  } else {
    ASSIGN_OR_RETURN(UserFile users, UserFile::Open(root, "/etc/passwd"));
    bool found = false;
    users.Each([&](const Record& record) {
      found = record.Text(passwd::kName) == wanted.user;
      if (found) {
        target.owner = {static_cast<uint32_t>(record.Number(passwd::kUid)),
                        static_cast<uint32_t>(record.Number(passwd::kGid))};
      }
      return !found;
    });
    if (!found) target.unknown = wanted.user;
  }
  if (!wanted.group) return target;
  if (auto gid = ParseChownId(*wanted.group)) {
    target.owner.gid = *gid;
    return target;
  }
  ASSIGN_OR_RETURN(UserFile groups, UserFile::Open(root, "/etc/group"));
  bool found = false;
  groups.Each([&](const Record& record) {
    found = record.Text(group::kName) == *wanted.group;
    if (found) {
      target.owner.gid = static_cast<uint32_t>(record.Number(group::kGid));
    }
    return !found;
  });
  if (!found && target.unknown.empty()) target.unknown = *wanted.group;
  return target;
}

}  // namespace strake::builder::ops
