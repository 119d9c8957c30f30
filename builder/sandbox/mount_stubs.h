// Places to mount on, made where a root file system lacks them, and removed
// afterwards without a trace.
//
// A cache that several steps share may get the same places from each of them:
// all who use one hold a lock on it (flock(2), shared), and who made it removes
// it only where nobody else does. One that others still use stays.
//
// Not thread-safe; for one step each.

#ifndef STRAKE_BUILDER_SANDBOX_MOUNT_STUBS_H_
#define STRAKE_BUILDER_SANDBOX_MOUNT_STUBS_H_

#include <sys/stat.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "util/result.h"
#include "util/unique_fd.h"

namespace strake::builder::sandbox {

class MountStubs {
 public:
  enum class Kind { kDirectory, kFile };

  MountStubs() = default;
  MountStubs(const MountStubs&) = delete;
  MountStubs& operator=(const MountStubs&) = delete;
  // Removes what `Remove` was not asked to, as far as it can.
  ~MountStubs() { (void)Remove(); }

  // Opens (O_PATH) what `target` denotes inside `root`, every symlink resolved
  // inside it; what is missing is made: directories (mode 0755) and, for
  // `kFile`, an empty file (0644). Mounts that are already attached below
  // `root` are seen. An existing target is opened as it is, whatever its kind.
  Result<UniqueFd> Open(int root, std::string_view target, Kind kind);

  // Removes what `Open` made, if it is still empty, the last one first. A
  // parent whose times nobody else changed gets back those it had before; one
  // that the step changed keeps the step's. To be called when no process can
  // see a mount on the stubs any more.
  Status Remove();

 private:
  struct Stub {
    UniqueFd parent;  // O_PATH
    UniqueFd held;    // the place itself, locked; none for those on the way
    std::string name;
    Kind kind = Kind::kDirectory;
    // The parent's times before and after the stub was made.
    struct timespec accessed {};
    struct timespec modified {};
    struct timespec modified_by_us {};
  };

  enum class Locks { kNeeded, kWished };

  // Nothing where another step removed something meanwhile.
  Result<std::optional<UniqueFd>> TryOpen(int root, const std::string& path,
                                          Kind kind, Locks locks);
  // False: there is one now, or the parent is gone.
  Result<bool> Make(int parent, const std::string& name, Kind kind);
  bool Hold(int parent, const std::string& name, int place, Locks locks);
  static Status RemoveOne(const Stub& stub);

  std::vector<Stub> stubs_;
  std::vector<UniqueFd> held_;  // places that were there
};

}  // namespace strake::builder::sandbox

#endif  // STRAKE_BUILDER_SANDBOX_MOUNT_STUBS_H_
