#include "builder/ops/cache_owners.h"

#include <fcntl.h>

#include <cstdint>
#include <optional>
#include <utility>

#include "util/atomic_file.h"
#include "util/byte_stream.h"
#include "util/result_macros.h"
#include "util/unique_fd.h"

namespace strake::builder::ops {
namespace {

std::string PathFor(const std::string& folder) { return folder + ".owners"; }

Result<OwnershipJournal> Read(const std::string& path) {
  Result<UniqueFd> file = OpenFile(path.c_str(), O_RDONLY);
  if (!file) {
    if (file.error().code() == ErrorCode::kNotFound) return OwnershipJournal();
    return std::move(file).error();
  }
  constexpr uint64_t kLimit = uint64_t{1} << 30;
  FdSource source(file->get());
  ASSIGN_OR_RETURN(const std::string text, ReadAll(source, kLimit));
  auto journal = OwnershipJournal::Parse(text);
  if (!journal) return std::move(journal).error().Wrap(path);
  return journal;
}

}  // namespace

Status CacheOwners::Start(const std::string& folder,
                          const OwnershipJournal& journal) {
  return WriteFileAtomically(PathFor(folder), journal.Serialize());
}

Result<CacheOwners> CacheOwners::Load(const std::string& folder) {
  std::string path = PathFor(folder);
  ASSIGN_OR_RETURN(OwnershipJournal journal, Read(path));
  return CacheOwners(std::move(path), std::move(journal));
}

Status CacheOwners::Save() const {
  if (journal_ == before_) return {};
  ASSIGN_OR_RETURN(
      FileLock lock,
      FileLock::Acquire(path_ + ".lock", FileLock::Mode::kExclusive));
  ASSIGN_OR_RETURN(OwnershipJournal now, Read(path_));
  OwnershipJournal kept;
  for (const auto& [path, metadata] : now.entries()) {
    if (before_.Find(path) == nullptr) kept.Set(path, metadata);
  }
  for (const auto& [path, metadata] : journal_.entries()) {
    kept.Set(path, metadata);
  }
  return WriteFileAtomically(path_, kept.Serialize());
}

}  // namespace strake::builder::ops
