// Owners and modes that the disk cannot hold.
//
// A builder without CAP_CHOWN over the ids it needs (a user namespace with a
// single id, a plain user) cannot give a file to uid 42, make a device node,
// or set a file capability. It records what the file *should* be, by path
// relative to the root of a tree, and everybody who reads metadata of that
// tree for a layer or a copy asks the journal first. Where real ownership can
// be had the journal stays empty.
//
// A value type; not thread-safe.

#ifndef STRAKE_UTIL_OWNERSHIP_JOURNAL_H_
#define STRAKE_UTIL_OWNERSHIP_JOURNAL_H_

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "util/result.h"

namespace strake {

// Which properties of a file go to a journal, where there is one.
enum class JournalUse {
  // Those that the kernel refuses.
  kRefused,
  // Every owner but root's, every device, and all extended attributes outside
  // "user.", also where the kernel would take them: files on disk stay this
  // process's own, as a sandbox that emulates owners wants them.
  kAll,
};

// Whose a file is that no journal speaks of and that belongs to `uid` or `gid`
// on disk: this process's own files are root's. (Root, and whoever is root in a
// user namespace, need no such rule and are not concerned.)
uint32_t VirtualUid(uint32_t uid);
uint32_t VirtualGid(uint32_t gid);
// The other way round: who has a file on disk that is to belong to `uid`.
uint32_t UidOnDisk(uint32_t uid);
uint32_t GidOnDisk(uint32_t gid);

// What a file is meant to be; `mode` holds type and permission bits (st_mode).
struct VirtualMetadata {
  uint32_t mode = 0;
  uint32_t uid = 0;
  uint32_t gid = 0;
  uint64_t rdev = 0;                          // devices only; makedev(3)
  std::map<std::string, std::string> xattrs;  // those the disk refused
  friend bool operator==(const VirtualMetadata&,
                         const VirtualMetadata&) = default;
};

class OwnershipJournal {
 public:
  // `path` without leading "/"; "" is the root.
  void Set(std::string_view path, VirtualMetadata metadata);
  // Null where the disk tells the truth.
  const VirtualMetadata* Find(std::string_view path) const;
  // Forgets `path` and everything below it.
  void Remove(std::string_view path);
  // What it says of `path` and below, relative to `path`.
  OwnershipJournal Subtree(std::string_view path) const;
  bool empty() const { return entries_.empty(); }
  const std::map<std::string, VirtualMetadata, std::less<>>& entries() const {
    return entries_;
  }

  // A text form, one entry a line, in path order (specified in the .cc).
  std::string Serialize() const;
  static Result<OwnershipJournal> Parse(std::string_view text);

  friend bool operator==(const OwnershipJournal&,
                         const OwnershipJournal&) = default;

 private:
  std::map<std::string, VirtualMetadata, std::less<>> entries_;
};

}  // namespace strake

#endif  // STRAKE_UTIL_OWNERSHIP_JOURNAL_H_
