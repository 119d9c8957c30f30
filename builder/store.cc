#include "builder/store.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <span>
#include <utility>

#include "builder/sandbox/user_namespace.h"
#include "util/byte_stream.h"
#include "util/result_macros.h"
#include "util/rooted_fs.h"
#include "util/strings.h"

namespace strake::builder {
namespace {

std::string LockPath(const std::string& directory) {
  return directory + "/in-use.lock";
}

snapshot::OwnershipForm FindOwnership(const sandbox::Sandbox& sandbox) {
  using snapshot::OwnershipForm;
  if (sandbox.emulates_owners()) return OwnershipForm::kVirtual;
  switch (sandbox::EnterUserNamespace().privilege) {
    case sandbox::Privilege::kRoot:
      // Only root over the machine can make whatever a layer may hold: in a
      // user namespace, however many ids it has, device nodes go to the
      // journal.
      return OwnershipForm::kReal;
    case sandbox::Privilege::kMapped:
    case sandbox::Privilege::kSingleId:
      return OwnershipForm::kJournal;
    case sandbox::Privilege::kNone:
      break;
  }
  // A step sees the disk's owners as they are, or there are no steps.
  return sandbox.name() == "none" ? OwnershipForm::kVirtual
                                  : OwnershipForm::kJournal;
}

}  // namespace

Result<Store> Store::Open(const std::string& directory) {
  if (directory.empty()) {
    return InvalidArgument("no store directory is given");
  }
  ASSIGN_OR_RETURN(
      oci::ImageLayout layout,
      oci::ImageLayout::Open(directory, oci::ImageLayout::OpenMode::kCreate));
  for (const char* name : {"cache", "cache/steps", "mounts", "tmp"}) {
    std::string path = layout.directory() + "/" + name;
    if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) {
      return ErrnoError("mkdir " + path);
    }
  }
  ASSIGN_OR_RETURN(
      FileLock in_use,
      FileLock::Acquire(LockPath(layout.directory()), FileLock::Mode::kShared));
  return Store(std::move(layout), std::move(in_use));
}

std::string Store::step_history_path(std::string_view project) const {
  return directory() + "/cache/steps/" +
         oci::Digest::Of(project).Hex().substr(0, 32);
}

Result<bool> Store::OwnAlone() {
  std::string path = LockPath(directory());
  in_use_.reset();
  ASSIGN_OR_RETURN(in_use_,
                   FileLock::TryAcquire(path, FileLock::Mode::kExclusive));
  if (in_use_) return true;
  ASSIGN_OR_RETURN(in_use_, FileLock::Acquire(path, FileLock::Mode::kShared));
  return false;
}

Result<std::set<oci::Digest>> Store::Garbage() const {
  auto text = ReadFile(garbage_path());
  if (!text && text.error().code() != ErrorCode::kNotFound) {
    return std::move(text).error();
  }
  std::set<oci::Digest> digests;
  for (std::string_view line : Split(text.value_or(""), '\n')) {
    // The last line of a strake that was killed may be half there.
    auto digest = oci::Digest::Parse(line);
    if (digest) digests.insert(*digest);
  }
  return digests;
}

Status Store::AddGarbage(const std::set<oci::Digest>& digests) const {
  std::string lines;
  for (const oci::Digest& digest : digests) lines += digest.ToString() + "\n";
  ASSIGN_OR_RETURN(
      UniqueFd file,
      OpenFile(garbage_path().c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600));
  return WriteFully(file.get(), std::as_bytes(std::span(lines)));
}

Status Store::ForgetGarbage() const {
  if (::unlink(garbage_path().c_str()) != 0 && errno != ENOENT) {
    return ErrnoError("remove " + garbage_path());
  }
  return {};
}

Result<snapshot::SnapshotterChoice> Store::OpenSnapshots(
    const std::string& name, const sandbox::Sandbox& sandbox) const {
  bool plain = name == "auto" && sandbox.needs_path();
  return snapshot::OpenSnapshotter(directory() + "/snapshots",
                                   plain ? std::string("plain") : name,
                                   FindOwnership(sandbox));
}

}  // namespace strake::builder
