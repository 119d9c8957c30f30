// Build contexts: the folders and archives that COPY, ADD and bind mounts read.

#ifndef STRAKE_BUILDER_CONTEXT_BUILD_CONTEXT_H_
#define STRAKE_BUILDER_CONTEXT_BUILD_CONTEXT_H_

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "builder/context/source_tree.h"
#include "util/byte_stream.h"
#include "util/ownership_journal.h"
#include "util/result.h"
#include "util/unique_fd.h"

namespace strake::builder::context {

// Whose the files of a context are.
enum class ContextOwners {
  kRoot,       // every file counts as owned by 0:0
  kAsWritten,  // as the disk and the journal say
};

// An open context. Movable; a temporary folder that it owns is removed with it.
// Reading it from several threads is safe.
class BuildContext {
 public:
  BuildContext() = default;
  BuildContext(BuildContext&&) noexcept;
  BuildContext& operator=(BuildContext&&) noexcept;
  ~BuildContext();

  // The host's path of the folder.
  const std::string& path() const { return path_; }
  int root() const { return root_.get(); }
  // Null where nothing is ignored.
  const IgnoreRules* ignore() const { return ignore_.get(); }

  // What is copied out of; borrows from this context.
  SourceTree tree() const;

  // Reads a file of the context for the builder itself (the Dockerfile), which
  // ignore rules do not hide. `kNotFound`; at most 64 MiB.
  Result<std::string> ReadFile(std::string_view path) const;

 private:
  friend Result<BuildContext> OpenLocalContext(
      const std::string& path, const struct LocalContextOptions& options);
  friend Result<struct TemporaryContext> MakeTemporaryContext(
      const std::string& temporary_directory, ContextOwners owners);
  std::string path_;
  UniqueFd root_;
  std::unique_ptr<IgnoreRules> ignore_;
  std::unique_ptr<OwnershipJournal> journal_;  // of an unpacked archive
  bool owned_by_root_ = true;
  std::vector<FileId> hidden_;
  // A temporary folder to remove at the end: its name, if any, and where it is.
  std::string temporary_name_;
  UniqueFd temporary_parent_;
};

// Contexts by name; "" is the main one.
using ContextMap = std::map<std::string, BuildContext>;

struct LocalContextOptions {
  // Where the Dockerfile is on the host, absolute or relative to the working
  // directory, also if it lies in the context; empty: it is not a file.
  std::string dockerfile_path;
  // Folders that are never part of the context, if they lie in it.
  std::vector<std::string> hidden_paths;
};

// Opens the folder `path`. Its ignore file is the first of
// `<dockerfile_path>.dockerignore` (beside the Dockerfile), `.containerignore`
// and `.dockerignore` (in the folder) that exists; the others do not count.
// Files count as owned by 0:0.
// Errors: kNotFound, kInvalidArgument (not a folder; a bad pattern, with file
// and line), kIo.
Result<BuildContext> OpenLocalContext(const std::string& path,
                                      const LocalContextOptions& options = {});

// An empty context for its maker to fill.
struct TemporaryContext {
  BuildContext context;
  OwnershipJournal* journal = nullptr;  // the context's own
};
// A new folder in `temporary_directory`, removed with the context.
Result<TemporaryContext> MakeTemporaryContext(
    const std::string& temporary_directory, ContextOwners owners);

// What was found on a stream: an archive, unpacked, or a lone Dockerfile.
struct StreamContext {
  BuildContext context;                   // empty, where it is a Dockerfile
  std::optional<std::string> dockerfile;  // the text, where it is no archive
  // Of a git repository: the full name of the commit, and what was asked for
  // (a branch, a tag; empty: its HEAD).
  std::string commit = {};
  std::string ref = {};
};

// Reads `stream` to its end. A tar, plain or compressed (gzip, bzip2, xz,
// zstd), is unpacked into a new folder in `temporary_directory`, without
// leaving it; owners are those of the archive, and no ignore rules apply.
// Anything else is taken for a Dockerfile (at most 16 MiB).
// Errors: kInvalidArgument (empty; neither), kCorrupt (a damaged archive), kIo.
Result<StreamContext> OpenStreamContext(ByteSource& stream,
                                        const std::string& temporary_directory);

}  // namespace strake::builder::context

#endif  // STRAKE_BUILDER_CONTEXT_BUILD_CONTEXT_H_
