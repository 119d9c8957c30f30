// Unpacks a layer (image-spec layer.md, "Applying Changesets") into a
// directory. Every path is confined to that directory: "..", absolute names and
// symlinks inside it lead nowhere else, and an entry that tries is an error
// before anything is written through it.

#ifndef STRAKE_OCI_LAYER_APPLIER_H_
#define STRAKE_OCI_LAYER_APPLIER_H_

#include <cstdint>
#include <string>
#include <vector>

#include "util/byte_stream.h"
#include "util/ownership_journal.h"
#include "util/result.h"

namespace strake::oci {

// What of regular files is written.
enum class LayerContents {
  kAll,
  // Metadata and sizes; the content is a hole. etc/passwd and etc/group alone
  // have theirs, so that names of users can be looked up.
  kOutline,
};

// What a deletion in the layer becomes.
enum class WhiteoutForm {
  // The file below is removed: the directory holds the whole file system.
  kDelete,
  // A marker for the kernel's overlay: a character device 0/0, and
  // `overlay.opaque` = "y" in the trusted (kOverlayTrusted) or user
  // (kOverlayUser) namespace: the directory holds this layer only.
  kOverlayTrusted,
  kOverlayUser,
};

struct LayerApplyOptions {
  WhiteoutForm whiteouts = WhiteoutForm::kDelete;
  // Where not null, owners, modes, devices and xattrs that the kernel refuses
  // (EPERM, EINVAL) are recorded here and the file is left the caller's, opened
  // up for its owner (u+rwx on directories, u+rw on files); where null such a
  // refusal is an error. Existing entries of replaced and deleted paths are
  // removed.
  OwnershipJournal* journal = nullptr;
  // With kAll the journal also gets what the kernel would take, and every file
  // is opened up.
  JournalUse journal_use = JournalUse::kRefused;
  LayerContents contents = LayerContents::kAll;
};

struct LayerApplySummary {
  uint64_t entries = 0;
  uint64_t content_bytes = 0;
  // Directories (from the root, no leading "/") that the layer names only as
  // part of a path, and that were not there: made with mode 0755, owned by
  // root, with the time of the entry that needed them. In an overlay form they
  // hide what the layers below say about them.
  std::vector<std::string> implied_directories;
};

// Unpacks the uncompressed tar `layer` (pax, GNU or ustar) into `root`, a
// directory descriptor (borrowed). Directory times are set last. Existing files
// are replaced, never written through; a directory over a directory keeps what
// is in it. Reads `layer` to its end, so that a digest can be taken of it.
// Directories that the layer does not describe keep their times. Not applied
// are `trusted.overlay.*` and `user.overlay.*` xattrs (they describe a mount,
// not the image), aufs' own `.wh..wh.*` files, and metadata of hard links,
// which is their target's. Errors: `kCorrupt` (not a tar, truncated, an entry
// that leaves the root, a hard link to nothing), `kUnsupported` (what an
// overlay cannot hold), `kIo`. The tree is then in an unfinished state: the
// caller throws it away.
Result<LayerApplySummary> ApplyLayer(ByteSource& layer, int root,
                                     const LayerApplyOptions& options);

}  // namespace strake::oci

#endif  // STRAKE_OCI_LAYER_APPLIER_H_
