#include "oci/windows_layer.h"

#include <sys/stat.h>

#include <array>
#include <cstdint>
#include <string>

#include "oci/pax_header.h"
#include "util/strings.h"

namespace strake::oci {
namespace {

// [MS-FSCC] 2.6, "File Attributes".
constexpr unsigned kDirectory = 0x10;
constexpr unsigned kArchive = 0x20;
constexpr unsigned kReparsePoint = 0x400;

// [MS-DTYP] 2.4.6, SECURITY_DESCRIPTOR, self-relative: owner and group are
// BUILTIN\Administrators (S-1-5-32-544), access lists there are none.
std::string SecurityDescriptor() {
  constexpr std::array<unsigned char, 20> kHeader = {
      1,       0, 0, 0x80,  // revision; SE_SELF_RELATIVE
      20,      0, 0, 0,     // where the owner is
      20 + 16, 0, 0, 0,     // where the group is
      0,       0, 0, 0,     // no system access list
      0,       0, 0, 0};    // no discretionary one
  constexpr std::array<unsigned char, 16> kAdministrators = {
      1, 2, 0, 0, 0, 0, 0, 5, 32, 0, 0, 0, 0x20, 2, 0, 0};
  std::string bytes(kHeader.begin(), kHeader.end());
  bytes.append(kAdministrators.begin(), kAdministrators.end());
  bytes.append(kAdministrators.begin(), kAdministrators.end());
  return Base64Encode(bytes);
}

bool IsBelowFiles(std::string_view path) {
  return path.starts_with(kWindowsFiles) &&
         (path.size() == kWindowsFiles.size() ||
          path[kWindowsFiles.size()] == '/');
}

}  // namespace

Status MakeWindowsEntry(TarEntry& entry, FileMetadata& metadata) {
  if (!IsBelowFiles(entry.path) &&
      entry.path != std::string(kWindowsHives) + "/") {
    return Internal("not below \"Files\" of a layer for Windows");
  }
  unsigned attributes = kArchive;
  switch (entry.metadata->mode & S_IFMT) {
    case S_IFDIR:
      attributes = kDirectory;
      break;
    case S_IFLNK:
      attributes |= kReparsePoint;
      break;
    case S_IFREG:
      break;
    default:
      return Unsupported("an image for Windows has no devices and no FIFOs");
  }
  metadata = *entry.metadata;
  metadata.uid = metadata.gid = 0;
  metadata.xattrs.clear();
  entry.metadata = &metadata;
  if (!entry.hard_link_target.empty()) return {};
  entry.pax = {{"LIBARCHIVE.creationtime", FormatPaxTime(entry.mtime)},
               {"MSWINDOWS.fileattr", std::to_string(attributes)},
               {"MSWINDOWS.rawsd", SecurityDescriptor()}};
  return {};
}

}  // namespace strake::oci
