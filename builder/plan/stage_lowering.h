// The state of lowering one stage, shared by the files that lower its
// instructions (`lower_stage.cc`, `lower_copy.cc`, `lower_run.cc`). Not a
// public header: `lower_stage.h` is.

#ifndef STRAKE_BUILDER_PLAN_STAGE_LOWERING_H_
#define STRAKE_BUILDER_PLAN_STAGE_LOWERING_H_

#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "builder/plan/lower_stage.h"
#include "builder/plan/update_config.h"
#include "dockerfile/expand.h"
#include "dockerfile/run_mount.h"
#include "util/result.h"

namespace strake::builder::plan {

class StageLowering {
 public:
  StageLowering(const LoweringContext& context, size_t index);

  LoweredStage Lower();

 private:
  using Instruction = dockerfile::Instruction;
  using SourceRange = dockerfile::SourceRange;

  // lower_stage.cc
  void StartFromBase();
  void StartFromImage(const BaseImage& image);
  Status LowerOne(const Instruction& instruction);
  bool is_windows() const { return result_.config.platform.os == "windows"; }
  bool IsWindows(const SourceRef& source) const;
  // The absolute path inside the image that `path` of an instruction means;
  // where its files are in the snapshot: `InSnapshot`.
  Result<std::string> PathInImage(const std::string& path) const;
  std::string InSnapshot(const std::string& path) const;
  Status LowerWindowsWorkdir(const std::string& path);
  Status Lower(const dockerfile::Run& run);
  Status Lower(const dockerfile::Copy& copy);
  Status Lower(const dockerfile::Add& add);
  Status Lower(const dockerfile::Env& env);
  Status Lower(const dockerfile::Arg& arg);
  Status Lower(const dockerfile::Workdir& workdir);
  Status Lower(const dockerfile::User& user);
  Status Lower(const dockerfile::Expose& expose);
  Status Lower(const dockerfile::Volume& volume);
  Status Lower(const dockerfile::Cmd& cmd);
  Status Lower(const dockerfile::Entrypoint& entrypoint);
  Status Lower(const dockerfile::Label& label);
  Status Lower(const dockerfile::Healthcheck& check);
  Status Lower(const dockerfile::Shell& shell);
  Status Lower(const dockerfile::Stopsignal& signal);
  Status Lower(const dockerfile::Onbuild& onbuild);
  Status Lower(const dockerfile::Maintainer& maintainer);
  Status Lower(const dockerfile::From& from);

  // lower_run.cc
  Result<RunMount> LowerMount(const dockerfile::Run::Mount& mount, RunOp& run,
                              std::vector<VertexId>& inputs);
  Status LowerBindMount(const dockerfile::RunMount& parsed, RunMount& mount,
                        std::vector<VertexId>& inputs);
  VertexId ContextFiles(const std::string& context, const std::string& source);
  std::string RunHistory(const std::vector<std::string>& argv) const;

  // lower_copy.cc
  struct ExpandedCopy {
    CopyOp op;
    std::vector<VertexId> inputs;              // beside the state copied onto
    std::vector<std::string> written_sources;  // for the history
    std::string written_destination;
  };
  Result<ExpandedCopy> ExpandCopy(const dockerfile::CopySources& copy);
  Status AddCopySources(const dockerfile::CopySources& copy,
                        const SourceRef* from, ExpandedCopy& expanded);
  Status FetchUrl(const std::string& checksum, CopySource& source,
                  ExpandedCopy& expanded);
  Status FetchGit(const dockerfile::Add& add, const std::string& checksum,
                  CopySource& source, ExpandedCopy& expanded);
  Status AddHeredocs(const dockerfile::CopySources& copy,
                     ExpandedCopy& expanded);
  bool NeedsNothingBelow(const CopyOp& op) const;
  void FinishCopy(ExpandedCopy expanded, std::string_view instruction);
  void WarnIfIgnored(std::string_view instruction, const std::string& source);

  // Expansion in the scope as it was before the current instruction.
  dockerfile::VariableLookup Lookup() const;
  Result<std::string> Expand(std::string_view word);
  Result<std::vector<std::string>> ExpandToWords(std::string_view text);
  Result<std::vector<KeyValue>> ExpandPairs(
      const std::vector<dockerfile::KeyValue>& pairs);
  void ReportUnmatched(const std::vector<std::string>& names);
  void Warn(dockerfile::Diagnostic finding);

  // What `--from=TEXT` means; null after a mistake that was reported already.
  const SourceRef* FindSource(const std::string& text) const;
  // The vertex of a stage, an image or nothing. REQUIRES: not kContext
  VertexId SourceVertex(const SourceRef& source);
  VertexId ImageVertex(const BaseImage& image);
  VertexId Scratch();

  // Adds a vertex of the current instruction on top of `inputs`.
  VertexId AddVertex(Op op, std::vector<VertexId> inputs);
  // Goes on from `vertex`, whose changes are a layer.
  void Advance(VertexId vertex);
  // "[builder 2/5] ", "[linux/arm64 builder 2/5] "
  std::string Prefix() const;

  const LoweringContext& context_;
  const size_t index_;
  const dockerfile::Stage& stage_;
  const ResolvedStage& resolved_;
  LoweredStage result_;

  const Instruction* current_ = nullptr;
  SourceRange place_;  // of `current_`, or of FROM for a trigger
  size_t steps_ = 1;   // RUN, COPY, ADD, WORKDIR so far, and FROM
  size_t total_steps_ = 1;
  bool cmd_is_own_ = false;  // CMD was set in this stage
};

// A literal path as a pattern.
std::string EscapePattern(std::string_view path);

// How a stage is called in step names; empty where it is the only, nameless
// one.
std::string StageLabel(const dockerfile::Dockerfile& file, size_t index);

}  // namespace strake::builder::plan

#endif  // STRAKE_BUILDER_PLAN_STAGE_LOWERING_H_
