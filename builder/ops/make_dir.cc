#include "builder/ops/make_dir.h"

#include <sys/stat.h>
#include <time.h>

#include "builder/context/tree_writer.h"
#include "builder/ops/user_lookup.h"
#include "util/result_macros.h"
#include "util/rooted_fs.h"
#include "util/strings.h"

namespace strake::builder::ops {

Result<MakeDirSummary> ExecuteMakeDir(
    const plan::MakeDirOp& op, const WriteTarget& target,
    std::optional<std::chrono::nanoseconds> epoch) {
  MakeDirSummary summary;
  context::FileMetadata metadata;
  metadata.mode = S_IFDIR | 0755;
  if (!op.user.empty()) {
    ASSIGN_OR_RETURN(ChownTarget owner, ResolveChown(target.root, op.user));
    metadata.owner = owner.owner;
    if (!owner.unknown.empty()) {
      summary.warnings.push_back("USER " + op.user + ": the image knows no " +
                                 GoQuote(owner.unknown) + "; " + op.path +
                                 " belongs to 0 instead");
    }
  }
  if (epoch) {
    auto seconds = std::chrono::floor<std::chrono::seconds>(*epoch);
    metadata.mtime.tv_sec = seconds.count();
    metadata.mtime.tv_nsec = static_cast<long>((*epoch - seconds).count());
  } else {
    ::clock_gettime(CLOCK_REALTIME, &metadata.mtime);
  }
  context::TreeWriter writer(target.root, target.journal, target.parent_journal,
                             target.journal_use);
  ASSIGN_OR_RETURN(std::string path, ResolveInRoot(target.root, op.path));
  ASSIGN_OR_RETURN(summary.made, writer.MakeDirectories(path));
  for (const std::string& made : summary.made) {
    RETURN_IF_ERROR(writer.FinishPath(made, metadata));
  }
  return summary;
}

}  // namespace strake::builder::ops
