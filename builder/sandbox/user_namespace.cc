// Who maps the ids: a helper process, forked before the namespace is entered.
// It stays in the old namespace, where newuidmap(1) has its set-id bit, and
// where a container's root has CAP_SETUID over all the ids it was given (it can
// then map every one of them without newuidmap or /etc/subuid).
//
// Everything is first tried in a child: some hosts (AppArmor on Ubuntu 24.04)
// let a user enter a namespace and then refuse every mount in it, and there is
// no way back out.

#include "builder/sandbox/user_namespace.h"

#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <vector>

#include "builder/sandbox/id_map.h"
#include "util/result.h"
#include "util/result_macros.h"
#include "util/strings.h"
#include "util/subprocess.h"
#include "util/unique_fd.h"

namespace strake::builder::sandbox {
namespace {

std::string ErrnoText(std::string_view what, int error) {
  return std::string(what) + ": " + std::strerror(error);
}

// What a child got from trying: the step that failed, or nothing.
struct Attempt {
  bool ok = false;
  std::string reason;
};

// Tries in a child to unshare `namespaces` and to change the propagation of
// its mounts.
Attempt TryNamespaces(int namespaces, std::string_view name) {
  const pid_t child = fork();
  if (child < 0) return {.ok = false, .reason = ErrnoText("fork", errno)};
  if (child == 0) {
    // The exit status carries the errno (all are below 128), bit 7 the step.
    if (unshare(namespaces) != 0) _exit(errno & 0x7f);
    if (mount(nullptr, "/", nullptr, MS_REC | MS_SLAVE, nullptr) != 0) {
      _exit(0x80 | (errno & 0x7f));
    }
    _exit(0);
  }
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (!WIFEXITED(status)) {
    return {.ok = false,
            .reason = std::string(name) + ": killed by signal " +
                      std::to_string(WTERMSIG(status))};
  }
  const int code = WEXITSTATUS(status);
  if (code == 0) return {.ok = true, .reason = ""};
  const std::string step =
      code & 0x80 ? std::string(name) + " works, but mount(MS_SLAVE)"
                  : std::string(name);
  return {.ok = false, .reason = ErrnoText(step, code & 0x7f)};
}

Result<std::string> ReadSmallFile(const char* path) {
  ASSIGN_OR_RETURN(UniqueFd fd, OpenFile(path, O_RDONLY));
  std::string text;
  char buffer[4096];
  while (true) {
    const ssize_t n = read(fd.get(), buffer, sizeof(buffer));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return ErrnoError(std::string("read ") + path);
    if (n == 0) return text;
    text.append(buffer, static_cast<size_t>(n));
  }
}

// The kernel wants a map in one write.
Status WriteOnce(const std::string& path, std::string_view text) {
  ASSIGN_OR_RETURN(UniqueFd fd, OpenFile(path.c_str(), O_WRONLY));
  if (write(fd.get(), text.data(), text.size()) !=
      static_cast<ssize_t>(text.size())) {
    return ErrnoError("write " + path);
  }
  return {};
}

// What the helper tells; `detail` is how many ids there are, or why none.
struct MapReport {
  bool gid_mapped = false;
  bool uid_mapped = false;
  std::string detail;
};

Status RunMapper(const char* program, pid_t pid,
                 const std::vector<IdMapEntry>& map) {
  SubprocessOptions options;
  options.argv = {program, std::to_string(pid)};
  for (const IdMapEntry& entry : map) {
    options.argv.push_back(std::to_string(entry.inside));
    options.argv.push_back(std::to_string(entry.outside));
    options.argv.push_back(std::to_string(entry.count));
  }
  ASSIGN_OR_RETURN(SubprocessResult ran, RunSubprocess(options));
  if (ran.exit_status == 0) return {};
  return IoError(std::string(Trim(ran.stderr_text)));
}

uint64_t CountSubordinate(const std::vector<IdMapEntry>& map) {
  uint64_t count = 0;
  for (size_t i = 1; i < map.size(); ++i) count += map[i].count;
  return count;
}

// For a container's root: every id that it has itself.
Status MapEveryId(pid_t pid) {
  const std::string process = "/proc/" + std::to_string(pid);
  ASSIGN_OR_RETURN(std::string gids, ReadSmallFile("/proc/self/gid_map"));
  ASSIGN_OR_RETURN(std::string uids, ReadSmallFile("/proc/self/uid_map"));
  RETURN_IF_ERROR(
      WriteOnce(process + "/gid_map", FormatIdMap(IdentityMap(gids))));
  return WriteOnce(process + "/uid_map", FormatIdMap(IdentityMap(uids)));
}

// Runs in the helper.
MapReport MapIds(pid_t pid) {
  MapReport report;
  if (geteuid() == 0 && MapEveryId(pid)) {
    report.gid_mapped = report.uid_mapped = true;
    report.detail = "all ids of the namespace around it";
    return report;
  }
  const passwd* user = getpwuid(getuid());
  const std::string name = user != nullptr ? user->pw_name : "";
  std::vector<IdMapEntry> maps[2];
  const char* const files[2] = {"/etc/subgid", "/etc/subuid"};
  const uint32_t own_ids[2] = {getgid(), getuid()};
  for (int i = 0; i < 2; ++i) {
    // subgid(5) is keyed by the user too, not by the group.
    const std::string text = ReadSmallFile(files[i]).value_or(std::string());
    maps[i] = BuildIdMap(own_ids[i], ParseSubordinateIds(text, name, getuid()));
    if (maps[i].size() == 1) {
      report.detail = std::string(files[i]) + " grants no ids to user " +
                      (name.empty() ? std::to_string(getuid()) : name);
      return report;
    }
  }
  // Groups first: if they fail, nothing is written yet and both maps can still
  // be the single one.
  if (Status done = RunMapper("newgidmap", pid, maps[0]); !done) {
    report.detail = done.error().message();
    return report;
  }
  report.gid_mapped = true;
  if (Status done = RunMapper("newuidmap", pid, maps[1]); !done) {
    report.detail = done.error().message();
    return report;
  }
  report.uid_mapped = true;
  report.detail =
      std::to_string(CountSubordinate(maps[1])) + " subordinate ids";
  return report;
}

// The process that maps ids on behalf of this one.
class MapHelper {
 public:
  MapHelper() = default;
  MapHelper(const MapHelper&) = delete;
  MapHelper& operator=(const MapHelper&) = delete;
  ~MapHelper() {
    start_.reset();  // it ends on end of file
    if (pid_ > 0) waitpid(pid_, nullptr, 0);
  }

