// Remembers the digests of files by what stat(2) says of them, so that a
// rebuild does not read unchanged files again.
//
// A file is known by device, inode, size, mtime and ctime. One that changed so
// recently that its next change could leave all of them as they are is not
// remembered.
//
// Thread-safe. Several processes may append to one file at a time.

#ifndef STRAKE_BUILDER_CACHE_STAT_CACHE_H_
#define STRAKE_BUILDER_CACHE_STAT_CACHE_H_

#include <compare>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "builder/context/source_tree.h"
#include "oci/digest.h"
#include "util/result.h"

namespace strake::builder::cache {

class StatCache {
 public:
  // In memory only.
  StatCache();
  ~StatCache();
  StatCache(const StatCache&) = delete;
  StatCache& operator=(const StatCache&) = delete;

  // Reads the records in `path` (made if missing) and appends new ones to it.
  // Damaged records are skipped; a file that grew too large is cut down to the
  // newest ones.
  static Result<std::unique_ptr<StatCache>> Open(const std::string& path);

  std::optional<oci::Digest> Find(const context::SourceFile& file) const;
  // `file` is what stat(2) said before the content was read, and still said
  // afterwards.
  void Remember(const context::SourceFile& file, const oci::Digest& digest);

  // Writes what was remembered since the last time. The destructor does so,
  // too, but cannot report.
  Status Flush();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace strake::builder::cache

#endif  // STRAKE_BUILDER_CACHE_STAT_CACHE_H_
