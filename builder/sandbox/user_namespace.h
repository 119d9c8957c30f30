// Entering a user namespace in which a plain user is root.
//
// Without root, strake does all its work inside one user namespace: unpacking,
// copying, mounting overlays and running steps then need no special cases. The
// process itself enters it, once, at its start: the kernel allows that only
// while it has a single thread.

#ifndef STRAKE_BUILDER_SANDBOX_USER_NAMESPACE_H_
#define STRAKE_BUILDER_SANDBOX_USER_NAMESPACE_H_

#include <cstdint>
#include <string>
#include <string_view>

namespace strake::builder::sandbox {

enum class Privilege {
  kRoot,      // CAP_SYS_ADMIN over the machine: real owners, kernel overlay
  kMapped,    // a user namespace with subordinate ids (newuidmap)
  kSingleId,  // a user namespace with one id: others go to the journal
  kNone,      // no namespace can be made: RUN cannot work
};
std::string_view PrivilegeName(Privilege privilege);

struct ProcessPrivileges {
  Privilege privilege = Privilege::kNone;
  // How that came about, for the log: "root", "user namespace with 65536
  // subordinate ids", "newuidmap: ... ; single id".
  std::string reason;
  uint32_t original_uid = 0;  // before any namespace was entered
  uint32_t original_gid = 0;
};

// Which namespace a caller wants to be in.
enum class NamespaceWish {
  kAuto,      // none for root, else the best there is
  kNever,     // none: the process stays who it is
  kMapped,    // one with subordinate ids, also for root; else none
  kSingleId,  // one with a single id, also for root; else none
};

// Finds out what this process may do and, where it is not root, enters a user
// namespace (with subordinate ids from /etc/subuid and /etc/subgid if
// newuidmap and newgidmap can map them, else a single id) and a mount namespace
// of its own. By trying, never by looking at ids or settings.
// REQUIRES: the process has one thread, and has not called this before (a
// second call returns the first one's answer).
// Never fails: what is impossible is `kNone` with the reason. Where it was
// entered, what was wished for cannot be had any more by another wish.
ProcessPrivileges EnterUserNamespace(NamespaceWish wish = NamespaceWish::kAuto);

}  // namespace strake::builder::sandbox

#endif  // STRAKE_BUILDER_SANDBOX_USER_NAMESPACE_H_
