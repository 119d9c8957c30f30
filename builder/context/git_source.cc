#include "builder/context/git_source.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <utility>
#include <vector>

#include "builder/context/lfs_pointers.h"
#include "util/file_copy.h"
#include "util/result_macros.h"
#include "util/rooted_fs.h"
#include "util/strings.h"
#include "util/subprocess.h"
#include "util/tree_walk.h"

namespace strake::builder::context {
namespace {

bool IsFullCommit(std::string_view text) {
  return (text.size() == 40 || text.size() == 64) &&
         text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

// Whether a program is in one of the folders of PATH in `environment`.
bool HasProgram(const std::string& name,
                const std::vector<std::string>& environment) {
  for (const std::string& variable : environment) {
    if (!variable.starts_with("PATH=")) continue;
    for (std::string_view folder : Split(variable, ':')) {
      if (folder.starts_with("PATH=")) folder.remove_prefix(5);
      std::string path = std::string(folder) + "/" + name;
      if (::access(path.c_str(), X_OK) == 0) return true;
    }
  }
  return false;
}

// "https://host:port/" of an URL.
std::string HostPrefix(std::string_view url) {
  size_t path = url.find('/', url.find("://") + 3);
  return std::string(url.substr(0, path)) + "/";
}

bool HasLargeFileStorage(const Secrets& secrets) {
  return HasProgram("git-lfs", secrets.git_environment);
}

// One repository's git: its environment, and how its failures are told.
class Git {
 public:
  Git(const GitSource& source, const Secrets& secrets, std::stop_token stop)
      : source_(source), stop_(std::move(stop)) {
    env_ = {"GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=/dev/null",
            "GIT_TERMINAL_PROMPT=0", "GIT_ASKPASS=true", "LC_ALL=C"};
    env_.insert(env_.end(), secrets.git_environment.begin(),
                secrets.git_environment.end());
    Configure("advice.detachedHead", "false");
    // A repository may be owned by somebody else than root in its namespace.
    Configure("safe.directory", "*");
    if (HasLargeFileStorage(secrets)) UseLargeFileStorage();
    AddCredentials(secrets);
    env_.push_back("GIT_CONFIG_COUNT=" + std::to_string(settings_));
  }

  Result<std::string> Run(std::vector<std::string> arguments,
                          const std::string& directory = "") {
    SubprocessOptions options;
    options.argv = {"git"};
    options.argv.insert(options.argv.end(), arguments.begin(), arguments.end());
    options.env = env_;
    options.working_dir = directory;
    auto result = RunSubprocess(options, stop_);
    if (!result) {
      if (result.error().code() == ErrorCode::kNotFound) {
        return Unsupported(
            "a git source needs the program git, which is not on PATH: install "
            "the package git");
      }
      return std::move(result).error();
    }
    if (result->exit_status != 0) return Failure(arguments, *result);
    return std::move(result->stdout_text);
  }

 private:
  // What `git lfs install` writes into the configuration that git does not see
  // here.
  void UseLargeFileStorage() {
    Configure("filter.lfs.clean", "git-lfs clean -- %f");
    Configure("filter.lfs.smudge", "git-lfs smudge -- %f");
    Configure("filter.lfs.process", "git-lfs filter-process");
    Configure("filter.lfs.required", "true");
  }

  // Through the environment, where no other user can read it.
  void Configure(std::string_view key, std::string_view value) {
    std::string number = std::to_string(settings_++);
    env_.push_back("GIT_CONFIG_KEY_" + number + "=" + std::string(key));
    env_.push_back("GIT_CONFIG_VALUE_" + number + "=" + std::string(value));
  }

  void AddCredentials(const Secrets& secrets) {
    std::string host = HostOf(source_.remote);
    auto find = [&](const std::string& name) {
      const std::string* value = secrets.Find(name + "." + host);
      return value != nullptr ? value : secrets.Find(name);
    };
    if (IsHttpUrl(source_.remote)) {
      // Of the whole host: submodules are elsewhere on it.
      std::string key = "http." + HostPrefix(source_.remote) + ".extraheader";
      if (const std::string* header = find("GIT_AUTH_HEADER")) {
        Configure(key, "Authorization: " + std::string(Trim(*header)));
      } else if (const std::string* token = find("GIT_AUTH_TOKEN")) {
        Configure(key, "Authorization: basic " +
                           Base64Encode("x-access-token:" +
                                        std::string(Trim(*token))));
      }
      return;
    }
    env_.push_back(
        "GIT_SSH_COMMAND=ssh -o BatchMode=yes -o "
        "StrictHostKeyChecking=accept-new");
    auto agent = secrets.ssh_sockets.find("default");
    if (agent != secrets.ssh_sockets.end()) {
      env_.push_back("SSH_AUTH_SOCK=" + agent->second);
    }
  }

  Error Failure(const std::vector<std::string>& arguments,
                const SubprocessResult& result) const {
    std::string words(Trim(result.stderr_text));
    std::string message = "git " + arguments.front() + " of " +
                          WithoutPassword(source_.remote) + ": " + words;
    auto says = [&](std::string_view text) {
      return words.find(text) != std::string::npos;
    };
    ErrorCode code = ErrorCode::kUnavailable;
    if (says("not found") || says("does not exist") ||
        says("couldn't find remote ref")) {
      code = ErrorCode::kNotFound;
    } else if (says("Authentication failed") ||
               says("could not read Username") || says("Permission denied")) {
      code = ErrorCode::kUnauthorized;
    }
    return Error(code, std::move(message));
  }

  const GitSource& source_;
  std::stop_token stop_;
  std::vector<std::string> env_;
  int settings_ = 0;
};

// Picks the commit out of `git ls-remote`: a tag's own target first, then
// branches before tags, as git does for a name without a prefix.
std::string PickRef(const std::string& listing, const std::string& ref) {
  std::string best;
  int best_rank = 0;
  for (std::string_view line : Split(listing, '\n')) {
    auto columns = SplitOnce(line, '\t');
    if (!columns) continue;
    std::string_view name = columns->second;
    bool peeled = name.ends_with("^{}");
    if (peeled) name.remove_suffix(3);
    int rank = 0;
    if (name == ref) rank = 5;
    if (name == "refs/tags/" + ref) rank = 3;
    if (name == "refs/heads/" + ref) rank = 1;
    if (rank > 0 && peeled) ++rank;
    if (rank > best_rank) {
      best = columns->first;
      best_rank = rank;
    }
  }
  return best;
}

Status CheckChecksum(const GitSource& source, const std::string& commit) {
  if (source.checksum.empty() || commit.starts_with(source.checksum)) return {};
  return Corrupt(WithoutPassword(source.remote) + " is at commit " + commit +
                 ", but the checksum says " + source.checksum);
}

// Fetches just the commit where the server hands it out by name, else the ref
// with its history.
Status FetchCommit(Git& git, const GitSource& source, const std::string& commit,
                   const std::string& work) {
  auto direct = git.Run(
      {"fetch", "--quiet", "--depth=1", "--no-tags", "origin", commit}, work);
  if (direct) return {};
  std::string ref = source.ref.empty() || IsFullCommit(source.ref)
                        ? "+refs/heads/*:refs/remotes/origin/*"
                        : source.ref;
  RETURN_IF_ERROR(git.Run({"fetch", "--quiet", "--tags", "origin", ref}, work));
  return {};
}

// Owner-independent modes, and the time that files get.
Status NormalizeTree(const std::string& directory,
                     const std::optional<int64_t>& mtime) {
  ASSIGN_OR_RETURN(UniqueFd root,
                   OpenFile(directory.c_str(), O_RDONLY | O_DIRECTORY));
  FileAttributes times;
  if (mtime) {
    times.set_mtime = true;
    times.mtime.tv_sec = *mtime;
  }
  auto normalize = [&](const TreeEntry& entry) -> Status {
    FileAttributes attributes = times;
    uint32_t mode = entry.stat->stx_mode;
    if (!S_ISLNK(mode)) {
      attributes.mode = S_ISDIR(mode) || (mode & 0100) != 0 ? 0755 : 0644;
    }
    return SetAttributesAt(entry.directory, std::string(entry.name).c_str(),
                           attributes);
  };
  auto visit = [&](const TreeEntry& entry) -> Result<TreeStep> {
    // A directory's time is set after what is in it.
    if (!S_ISDIR(entry.stat->stx_mode)) RETURN_IF_ERROR(normalize(entry));
    return TreeStep::kContinue;
  };
  return WalkTree(root.get(), {}, visit, normalize);
}

Status RemoveGitFolders(const std::string& directory) {
  ASSIGN_OR_RETURN(UniqueFd root,
                   OpenFile(directory.c_str(), O_RDONLY | O_DIRECTORY));
  std::vector<std::string> found;
  auto visit = [&](const TreeEntry& entry) -> Result<TreeStep> {
    if (entry.name != ".git") return TreeStep::kContinue;
    found.emplace_back(entry.path);
    return TreeStep::kSkip;
  };
  RETURN_IF_ERROR(WalkTree(root.get(), {}, visit));
  for (const std::string& path : found) {
    RETURN_IF_ERROR(RemoveAllInRoot(root.get(), path));
  }
  return {};
}

// Makes `subdir` of `work` the content of `directory`.
Status TakeSubdir(const std::string& work, const std::string& subdir,
                  const std::string& directory) {
  ASSIGN_OR_RETURN(UniqueFd root,
                   OpenFile(work.c_str(), O_RDONLY | O_DIRECTORY));
  ASSIGN_OR_RETURN(std::string resolved, ResolveInRoot(root.get(), subdir));
  std::string source = resolved.empty() ? work : work + "/" + resolved;
  std::error_code error;
  if (!std::filesystem::is_directory(source, error)) {
    return NotFound("subdir not found: \"" + subdir + "\"");
  }
  std::vector<std::filesystem::path> children;
  for (const auto& child : std::filesystem::directory_iterator(source, error)) {
    children.push_back(child.path());
  }
  for (const std::filesystem::path& child : children) {
    std::string target = directory + "/" + child.filename().string();
    if (::rename(child.c_str(), target.c_str()) != 0) {
      return ErrnoError("rename " + child.string());
    }
  }
  return {};
}

Status UpdateSubmodules(Git& git, const std::string& work) {
  std::vector<std::string> update = {"submodule", "--quiet", "update", "--init",
                                     "--recursive"};
  std::vector<std::string> shallow = update;
  shallow.push_back("--depth=1");
  auto done = git.Run(shallow, work);
  // A server of plain files has no history to cut.
  if (!done && done.error().code() != ErrorCode::kCancelled) {
    done = git.Run(update, work);
  }
  if (!done) return std::move(done).error();
  return {};
}

Status WarnOfPointers(const GitSource& source, const std::string& directory,
                      const std::function<void(std::string_view)>& on_warning) {
  ASSIGN_OR_RETURN(const size_t count, CountLfsPointers(directory));
  if (count == 0) return {};
  on_warning(std::to_string(count) + (count == 1 ? " file" : " files") +
             " of " + WithoutPassword(source.remote) +
             " stand for content that git-lfs keeps, and were not replaced by "
             "it: git-lfs is not on PATH; install the package git-lfs");
  return {};
}

}  // namespace

Result<std::string> ResolveGitCommit(const GitSource& source,
                                     const Secrets& secrets,
                                     std::stop_token stop) {
  if (IsFullCommit(source.ref)) {
    RETURN_IF_ERROR(CheckChecksum(source, source.ref));
    return source.ref;
  }
  Git git(source, secrets, std::move(stop));
  std::string ref = source.ref.empty() ? "HEAD" : source.ref;
  ASSIGN_OR_RETURN(
      std::string listing,
      git.Run({"ls-remote", "--", source.remote, ref, ref + "^{}"}));
  std::string commit = PickRef(listing, ref);
  if (commit.empty()) {
    return NotFound(WithoutPassword(source.remote) +
                    " has no branch or tag \"" + ref +
                    "\"; a commit must be given by its full name");
  }
  RETURN_IF_ERROR(CheckChecksum(source, commit));
  return commit;
}

Status CheckOutGit(const GitSource& source, const std::string& commit,
                   const Secrets& secrets, const std::string& directory,
                   const std::function<void(std::string_view)>& on_warning,
                   std::stop_token stop) {
  Git git(source, secrets, std::move(stop));
  std::string work = directory + "/.strake-checkout";
  RETURN_IF_ERROR(git.Run({"init", "--quiet", "--", work}));
  RETURN_IF_ERROR(git.Run({"remote", "add", "origin", source.remote}, work));
  RETURN_IF_ERROR(FetchCommit(git, source, commit, work));
  RETURN_IF_ERROR(git.Run({"checkout", "--quiet", "--detach", commit}, work));
  if (source.submodules) RETURN_IF_ERROR(UpdateSubmodules(git, work));
  std::optional<int64_t> mtime;
  if (source.commit_mtime) {
    ASSIGN_OR_RETURN(std::string text,
                     git.Run({"show", "-s", "--format=%ct", commit}, work));
    mtime = ParseInt(Trim(text));
  }
  if (!source.keep_git_dir.value_or(false)) {
    RETURN_IF_ERROR(RemoveGitFolders(work));
  }
  RETURN_IF_ERROR(TakeSubdir(work, source.subdir, directory));
  RETURN_IF_ERROR(RemoveAllAtPath(work));
  if (on_warning && !HasLargeFileStorage(secrets)) {
    RETURN_IF_ERROR(WarnOfPointers(source, directory, on_warning));
  }
  return NormalizeTree(directory, mtime);
}

}  // namespace strake::builder::context
