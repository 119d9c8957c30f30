#include "builder/snapshot/touched_paths.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <unordered_set>
#include <utility>

#include "util/result_macros.h"
#include "util/strings.h"
#include "util/tree_walk.h"
#include "util/unique_fd.h"

namespace strake::builder::snapshot {
namespace {

// Calls `add` with paths of which two journals say different things.
template <typename Add>
void ForEachDifference(const OwnershipJournal& a, const OwnershipJournal& b,
                       Add add) {
  const auto add_missing = [&](const OwnershipJournal& from,
                               const OwnershipJournal& in) {
    for (const auto& [path, metadata] : from.entries()) {
      const VirtualMetadata* other = in.Find(path);
      if (other == nullptr || *other != metadata) add(path);
    }
  };
  add_missing(a, b);
  add_missing(b, a);
}

class Collector {
 public:
  Collector(const TreeState& newer, const TreeState& older,
            const MetadataScan& fresh)
      : newer_(newer), older_(older), fresh_(fresh) {}

  Result<std::vector<std::string>> Run(const std::set<std::string>& touched) {
    for (const std::string& path : touched) {
      if (path.ends_with('/')) {
        RETURN_IF_ERROR(AddTree(path.substr(0, path.size() - 1)));
      } else {
        Add(path);
      }
    }
    AddJournals();
    AddOtherNames();
    std::vector<std::string> paths(paths_.begin(), paths_.end());
    std::ranges::sort(paths, PathLess);
    return paths;
  }

 private:
  // `path` and what is above it.
  void Add(std::string path) {
    while (!path.empty() && paths_.insert(path).second) {
      const size_t slash = path.rfind('/');
      path.resize(slash == std::string::npos ? 0 : slash);
    }
  }

  // What is and what was below a directory, too.
  Status AddTree(const std::string& top) {
    Add(top);
    const std::string prefix = top + "/";
    auto at =
        std::ranges::lower_bound(fresh_, top, PathLess, &ScannedFile::path);
    for (; at != fresh_.end() &&
           (at->path == top || at->path.starts_with(prefix));
         ++at) {
      Add(at->path);
    }
    const UniqueFd directory(
        ::openat(newer_.root, top.c_str(),
                 O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!directory) {
      if (errno == ENOENT || errno == ENOTDIR || errno == ELOOP) return {};
      return ErrnoError("open " + top);
    }
    return WalkTree(directory.get(), {.open_up = true},
                    [&](const TreeEntry& entry) {
                      Add(prefix + std::string(entry.path));
                      return TreeStep::kContinue;
                    });
  }

  void AddJournals() {
    ForEachDifference(newer_.journal, older_.journal,
                      [this](const std::string& path) { Add(path); });
  }

  // Names that a touched file had from the beginning, even if it has lost the
  // one by which it was touched; a name that it got later was touched itself.
  void AddOtherNames() {
    std::unordered_set<uint64_t> files;
    for (const std::string& path : paths_) {
      struct stat st;
      if (::fstatat(newer_.root, path.c_str(), &st, AT_SYMLINK_NOFOLLOW) == 0 &&
          st.st_nlink > 1 && !S_ISDIR(st.st_mode)) {
        files.insert(st.st_ino);
      }
    }
    for (const ScannedFile& file : fresh_) {
      if (paths_.contains(file.path)) files.insert(file.inode);
    }
    for (const ScannedFile& file : fresh_) {
      if (files.contains(file.inode)) Add(file.path);
    }
  }

  const TreeState& newer_;
  const TreeState& older_;
  const MetadataScan& fresh_;
  std::set<std::string> paths_;
};

}  // namespace

Result<std::vector<std::string>> PathsToCompare(
    const TreeState& newer, const TreeState& older, const MetadataScan& fresh,
    const std::set<std::string>& touched) {
  return Collector(newer, older, fresh).Run(touched);
}

std::vector<std::string> PathsToCompare(const TreeState& newer,
                                        const TreeState& older,
                                        const MetadataScan& fresh,
                                        const MetadataScan& now) {
  std::vector<std::string> paths;
  auto before = fresh.begin();
  for (const ScannedFile& file : now) {
    for (; before != fresh.end() && PathLess(before->path, file.path);
         ++before) {
      paths.push_back(before->path);
    }
    const bool was_there = before != fresh.end() && before->path == file.path;
    if (!was_there || !before->SameAs(file)) paths.push_back(file.path);
    if (was_there) ++before;
  }
  for (; before != fresh.end(); ++before) paths.push_back(before->path);
  ForEachDifference(newer.journal, older.journal, [&](const std::string& path) {
    if (!path.empty()) paths.push_back(path);
  });
  std::ranges::sort(paths, PathLess);
  const auto twice = std::ranges::unique(paths);
  paths.erase(twice.begin(), twice.end());
  return paths;
}

std::string SerializeTouched(const std::set<std::string>& touched) {
  std::string bytes;
  for (const std::string& path : touched) {
    bytes += path;
    bytes += '\0';
  }
  return bytes;
}

std::set<std::string> ParseTouched(std::string_view bytes) {
  std::set<std::string> touched;
  std::vector<std::string_view> parts = Split(bytes, '\0');
  // Behind the last zero byte is nothing.
  parts.pop_back();
  for (std::string_view part : parts) touched.emplace(part);
  return touched;
}

}  // namespace strake::builder::snapshot
