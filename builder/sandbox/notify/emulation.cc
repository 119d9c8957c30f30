#include "builder/sandbox/notify/emulation.h"

#include <unistd.h>

#include <algorithm>
#include <utility>

#include "builder/sandbox/notify/host_path.h"
#include "builder/sandbox/notify/label.h"

namespace strake::builder::sandbox::notify {
namespace {

constexpr std::chrono::seconds kLongEnough{5};

}  // namespace

Emulation::Emulation(std::vector<VirtualMount> virtual_mounts,
                     Credentials first_credentials, Program first_program,
                     MountTable::KnownTo mounts_known_to)
    : mounts(std::move(virtual_mounts), mounts_known_to),
      inodes(geteuid(), getegid()),
      credentials(std::move(first_credentials)),
      programs(std::move(first_program)),
      paths(mounts, inodes, [this](pid_t process) {
        const std::optional<Label> label = ReadLabel(process);
        return label ? programs.Get(label->program).executable : std::string();
      }) {
  if (has_native_paths()) inodes.TakeUnmappedForRoot();
}

void Emulation::SetNextProgram(pid_t process, NextProgram next) {
  (*next_programs_.lock())[process] = next;
}

std::optional<Emulation::NextProgram> Emulation::TakeNextProgram(
    pid_t process) {
  auto programs = next_programs_.lock();
  auto found = programs->find(process);
  if (found == programs->end()) return std::nullopt;
  const NextProgram next = found->second;
  programs->erase(found);
  return next;
}

void Emulation::KeepForAWhile(UniqueFd fd) {
  const auto now = std::chrono::steady_clock::now();
  auto kept = kept_.lock();
  while (!kept->empty() && now - kept->front().first > kLongEnough) {
    kept->pop_front();
  }
  kept->emplace_back(now, std::move(fd));
}

std::string Emulation::SocketName(uint64_t inode) {
  auto sockets = sockets_.lock();
  auto found = sockets->find(inode);
  return found == sockets->end() ? std::string() : found->second;
}

void Emulation::RememberSocket(uint64_t inode, std::string path) {
  (*sockets_.lock())[inode] = std::move(path);
}

void Emulation::Touch(int fd, std::string_view name) {
  if (!wants_touched_) return;
  const std::string host = HostPath::OwnDescriptor(fd).ReadLink();
  const std::string& root = mounts.root().host_path;
  const VirtualMount* mount = mounts.MountOfHostPath(host);
  if (mount != &mounts.root()) return;
  const size_t prefix = root == "/" ? 1 : root.size() + 1;
  std::string path = host.substr(std::min(host.size(), prefix));
  while (name.ends_with('/')) name.remove_suffix(1);
  if (!name.empty() && name != "." && name != "..") {
    if (!path.empty()) path += '/';
    path += name;
  }
  touched_.lock()->insert(std::move(path));
}

std::set<std::string> Emulation::TakeTouched() {
  return std::move(*touched_.lock());
}

}  // namespace strake::builder::sandbox::notify
