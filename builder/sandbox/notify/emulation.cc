#include "builder/sandbox/notify/emulation.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "builder/sandbox/notify/host_path.h"
#include "builder/sandbox/notify/request.h"
#include "util/result_macros.h"

namespace strake::builder::sandbox::notify {
namespace {

constexpr size_t kManyToCome = 64;

std::string Joined(std::string directory, std::string_view name) {
  while (name.ends_with('/')) name.remove_suffix(1);
  if (name.empty() || name == "." || name == "..") return directory;
  if (!directory.empty()) directory += '/';
  return directory.append(name);
}

}  // namespace

Emulation::Emulation(std::vector<VirtualMount> virtual_mounts,
                     Credentials first_credentials, Program first_program,
                     MountTable::KnownTo mounts_known_to)
    : mounts(std::move(virtual_mounts), mounts_known_to),
      inodes(geteuid(), getegid()),
      credentials(std::move(first_credentials)),
      programs(std::move(first_program)),
      paths(mounts, inodes, [this](pid_t process) {
        // The first program is looked for before there are any processes.
        if (transport == nullptr) return std::string();
        const std::optional<Label> label = transport->LabelOf(process);
        return label ? programs.Get(label->program).executable : std::string();
      }) {
  if (has_native_paths()) {
    inodes.TakeUnmappedForRoot();
    inodes.ExpectOthersChanges();
  }
}

void Emulation::SetNextProgram(pid_t process, NextProgram next) {
  auto programs = next_programs_.lock();
  if (programs->size() >= kManyToCome) {
    // Most are of calls that failed; the others find their files again.
    std::erase_if(*programs, [](const auto& entry) {
      return kill(entry.first, 0) != 0 && errno == ESRCH;
    });
    for (auto& [other, stale] : *programs) {
      if (stale.has_path) stale.executable.reset();
      stale.interpreter.reset();
    }
  }
  (*programs)[process] = std::move(next);
}

std::optional<Emulation::NextProgram> Emulation::TakeNextProgram(
    pid_t process) {
  auto programs = next_programs_.lock();
  auto found = programs->find(process);
  if (found == programs->end()) return std::nullopt;
  NextProgram next = std::move(found->second);
  programs->erase(found);
  return next;
}

std::string Emulation::SocketName(uint64_t inode) {
  auto sockets = sockets_.lock();
  auto found = sockets->find(inode);
  return found == sockets->end() ? std::string() : found->second;
}

void Emulation::RememberSocket(uint64_t inode, std::string path) {
  (*sockets_.lock())[inode] = std::move(path);
}

std::string Emulation::SocketNamed(const std::string& address) {
  auto addresses = addresses_.lock();
  auto found = addresses->find(address);
  return found == addresses->end() ? std::string() : found->second;
}

void Emulation::RememberAddress(std::string address, std::string path) {
  (*addresses_.lock())[std::move(address)] = std::move(path);
  has_socket_names_ = true;
}

bool Emulation::Touch(int fd, std::string_view name) {
  return wants_touched_ && Record(PathOf(fd, name));
}

bool Emulation::Touch(const DirectoryRef& directory, std::string_view name) {
  return wants_touched_ && Record(PathOf(directory, name));
}

void Emulation::TouchRenamed(const ParentPlace& from, const ParentPlace& to) {
  if (!wants_touched_) return;
  struct stat one {};
  struct stat other {};
  // The second is there where they were exchanged.
  const bool directory =
      (StatChild(to, one) == 0 && S_ISDIR(one.st_mode)) ||
      (StatChild(from, other) == 0 && S_ISDIR(other.st_mode));
  if (!directory) return;
  for (const ParentPlace* place : {&from, &to}) {
    auto path = PathOf(place->directory, place->name);
    if (path) moved_directories_.lock()->insert(*std::move(path));
  }
}

void Emulation::TouchFile(int fd, const InodeKey& key) {
  if (!wants_touched_ || IsTouched(key)) return;
  if (Touch(fd)) touched_files_.lock()->insert(key);
}

void Emulation::TouchFile(const DirectoryRef& directory, std::string_view name,
                          const InodeKey& key) {
  if (!wants_touched_) return;
  if (Touch(directory, name)) {
    touched_files_.lock()->insert(key);
  } else {
    // Outside of the root, with the number of a file that is gone.
    touched_files_.lock()->erase(key);
  }
}

bool Emulation::IsTouched(const InodeKey& key) {
  return wants_touched_ && touched_files_.lock()->contains(key);
}

std::optional<std::string> Emulation::PathOf(int fd,
                                             std::string_view name) const {
  const std::string host = HostPath::OwnDescriptor(fd).ReadLink();
  if (mounts.MountOfHostPath(host) != &mounts.root()) return std::nullopt;
  const std::string& root = mounts.root().host_path;
  const size_t prefix = root == "/" ? 1 : root.size() + 1;
  return Joined(host.substr(std::min(host.size(), prefix)), name);
}

std::optional<std::string> Emulation::PathOf(const DirectoryRef& directory,
                                             std::string_view name) const {
  if (directory.known() == nullptr) return PathOf(directory.get(), name);
  return Joined(directory.known()->path, name);
}

bool Emulation::Record(std::optional<std::string> path) {
  if (!path) return false;
  touched_.lock()->insert(*std::move(path));
  return true;
}

Result<Emulation::Outcome> Emulation::TakeOutcome(
    int root, const OwnershipJournal& before) {
  Outcome outcome;
  if (!wants_touched_ || root != mounts.root().fd.get()) {
    outcome.touched = std::move(*touched_.lock());
    for (const std::string& path : *moved_directories_.lock()) {
      outcome.touched.insert(path + "/");
    }
    ASSIGN_OR_RETURN(outcome.journal, inodes.Export(root));
    return outcome;
  }
  VirtualInodes::Changes changes;
  changes.before = before;
  changes.touched = std::move(*touched_.lock());
  changes.directories = std::move(*moved_directories_.lock());
  changes.root_path = mounts.root().host_path;
  ASSIGN_OR_RETURN(outcome.journal, inodes.Export(root, changes));
  outcome.touched = std::move(changes.touched);
  for (const std::string& path : changes.directories) {
    outcome.touched.insert(path + "/");
  }
  return outcome;
}

}  // namespace strake::builder::sandbox::notify
