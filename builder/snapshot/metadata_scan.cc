// On disk: the line "strake-scan 1", then for each file its path, a zero byte,
// and inode number and ctime in nanoseconds as 8 bytes each, lowest first. A
// scan never leaves its machine, but it may well outlive this program's build.

#include "builder/snapshot/metadata_scan.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "util/result_macros.h"
#include "util/tree_walk.h"

namespace strake::builder::snapshot {
namespace {

constexpr std::string_view kHeader = "strake-scan 1\n";
constexpr int64_t kNanosecondsPerSecond = 1'000'000'000;
// File times come from a clock that ticks every 10 ms at the slowest; twice
// that is safe.
constexpr int64_t kTickNs = 20'000'000;

int64_t ChangeTime(const struct statx& st) {
  return st.stx_ctime.tv_sec * kNanosecondsPerSecond + st.stx_ctime.tv_nsec;
}

int64_t Now() {
  struct timespec now = {};
  ::clock_gettime(CLOCK_REALTIME_COARSE, &now);
  return now.tv_sec * kNanosecondsPerSecond + now.tv_nsec;
}

ScannedFile See(std::string path, const struct statx& st,
                int64_t settled_before) {
  int64_t ctime = ChangeTime(st);
  if (ctime >= settled_before) ctime = ScannedFile::kUnsettled;
  return {std::move(path), st.stx_ino, ctime};
}

void AppendNumber(uint64_t number, std::string& bytes) {
  for (int shift = 0; shift < 64; shift += 8) {
    bytes += static_cast<char>(number >> shift & 0xff);
  }
}

uint64_t TakeNumber(std::string_view& bytes) {
  uint64_t number = 0;
  for (int i = 7; i >= 0; --i) {
    number =
        number << 8 | static_cast<unsigned char>(bytes[static_cast<size_t>(i)]);
  }
  bytes.remove_prefix(8);
  return number;
}

}  // namespace

bool ScannedFile::Untouched(const struct statx& st) const {
  return ctime_ns != kUnsettled && st.stx_ino == inode &&
         ChangeTime(st) == ctime_ns;
}

Result<MetadataScan> ScanTree(int root) {
  MetadataScan scan;
  int64_t settled_before = Now() - kTickNs;
  RETURN_IF_ERROR(
      WalkTree(root, {.open_up = true}, [&](const TreeEntry& entry) {
        if (S_ISSOCK(entry.stat->stx_mode)) return TreeStep::kContinue;
        scan.push_back(
            See(std::string(entry.path), *entry.stat, settled_before));
        return TreeStep::kContinue;
      }));
  return scan;
}

Result<MetadataScan> RescanPaths(int root, MetadataScan scan,
                                 const std::vector<std::string>& paths) {
  const int64_t settled_before = Now() - kTickNs;
  MetadataScan now;
  now.reserve(scan.size() + paths.size());
  auto next = scan.begin();
  std::string gone;  // and "/": the last path that is no directory
  const auto keep = [&](ScannedFile& file) {
    const bool is_below = !gone.empty() && file.path.starts_with(gone);
    if (!is_below) now.push_back(std::move(file));
  };
  for (const std::string& path : paths) {
    for (; next != scan.end() && PathLess(next->path, path); ++next) {
      keep(*next);
    }
    if (next != scan.end() && next->path == path) ++next;
    struct statx st;
    const bool is_there = ::statx(root, path.c_str(), AT_SYMLINK_NOFOLLOW,
                                  STATX_BASIC_STATS, &st) == 0;
    if (!is_there && errno != ENOENT && errno != ENOTDIR) {
      return ErrnoError("stat " + path);
    }
    if (!is_there || !S_ISDIR(st.stx_mode)) gone = path + "/";
    if (is_there && !S_ISSOCK(st.stx_mode)) {
      now.push_back(See(path, st, settled_before));
    }
  }
  for (; next != scan.end(); ++next) keep(*next);
  return now;
}

std::string SerializeScan(const MetadataScan& scan) {
  std::string bytes(kHeader);
  for (const ScannedFile& file : scan) {
    bytes += file.path;
    bytes += '\0';
    AppendNumber(file.inode, bytes);
    AppendNumber(static_cast<uint64_t>(file.ctime_ns), bytes);
  }
  return bytes;
}

Result<MetadataScan> ParseScan(std::string_view bytes) {
  if (bytes.substr(0, kHeader.size()) != kHeader) {
    return Corrupt("scan of a snapshot: unknown format");
  }
  bytes.remove_prefix(kHeader.size());
  MetadataScan scan;
  while (!bytes.empty()) {
    size_t end = bytes.find('\0');
    if (end == std::string_view::npos || bytes.size() - end < 17) {
      return Corrupt("scan of a snapshot: cut short");
    }
    ScannedFile file;
    file.path = bytes.substr(0, end);
    bytes.remove_prefix(end + 1);
    file.inode = TakeNumber(bytes);
    file.ctime_ns = static_cast<int64_t>(TakeNumber(bytes));
    scan.push_back(std::move(file));
  }
  return scan;
}

}  // namespace strake::builder::snapshot
