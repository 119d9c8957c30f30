#include "builder/pack_archive.h"

#include <fcntl.h>
#include <unistd.h>

#include <filesystem>
#include <optional>
#include <string_view>
#include <system_error>
#include <utility>

#include "builder/context/archive_reader.h"
#include "util/byte_stream.h"
#include "util/result_macros.h"
#include "util/strings.h"
#include "util/unique_fd.h"

namespace strake::builder {
namespace {

constexpr std::string_view kBlobs = "blobs/sha256/";

bool IsDocument(std::string_view name) {
  return name == "oci-layout" || name == "index.json";
}

// Docker writes a manifest.json beside the layout.
bool BelongsToLayout(std::string_view name) {
  return IsDocument(name) || name == "manifest.json" || name == "blobs" ||
         name.starts_with("blobs/");
}

// A name that can be written below a folder as it is.
bool IsWanted(std::string_view name) {
  if (IsDocument(name)) return true;
  if (!name.starts_with(kBlobs)) return false;
  name.remove_prefix(kBlobs.size());
  return HexDecode(name).has_value() && !name.empty();
}

Status WriteEntry(context::ArchiveReader& reader, const std::string& path) {
  ASSIGN_OR_RETURN(UniqueFd fd,
                   OpenFile(path.c_str(), O_RDWR | O_CREAT | O_TRUNC, 0600));
  RETURN_IF_ERROR(reader.WriteContent(fd.get(), {}));
  return {};
}

}  // namespace

Result<std::unique_ptr<ArchivedLayout>> ArchivedLayout::Open(int fd) {
  if (::lseek(fd, 0, SEEK_SET) < 0) return ErrnoError("seek");
  FdSource stream(fd);
  ASSIGN_OR_RETURN(context::ArchiveReader reader,
                   context::ArchiveReader::Open(stream));
  ASSIGN_OR_RETURN(std::optional<context::ArchiveEntry> entry, reader.Next());
  if (!entry || !BelongsToLayout(CleanPath(entry->name))) {
    return std::unique_ptr<ArchivedLayout>();
  }
  ASSIGN_OR_RETURN(
      TemporaryFolder folder,
      TemporaryFolder::Make("strake-pack-", "to unpack an archive in"));
  const std::string path = folder.path();
  std::unique_ptr<ArchivedLayout> layout(new ArchivedLayout(std::move(folder)));
  std::error_code failed;
  std::filesystem::create_directories(path + "/" + std::string(kBlobs), failed);
  if (failed) return IoError("mkdir below " + path + ": " + failed.message());
  while (entry) {
    const std::string name = CleanPath(entry->name);
    if (IsWanted(name)) RETURN_IF_ERROR(WriteEntry(reader, path + "/" + name));
    ASSIGN_OR_RETURN(entry, reader.Next());
  }
  return layout;
}

}  // namespace strake::builder
