// All that the answers to system calls are made from.

#ifndef STRAKE_BUILDER_SANDBOX_NOTIFY_EMULATION_H_
#define STRAKE_BUILDER_SANDBOX_NOTIFY_EMULATION_H_

#include <sys/types.h>

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "builder/sandbox/notify/credentials.h"
#include "builder/sandbox/notify/held_files.h"
#include "builder/sandbox/notify/intern_table.h"
#include "builder/sandbox/notify/known_programs.h"
#include "builder/sandbox/notify/mount_table.h"
#include "builder/sandbox/notify/path_resolver.h"
#include "builder/sandbox/notify/program.h"
#include "builder/sandbox/notify/transport.h"
#include "builder/sandbox/notify/under_way.h"
#include "builder/sandbox/notify/virtual_inodes.h"
#include "util/guarded.h"
#include "util/unique_fd.h"

namespace strake::builder::sandbox::notify {

// One for each run, in the supervisor's process. Thread-safe.
class Emulation {
 public:
  Emulation(
      std::vector<VirtualMount> mounts, Credentials first_credentials,
      Program first_program,
      MountTable::KnownTo mounts_known_to = MountTable::KnownTo::kSupervisor);

  // Whether the kernel resolves the processes' paths as it should: what needs
  // no answer of ours is then let through.
  bool has_native_paths() const { return mounts.in_kernel(); }

  const MountTable mounts;
  VirtualInodes inodes;
  InternTable<Credentials> credentials;
  InternTable<Program> programs;
  KnownPrograms known_programs;
  const PathResolver paths;
  // Set before the first call is answered.
  std::unique_ptr<Transport> transport;
  UniqueFd loader;  // the loader's program file
  // Tells the user something about the run.
  std::function<void(const std::string&)> say;

  // What callers are about to open through /proc.
  HeldFiles held_files;
  // Descriptors on their way to callers.
  UnderWay under_way;

  // Held while a file is made or changed together with what is known of it, so
  // that a file's owner and its number cannot part.
  std::mutex changes;

  // What a process is about to execute: from its execve(2), which may still
  // fail, to the loader's question.
  struct NextProgram {
    uint32_t program = 0;
    uint32_t credentials = 0;
    // Open for reading, for the loader; null: it has to be found again.
    std::shared_ptr<const UniqueFd> executable;
    std::shared_ptr<const UniqueFd> interpreter;
    bool has_path = true;  // else `executable` cannot be found again
  };
  void SetNextProgram(pid_t process, NextProgram next);
  std::optional<NextProgram> TakeNextProgram(pid_t process);

  // The path that the socket with this inode number was bound to; empty: none.
  std::string SocketName(uint64_t inode);
  void RememberSocket(uint64_t inode, std::string path);
  // Likewise by the address that the kernel has, which others are told.
  bool has_socket_names() const { return has_socket_names_; }
  std::string SocketNamed(const std::string& address);
  void RememberAddress(std::string address, std::string path);

  // Whether there are FIFOs: one was made or met. To open one, if only to look
  // at it, is to be its reader or writer for a moment, which the other side
  // notices; so from then on files are looked at before they are opened.
  std::atomic<bool> has_fifos = false;

  // Whether some process had a umask that keeps owners from their files.
  std::atomic<bool> umask_keeps_owner_out = false;

  // Records that the file `fd`, or `name` in the directory `fd`, may be
  // changed; false where it lies outside of the root's own tree, or nobody
  // wants to know.
  bool Touch(int fd, std::string_view name = {});
  bool Touch(const DirectoryRef& directory, std::string_view name);
  // Likewise, where it is known which file that is: `key`, at `fd` or as `name`
  // in `directory`. Quicker where it was touched before.
  void TouchFile(int fd, const InodeKey& key);
  void TouchFile(const DirectoryRef& directory, std::string_view name,
                 const InodeKey& key);
  // Whether a name of this file, which then lies in the root's own tree, is
  // recorded already. It need not be again: whatever gives the file another
  // name records that.
  bool IsTouched(const InodeKey& key);
  // Likewise for what was renamed, and all below both names if that was a
  // directory.
  void TouchRenamed(const ParentPlace& from, const ParentPlace& to);

  // Once all have ended: owners and modes, and the touched paths.
  struct Outcome {
    OwnershipJournal journal;
    std::set<std::string> touched;
  };
  //   root    what the journal's paths are relative to; one's own costs less
  //   before  what was imported
  Result<Outcome> TakeOutcome(int root, const OwnershipJournal& before);
  // Before the first call; else nothing is recorded.
  void set_wants_touched(bool wanted) { wants_touched_ = wanted; }
  bool wants_touched() const { return wants_touched_; }

 private:
  // Below the root; nothing for what lies elsewhere.
  std::optional<std::string> PathOf(int fd, std::string_view name) const;
  std::optional<std::string> PathOf(const DirectoryRef& directory,
                                    std::string_view name) const;
  bool Record(std::optional<std::string> path);

  bool wants_touched_ = false;
  Guarded<std::set<std::string>> touched_;
  Guarded<std::set<std::string>> moved_directories_;
  Guarded<std::unordered_set<InodeKey, InodeKeyHash>> touched_files_;
  Guarded<std::unordered_map<pid_t, NextProgram>> next_programs_;
  Guarded<std::unordered_map<uint64_t, std::string>> sockets_;
  Guarded<std::unordered_map<std::string, std::string>> addresses_;
  std::atomic<bool> has_socket_names_ = false;
};

}  // namespace strake::builder::sandbox::notify

#endif  // STRAKE_BUILDER_SANDBOX_NOTIFY_EMULATION_H_
