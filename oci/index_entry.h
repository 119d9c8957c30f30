// Names of images in an `index.json` (see image_layout.h): from annotations and
// back. For the `.cc` files of this room.

#ifndef STRAKE_OCI_INDEX_ENTRY_H_
#define STRAKE_OCI_INDEX_ENTRY_H_

#include "oci/image_layout.h"

namespace strake::oci {

// The entry as users see it: its name taken out of the annotations.
NamedImage FromIndexEntry(Descriptor entry);
Descriptor ToIndexEntry(const NamedImage& image);

// The content of `oci-layout`.
inline constexpr std::string_view kLayoutFile =
    R"({"imageLayoutVersion":"1.0.0"})";

}  // namespace strake::oci

#endif  // STRAKE_OCI_INDEX_ENTRY_H_
