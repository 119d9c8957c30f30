#include "builder/ops/fetch_op.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <utility>

#include "builder/context/git_source.h"
#include "builder/context/http_source.h"
#include "util/atomic_file.h"
#include "util/byte_stream.h"
#include "util/file_copy.h"
#include "util/result_macros.h"
#include "util/rooted_fs.h"

namespace strake::builder::ops {
namespace {

// A folder that goes with its owner.
class TemporaryFolder {
 public:
  static Result<TemporaryFolder> Create(const std::string& parent) {
    TemporaryFolder folder;
    folder.path_ = parent + "/" + RandomName("git-");
    if (::mkdir(folder.path_.c_str(), 0700) != 0) {
      return ErrnoError("mkdir " + folder.path_);
    }
    return folder;
  }
  TemporaryFolder(TemporaryFolder&& other) noexcept
      : path_(std::exchange(other.path_, "")) {}
  TemporaryFolder& operator=(TemporaryFolder&&) = delete;
  ~TemporaryFolder() {
    // What stays behind is in the store's folder for such things.
    if (!path_.empty()) (void)RemoveAllAtPath(path_).has_value();
  }
  const std::string& path() const { return path_; }

 private:
  TemporaryFolder() = default;
  std::string path_;
};

}  // namespace

Result<plan::FetchOp> PinFetch(
    const plan::FetchOp& op, const ExecuteEnvironment& environment,
    const std::function<void(uint64_t, uint64_t)>& on_bytes,
    std::stop_token stop) {
  plan::FetchOp pinned = op;
  ASSIGN_OR_RETURN(
      context::FetchedFile file,
      environment.http.Fetch(op.url, op.checksum, on_bytes, std::move(stop)));
  pinned.checksum = file.digest;
  return pinned;
}

Result<plan::GitOp> PinGit(const plan::GitOp& op,
                           const ExecuteEnvironment& environment,
                           std::stop_token stop) {
  plan::GitOp pinned = op;
  ASSIGN_OR_RETURN(pinned.source.ref,
                   context::ResolveGitCommit(op.source, environment.secrets,
                                             std::move(stop)));
  return pinned;
}

Status ExecuteFetch(const plan::FetchOp& op,
                    const ExecuteEnvironment& environment,
                    const WriteTarget& target, std::stop_token stop) {
  ASSIGN_OR_RETURN(context::FetchedFile fetched,
                   environment.http.Fetch(op.url, op.checksum, {}, stop));
  ASSIGN_OR_RETURN(UniqueFd from, environment.blobs.OpenFd(fetched.digest));
  ASSIGN_OR_RETURN(UniqueFd to,
                   OpenInRoot(target.root, op.filename,
                              O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600));
  RETURN_IF_ERROR(CopyFileContents(from.get(), to.get()));
  FileAttributes attributes;
  attributes.mode = 0600;
  attributes.set_mtime = true;
  attributes.mtime.tv_sec = fetched.modified.count();
  return SetAttributesAt(target.root, op.filename.c_str(), attributes);
}

Status ExecuteGit(const plan::GitOp& op, const ExecuteEnvironment& environment,
                  const WriteTarget& target,
                  const std::function<void(std::string_view)>& on_warning,
                  std::stop_token stop) {
  ASSIGN_OR_RETURN(TemporaryFolder folder,
                   TemporaryFolder::Create(environment.temporary_directory));
  RETURN_IF_ERROR(context::CheckOutGit(op.source, op.source.ref,
                                       environment.secrets, folder.path(),
                                       on_warning, stop));
  ASSIGN_OR_RETURN(UniqueFd root,
                   OpenFile(folder.path().c_str(), O_RDONLY | O_DIRECTORY));
  context::SourceTree tree;
  tree.root = root.get();
  tree.owned_by_root = true;
  context::CopyInputs inputs;
  inputs.contexts.emplace("", std::move(tree));
  plan::CopyOp copy;
  copy.sources.emplace_back();
  copy.destination = "/";
  CopyEnvironment copy_environment;
  copy_environment.stop = std::move(stop);
  ASSIGN_OR_RETURN(CopySummary summary,
                   ExecuteCopy(copy, inputs, target, copy_environment));
  (void)summary;
  return {};
}

}  // namespace strake::builder::ops
