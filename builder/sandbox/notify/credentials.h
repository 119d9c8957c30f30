// User and group ids and capabilities of a process, and how the kernel changes
// them: set*id(2), capset(2) and execve(2), after credentials(7) and
// capabilities(7).
//
// A value; functions return 0 or a negative errno and then have changed
// nothing.

#ifndef STRAKE_BUILDER_SANDBOX_NOTIFY_CREDENTIALS_H_
#define STRAKE_BUILDER_SANDBOX_NOTIFY_CREDENTIALS_H_

#include <sys/stat.h>

#include <compare>
#include <cstdint>
#include <string_view>
#include <vector>

namespace strake::builder::sandbox::notify {

// Numbers of capabilities, as <linux/capability.h> has them.
enum class Capability : int {
  kChown = 0,
  kDacOverride = 1,
  kDacReadSearch = 2,
  kFowner = 3,
  kFsetid = 4,
  kSetgid = 6,
  kSetuid = 7,
  kSetpcap = 8,
  kSysAdmin = 21,
  kMknod = 27,
  kSetfcap = 31,
};

inline constexpr uint32_t kUnchanged = UINT32_MAX;  // -1 in set*id calls

struct Credentials {
  uint32_t ruid = 0;
  uint32_t euid = 0;
  uint32_t suid = 0;
  uint32_t fsuid = 0;
  uint32_t rgid = 0;
  uint32_t egid = 0;
  uint32_t sgid = 0;
  uint32_t fsgid = 0;
  std::vector<uint32_t> groups;  // ascending
  uint64_t permitted = 0;
  uint64_t effective = 0;
  uint64_t inheritable = 0;
  uint64_t bounding = 0;
  uint64_t ambient = 0;
  uint32_t secure_bits = 0;  // SECBIT_KEEP_CAPS among them

  // A process that starts as `uid`, with `bounding` as all there is to have.
  static Credentials Start(uint32_t uid, uint32_t gid,
                           std::vector<uint32_t> groups, uint64_t bounding);
  // One that may do anything: for our own look at a file.
  static const Credentials& Almighty();

  bool Has(Capability capability) const {
    return (effective >> static_cast<int>(capability) & 1) != 0;
  }
  bool InGroup(uint32_t gid) const;

  int SetUid(uint32_t uid);
  int SetReUid(uint32_t real, uint32_t effective_id);
  int SetResUid(uint32_t real, uint32_t effective_id, uint32_t saved);
  void SetFsUid(uint32_t uid);  // does nothing where it is not allowed
  int SetGid(uint32_t gid);
  int SetReGid(uint32_t real, uint32_t effective_id);
  int SetResGid(uint32_t real, uint32_t effective_id, uint32_t saved);
  void SetFsGid(uint32_t gid);
  int SetGroups(std::vector<uint32_t> ids);
  int SetCapabilities(uint64_t new_effective, uint64_t new_permitted,
                      uint64_t new_inheritable);

  // As execve(2) of a program with the (virtual) owner and mode of `file` and
  // the xattr `security.capability` (empty: has none). Returns whether the
  // program gets more than its caller had (AT_SECURE).
  bool Execute(const struct stat& file, std::string_view file_capabilities);

  // What access(2) asks about: the real ids' rights.
  Credentials ForAccess() const;

  friend auto operator<=>(const Credentials&, const Credentials&) = default;

 private:
  void FixCapabilities(const Credentials& before);
};

// Whether `who` may read (4), write (2) or execute (1) a file with the
// (virtual) metadata `file`; `wanted` is a sum of these.
bool MayAccess(const Credentials& who, const struct stat& file,
               unsigned wanted);
// Whether `who` is the file's owner, or as good as.
bool IsOwner(const Credentials& who, const struct stat& file);
// Whether `who` may remove or rename `file` in `directory`, which it may write
// to: the sticky bit's rule.
bool MayRemove(const Credentials& who, const struct stat& directory,
               const struct stat& file);

}  // namespace strake::builder::sandbox::notify

#endif  // STRAKE_BUILDER_SANDBOX_NOTIFY_CREDENTIALS_H_
