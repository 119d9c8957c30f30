#include "builder/ops/copy_op.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>

#include <map>
#include <utility>

#include "builder/context/copy_walk.h"
#include "builder/context/path_match.h"
#include "builder/context/tree_writer.h"
#include "builder/context/unpack_archive.h"
#include "builder/ops/copy_tree.h"
#include "builder/ops/user_lookup.h"
#include "builder/plan/chmod.h"
#include "util/byte_stream.h"
#include "util/result_macros.h"
#include "util/rooted_fs.h"
#include "util/strings.h"

namespace strake::builder::ops {
namespace {

using context::CopyMatch;
using context::FileMetadata;
using context::SourceTree;

constexpr uint32_t kImpliedMode = 0755;
constexpr uint32_t kInlineMode = 0644;

struct timespec ToTimespec(std::chrono::nanoseconds time) {
  auto seconds = std::chrono::floor<std::chrono::seconds>(time);
  struct timespec result = {};
  result.tv_sec = seconds.count();
  result.tv_nsec = static_cast<long>((time - seconds).count());
  return result;
}

struct timespec Now() {
  struct timespec now = {};
  ::clock_gettime(CLOCK_REALTIME, &now);
  return now;
}

std::string ParentOf(const std::string& path) {
  size_t slash = path.rfind('/');
  return slash == std::string::npos ? "" : path.substr(0, slash);
}

class Copier {
 public:
  Copier(const plan::CopyOp& op, const context::CopyInputs& inputs,
         const WriteTarget& target, const CopyEnvironment& environment)
      : op_(op),
        inputs_(inputs),
        root_(target.root),
        writer_(target.root, target.journal, target.parent_journal,
                target.journal_use) {
    rules_.on_bytes = environment.on_bytes;
    rules_.stop = environment.stop;
    borrowed_ = environment.borrowed;
    if (environment.epoch) rules_.time = ToTimespec(*environment.epoch);
    wants_directory_ = op.destination.ends_with('/');
    destination_ = CleanPath("/" + op.destination).substr(1);
  }

  Result<CopySummary> Run() {
    RETURN_IF_ERROR(ReadRules());
    for (const plan::CopySource& source : op_.sources) {
      if (source.kind == plan::CopySource::Kind::kInline) {
        RETURN_IF_ERROR(WriteInline(source));
      } else {
        RETURN_IF_ERROR(CopySource(source));
      }
    }
    RETURN_IF_ERROR(ResetTimes());
    for (const std::string& warning : writer_.warnings()) {
      summary_.warnings.push_back(warning);
    }
    return std::move(summary_);
  }

 private:
  Status ReadRules() {
    if (!op_.chmod.empty()) {
      ASSIGN_OR_RETURN(rules_.chmod, plan::Chmod::Parse(op_.chmod));
    }
    if (op_.chown.empty()) return {};
    ASSIGN_OR_RETURN(ChownTarget chown, ResolveChown(root_, op_.chown));
    rules_.owner = chown.owner;
    if (chown.unknown.empty()) return {};
    if (op_.link) {
      return InvalidArgument(
          "--chown=" + op_.chown +
          " with --link: a linked copy does not see the files of its stage, so "
          "names cannot be looked up; use numbers");
    }
    summary_.warnings.push_back(
        "--chown=" + op_.chown + ": the image knows no " +
        GoQuote(chown.unknown) + "; 0 is taken instead");
    return {};
  }

  Result<const SourceTree*> TreeOf(const plan::CopySource& source) const {
    if (source.kind == plan::CopySource::Kind::kContext) {
      auto it = inputs_.contexts.find(source.context);
      if (it != inputs_.contexts.end()) return &it->second;
      return Internal("copy: build context " + GoQuote(source.context) +
                      " was not opened");
    }
    auto it = inputs_.inputs.find(source.input);
    if (it != inputs_.inputs.end()) return &it->second;
    return Internal("copy: input " + std::to_string(source.input) +
                    " was not given");
  }

