// The slow way of `PathResolver`: one component at a time.

#ifndef STRAKE_BUILDER_SANDBOX_NOTIFY_PATH_WALK_H_
#define STRAKE_BUILDER_SANDBOX_NOTIFY_PATH_WALK_H_

#include <sys/stat.h>

#include <string>
#include <string_view>
#include <vector>

#include "builder/sandbox/notify/path_resolver.h"
#include "util/unique_fd.h"

namespace strake::builder::sandbox::notify {

// One walk. Not thread-safe.
class PathWalk {
 public:
  enum class Last {
    kFollow,    // the file, through symlinks
    kNoFollow,  // the file, or the symlink
    kParent,    // the last component is not looked at
  };

  PathWalk(const PathResolver& resolver, const Viewer& viewer)
      : resolver_(resolver), viewer_(viewer) {}

  // 0 also where only the last component is missing: `object` is then none.
  int Run(int directory, const std::string& path, Last last);

  // Keeps the names of all components that are looked up, those of links'
  // targets among them. Before `Run`; borrowed.
  void CollectNames(std::vector<std::string>* names) { names_ = names; }

  // Starts and ends at a descriptor of the viewer.
  int EnterDescriptor(int descriptor);

  Place TakeObject();
  ParentPlace TakeParent();

 private:
  int Step(std::string_view component, bool is_last, Last last);
  int Lookup(std::string_view component, UniqueFd& found, struct stat& file);
  int GoUp();
  int EnterRoot();
  // Through a link of /proc that the kernel resolves to what it stands for.
  int EnterHostLink(int directory, const char* path);
  int FollowLink(const UniqueFd& link, std::string_view component);
  int FollowProcLink(std::string_view component);
  bool IsOneOfTheirs(pid_t process) const;
  void Descend(UniqueFd fd, const struct stat& file, const VirtualMount* mount,
               std::string_view component);
  bool MaySearch() const;

  const PathResolver& resolver_;
  const Viewer& viewer_;
  std::string todo_;
  int links_ = 0;

  UniqueFd current_;
  const VirtualMount* mount_ = nullptr;
  struct stat file_ {};  // of `current_`, as on disk
  std::string proc_path_;

  UniqueFd parent_;
  const VirtualMount* parent_mount_ = nullptr;
  std::string name_;
  std::vector<std::string>* names_ = nullptr;
};

// Whether `path`, below /proc, is a link that the kernel resolves by itself to
// what it stands for ("123/cwd", "123/task/4/fd/5"); `what` is its kind.
enum class ProcLink { kNone, kSelf, kThreadSelf, kRoot, kProgram, kOther };
ProcLink KindOfProcLink(std::string_view path, pid_t& process);

}  // namespace strake::builder::sandbox::notify

#endif  // STRAKE_BUILDER_SANDBOX_NOTIFY_PATH_WALK_H_
