#include "builder/snapshot/apply_changes.h"

#include <fcntl.h>
#include <unistd.h>

#include <utility>

#include "oci/layer_writer.h"
#include "util/byte_stream.h"
#include "util/result_macros.h"
#include "util/thread.h"
#include "util/unique_fd.h"

namespace strake::builder::snapshot {

Status ApplyChanges(const SnapshotDiff& diff, int root,
                    const oci::LayerApplyOptions& options) {
  ASSIGN_OR_RETURN(Pipe pipe, MakePipe());

  Status written;
  auto writer = StartThread([&, out = std::move(pipe.write_end)]() mutable {
    FdSink sink(std::move(out));
    auto summary = oci::WriteLayer(diff.changes, diff.root.get(), sink);
    if (!summary) written = std::move(summary).error();
  });
  if (!writer) return std::move(writer).error();
  Result<oci::LayerApplySummary> applied = [&] {
    FdSource source(std::move(pipe.read_end));
    // Closing the read end on failure ends the writer, too: with EPIPE, since
    // the program ignores SIGPIPE.
    return oci::ApplyLayer(source, root, options);
  }();
  writer->join();
  // The reader sees a writer's failure as a truncated tar: name the cause.
  if (!written && (applied || applied.error().code() == ErrorCode::kCorrupt)) {
    return written;
  }
  if (!applied) return std::move(applied).error();
  return {};
}

}  // namespace strake::builder::snapshot
