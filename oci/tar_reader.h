// Reads a layer tar entry by entry (libarchive: pax, GNU, ustar, v7, sparse
// files of all GNU kinds), whatever the process's locale. For the `.cc` files
// of this room. Not thread-safe; one thread for its whole life.

#ifndef STRAKE_OCI_TAR_READER_H_
#define STRAKE_OCI_TAR_READER_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "oci/change.h"
#include "util/byte_stream.h"
#include "util/result.h"

namespace strake::oci {

struct TarHeader {
  std::string path;              // raw bytes, as the tar has them
  std::string hard_link_target;  // empty: no hard link
  FileMetadata metadata;         // device, inode and link_count are unset
};

// A piece of a file's content; what lies between pieces is zeros.
struct TarContent {
  std::span<const std::byte> data;  // valid until the next call
  uint64_t offset = 0;
};

class TarReader {
 public:
  // `tar` is borrowed.
  explicit TarReader(ByteSource& tar);
  ~TarReader();

  // The next entry, or nothing at the end. `kCorrupt` where this is no tar, is
  // truncated, or says what no file can have; an error of the source as it is.
  Result<std::optional<TarHeader>> Next();
  // The next piece of the current entry's content, in ascending order of
  // offsets, or nothing at its end. What is not asked for is skipped.
  Result<std::optional<TarContent>> NextContent();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace strake::oci

#endif  // STRAKE_OCI_TAR_READER_H_
