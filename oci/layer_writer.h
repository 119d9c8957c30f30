// Writes file system changes as one layer (image-spec layer.md): a pax tar with
// whiteouts, hard links relative to the layer's root, xattrs (SCHILY.xattr),
// device nodes, sparse files as their plain content, sub-second times, and
// names of any length and encoding. Stateless; safe to call from any thread.

#ifndef STRAKE_OCI_LAYER_WRITER_H_
#define STRAKE_OCI_LAYER_WRITER_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>

#include "oci/change.h"
#include "oci/image_config.h"
#include "util/byte_stream.h"
#include "util/result.h"
#include "util/unique_fd.h"

namespace strake::oci {

struct LayerWriteOptions {
  // Later modification times are set to this one (SOURCE_DATE_EPOCH with
  // rewrite-timestamp); none: times are written as they are.
  std::optional<Timestamp> clamp_mtime;
  // As layers for Windows are (windows_layer.h); all changes are below "Files".
  bool windows = false;
  // Opens the content of the file at a path where it is not in the root that
  // the layer is of; an empty descriptor: it is there. What is longer than the
  // metadata says is cut. May be empty.
  std::function<Result<UniqueFd>(const std::string& path)> open_content = {};
};

struct TarSummary {
  uint64_t entries = 0;
  uint64_t content_bytes = 0;  // file content, headers not counted
};

// Writes `changes` to `out` as an uncompressed pax tar with its two trailing
// zero blocks.
//   changes  sorted bytewise by path component, relative to `root`, no leading
//            "/"; a directory precedes what is in it
//   root     directory descriptor of the newer file system, from which content
//            is read; borrowed, never left. Metadata comes from `changes`
//            alone.
//   out      receives the tar bytes; left unfinished
// Equal inputs give equal bytes: no clock, locale or readdir order leaks in.
// Two changes of one (device, inode) become a file and hard links to it.
// Sockets are left out, as every builder does.
// Errors: kIo (read or write failed, or a file changed its size meanwhile).
Result<TarSummary> WriteLayer(std::span<const Change> changes, int root,
                              ByteSink& out,
                              const LayerWriteOptions& options = {});

}  // namespace strake::oci

#endif  // STRAKE_OCI_LAYER_WRITER_H_
