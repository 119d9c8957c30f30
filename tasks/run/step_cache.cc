#include "tasks/run/step_cache.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <filesystem>
#include <span>
#include <system_error>

#include "dockerfile/ignore.h"
#include "oci/digest.h"
#include "util/byte_stream.h"
#include "util/result_macros.h"
#include "util/tree_walk.h"
#include "util/unique_fd.h"

namespace strake::tasks::run {
namespace {

constexpr size_t kBlockBytes = size_t{256} << 10;

// Fields are told apart by a byte that none of them holds.
void Add(oci::Hasher& hasher, std::string_view field) {
  hasher.Update(field);
  hasher.Update(std::string_view("", 1));
}

Status AddContent(oci::Hasher& hasher, const TreeEntry& entry) {
  const std::string name(entry.name);
  UniqueFd file(::openat(entry.directory, name.c_str(),
                         O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
  if (!file) return ErrnoError("read " + std::string(entry.path));
  FdSource source(std::move(file));
  std::vector<std::byte> block(kBlockBytes);
  while (true) {
    ASSIGN_OR_RETURN(size_t n, source.Read(block));
    if (n == 0) return {};
    hasher.Update(std::span(block).first(n));
  }
}

// The files that the patterns select, by path and content.
Status AddKeyFiles(oci::Hasher& hasher, const file::StepCache& cache,
                   const std::string& workspace) {
  if (cache.key_files.empty()) return {};
  ASSIGN_OR_RETURN(auto patterns,
                   dockerfile::IgnoreMatcher::Compile(cache.key_files));
  UniqueFd top(::open(workspace.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!top) return ErrnoError("open " + workspace);
  return WalkTree(
      top.get(), {}, [&](const TreeEntry& entry) -> Result<TreeStep> {
        const bool selected =
            S_ISREG(entry.stat->stx_mode) && patterns.Excludes(entry.path);
        if (selected) {
          Add(hasher, entry.path);
          RETURN_IF_ERROR(AddContent(hasher, entry));
        }
        return TreeStep::kContinue;
      });
}

Result<std::string> FolderName(const file::StepCache& cache,
                               const std::string& path,
                               const std::string& task_name,
                               const std::string& workspace) {
  oci::Hasher hasher;
  Add(hasher, task_name);
  Add(hasher, cache.id);
  Add(hasher, path);
  RETURN_IF_ERROR(AddKeyFiles(hasher, cache, workspace));
  return "task-" + hasher.Finish().Hex();
}

// Makes the folder under its lock, whose time tells when it was used last, and
// returns a lock that all who use it share.
Result<FileLock> Claim(const std::string& folder) {
  ASSIGN_OR_RETURN(
      FileLock lock,
      FileLock::Acquire(folder + ".lock", FileLock::Mode::kExclusive));
  (void)::futimens(lock.fd(), nullptr);
  if (::mkdir(folder.c_str(), 0777) != 0 && errno != EEXIST) {
    return ErrnoError("make the cache " + folder);
  }
  // Steps may run as any user.
  (void)::chmod(folder.c_str(), 0777);
  return FileLock::Acquire(folder + ".sharers", FileLock::Mode::kShared);
}

}  // namespace

Result<OpenedCaches> OpenStepCaches(const file::Step& step,
                                    const std::string& task_name,
                                    const std::string& workspace,
                                    const std::string& store_directory) {
  OpenedCaches opened;
  const std::string mounts = store_directory + "/mounts/";
  for (const file::StepCache& cache : step.caches) {
    for (const std::string& path : cache.paths) {
      auto name = FolderName(cache, path, task_name, workspace);
      if (!name) {
        return std::move(name).error().Wrap("cache " + cache.id + " of step " +
                                            step.id);
      }
      std::error_code ignored;
      std::filesystem::create_directories(mounts, ignored);
      ASSIGN_OR_RETURN(FileLock lock, Claim(mounts + *name));
      opened.locks.push_back(std::move(lock));
      opened.binds.push_back({mounts + *name, path, false});
    }
  }
  return opened;
}

}  // namespace strake::tasks::run
