// Whether a store is sound: `strake fsck`.

#ifndef STRAKE_BUILDER_FSCK_H_
#define STRAKE_BUILDER_FSCK_H_

#include <cstdint>
#include <string>
#include <vector>

#include "util/result.h"

namespace strake::builder {

struct FsckOptions {
  // Remove what is wrong, where that makes the store sound again. What cannot
  // be read is kept, and stays a problem. Only done while no other strake has
  // the store open.
  bool repair = false;
};

struct FsckReport {
  struct Problem {
    std::string what;  // "blob sha256:...: its content is sha256:..."
    bool repaired = false;
  };
  size_t blobs = 0;  // that were read and hashed
  uint64_t blob_bytes = 0;
  size_t images = 0;
  size_t index_entries = 0;
  size_t snapshots = 0;
  std::vector<Problem> problems;
  // What is no mistake: what rests of processes that were killed, entries whose
  // result was removed.
  std::vector<std::string> notes;

  bool sound() const;  // all problems, if any, are repaired
};

// Reads every blob; every image's parts, every line of the cache index, every
// snapshot's parents have to be there, and nothing that a killed process was
// writing may be older than an hour.
// Errors: `kUnavailable` where `repair` cannot be done for other strakes.
Result<FsckReport> CheckStore(const std::string& store_directory,
                              const FsckOptions& options);

}  // namespace strake::builder

#endif  // STRAKE_BUILDER_FSCK_H_
