// The probe does the real thing, with everything that a profile may refuse in
// it: a filter with a listener, a descriptor passed, memory read and written,
// the label, a call rewritten by ptrace, the loader.

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <string>

#include "builder/sandbox/notify/loader/image.h"
#include "builder/sandbox/notify/notify_sandbox.h"
#include "util/byte_stream.h"
#include "util/result_macros.h"
#include "util/rooted_fs.h"
#include "util/unique_fd.h"

namespace strake::builder::sandbox {
namespace {

// A directory that is gone afterwards.
class ScratchRoot {
 public:
  static Result<ScratchRoot> Make() {
    std::error_code error;
    std::string path = std::filesystem::temp_directory_path(error).string();
    if (error) return IoError("temporary directory: " + error.message());
    path += "/strake-probe-XXXXXX";
    if (mkdtemp(path.data()) == nullptr) {
      return ErrnoError("make a directory in " + path);
    }
    return ScratchRoot(path);
  }
  ScratchRoot(ScratchRoot&& other) noexcept
      : path_(std::exchange(other.path_, {})) {}
  ScratchRoot& operator=(ScratchRoot&&) = delete;
  ~ScratchRoot() {
    if (!path_.empty()) (void)RemoveAllAtPath(path_);
  }
  const std::string& path() const { return path_; }

 private:
  explicit ScratchRoot(std::string path) : path_(std::move(path)) {}
  std::string path_;
};

// The loader asks what to load. Executed as a program itself, under itself, it
// wipes its own order on the way, and says so by its exit code: it ran, its
// question was answered, and it could map a file that may be executed.
constexpr int kNoOrder = 124;
constexpr int kBadInterpreter = 125;

Status Try() {
  ASSIGN_OR_RETURN(const ScratchRoot root, ScratchRoot::Make());
  const std::string program = root.path() + "/probe";
  ASSIGN_OR_RETURN(UniqueFd file,
                   OpenFile(program.c_str(), O_CREAT | O_WRONLY, 0700));
  const std::string_view image = notify::LoaderImage();
  FdSink sink(file.get());
  RETURN_IF_ERROR(sink.Write(image));
  file.reset();
  ProcessSpec spec;
  spec.argv = {"/probe"};
  spec.root.path = root.path();
  NotifySandbox sandbox;
  ASSIGN_OR_RETURN(const ExitStatus status, sandbox.Run(spec, {}, {}));
  if (status.code == kNoOrder || status.code == kBadInterpreter) return {};
  return Unsupported("the loader ended with " +
                     std::to_string(status.ShellCode()));
}

}  // namespace

Status ProbeNotify() {
#ifndef __x86_64__
  return Unsupported(
      "running steps without namespaces is implemented for x86-64 only");
#endif
  static const Status probed = [] {
    Status tried = Try();
    if (tried) return tried;
    return Status(Unsupported(tried.error().message()));
  }();
  return probed;
}

}  // namespace strake::builder::sandbox
