// ELF files that were looked at once: execve(2) of the same file again need not
// read it. Thread-safe.

#ifndef STRAKE_BUILDER_SANDBOX_NOTIFY_KNOWN_PROGRAMS_H_
#define STRAKE_BUILDER_SANDBOX_NOTIFY_KNOWN_PROGRAMS_H_

#include <sys/stat.h>

#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>

#include "builder/sandbox/notify/virtual_inodes.h"
#include "util/guarded.h"

namespace strake::builder::sandbox::notify {

class KnownPrograms {
 public:
  // The interpreter of a program that can be executed ("": needs none); nothing
  // for a file that is not known as it now is.
  //   file  as the kernel gives it
  std::optional<std::string> Find(const struct stat& file);
  // Does nothing for a file so young that it could change unnoticed.
  void Remember(const struct stat& file, const std::string& interpreter);

 private:
  struct Entry {
    int64_t changed_ns = 0;
    int64_t size_bytes = 0;
    std::string interpreter;
  };
  Guarded<std::unordered_map<InodeKey, Entry, InodeKeyHash>> entries_;
};

}  // namespace strake::builder::sandbox::notify

#endif  // STRAKE_BUILDER_SANDBOX_NOTIFY_KNOWN_PROGRAMS_H_
