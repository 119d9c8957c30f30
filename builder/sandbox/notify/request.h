// One system call that waits for its answer.

#ifndef STRAKE_BUILDER_SANDBOX_NOTIFY_REQUEST_H_
#define STRAKE_BUILDER_SANDBOX_NOTIFY_REQUEST_H_

#include <sys/stat.h>
#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>

#include "builder/sandbox/notify/credentials.h"
#include "builder/sandbox/notify/emulation.h"
#include "builder/sandbox/notify/label.h"
#include "builder/sandbox/notify/path_resolver.h"
#include "builder/sandbox/notify/tracee_memory.h"
#include "builder/sandbox/notify/transport.h"

namespace strake::builder::sandbox::notify {

// What a handler decided: a value or a negative errno, as the kernel returns
// them, or one of the two below.
class Answer {
 public:
  Answer(int64_t value) : value_(value) {}
  // The kernel is to execute the call as it stands.
  static Answer Continue() { return Answer(Kind::kContinue); }
  // It was answered already.
  static Answer Given() { return Answer(Kind::kGiven); }

  bool is_continue() const { return kind_ == Kind::kContinue; }
  bool is_given() const { return kind_ == Kind::kGiven; }
  int64_t value() const { return value_; }

 private:
  enum class Kind { kValue, kContinue, kGiven };
  explicit Answer(Kind kind) : kind_(kind) {}
  Kind kind_ = Kind::kValue;
  int64_t value_ = 0;
};

// lstat(2), as on disk, of what `place` names; a "/" at its end means nothing.
int StatChild(const ParentPlace& place, struct stat& file);

// Used by one thread. Functions return 0 or a negative errno.
class Request {
 public:
  Request(Emulation& emulation, const Notification& call)
      : emulation_(emulation), call_(call) {}

  Emulation& emulation() { return emulation_; }
  const Notification& call() const { return call_; }
  pid_t thread() const { return call_.thread; }
  int number() const { return call_.number; }
  uint64_t argument(int i) const { return call_.arguments[i]; }
  int Int(int i) const { return static_cast<int>(call_.arguments[i]); }
  uint32_t Uint(int i) const {
    return static_cast<uint32_t>(call_.arguments[i]);
  }

  const Credentials& credentials();
  uint32_t umask() { return label().umask; }
  const Label& label();
  void SetLabel(const Label& label);
  void SetCredentials(Credentials credentials);
  // Whether the kernel does what a call that only reads files asks for, as it
  // stands, without any help: it resolves the path as it should, and nothing
  // can be forbidden to the caller.
  bool IsKernelsAlone();
  // With native paths: whether the caller is root and has all rights over
  // files, and nobody asks what it changes.
  bool IsFilesRoot();
  // For such a caller: whether a file that the kernel makes at `path` (of an
  // *at(2) call) is as it is meant to be.
  //   mode  with the file's type, before the umask
  bool MayMakeItself(int directory, const std::string& path, mode_t mode);
  bool MayMake(const Shortcut& shortcut, mode_t mode) const;
  // For such a caller: looks at the file behind descriptor `fd`; true where the
  // kernel may change it, as it is not the host's.
  bool IsOwnFile(int fd, struct stat& file);
  // Likewise for the file that an *at(2) call is about (see `Find`), which may
  // be a symlink.
  bool IsOwnFileAt(int directory, int path, int flags, struct stat& file);
  Viewer viewer() { return {.thread = call_.thread, .who = &credentials()}; }

  int ReadPath(int i, std::string& path) const {
    return ReadString(call_.thread, argument(i), path);
  }
  int Read(uint64_t address, void* to, size_t size) const {
    return ReadMemory(call_.thread, address, to, size);
  }
  int Write(uint64_t address, const void* from, size_t size) const {
    return WriteMemory(call_.thread, address, from, size);
  }

  // The file that an *at(2) call is about.
  //   directory  a descriptor or AT_FDCWD
  //   path       index of the argument
  //   flags      AT_SYMLINK_NOFOLLOW and AT_EMPTY_PATH are looked at
  int Find(int directory, int path, int flags, Place& place);
  int FindParent(int directory, int path, ParentPlace& place);
  // Likewise, where a file is to be made, removed or renamed: the caller's
  // right to do so is looked at, and whether the mount can be written to. As
  // the kernel does, a name that is not as expected is told first (-EEXIST,
  // -ENOENT).
  enum class Expect { kAbsent, kAbsentDirectory, kPresent };
  int FindParentToChange(int directory, int path, Expect expect,
                         ParentPlace& place);
  int MayChange(const ParentPlace& place, Expect expect);
  // The file behind descriptor `fd`.
  int FindDescriptor(int fd, Place& place);
  // Likewise for a call that does not work on O_PATH descriptors.
  int FindOpenFile(int fd, Place& place);

  // fstat(2) with what the file is meant to be.
  int Stat(int fd, struct stat& file);
  // Whether the caller may do `wanted` (rwx as 4, 2, 1) to the file `place`.
  bool May(const Place& place, unsigned wanted);

 private:
  bool MayChangeItself(const struct stat& file) const;

  Emulation& emulation_;
  const Notification& call_;
  std::optional<Label> label_;
};

}  // namespace strake::builder::sandbox::notify

#endif  // STRAKE_BUILDER_SANDBOX_NOTIFY_REQUEST_H_
