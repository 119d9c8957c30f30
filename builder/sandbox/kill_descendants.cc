// Why this ends: a process that a stop signal is pending for cannot fork
// (fork(2) is restarted, and the signal comes first). So every look finds only
// children of those that were not yet seen, and each is seen once.

#include "builder/sandbox/kill_descendants.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>

namespace strake::builder::sandbox {
namespace {

struct Process {
  pid_t pid = 0;
  pid_t parent = 0;
  char state = 0;
  bool ours = false;
};

// As many as a kernel's default pid_max.
constexpr size_t kMaxProcesses = 32768;
constexpr size_t kTableBytes = kMaxProcesses * sizeof(Process);

// As the kernel lays out what getdents64(2) returns.
struct DirectoryRecord {
  uint64_t inode;
  int64_t offset;
  uint16_t length;
  uint8_t type;
  char name[1];
};

// 0: not a number.
pid_t ParsePid(const char* text) {
  pid_t pid = 0;
  for (; *text >= '0' && *text <= '9'; ++text) pid = pid * 10 + (*text - '0');
  return *text == '\0' || *text == ' ' ? pid : 0;
}

class ProcessTable {
 public:
  ProcessTable() {
    void* memory = mmap(nullptr, kTableBytes, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory != MAP_FAILED) table_ = static_cast<Process*>(memory);
    proc_ = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  }
  ProcessTable(const ProcessTable&) = delete;
  ProcessTable& operator=(const ProcessTable&) = delete;
  ~ProcessTable() {
    if (table_ != nullptr) munmap(table_, kTableBytes);
    if (proc_ >= 0) close(proc_);
  }

  bool usable() const { return table_ != nullptr && proc_ >= 0; }

  // Reads all processes and marks our descendants; how many of them have
  // neither ended nor stopped.
  size_t Look() {
    count_ = 0;
    if (lseek(proc_, 0, SEEK_SET) != 0) return 0;
    char buffer[8192];
    while (true) {
      const long n = syscall(SYS_getdents64, proc_, buffer, sizeof(buffer));
      if (n <= 0) break;
      for (long at = 0; at < n;) {
        const auto* record = reinterpret_cast<DirectoryRecord*>(buffer + at);
        Add(record->name);
        at += record->length;
      }
    }
    Mark();
    size_t running = 0;
    for (size_t i = 0; i < count_; ++i) {
      const char state = table_[i].state;
      const bool still =
          state == 'T' || state == 't' || state == 'Z' || state == 'X';
      if (table_[i].ours && !still) ++running;
    }
    return running;
  }

  void Signal(int signal) const {
    for (size_t i = 0; i < count_; ++i) {
      if (table_[i].ours && table_[i].state != 'Z') {
        kill(table_[i].pid, signal);
      }
    }
  }

 private:
  void Add(const char* name) {
    Process process;
    process.pid = ParsePid(name);
    if (process.pid == 0 || count_ == kMaxProcesses) return;
    char path[32] = {};
    size_t length = 0;
    for (; name[length] != '\0' && length < 20; ++length) {
      path[length] = name[length];
    }
    const char* stat = "/stat";
    for (size_t i = 0; stat[i] != '\0'; ++i) path[length + i] = stat[i];
    const int fd = openat(proc_, path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return;
    char text[512] = {};
    const ssize_t n = read(fd, text, sizeof(text) - 1);
    close(fd);
    // "17 (name) S 1 ...": the name may hold anything, but ends last.
    ssize_t at = n - 1;
    while (at >= 0 && text[at] != ')') --at;
    if (at < 0 || at + 4 >= n) return;
    process.state = text[at + 2];
    process.parent = ParsePid(text + at + 4);
    table_[count_++] = process;
  }

  // A parent may come after its child in the list, so until nothing changes.
  void Mark() {
    const pid_t self = getpid();
    for (bool changed = true; changed;) {
      changed = false;
      for (size_t i = 0; i < count_; ++i) {
        if (table_[i].ours) continue;
        if (table_[i].parent == self || IsOurs(table_[i].parent)) {
          table_[i].ours = true;
          changed = true;
        }
      }
    }
  }

  // Processes are listed in the order of their ids.
  bool IsOurs(pid_t pid) const {
    size_t low = 0;
    size_t high = count_;
    while (low < high) {
      const size_t middle = (low + high) / 2;
      if (table_[middle].pid < pid) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    return low < count_ && table_[low].pid == pid && table_[low].ours;
  }

  Process* table_ = nullptr;
  size_t count_ = 0;
  int proc_ = -1;
};

// Whether a child is left that has not ended.
bool ReapAll() {
  while (true) {
    const pid_t ended = wait4(-1, nullptr, __WALL | WNOHANG, nullptr);
    if (ended == 0) return true;
    if (ended < 0) return false;
  }
}

}  // namespace

void KillDescendants() {
  if (!ReapAll()) return;
  ProcessTable table;
  if (!table.usable()) return;
  do {
    // A process in the middle of a system call shows as stopped only after it:
    // a few looks are enough, since none of those signalled can fork.
    for (int look = 0; look < 100 && table.Look() > 0; ++look) {
      table.Signal(SIGSTOP);
    }
    table.Signal(SIGKILL);
    // Those that hang in the kernel are waited for.
    timespec pause{.tv_sec = 0, .tv_nsec = 1'000'000};
    syscall(SYS_nanosleep, &pause, nullptr);
  } while (ReapAll());
}

}  // namespace strake::builder::sandbox