  Status CopySource(const plan::CopySource& source) {
    ASSIGN_OR_RETURN(const SourceTree* tree, TreeOf(source));
    // Another state may be gone when the layer is written.
    const bool stays = source.kind == plan::CopySource::Kind::kContext;
    rules_.borrowed = stays ? borrowed_ : nullptr;
    ASSIGN_OR_RETURN(context::CopySelection selection,
                     context::SelectSources(*tree, source.pattern,
                                            {.literal = source.fetched,
                                             .parents = op_.parents,
                                             .excludes = op_.excludes}));
    bool unpack = op_.unpack.value_or(op_.add && !source.fetched);
    uint64_t files_before = summary_.files;
    for (const CopyMatch& match : selection.matches) {
      if (unpack) {
        ASSIGN_OR_RETURN(bool unpacked, TryUnpack(*tree, match));
        if (unpacked) continue;
      }
      WarnOfExclude(match, selection.filter);
      RETURN_IF_ERROR(CopyOne(*tree, match, selection.filter));
    }
    if (op_.parents && summary_.files == files_before &&
        !context::HasWildcard(source.pattern)) {
      summary_.warnings.push_back(
          "--parents copied nothing of /" + source.pattern +
          ": it is excluded, or lies behind a symlink, which --parents does "
          "not follow");
    }
    return {};
  }

  // BuildKit applies --exclude to what is in a directory only.
  void WarnOfExclude(const CopyMatch& match,
                     const context::CopyFilter& filter) {
    if (match.file.IsDirectory() || !filter.excludes.Excludes(match.name)) {
      return;
    }
    summary_.warnings.push_back(
        "--exclude does not apply to /" + match.path +
        ", which the source itself names: it works inside directories only");
  }

  Status CopyOne(const SourceTree& tree, const CopyMatch& match,
                 const context::CopyFilter& filter) {
    Made made;
    ASSIGN_OR_RETURN(std::string destination,
                     PlaceFor(match.file.IsDirectory(), match.name, made));
    ASSIGN_OR_RETURN(
        CopyTreeSummary copied,
        CopyMatchTo(tree, match, filter, writer_, destination, rules_));
    summary_.files += copied.files;
    summary_.content_bytes += copied.content_bytes;
    return FinishMade(made);
  }

  Status WriteInline(const plan::CopySource& source) {
    Made made;
    std::string name = source.name.substr(source.name.rfind('/') + 1);
    ASSIGN_OR_RETURN(std::string destination, PlaceFor(false, name, made));
    ASSIGN_OR_RETURN(ParentAndName parent,
                     OpenParentInRoot(root_, destination));
    context::TreePlace place;
    place.directory = parent.parent.get();
    place.name = parent.name;
    place.path = destination;
    RETURN_IF_ERROR(MakeRoomForFile(writer_, place));
    ASSIGN_OR_RETURN(UniqueFd file, writer_.CreateFile(place));
    auto bytes = std::as_bytes(std::span(source.content));
    auto written = WriteFully(file.get(), bytes);
    if (!written) return std::move(written).error().Wrap("/" + destination);
    ++summary_.files;
    summary_.content_bytes += bytes.size();
    if (rules_.on_bytes) rules_.on_bytes(bytes.size());
    FileMetadata metadata;
    metadata.mode = S_IFREG | kInlineMode;
    if (rules_.chmod) {
      metadata.mode = S_IFREG | rules_.chmod->Apply(metadata.mode);
    }
    metadata.owner = rules_.owner.value_or(context::FileOwner{});
    metadata.mtime = rules_.time.value_or(Now());
    RETURN_IF_ERROR(writer_.Finish(place, metadata));
    return FinishMade(made);
  }