  Status Start() {
    ASSIGN_OR_RETURN(Pipe start, MakePipe());
    ASSIGN_OR_RETURN(Pipe answer, MakePipe());
    start_ = std::move(start.write_end);
    answer_ = std::move(answer.read_end);
    const pid_t parent = getpid();
    pid_ = fork();
    if (pid_ < 0) return ErrnoError("fork");
    if (pid_ == 0) {
      start_.reset();
      char go = 0;
      if (read(start.read_end.get(), &go, 1) != 1) _exit(0);
      const MapReport report = MapIds(parent);
      const std::string text = std::string(report.gid_mapped ? "1" : "0") +
                               (report.uid_mapped ? "1" : "0") + report.detail;
      const ssize_t n = write(answer.write_end.get(), text.data(), text.size());
      _exit(n == static_cast<ssize_t>(text.size()) ? 0 : 1);
    }
    return {};
  }

  // To be called once this process is in its new namespace.
  MapReport Map() {
    const char go = 1;
    if (write(start_.get(), &go, 1) != 1) {
      return {.detail = ErrnoText("pipe to the id-mapping helper", errno)};
    }
    std::string text;
    char buffer[512];
    while (true) {
      const ssize_t n = read(answer_.get(), buffer, sizeof(buffer));
      if (n < 0 && errno == EINTR) continue;
      // One write of less than a pipe's atomic size: it comes whole.
      if (n > 0) text.append(buffer, static_cast<size_t>(n));
      break;
    }
    if (text.size() < 2) return {.detail = "the id-mapping helper died"};
    return {.gid_mapped = text[0] == '1',
            .uid_mapped = text[1] == '1',
            .detail = text.substr(2)};
  }

