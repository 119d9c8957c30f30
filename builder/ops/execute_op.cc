#include "builder/ops/execute_op.h"

#include <utility>
#include <variant>

#include "builder/ops/copy_op.h"
#include "builder/ops/fetch_op.h"
#include "builder/ops/make_dir.h"
#include "builder/ops/run_op.h"
#include "builder/snapshot/apply_changes.h"
#include "util/result_macros.h"

namespace strake::builder::ops {
namespace {

using snapshot::ActiveSnapshot;
using ActivePtr = std::unique_ptr<ActiveSnapshot>;

// The state to write on, open.
struct Workspace {
  ActivePtr active;
  snapshot::MountedRoot root;
  OwnershipJournal parent_journal;
  JournalUse journal_use = JournalUse::kRefused;

  WriteTarget target() {
    return {root.fd.get(), &active->journal(), &parent_journal, journal_use};
  }
  // Closes the root, so that the snapshot can be committed.
  ActivePtr Finish() && {
    root.fd.reset();
    return std::move(active);
  }
};

class Executor {
 public:
  Executor(const ExecuteRequest& request, const ExecuteEnvironment& environment)
      : request_(request), environment_(environment) {}

  Result<ActivePtr> operator()(const plan::ScratchOp&) {
    return environment_.snapshotter.Prepare({});
  }

  Result<ActivePtr> operator()(const plan::ImageOp&) {
    return Internal("a base image was to be executed");
  }

  Result<ActivePtr> operator()(const plan::RunOp& op) {
    using Devices = sandbox::ProcessSpec::Devices;
    bool made_device = false;
    auto ran = Run(op, Devices::kKnown, made_device);
    if (!made_device) return ran;
    if (request_.on_output) {
      request_.on_output(sandbox::Stream::kStderr,
                         "strake: devices are emulated here, and the step has "
                         "made one: it begins anew\n");
    }
    return Run(op, Devices::kAll, made_device);
  }

  Result<ActivePtr> operator()(const plan::CopyOp& op) {
    std::vector<std::unique_ptr<OpenSource>> opened;
    ASSIGN_OR_RETURN(context::CopyInputs inputs,
                     OpenCopyInputs(op, request_.inputs, environment_.contexts,
                                    environment_.snapshotter, opened));
    ASSIGN_OR_RETURN(Workspace work, Open());
    CopyEnvironment copy;
    copy.epoch = environment_.epoch;
    copy.on_bytes = request_.on_bytes;
    copy.stop = request_.stop;
    copy.borrowed = request_.borrowed;
    ASSIGN_OR_RETURN(CopySummary summary,
                     ExecuteCopy(op, inputs, work.target(), copy));
    Warn(summary.warnings);
    return std::move(work).Finish();
  }

  Result<ActivePtr> operator()(const plan::MakeDirOp& op) {
    ASSIGN_OR_RETURN(Workspace work, Open());
    ASSIGN_OR_RETURN(MakeDirSummary summary,
                     ExecuteMakeDir(op, work.target(), environment_.epoch));
    Warn(summary.warnings);
    return std::move(work).Finish();
  }

  Result<ActivePtr> operator()(const plan::FetchOp& op) {
    ASSIGN_OR_RETURN(Workspace work, OpenEmpty());
    RETURN_IF_ERROR(
        ExecuteFetch(op, environment_, work.target(), request_.stop));
    return std::move(work).Finish();
  }

  Result<ActivePtr> operator()(const plan::GitOp& op) {
    ASSIGN_OR_RETURN(Workspace work, OpenEmpty());
    RETURN_IF_ERROR(ExecuteGit(op, environment_, work.target(),
                               request_.on_warning, request_.stop));
    return std::move(work).Finish();
  }

