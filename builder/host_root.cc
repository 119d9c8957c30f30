#include "builder/host_root.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <string_view>
#include <utility>

#include "util/byte_stream.h"
#include "util/directory.h"
#include "util/result_macros.h"
#include "util/rooted_fs.h"
#include "util/unique_fd.h"

namespace strake::builder {
namespace {

// Folders of programs; on most machines all but the first are symlinks into it.
constexpr std::array kProgramFolders = {"usr",   "bin",    "sbin", "lib",
                                        "lib32", "libx32", "lib64"};

// Of /etc, what programs read to work at all: names, certificates, libraries,
// the time zone. No keys, no settings of services.
constexpr std::array kEtcFiles = {
    "alternatives", "ca-certificates", "ca-certificates.conf",
    "gai.conf",     "group",           "host.conf",
    "ld.so.cache",  "ld.so.conf",      "ld.so.conf.d",
    "localtime",    "mime.types",      "nsswitch.conf",
    "os-release",   "passwd",          "pki",
    "protocols",    "services",        "ssl",
    "terminfo",     "timezone"};

// Folders in /etc that hold keys.
constexpr std::array<std::string_view, 3> kPrivate = {
    "etc/ssl/private", "etc/pki/tls/private", "etc/pki/rsyslog"};

// Folders around those, which cannot be shown as a whole.
constexpr std::array<std::string_view, 3> kAroundPrivate = {
    "etc/ssl", "etc/pki", "etc/pki/tls"};

// Below, paths are relative to "/", on the machine as in the new root.
class HostRoot {
 public:
  HostRoot(int root, int host) : root_(root), host_(host) {}

  Result<std::vector<sandbox::Mount>> Make(
      const std::vector<std::string>& targets) {
    for (std::string_view folder : kAroundPrivate) own_.emplace(folder);
    for (const std::string& target : targets) {
      RETURN_IF_ERROR(OwnFoldersTo(target));
    }
    for (const char* folder : kProgramFolders) RETURN_IF_ERROR(Show(folder));
    RETURN_IF_ERROR(MakeFolder("etc", 0755));
    for (const char* file : kEtcFiles) {
      RETURN_IF_ERROR(Show(std::string("etc/") + file));
    }
    RETURN_IF_ERROR(MakeFolder("root", 0700));
    RETURN_IF_ERROR(MakeFolder("tmp", 01777));
    RETURN_IF_ERROR(MakeFolder("run", 0755));
    RETURN_IF_ERROR(MakeFolder("var", 0755));
    RETURN_IF_ERROR(MakeFolder("var/tmp", 01777));
    return std::move(mounts_);
  }

 private:
  // The folders that lead to `target`, as the machine's symlinks have it.
  Status OwnFoldersTo(const std::string& target) {
    ASSIGN_OR_RETURN(std::string path, ResolveInRoot(host_, target));
    while (true) {
      const size_t slash = path.rfind('/');
      if (slash == std::string::npos) return {};
      path.resize(slash);
      own_.insert(path);
    }
  }

  Status MakeFolder(const std::string& path, mode_t mode) {
    if (mkdirat(root_, path.c_str(), mode) != 0 && errno != EEXIST) {
      return ErrnoError("mkdir " + path);
    }
    if (fchmodat(root_, path.c_str(), mode, 0) != 0) {
      return ErrnoError("chmod " + path);
    }
    return {};
  }

  // Nothing where the machine has none.
  Status Show(const std::string& path) {
    if (std::ranges::find(kPrivate, path) != kPrivate.end()) return {};
    struct stat found {};
    if (fstatat(host_, path.c_str(), &found, AT_SYMLINK_NOFOLLOW) != 0) {
      if (errno == ENOENT) return {};
      return ErrnoError("stat /" + path);
    }
    if (S_ISLNK(found.st_mode)) return CopyLink(path);
    if (S_ISDIR(found.st_mode)) {
      return own_.contains(path) ? ShowEach(path) : Bind(path);
    }
    if (!S_ISREG(found.st_mode)) return {};
    return path.starts_with("etc/") ? Copy(path) : Bind(path);
  }

  Status CopyLink(const std::string& path) {
    ASSIGN_OR_RETURN(const std::string to, ReadLinkAt(host_, path.c_str()));
    if (symlinkat(to.c_str(), root_, path.c_str()) != 0) {
      return ErrnoError("symlink " + path);
    }
    return {};
  }

  // A small file: that is quicker than a mount, and who looks for users before
  // anything is mounted finds them.
  Status Copy(const std::string& path) {
    Result<UniqueFd> from = OpenFileAt(host_, path.c_str(), O_RDONLY);
    if (!from) return {};  // not for us to read
    ASSIGN_OR_RETURN(
        const UniqueFd to,
        OpenFileAt(root_, path.c_str(), O_WRONLY | O_CREAT | O_EXCL, 0644));
    FdSource source(*std::move(from));
    constexpr uint64_t kLimit = uint64_t{10} << 20;
    ASSIGN_OR_RETURN(const std::string text, ReadAll(source, kLimit));
    FdSink sink(to.get());
    return sink.Write(text);
  }

  Status ShowEach(const std::string& folder) {
    RETURN_IF_ERROR(MakeFolder(folder, 0755));
    ASSIGN_OR_RETURN(const UniqueFd opened,
                     OpenFileAt(host_, folder.c_str(), O_RDONLY | O_DIRECTORY));
    ASSIGN_OR_RETURN(const auto entries, ListDirectory(opened.get()));
    for (const DirectoryEntry& entry : entries) {
      RETURN_IF_ERROR(Show(folder + "/" + entry.name));
    }
    return {};
  }

  Status Bind(const std::string& path) {
    sandbox::Mount mount;
    mount.source_path = mount.target = "/" + path;
    mount.read_only = true;
    mounts_.push_back(std::move(mount));
    return {};
  }

  const int root_;
  const int host_;
  std::set<std::string> own_;  // folders that are made in the new root
  std::vector<sandbox::Mount> mounts_;
};

}  // namespace

Result<std::vector<sandbox::Mount>> MakeHostRoot(
    int root, const std::vector<std::string>& targets) {
  ASSIGN_OR_RETURN(const UniqueFd host, OpenFile("/", O_RDONLY | O_DIRECTORY));
  return HostRoot(root, host.get()).Make(targets);
}

}  // namespace strake::builder
