// Layers of Windows images (image-spec layer.md, and what Windows' own importer
// asks of a tar): the files are below "Files/", "Hives/" stands for the
// registry, and pax records hold what Windows knows of a file instead of owner
// and xattrs: its attributes, its security descriptor, when it was made. For
// the `.cc` files of this room. Stateless.

#ifndef STRAKE_OCI_WINDOWS_LAYER_H_
#define STRAKE_OCI_WINDOWS_LAYER_H_

#include <string_view>

#include "oci/tar_entry.h"
#include "util/result.h"

namespace strake::oci {

inline constexpr std::string_view kWindowsFiles = "Files";
inline constexpr std::string_view kWindowsHives = "Hives";

// Gives `entry`, a file at its place below "Files", the form that it has in a
// layer for Windows.
//   metadata  room for its new metadata; borrowed by `entry` from now on
// Errors: `kUnsupported` for what Windows has not (devices, FIFOs),
// `kInternal` for a path that is elsewhere.
Status MakeWindowsEntry(TarEntry& entry, FileMetadata& metadata);

}  // namespace strake::oci

#endif  // STRAKE_OCI_WINDOWS_LAYER_H_
