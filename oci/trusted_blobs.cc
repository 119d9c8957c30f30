// The format: `trusted-<boot id>` holds one digest a line, 64 hexadecimal
// digits, appended with one write(2) each. Lines of any other form (a torn
// one) are skipped. A list of another boot means nothing and is removed.

#include "oci/trusted_blobs.h"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include <memory>

#include "util/byte_stream.h"
#include "util/c_handle.h"
#include "util/strings.h"
#include "util/unique_fd.h"

namespace strake::oci {
namespace {

using Directory = std::unique_ptr<DIR, FreeWith<closedir>>;

constexpr std::string_view kListPrefix = "trusted-";
constexpr size_t kHexDigits = 2 * Digest::kBytes;

std::string ListName() {
  auto boot_id = ReadFile("/proc/sys/kernel/random/boot_id", 256);
  if (!boot_id || Trim(*boot_id).empty()) return "";
  return std::string(kListPrefix) + std::string(Trim(*boot_id));
}

}  // namespace

TrustedBlobs::TrustedBlobs(std::string directory)
    : directory_(std::move(directory)), list_name_(ListName()) {}

bool TrustedBlobs::Contains(const Digest& digest) const {
  if (state_.lock()->known.contains(digest)) return true;
  Refresh();
  return state_.lock()->known.contains(digest);
}

void TrustedBlobs::Refresh() const {
  if (list_name_.empty()) return;
  auto fd = OpenFile((directory_ + "/" + list_name_).c_str(), O_RDONLY);
  if (!fd) return;
  off_t begin = state_.lock()->bytes_read;
  if (::lseek(fd->get(), begin, SEEK_SET) != begin) return;
  FdSource source(fd->get());
  auto text = ReadAll(source, uint64_t{1} << 30);
  // An unfinished last line is read again with its end.
  size_t end = text ? text->rfind('\n') : std::string::npos;
  if (end == std::string::npos) return;
  auto state = state_.lock();
  if (state->bytes_read != begin) return;  // another thread was faster
  for (std::string_view line :
       Split(std::string_view(*text).substr(0, end), '\n')) {
    if (line.size() != kHexDigits) continue;
    auto digest = Digest::Parse("sha256:" + std::string(line));
    if (digest) state->known.insert(*digest);
  }
  state->bytes_read = begin + static_cast<off_t>(end) + 1;
}

void TrustedBlobs::Add(const Digest& digest) const {
  if (!state_.lock()->known.insert(digest).second) return;
  if (list_name_.empty()) return;
  std::string path = directory_ + "/" + list_name_;
  auto fd = OpenFile(path.c_str(), O_WRONLY | O_APPEND);
  if (!fd) {
    fd = OpenFile(path.c_str(), O_WRONLY | O_APPEND | O_CREAT, 0644);
    if (!fd) return;
    RemoveListsOfEarlierBoots();
  }
  std::string line = digest.Hex() + "\n";
  (void)WriteFully(fd->get(), std::as_bytes(std::span(line)));
}

void TrustedBlobs::RemoveListsOfEarlierBoots() const {
  Directory directory(::opendir(directory_.c_str()));
  if (!directory) return;
  while (const dirent* entry = ::readdir(directory.get())) {
    std::string_view name = entry->d_name;
    if (!name.starts_with(kListPrefix) || name == list_name_) continue;
    ::unlinkat(::dirfd(directory.get()), entry->d_name, 0);
  }
}

}  // namespace strake::oci
