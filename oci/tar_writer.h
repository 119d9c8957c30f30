// Writes a deterministic pax tar, entry by entry. For the `.cc` files of this
// room. Not thread-safe.

#ifndef STRAKE_OCI_TAR_WRITER_H_
#define STRAKE_OCI_TAR_WRITER_H_

#include <memory>
#include <string_view>

#include "oci/tar_entry.h"
#include "util/byte_stream.h"
#include "util/result.h"

namespace strake::oci {

class TarWriter {
 public:
  // `out` is borrowed and left unfinished.
  explicit TarWriter(ByteSink& out);
  ~TarWriter();

  // Begins an entry; then comes its content, exactly as much as it announces,
  // and `EndEntry`.
  Status BeginEntry(const TarEntry& entry);
  Status WriteContent(std::string_view data);
  Status EndEntry();
  // Writes what is buffered: `out` has all that was said so far.
  Status Flush();
  // Writes the two zero blocks at the end, and what is buffered.
  Status Close();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace strake::oci

#endif  // STRAKE_OCI_TAR_WRITER_H_
