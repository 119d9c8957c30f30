#include "builder/sandbox/notify/kernel_mounts.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>

#include "builder/sandbox/notify/host_path.h"
#include "util/byte_stream.h"
#include "util/result_macros.h"
#include "util/rooted_fs.h"
#include "util/strings.h"

namespace strake::builder::sandbox::notify {
namespace {

// A line of /proc/PID/mountinfo (proc(5)).
struct MountLine {
  std::string point;
  std::string_view type;
  bool read_only = false;
};

// Blanks and backslashes are written in octal: "\\040".
std::string Unescape(std::string_view text) {
  std::string plain;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\' || i + 3 >= text.size()) {
      plain += text[i];
      continue;
    }
    plain += static_cast<char>((text[i + 1] - '0') * 64 +
                               (text[i + 2] - '0') * 8 + (text[i + 3] - '0'));
    i += 3;
  }
  return plain;
}

MountLine ParseLine(std::string_view line) {
  MountLine parsed;
  const std::vector<std::string_view> words = Split(line, ' ');
  if (words.size() < 6) return parsed;
  parsed.point = Unescape(words[4]);
  parsed.read_only = words[5] == "ro" || words[5].starts_with("ro,");
  const auto dash = std::find(words.begin() + 6, words.end(), "-");
  if (dash != words.end() && dash + 1 != words.end()) parsed.type = dash[1];
  return parsed;
}

VirtualMount::Kind KindOf(std::string_view type, const struct stat& top) {
  if (type == "proc") return VirtualMount::Kind::kProc;
  for (std::string_view system : {"sysfs", "devpts", "mqueue", "cgroup",
                                  "cgroup2", "securityfs", "debugfs"}) {
    if (type == system) return VirtualMount::Kind::kSystem;
  }
  return S_ISCHR(top.st_mode) ? VirtualMount::Kind::kSystem
                              : VirtualMount::Kind::kTree;
}

Result<VirtualMount> Describe(int root, const MountLine& line) {
  VirtualMount mount;
  ASSIGN_OR_RETURN(mount.fd, OpenInRoot(root, line.point, O_PATH));
  struct stat top {};
  if (fstat(mount.fd.get(), &top) != 0) return ErrnoError("fstat");
  mount.kind = KindOf(line.type, top);
  mount.point = mount.host_path = line.point;
  mount.read_only = line.read_only;
  mount.is_directory = S_ISDIR(top.st_mode);
  mount.top = mount.covered = KeyOf(top);
  struct stat own {};
  mount.has_own_numbers = mount.kind == VirtualMount::Kind::kProc &&
                          stat("/proc", &own) == 0 && own.st_dev != top.st_dev;
  return mount;
}

}  // namespace

Result<std::vector<VirtualMount>> KernelMounts(pid_t process) {
  const std::string directory = "/proc/" + std::to_string(process);
  ASSIGN_OR_RETURN(UniqueFd root, OpenFile((directory + "/root").c_str(),
                                           O_PATH | O_DIRECTORY));
  ASSIGN_OR_RETURN(const std::string text, ReadFile(directory + "/mountinfo"));
  std::vector<VirtualMount> mounts;
  for (std::string_view line : Split(text, '\n')) {
    const MountLine parsed = ParseLine(line);
    if (parsed.point.empty() || parsed.point.starts_with("/proc/")) continue;
    Result<VirtualMount> mount = Describe(root.get(), parsed);
    // Something else is mounted over what leads there.
    if (!mount && mount.error().code() == ErrorCode::kNotFound) continue;
    if (!mount) return std::move(mount).error().Wrap("mount " + parsed.point);
    std::erase_if(mounts, [&](const VirtualMount& earlier) {
      return earlier.point == parsed.point;
    });
    mounts.push_back(std::move(mount).value());
  }
  std::stable_partition(mounts.begin(), mounts.end(),
                        [](const auto& mount) { return mount.point == "/"; });
  if (mounts.empty() || mounts.front().point != "/") {
    return IoError(directory + "/mountinfo names no root");
  }
  return mounts;
}

}  // namespace strake::builder::sandbox::notify
