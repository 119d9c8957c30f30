// Reads a tar, plain or compressed once, entry by entry, with libarchive.

#ifndef STRAKE_BUILDER_CONTEXT_ARCHIVE_READER_H_
#define STRAKE_BUILDER_CONTEXT_ARCHIVE_READER_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "builder/context/tree_writer.h"
#include "util/byte_stream.h"
#include "util/result.h"

namespace strake::builder::context {

struct ArchiveEntry {
  std::string name;       // as the archive has it
  std::string link_name;  // of a symlink or hard link
  bool is_hard_link = false;
  FileMetadata metadata;
  uint64_t size_bytes = 0;
};

// Not thread-safe.
class ArchiveReader {
 public:
  // Starts to read `stream` (borrowed). Fails with `kCorrupt` where it is
  // neither a tar nor compressed in a known way.
  static Result<ArchiveReader> Open(ByteSource& stream);
  ArchiveReader(ArchiveReader&&) noexcept;
  ~ArchiveReader();

  // The next entry, or nothing at the end. Errors: kCorrupt, those of `stream`.
  Result<std::optional<ArchiveEntry>> Next();

  // Writes the content of the entry at hand to `fd`, an empty file; holes stay
  // holes. Returns its size.
  Result<uint64_t> WriteContent(int fd,
                                const std::function<void(uint64_t)>& on_bytes);

 private:
  struct State;
  explicit ArchiveReader(std::unique_ptr<State> state);
  Error Failed() const;

  std::unique_ptr<State> state_;
};

}  // namespace strake::builder::context

#endif  // STRAKE_BUILDER_CONTEXT_ARCHIVE_READER_H_
