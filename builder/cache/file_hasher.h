// The digests of many files, worked out on several threads while the caller
// walks on to the next ones. Threads are started once there is work for them;
// where the system refuses them, the caller does it all.
//
// `Start` and `Finish` are for one thread, the one that made the hasher.

#ifndef STRAKE_BUILDER_CACHE_FILE_HASHER_H_
#define STRAKE_BUILDER_CACHE_FILE_HASHER_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>

#include "builder/cache/stat_cache.h"
#include "builder/context/source_tree.h"
#include "oci/digest.h"
#include "util/result.h"
#include "util/unique_fd.h"

namespace strake::builder::cache {

struct FileHasherOptions {
  StatCache* stat_cache = nullptr;  // borrowed; learns each digest. May be null
  std::function<void(uint64_t)> on_bytes;  // called from any of the threads
  std::stop_token stop;
  unsigned threads = 0;  // beside the caller's
};

class FileHasher {
 public:
  // One file, on its way.
  class Job;
  using Ticket = std::shared_ptr<Job>;

  explicit FileHasher(FileHasherOptions options);
  FileHasher(const FileHasher&) = delete;
  FileHasher& operator=(const FileHasher&) = delete;
  // What nobody waited for is given up.
  ~FileHasher();

  //   content  the file, open at its beginning; it stays open until it is read
  //   file     what stat(2) said of it
  //   path     for messages
  Ticket Start(UniqueFd content, const context::SourceFile& file,
               std::string path);
  // Waits for the digest, and works on files meanwhile. Once for each ticket.
  // Errors: kIo naming the path, kCancelled.
  Result<oci::Digest> Finish(const Ticket& ticket);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace strake::builder::cache

#endif  // STRAKE_BUILDER_CACHE_FILE_HASHER_H_
