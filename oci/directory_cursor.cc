#include "oci/directory_cursor.h"

#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <deque>
#include <utility>

#include "util/result_macros.h"
#include "util/rooted_fs.h"
#include "util/strings.h"

namespace strake::oci {
namespace {

constexpr int kMaxSymlinks = 40;       // the kernel's own limit
constexpr size_t kMaxOpenLevels = 64;  // deeper ones are found again
constexpr int kOpenDirectory = O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;

std::string JoinPath(const std::string& directory, const std::string& name) {
  return directory.empty() ? name : directory + "/" + name;
}

// Whether the last openat(2) failed at something that is there, but is no
// directory.
bool IsNoDirectory(int error) { return error == ENOTDIR || error == ELOOP; }

}  // namespace

const DirectoryCursor::Location& DirectoryCursor::Current() const {
  return levels_.empty() ? root_location_ : levels_.back().location;
}

void DirectoryCursor::Push(std::string name, UniqueFd fd, std::string path) {
  Level level;
  level.name = std::move(name);
  level.location = {fd.get(), std::move(path)};
  level.fd = std::move(fd);
  levels_.push_back(std::move(level));
  if (levels_.size() > kMaxOpenLevels) {
    levels_[levels_.size() - 1 - kMaxOpenLevels].fd.reset();
  }
}

Result<const DirectoryCursor::Location*> DirectoryCursor::Enter(
    std::string_view path) {
  root_location_.fd = root_;
  if (std::exchange(stale_, false)) levels_.clear();
  std::vector<std::string_view> names;
  if (!path.empty()) names = Split(path, '/');
  size_t common = 0;
  while (common < names.size() && common < levels_.size() &&
         levels_[common].name == names[common]) {
    ++common;
  }
  levels_.resize(common);
  if (!levels_.empty() && !levels_.back().fd) levels_.clear();
  if (levels_.empty()) links_followed_ = false;
  for (size_t i = levels_.size(); i < names.size(); ++i) {
    RETURN_IF_ERROR(Descend(std::string(names[i])));
  }
  return &Current();
}

Status DirectoryCursor::Descend(const std::string& name) {
  int parent = Current().fd;
  std::string path = JoinPath(Current().path, name);
  UniqueFd fd(::openat(parent, name.c_str(), kOpenDirectory));
  if (!fd && IsNoDirectory(errno)) {
    auto target = ReadLinkAt(parent, name.c_str());
    if (target) return FollowLink(name, *target);
    errno = ENOTDIR;
  }
  if (!fd && (errno == ENOENT || errno == ENOTDIR) && make_) {
    RETURN_IF_ERROR(make_(parent, name, path));
    fd.reset(::openat(parent, name.c_str(), kOpenDirectory));
  }
  if (!fd) {
    if (errno == ENOTDIR) return Corrupt(GoQuote(path) + " is no directory");
    return ErrnoError("cannot open directory " + GoQuote(path));
  }
  Push(name, std::move(fd), std::move(path));
  return {};
}

// Resolves `target`, which the symlink `name` in the current directory holds,
// one component at a time. ".." goes back to the directory that was come
// through, so that the kernel is never asked for it.
Status DirectoryCursor::FollowLink(const std::string& name,
                                   const std::string& target) {
  struct Step {
    std::string name;
    UniqueFd fd;
  };
  std::vector<Step> steps;  // from the root
  std::deque<std::string> pending;
  auto put_first = [&](std::string_view path) {
    auto parts = Split(path, '/');
    for (auto part = parts.rbegin(); part != parts.rend(); ++part) {
      if (!part->empty() && *part != ".") pending.emplace_front(*part);
    }
  };
  auto corrupt = [&](std::string_view problem) {
    return Corrupt("the symlink " + GoQuote(JoinPath(Current().path, name)) +
                   " -> " + GoQuote(target) + " " + std::string(problem));
  };
  put_first(target);
  if (!target.starts_with('/')) put_first(Current().path);

  int links = 1;
  while (!pending.empty()) {
    std::string part = std::move(pending.front());
    pending.pop_front();
    if (part == "..") {
      if (steps.empty()) return corrupt("leads out of the root");
      steps.pop_back();
      continue;
    }
    int parent = steps.empty() ? root_ : steps.back().fd.get();
    UniqueFd fd(::openat(parent, part.c_str(), kOpenDirectory));
    if (fd) {
      steps.push_back(Step{std::move(part), std::move(fd)});
      continue;
    }
    if (!IsNoDirectory(errno)) return corrupt("leads to nothing in the root");
    auto next = ReadLinkAt(parent, part.c_str());
    if (!next) return corrupt("leads to something that is no directory");
    if (++links > kMaxSymlinks) return corrupt("leads in circles");
    if (next->starts_with('/')) steps.clear();
    put_first(*next);
  }

  std::string path;
  for (const Step& step : steps) path = JoinPath(path, step.name);
  UniqueFd fd;
  if (steps.empty()) {
    ASSIGN_OR_RETURN(fd, OpenFileAt(root_, ".", O_PATH | O_DIRECTORY));
  } else {
    fd = std::move(steps.back().fd);
  }
  links_followed_ = true;
  Push(name, std::move(fd), std::move(path));
  return {};
}

}  // namespace strake::oci
