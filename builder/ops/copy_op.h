// Carries out COPY and ADD (Dockerfile reference; the details are BuildKit's).
//
// The destination is resolved inside the target, symlinks included. A file
// replaces a file and never writes through it; a directory is merged into a
// directory; one over the other is an error. A copied directory means its
// content: the directory that receives it keeps its metadata if it was there,
// and is an implied parent if not. Directories below it take the source's.
//
// Implied parents are 0755 or have --chmod's octal mode, belong to --chown's
// owner or 0:0, and have the time of their making.

#ifndef STRAKE_BUILDER_OPS_COPY_OP_H_
#define STRAKE_BUILDER_OPS_COPY_OP_H_

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "builder/context/copy_inputs.h"
#include "builder/ops/borrowed_content.h"
#include "builder/plan/op.h"
#include "util/ownership_journal.h"
#include "util/result.h"

namespace strake::builder::ops {

// A file system to write to.
struct WriteTarget {
  int root = -1;  // merged and writable; borrowed
  // Takes owners, modes, devices and attributes that the kernel refuses; null:
  // a refusal is an error.
  OwnershipJournal* journal = nullptr;
  // Of the tree as it was before, merged; may be null.
  const OwnershipJournal* parent_journal = nullptr;
  JournalUse journal_use = JournalUse::kRefused;
};

struct CopyEnvironment {
  // SOURCE_DATE_EPOCH: the time of everything that is copied or made (members
  // of an archive keep theirs). Unset: sources keep their times, to the
  // nanosecond, and what is made has the time of its making.
  std::optional<std::chrono::nanoseconds> epoch;
  std::function<void(uint64_t)> on_bytes;  // of content, as it is copied
  std::stop_token stop;                    // honoured between files
  // Takes the content of files of build contexts, which must outlive it; null:
  // it is copied.
  BorrowedContent* borrowed = nullptr;
};

struct CopySummary {
  uint64_t files = 0;  // of any type, directories included
  uint64_t content_bytes = 0;
  std::vector<std::string> warnings;  // for people
};

// Errors: kNotFound `"/x": not found` (a source), kInvalidArgument (file over
// directory or the other way round, bad --chmod or --exclude, --chown by name
// with --link), kCorrupt (a
// damaged archive), kIo, kCancelled; kInternal for a context or input that
// `inputs` lacks. The target is then in an unfinished state.
Result<CopySummary> ExecuteCopy(const plan::CopyOp& op,
                                const context::CopyInputs& inputs,
                                const WriteTarget& target,
                                const CopyEnvironment& environment);

}  // namespace strake::builder::ops

#endif  // STRAKE_BUILDER_OPS_COPY_OP_H_
