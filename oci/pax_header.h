// Tar headers for the entries that libarchive 3.6 cannot write as they are:
//
//  * names that are not ASCII: libarchive converts them from the process's
//    locale, or gives up and marks the whole entry `hdrcharset=BINARY`, which
//    GNU tar warns about and Go ignores;
//  * times before 1970 with a fraction: it writes -1.75 s as "-2.25";
//  * xattr names with bytes that it would write as "%XX", which Go, and so
//    every other container tool, takes literally;
//  * pax records of one's own.
//
// A pax extended header (POSIX.1-2017, pax, "pax Extended Header") and the
// ustar header of the entry proper; names as raw bytes, as Go writes them. For
// the `.cc` files of this room.

#ifndef STRAKE_OCI_PAX_HEADER_H_
#define STRAKE_OCI_PAX_HEADER_H_

#include <chrono>
#include <string>

#include "oci/tar_entry.h"

namespace strake::oci {

// Seconds since the epoch, as pax records have them: "-1.75".
std::string FormatPaxTime(std::chrono::nanoseconds time);

// Whether `entry` is one of those described above.
bool NeedsOwnHeader(const TarEntry& entry);

// The headers of `entry`, a multiple of 512 bytes; its content follows, padded
// to such a multiple.
std::string PaxHeaderBlocks(const TarEntry& entry);

}  // namespace strake::oci

#endif  // STRAKE_OCI_PAX_HEADER_H_
