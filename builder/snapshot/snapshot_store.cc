#include "builder/snapshot/snapshot_store.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <optional>
#include <utility>

#include "util/atomic_file.h"
#include "util/byte_stream.h"
#include "util/directory.h"
#include "util/json.h"
#include "util/result_macros.h"
#include "util/rooted_fs.h"

namespace strake::builder::snapshot {
namespace {

constexpr int kReadDirectory = O_RDONLY | O_DIRECTORY | O_NOFOLLOW;
constexpr const char* kTree = "fs";
constexpr const char* kDelta = "delta";

// flock(2) without waiting; whether it was had.
bool TryLock(int fd, int operation) {
  int result;
  do {
    result = ::flock(fd, operation | LOCK_NB);
  } while (result != 0 && errno == EINTR);
  return result == 0;
}

Status CheckId(const SnapshotId& id) {
  bool good = id.size() >= 8 && id.size() <= 64 &&
              id.find_first_not_of("0123456789abcdef") == std::string::npos;
  if (good) return {};
  return InvalidArgument("\"" + id +
                         "\" is no snapshot name: 8 to 64 hexadecimal digits");
}

Result<std::string> AbsolutePath(const std::string& directory) {
  std::error_code error;
  std::filesystem::path path = std::filesystem::canonical(directory, error);
  if (error) return IoError(directory + ": " + error.message());
  return path.string();
}

// The directory `name` in `directory`, open and locked; nothing where it is not
// there, or locked otherwise, or not there any more once it is locked.
UniqueFd OpenLocked(int directory, const char* name, int operation) {
  auto opened = OpenFileAt(directory, name, kReadDirectory);
  if (!opened || !TryLock(opened->get(), operation)) return UniqueFd();
  struct stat mine, there;
  const bool is_there =
      ::fstat(opened->get(), &mine) == 0 &&
      ::fstatat(directory, name, &there, AT_SYMLINK_NOFOLLOW) == 0 &&
      mine.st_dev == there.st_dev && mine.st_ino == there.st_ino;
  return is_there ? *std::move(opened) : UniqueFd();
}

bool IsIn(int directory, const char* name) {
  return ::faccessat(directory, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

// Locks what there is of the snapshot in `directory` against everybody else.
// False where somebody uses it.
bool LockWholly(int directory, std::vector<UniqueFd>& locks) {
  // The tree first: of an active snapshot, that alone is locked.
  for (const char* name : {kTree, kDelta}) {
    if (!IsIn(directory, name)) continue;
    UniqueFd lock = OpenLocked(directory, name, LOCK_EX);
    if (!lock) return false;
    locks.push_back(std::move(lock));
  }
  return true;
}

// A directory that nobody else may enter: it holds set-uid programs.
Result<UniqueFd> OpenPrivateDirectory(const std::string& path) {
  if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) {
    return ErrnoError("mkdir " + path);
  }
  return OpenFile(path.c_str(), kReadDirectory);
}

Result<std::string> ReadSmallFile(int dir, const char* name) {
  ASSIGN_OR_RETURN(UniqueFd fd, OpenFileAt(dir, name, O_RDONLY));
  FdSource source(std::move(fd));
  return ReadAll(source, uint64_t{256} << 20);
}

Status WriteSmallFile(int dir, const char* name, std::string_view content) {
  ASSIGN_OR_RETURN(UniqueFd fd,
                   OpenFileAt(dir, name, O_WRONLY | O_CREAT | O_TRUNC, 0600));
  FdSink sink(std::move(fd));
  return sink.Write(content);
}

std::string FormatMeta(const std::vector<SnapshotId>& parents) {
  nlohmann::json meta;
  meta["version"] = 1;
  meta["parents"] = parents;
  return DumpJson(meta);
}

Result<std::vector<SnapshotId>> ParseMeta(std::string_view text) {
  ASSIGN_OR_RETURN(nlohmann::json document, ParseJson(text));
  JsonField meta(document);
  ASSIGN_OR_RETURN(int64_t version, meta.At("version").Int());
  if (version != 1) {
    return Unsupported("version " + std::to_string(version) +
                       " of the snapshot store: made by a newer strake");
  }
  return meta.At("parents").Strings();
}

}  // namespace

StagingDirectory::~StagingDirectory() {
  if (name_.empty()) return;
  // What cannot be removed now is left to RemoveAbandoned.
  static_cast<void>(RemoveAllAt(active_.get(), name_.c_str()));
}

std::vector<SnapshotId> CommittedSnapshot::Chain() const {
  std::vector<SnapshotId> chain = {id};
  chain.insert(chain.end(), parents.begin(), parents.end());
  return chain;
}

Result<std::shared_ptr<const SnapshotStore>> SnapshotStore::Open(
    const std::string& directory) {
  std::error_code error;
  std::filesystem::create_directories(directory, error);
  if (error) return IoError("make " + directory + ": " + error.message());
  ASSIGN_OR_RETURN(std::string path, AbsolutePath(directory));
  ASSIGN_OR_RETURN(UniqueFd active, OpenPrivateDirectory(path + "/active"));
  ASSIGN_OR_RETURN(UniqueFd committed,
                   OpenPrivateDirectory(path + "/committed"));
  return std::shared_ptr<const SnapshotStore>(new SnapshotStore(
      std::move(path), std::move(active), std::move(committed)));
}

Result<std::unique_ptr<StagingDirectory>> SnapshotStore::Stage() const {
  // Between the creation of a directory and its lock it looks abandoned.
  ASSIGN_OR_RETURN(FileLock lock,
                   FileLock::Acquire(LockPath(), FileLock::Mode::kShared));
  std::string name = RandomName("");
  if (::mkdirat(active_.get(), name.c_str(), 0700) != 0) {
    return ErrnoError("mkdir in " + directory_ + "/active");
  }
  ASSIGN_OR_RETURN(UniqueFd active, DuplicateFd(active_.get()));
  ASSIGN_OR_RETURN(UniqueFd own,
                   OpenFileAt(active_.get(), name.c_str(), kReadDirectory));
  int own_fd = own.get();
  // From here on it is removed on every way out.
  auto staging = std::make_unique<StagingDirectory>(
      std::move(active), name, directory_ + "/active/" + name, std::move(own),
      UniqueFd());
  if (::mkdirat(own_fd, "fs", 0700) != 0) return ErrnoError("mkdir fs");
  ASSIGN_OR_RETURN(staging->fs_, OpenFileAt(own_fd, "fs", kReadDirectory));
  if (::fchmod(staging->fs(), 0755) != 0) return ErrnoError("chmod fs");
  // A set-group-id directory around would give its group.
  if (::geteuid() == 0 && ::fchown(staging->fs(), 0, 0) != 0) {
    return ErrnoError("chown fs");
  }
  if (!TryLock(staging->fs(), LOCK_EX)) return ErrnoError("lock fs");
  return staging;
}

Status SnapshotStore::Publish(std::unique_ptr<StagingDirectory> staging,
                              const SnapshotId& id,
                              const std::vector<SnapshotId>& parents,
                              const OwnershipJournal& journal) const {
  RETURN_IF_ERROR(CheckId(id));
  int own = staging->directory();
  RETURN_IF_ERROR(WriteSmallFile(own, "meta", FormatMeta(parents)));
  if (!journal.empty()) {
    RETURN_IF_ERROR(WriteSmallFile(own, "journal", journal.Serialize()));
  }
  // Others may lock it the moment it has its name, but must not be told that
  // it is going away.
  if (!TryLock(staging->fs(), LOCK_SH)) return ErrnoError("lock fs");
  if (::renameat(active_.get(), staging->name_.c_str(), committed_.get(),
                 id.c_str()) != 0) {
    // Somebody was faster, with the same content.
    if (errno == EEXIST || errno == ENOTEMPTY) return {};
    return ErrnoError("commit snapshot " + id);
  }
  staging->name_.clear();
  return {};
}

Result<CommittedSnapshot> SnapshotStore::Find(const SnapshotId& id) const {
  RETURN_IF_ERROR(CheckId(id));
  Error missing = NotFound("no snapshot " + id + " in " + directory_);
  auto directory = OpenFileAt(committed_.get(), id.c_str(), kReadDirectory);
  if (!directory) {
    if (directory.error().code() == ErrorCode::kNotFound) return missing;
    return std::move(directory).error();
  }
  CommittedSnapshot snapshot;
  snapshot.id = id;
  snapshot.directory = *std::move(directory);
  // Locked exclusively: being removed. Missing: just was.
  const int own = snapshot.directory.get();
  const bool has_delta = IsIn(own, kDelta);
  UniqueFd& lock = has_delta ? snapshot.delta : snapshot.fs;
  lock = OpenLocked(own, has_delta ? kDelta : kTree, LOCK_SH);
  if (!lock) return missing;
  auto text = ReadSmallFile(snapshot.directory.get(), "meta");
  if (!text) return missing;
  auto parents = ParseMeta(*text);
  if (!parents) return std::move(parents).error().Wrap("snapshot " + id);
  snapshot.parents = *std::move(parents);
  return snapshot;
}

bool SnapshotStore::OpenTree(CommittedSnapshot& snapshot) const {
  if (!snapshot.fs) {
    snapshot.fs = OpenLocked(snapshot.directory.get(), kTree, LOCK_SH);
  }
  return static_cast<bool>(snapshot.fs);
}

bool SnapshotStore::TakeTree(const CommittedSnapshot& from,
                             StagingDirectory& to) const {
  if (!from.delta || from.fs) return false;
  const int there = from.directory.get();
  UniqueFd tree = OpenLocked(there, kTree, LOCK_EX);
  // An empty directory may be replaced, so that there always is one. It cannot
  // be done where the store is part of a container's image.
  if (!tree || ::renameat(there, kTree, to.directory(), kTree) != 0) {
    return false;
  }
  to.fs_ = std::move(tree);
  return true;
}

Result<bool> SnapshotStore::GiveTree(std::unique_ptr<StagingDirectory> staging,
                                     CommittedSnapshot& to) const {
  if (!TryLock(staging->fs(), LOCK_SH)) return ErrnoError("lock fs");
  if (::renameat(staging->directory(), kTree, to.directory.get(), kTree) == 0) {
    to.fs = std::move(staging->fs_);
    return true;
  }
  if (errno != EEXIST && errno != ENOTEMPTY) {
    return ErrnoError("give " + to.id + " its tree");
  }
  return OpenTree(to);
}

bool SnapshotStore::Exists(const SnapshotId& id) const {
  if (!CheckId(id)) return false;
  return ::faccessat(committed_.get(), (id + "/meta").c_str(), F_OK, 0) == 0;
}

Result<OwnershipJournal> SnapshotStore::Journal(
    const CommittedSnapshot& snapshot) const {
  auto text = ReadSmallFile(snapshot.directory.get(), "journal");
  if (!text) {
    if (text.error().code() == ErrorCode::kNotFound) return OwnershipJournal();
    return std::move(text).error().Wrap("snapshot " + snapshot.id);
  }
  auto journal = OwnershipJournal::Parse(*text);
  if (!journal) {
    return std::move(journal).error().Wrap("snapshot " + snapshot.id);
  }
  return journal;
}

Status SnapshotStore::AddToJournal(const CommittedSnapshot& snapshot,
                                   const OwnershipJournal& more) const {
  ASSIGN_OR_RETURN(OwnershipJournal journal, Journal(snapshot));
  bool added = false;
  for (const auto& [path, metadata] : more.entries()) {
    if (journal.Find(path) != nullptr) continue;
    journal.Set(path, metadata);
    added = true;
  }
  if (!added) return {};
  const int own = snapshot.directory.get();
  const std::string aside = RandomName("journal-");
  RETURN_IF_ERROR(WriteSmallFile(own, aside.c_str(), journal.Serialize()));
  if (::renameat(own, aside.c_str(), own, "journal") == 0) return {};
  return ErrnoError("replace the journal of " + snapshot.id);
}

Result<std::vector<SnapshotId>> SnapshotStore::List() const {
  // A description of its own: listing moves the file position.
  ASSIGN_OR_RETURN(UniqueFd fd,
                   OpenFileAt(committed_.get(), ".", kReadDirectory));
  ASSIGN_OR_RETURN(std::vector<DirectoryEntry> entries,
                   ListDirectory(fd.get()));
  std::vector<SnapshotId> ids;
  for (DirectoryEntry& entry : entries) {
    if (Exists(entry.name)) ids.push_back(std::move(entry.name));
  }
  std::ranges::sort(ids);
  return ids;
}

Status SnapshotStore::Remove(const SnapshotId& id) const {
  RETURN_IF_ERROR(CheckId(id));
  auto directory = OpenFileAt(committed_.get(), id.c_str(), kReadDirectory);
  if (!directory) {
    if (directory.error().code() == ErrorCode::kNotFound) return {};
    return std::move(directory).error();
  }
  std::vector<UniqueFd> locks;
  if (!LockWholly(directory->get(), locks)) {
    return Error(ErrorCode::kUnavailable, "snapshot " + id + " is in use");
  }
  // Among the active ones, a removal that is interrupted gets finished.
  std::string name = RandomName("");
  if (::renameat(committed_.get(), id.c_str(), active_.get(), name.c_str()) !=
      0) {
    if (errno == ENOENT) return {};
    return ErrnoError("remove snapshot " + id);
  }
  return RemoveAllAt(active_.get(), name.c_str());
}

Status SnapshotStore::RemoveAbandoned() const {
  ASSIGN_OR_RETURN(FileLock lock,
                   FileLock::Acquire(LockPath(), FileLock::Mode::kExclusive));
  ASSIGN_OR_RETURN(UniqueFd fd, OpenFileAt(active_.get(), ".", kReadDirectory));
  ASSIGN_OR_RETURN(std::vector<DirectoryEntry> entries,
                   ListDirectory(fd.get()));
  for (const DirectoryEntry& entry : entries) {
    auto own = OpenFileAt(active_.get(), entry.name.c_str(), kReadDirectory);
    std::vector<UniqueFd> locks;
    if (own && !LockWholly(own->get(), locks)) continue;  // its owner lives
    RETURN_IF_ERROR(RemoveAllAt(active_.get(), entry.name.c_str()));
  }
  return {};
}

}  // namespace strake::builder::snapshot
