#include "builder/sandbox/notify/credentials.h"

#include <linux/capability.h>
#include <linux/securebits.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

namespace strake::builder::sandbox::notify {
namespace {

constexpr uint64_t Bit(int capability) { return uint64_t{1} << capability; }

// What setfsuid(2) takes and gives: capabilities over files.
constexpr uint64_t kFileCapabilities =
    Bit(CAP_CHOWN) | Bit(CAP_MKNOD) | Bit(CAP_DAC_OVERRIDE) |
    Bit(CAP_DAC_READ_SEARCH) | Bit(CAP_FOWNER) | Bit(CAP_FSETID) |
    Bit(CAP_LINUX_IMMUTABLE) | Bit(CAP_MAC_OVERRIDE);

bool OneOf(uint32_t id, std::initializer_list<uint32_t> ids) {
  return std::find(ids.begin(), ids.end(), id) != ids.end();
}

struct FileCapabilities {
  bool present = false;
  bool effective = false;
  uint64_t permitted = 0;
  uint64_t inheritable = 0;
};

// `struct vfs_cap_data`, little-endian, of version 2 or 3.
FileCapabilities ParseFileCapabilities(std::string_view value) {
  FileCapabilities parsed;
  uint32_t words[5] = {};
  if (value.size() < sizeof(words)) return parsed;
  std::memcpy(words, value.data(), sizeof(words));
  parsed.present = true;
  parsed.effective = (words[0] & VFS_CAP_FLAGS_EFFECTIVE) != 0;
  parsed.permitted = words[1] | uint64_t{words[3]} << 32;
  parsed.inheritable = words[2] | uint64_t{words[4]} << 32;
  return parsed;
}

}  // namespace

const Credentials& Credentials::Almighty() {
  static const Credentials all = Start(0, 0, {}, ~uint64_t{0});
  return all;
}

Credentials Credentials::Start(uint32_t uid, uint32_t gid,
                               std::vector<uint32_t> groups,
                               uint64_t bounding) {
  Credentials made;
  made.ruid = made.euid = made.suid = made.fsuid = uid;
  made.rgid = made.egid = made.sgid = made.fsgid = gid;
  std::sort(groups.begin(), groups.end());
  made.groups = std::move(groups);
  made.bounding = bounding;
  if (uid == 0) made.permitted = made.effective = bounding;
  return made;
}

bool Credentials::InGroup(uint32_t gid) const {
  return gid == fsgid || std::binary_search(groups.begin(), groups.end(), gid);
}

void Credentials::FixCapabilities(const Credentials& before) {
  if ((secure_bits & SECBIT_NO_SETUID_FIXUP) != 0) return;
  const bool was_root =
      before.ruid == 0 || before.euid == 0 || before.suid == 0;
  if (was_root && ruid != 0 && euid != 0 && suid != 0) {
    if ((secure_bits & SECBIT_KEEP_CAPS) == 0) permitted = effective = 0;
    ambient = 0;
  }
  if (before.euid == 0 && euid != 0) effective = 0;
  if (before.euid != 0 && euid == 0) effective = permitted;
}

int Credentials::SetUid(uint32_t uid) {
  const Credentials before = *this;
  if (Has(Capability::kSetuid)) {
    ruid = suid = uid;
  } else if (!OneOf(uid, {ruid, suid})) {
    return -EPERM;
  }
  euid = fsuid = uid;
  FixCapabilities(before);
  return 0;
}

int Credentials::SetReUid(uint32_t real, uint32_t effective_id) {
  const bool any = Has(Capability::kSetuid);
  if (real != kUnchanged && !any && !OneOf(real, {ruid, euid})) return -EPERM;
  if (effective_id != kUnchanged && !any &&
      !OneOf(effective_id, {ruid, euid, suid})) {
    return -EPERM;
  }
  const Credentials before = *this;
  if (real != kUnchanged) ruid = real;
  if (effective_id != kUnchanged) euid = effective_id;
  if (real != kUnchanged ||
      (effective_id != kUnchanged && effective_id != before.ruid)) {
    suid = euid;
  }
  fsuid = euid;
  FixCapabilities(before);
  return 0;
}

int Credentials::SetResUid(uint32_t real, uint32_t effective_id,
                           uint32_t saved) {
  for (uint32_t id : {real, effective_id, saved}) {
    if (id != kUnchanged && !Has(Capability::kSetuid) &&
        !OneOf(id, {ruid, euid, suid})) {
      return -EPERM;
    }
  }
  const Credentials before = *this;
  if (real != kUnchanged) ruid = real;
  if (effective_id != kUnchanged) euid = effective_id;
  if (saved != kUnchanged) suid = saved;
  fsuid = euid;
  FixCapabilities(before);
  return 0;
}

void Credentials::SetFsUid(uint32_t uid) {
  if (!Has(Capability::kSetuid) && !OneOf(uid, {ruid, euid, suid, fsuid})) {
    return;
  }
  const uint32_t before = std::exchange(fsuid, uid);
  if ((secure_bits & SECBIT_NO_SETUID_FIXUP) != 0) return;
  if (before == 0 && uid != 0) effective &= ~kFileCapabilities;
  if (before != 0 && uid == 0) effective |= permitted & kFileCapabilities;
}

int Credentials::SetGid(uint32_t gid) {
  if (Has(Capability::kSetgid)) {
    rgid = sgid = gid;
  } else if (!OneOf(gid, {rgid, sgid})) {
    return -EPERM;
  }
  egid = fsgid = gid;
  return 0;
}

int Credentials::SetReGid(uint32_t real, uint32_t effective_id) {
  const bool any = Has(Capability::kSetgid);
  if (real != kUnchanged && !any && !OneOf(real, {rgid, egid})) return -EPERM;
  if (effective_id != kUnchanged && !any &&
      !OneOf(effective_id, {rgid, egid, sgid})) {
    return -EPERM;
  }
  const uint32_t before = rgid;
  if (real != kUnchanged) rgid = real;
  if (effective_id != kUnchanged) egid = effective_id;
  if (real != kUnchanged ||
      (effective_id != kUnchanged && effective_id != before)) {
    sgid = egid;
  }
  fsgid = egid;
  return 0;
}

int Credentials::SetResGid(uint32_t real, uint32_t effective_id,
                           uint32_t saved) {
  for (uint32_t id : {real, effective_id, saved}) {
    if (id != kUnchanged && !Has(Capability::kSetgid) &&
        !OneOf(id, {rgid, egid, sgid})) {
      return -EPERM;
    }
  }
  if (real != kUnchanged) rgid = real;
  if (effective_id != kUnchanged) egid = effective_id;
  if (saved != kUnchanged) sgid = saved;
  fsgid = egid;
  return 0;
}

void Credentials::SetFsGid(uint32_t gid) {
  if (Has(Capability::kSetgid) || OneOf(gid, {rgid, egid, sgid, fsgid})) {
    fsgid = gid;
  }
}

int Credentials::SetGroups(std::vector<uint32_t> ids) {
  if (!Has(Capability::kSetgid)) return -EPERM;
  std::sort(ids.begin(), ids.end());
  groups = std::move(ids);
  return 0;
}

int Credentials::SetCapabilities(uint64_t new_effective, uint64_t new_permitted,
                                 uint64_t new_inheritable) {
  // cap_capset of the kernel, rule by rule.
  if (!Has(Capability::kSetpcap) &&
      (new_inheritable & ~(inheritable | permitted)) != 0) {
    return -EPERM;
  }
  if ((new_inheritable & ~(inheritable | bounding)) != 0) return -EPERM;
  if ((new_permitted & ~permitted) != 0) return -EPERM;
  if ((new_effective & ~new_permitted) != 0) return -EPERM;
  effective = new_effective;
  permitted = new_permitted;
  inheritable = new_inheritable;
  ambient &= permitted & inheritable;
  return 0;
}

bool Credentials::Execute(const struct stat& file,
                          std::string_view file_capabilities) {
  const Credentials before = *this;
  if ((file.st_mode & S_ISUID) != 0) euid = file.st_uid;
  if ((file.st_mode & (S_ISGID | S_IXGRP)) == (S_ISGID | S_IXGRP)) {
    egid = file.st_gid;
  }
  suid = fsuid = euid;
  sgid = fsgid = egid;
  const bool set_id = euid != before.ruid || egid != before.rgid;
  const FileCapabilities given = ParseFileCapabilities(file_capabilities);
  if (given.present || set_id) ambient = 0;
  permitted = (given.permitted & bounding) | (given.inheritable & inheritable) |
              ambient;
  bool raise = given.effective;
  const bool root_rules = (secure_bits & SECBIT_NOROOT) == 0 &&
                          !(given.present && ruid != 0 && euid == 0);
  if (root_rules && (ruid == 0 || euid == 0)) {
    permitted = bounding | inheritable;
    if (euid == 0) raise = true;
  }
  effective = raise ? permitted : ambient;
  secure_bits &= ~uint32_t{SECBIT_KEEP_CAPS};
  return set_id || (ruid != 0 && effective != ambient);
}

Credentials Credentials::ForAccess() const {
  Credentials real = *this;
  real.fsuid = ruid;
  real.fsgid = rgid;
  if ((secure_bits & SECBIT_NO_SETUID_FIXUP) == 0) {
    real.effective = ruid == 0 ? permitted : 0;
  }
  return real;
}

bool MayAccess(const Credentials& who, const struct stat& file,
               unsigned wanted) {
  unsigned granted = file.st_mode & 7;
  if (who.fsuid == file.st_uid) {
    granted = file.st_mode >> 6 & 7;
  } else if (who.InGroup(file.st_gid)) {
    granted = file.st_mode >> 3 & 7;
  }
  if ((wanted & ~granted) == 0) return true;
  const bool directory = S_ISDIR(file.st_mode);
  if (who.Has(Capability::kDacReadSearch) &&
      (directory ? (wanted & 2) == 0 : wanted == 4)) {
    return true;
  }
  return who.Has(Capability::kDacOverride) &&
         (directory || (wanted & 1) == 0 || (file.st_mode & 0111) != 0);
}

bool IsOwner(const Credentials& who, const struct stat& file) {
  return who.fsuid == file.st_uid || who.Has(Capability::kFowner);
}

bool MayRemove(const Credentials& who, const struct stat& directory,
               const struct stat& file) {
  return (directory.st_mode & S_ISVTX) == 0 || who.fsuid == directory.st_uid ||
         IsOwner(who, file);
}

}  // namespace strake::builder::sandbox::notify