  Result<ActivePtr> operator()(const plan::MergeOp&) {
    snapshot::Snapshotter& snapshotter = environment_.snapshotter;
    ASSIGN_OR_RETURN(snapshot::SnapshotDiff diff,
                     snapshotter.Diff(request_.inputs[1]));
    ASSIGN_OR_RETURN(ActivePtr active, snapshotter.Prepare(request_.inputs[0]));
    {
      ASSIGN_OR_RETURN(snapshot::LayerTarget target,
                       snapshotter.Target(*active));
      RETURN_IF_ERROR(
          snapshot::ApplyChanges(diff, target.directory.get(), target.options));
    }
    return active;
  }

 private:
  Result<ActivePtr> Run(const plan::RunOp& op,
                        sandbox::ProcessSpec::Devices devices,
                        bool& made_device) {
    ASSIGN_OR_RETURN(Workspace work, Open());
    std::optional<std::set<std::string>> touched;
    RETURN_IF_ERROR(ExecuteRun(op, request_, environment_, work.root,
                               work.target(), touched, devices, made_device));
    if (touched) work.active->SetTouched(*std::move(touched));
    return std::move(work).Finish();
  }

  Result<Workspace> Open() {
    Workspace work;
    work.journal_use = environment_.snapshotter.journal_use();
    ASSIGN_OR_RETURN(work.active,
                     environment_.snapshotter.Prepare(request_.inputs[0]));
    ASSIGN_OR_RETURN(work.parent_journal,
                     environment_.snapshotter.Journal(request_.inputs[0]));
    ASSIGN_OR_RETURN(work.root, environment_.snapshotter.Mount(*work.active));
    return work;
  }

  Result<Workspace> OpenEmpty() {
    Workspace work;
    work.journal_use = environment_.snapshotter.journal_use();
    ASSIGN_OR_RETURN(work.active, environment_.snapshotter.Prepare({}));
    ASSIGN_OR_RETURN(work.root, environment_.snapshotter.Mount(*work.active));
    return work;
  }

  void Warn(const std::vector<std::string>& warnings) const {
    if (!request_.on_warning) return;
    for (const std::string& warning : warnings) request_.on_warning(warning);
  }

  const ExecuteRequest& request_;
  const ExecuteEnvironment& environment_;
};

}  // namespace

context::SourceTree OpenSource::tree() const {
  context::SourceTree tree;
  tree.root = root.fd.get();
  tree.journal = &journal;
  return tree;
}

Result<OpenSource> OpenSnapshot(snapshot::Snapshotter& snapshotter,
                                const snapshot::SnapshotId& id) {
  OpenSource source;
  ASSIGN_OR_RETURN(source.root, snapshotter.View(id));
  ASSIGN_OR_RETURN(source.journal, snapshotter.Journal(id));
  return source;
}

Result<context::CopyInputs> OpenCopyInputs(
    const plan::CopyOp& op, const std::vector<snapshot::SnapshotId>& inputs,
    const context::ContextMap& contexts, snapshot::Snapshotter& snapshotter,
    std::vector<std::unique_ptr<OpenSource>>& opened) {
  context::CopyInputs trees;
  for (const plan::CopySource& source : op.sources) {
    if (source.kind == plan::CopySource::Kind::kContext) {
      auto it = contexts.find(source.context);
      if (it == contexts.end()) {
        return Internal("there is no build context \"" + source.context + "\"");
      }
      trees.contexts.emplace(source.context, it->second.tree());
    } else if (source.kind == plan::CopySource::Kind::kInput &&
               !trees.inputs.contains(source.input)) {
      ASSIGN_OR_RETURN(OpenSource input,
                       OpenSnapshot(snapshotter, inputs[source.input]));
      opened.push_back(std::make_unique<OpenSource>(std::move(input)));
      trees.inputs.emplace(source.input, opened.back()->tree());
    }
  }
  return trees;
}

Result<ActivePtr> ExecuteOp(const ExecuteRequest& request,
                            const ExecuteEnvironment& environment) {
  return std::visit(Executor(request, environment), request.op);
}

}  // namespace strake::builder::ops