 private:
  pid_t pid_ = -1;
  UniqueFd start_;
  UniqueFd answer_;
};

Status MapSingleId(const MapReport& mapped, uint32_t uid, uint32_t gid) {
  if (!mapped.gid_mapped) {
    // user_namespaces(7): an unprivileged gid_map needs this first. Kernels
    // before 3.19 have no such file.
    Status denied = WriteOnce("/proc/self/setgroups", "deny");
    if (!denied && denied.error().code() != ErrorCode::kNotFound) return denied;
    RETURN_IF_ERROR(
        WriteOnce("/proc/self/gid_map",
                  FormatIdMap({{.inside = 0, .outside = gid, .count = 1}})));
  }
  return WriteOnce("/proc/self/uid_map",
                   FormatIdMap({{.inside = 0, .outside = uid, .count = 1}}));
}

// Enters the namespaces; what has been tried before works.
void EnterNamespaces(ProcessPrivileges& privileges, NamespaceWish wish) {
  const uint32_t uid = geteuid();
  const uint32_t gid = getegid();
  MapHelper helper;
  if (Status started = helper.Start(); !started) {
    privileges.reason = started.error().message();
    return;
  }
  if (unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) {
    privileges.reason =
        ErrnoText("unshare(CLONE_NEWUSER | CLONE_NEWNS)", errno);
    return;
  }
  MapReport mapped;
  if (wish != NamespaceWish::kSingleId) mapped = helper.Map();
  if (!mapped.uid_mapped) {
    if (wish == NamespaceWish::kMapped) {
      privileges.reason = mapped.detail;
      return;
    }
    if (Status single = MapSingleId(mapped, uid, gid); !single) {
      privileges.reason = mapped.detail + "; " + single.error().message();
      return;
    }
  }
  // Mounts made here stay here; what the host mounts later still appears.
  if (mount(nullptr, "/", nullptr, MS_REC | MS_SLAVE, nullptr) != 0) {
    privileges.reason = ErrnoText("mount(MS_SLAVE)", errno);
    return;
  }
  if (mapped.uid_mapped) {
    // Groups that are not mapped could only confuse; not allowed with a single
    // id, and harmless there.
    if (setgroups(0, nullptr) != 0) {
      privileges.reason = ErrnoText("setgroups", errno);
      return;
    }
    privileges.privilege = Privilege::kMapped;
    privileges.reason = "user namespace with " + mapped.detail;
    return;
  }
  privileges.privilege = Privilege::kSingleId;
  privileges.reason = mapped.detail.empty() ? "" : mapped.detail + "; ";
  privileges.reason += "user namespace with a single id";
}

ProcessPrivileges Enter(NamespaceWish wish) {
  ProcessPrivileges privileges;
  privileges.original_uid = getuid();
  privileges.original_gid = getgid();
  std::string reason;
  if (wish == NamespaceWish::kAuto || wish == NamespaceWish::kNever) {
    const Attempt root = TryNamespaces(CLONE_NEWNS, "unshare(CLONE_NEWNS)");
    if (root.ok) {
      privileges.privilege = Privilege::kRoot;
      privileges.reason = "root";
      return privileges;
    }
    privileges.reason = root.reason;
    if (wish == NamespaceWish::kNever) return privileges;
    reason = root.reason + "; ";
  }
  const Attempt user = TryNamespaces(CLONE_NEWUSER | CLONE_NEWNS,
                                     "unshare(CLONE_NEWUSER | CLONE_NEWNS)");
  if (!user.ok) {
    privileges.reason = reason + user.reason;
    return privileges;
  }
  EnterNamespaces(privileges, wish);
  return privileges;
}

}  // namespace

std::string_view PrivilegeName(Privilege privilege) {
  switch (privilege) {
    case Privilege::kRoot:
      return "root";
    case Privilege::kMapped:
      return "mapped";
    case Privilege::kSingleId:
      return "single-id";
    case Privilege::kNone:
      return "none";
  }
  return "none";
}

ProcessPrivileges EnterUserNamespace(NamespaceWish wish) {
  static const ProcessPrivileges privileges = Enter(wish);
  return privileges;
}

}  // namespace strake::builder::sandbox