  // Unpacks `match` if it is an archive; says whether it was.
  Result<bool> TryUnpack(const SourceTree& tree, const CopyMatch& match) {
    if (!match.file.IsRegular()) return false;
    ASSIGN_OR_RETURN(
        UniqueFd file,
        OpenInRoot(tree.root, match.path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK));
    FdSource probe(file.get());
    if (!context::IsArchive(probe)) return false;
    if (::lseek(file.get(), 0, SEEK_SET) != 0) {
      return ErrnoError("seek in /" + match.path);
    }
    Made made;
    ASSIGN_OR_RETURN(std::string base, MakeImplied(destination_, made));
    FdSource source(std::move(file));
    auto unpacked = context::UnpackArchive(source, writer_, base,
                                           {.owner = rules_.owner,
                                            .on_bytes = rules_.on_bytes,
                                            .stop = rules_.stop});
    if (!unpacked) {
      return std::move(unpacked).error().Wrap("unpack /" + match.path);
    }
    summary_.files += unpacked->entries;
    summary_.content_bytes += unpacked->content_bytes;
    // --chmod is not for archives.
    RETURN_IF_ERROR(FinishMade(made, kImpliedMode));
    return true;
  }

  using Made = std::vector<std::string>;

  // Where a source goes: resolves the destination inside the root and makes
  // the directories that it implies, which are added to `made`. The result is
  // the path of the file itself, or of the existing directory that receives a
  // directory's content.
  Result<std::string> PlaceFor(bool is_directory, const std::string& name,
                               Made& made) {
    RETURN_IF_ERROR(MakeImplied(
        wants_directory_ ? destination_ : ParentOf(destination_), made));
    ASSIGN_OR_RETURN(std::string place, ResolveInRoot(root_, destination_));
    ASSIGN_OR_RETURN(std::optional<struct stat> there,
                     StatInRoot(root_, place, FollowLast::kNo));
    if (is_directory) {
      if (there && !S_ISDIR(there->st_mode)) {
        return InvalidArgument("cannot copy to non-directory: /" + place);
      }
      return there ? place : MakeImplied(place, made);
    }
    if (there && S_ISDIR(there->st_mode)) {
      if (!place.empty()) place += '/';
      return place + name;
    }
    RETURN_IF_ERROR(MakeImplied(ParentOf(place), made));
    return place;
  }

  // mkdir -p; returns the resolved path.
  Result<std::string> MakeImplied(const std::string& path, Made& made) {
    ASSIGN_OR_RETURN(std::string resolved, ResolveInRoot(root_, path));
    ASSIGN_OR_RETURN(std::vector<std::string> paths,
                     writer_.MakeDirectories(resolved));
    made.insert(made.end(), paths.begin(), paths.end());
    return resolved;
  }

  Status FinishMade(const Made& made) {
    std::optional<uint32_t> octal;
    if (rules_.chmod) octal = rules_.chmod->octal();
    return FinishMade(made, octal.value_or(kImpliedMode));
  }

  Status FinishMade(const Made& made, uint32_t mode) {
    FileMetadata metadata;
    metadata.mode = S_IFDIR | mode;
    metadata.owner = rules_.owner.value_or(context::FileOwner{});
    metadata.mtime = rules_.time.value_or(Now());
    for (const std::string& path : made) {
      RETURN_IF_ERROR(writer_.FinishPath(path, metadata));
      if (rules_.time) dated_.push_back(path);
    }
    return {};
  }

  // What was made for one source and then filled by another.
  Status ResetTimes() {
    for (const std::string& path : dated_) {
      ASSIGN_OR_RETURN(ParentAndName place, OpenParentInRoot(root_, path));
      struct timespec times[2] = {*rules_.time, *rules_.time};
      if (::utimensat(place.parent.get(), place.name.c_str(), times,
                      AT_SYMLINK_NOFOLLOW) != 0) {
        return ErrnoError("set the time of /" + path);
      }
    }
    return {};
  }

  const plan::CopyOp& op_;
  const context::CopyInputs& inputs_;
  const int root_;
  context::TreeWriter writer_;
  CopyRules rules_;
  BorrowedContent* borrowed_ = nullptr;
  std::string destination_;  // without "/" at either end
  bool wants_directory_ = false;
  CopySummary summary_;
  std::vector<std::string> dated_;
};

}  // namespace

Result<CopySummary> ExecuteCopy(const plan::CopyOp& op,
                                const context::CopyInputs& inputs,
                                const WriteTarget& target,
                                const CopyEnvironment& environment) {
  return Copier(op, inputs, target, environment).Run();
}

}  // namespace strake::builder::ops
