// COPY and ADD to vertices (Dockerfile reference, "COPY", "ADD").
#include <algorithm>
#include <utility>

#include "builder/context/remote_url.h"
#include "builder/plan/chmod.h"
#include "builder/plan/stage_lowering.h"
#include "builder/plan/windows_path.h"
#include "dockerfile/lint_rules.h"
#include "util/result_macros.h"
#include "util/strings.h"

namespace strake::builder::plan {
namespace {

namespace df = ::strake::dockerfile;

using context::IsGitUrl;
using context::IsHttpUrl;

// Confined to the root of its source: a leading "/" and ".." lead nowhere.
std::string CleanSource(const std::string& source, bool parents) {
  // The pivot of --parents is part of the meaning and survives cleaning.
  if (size_t pivot = parents ? source.find("/./") : std::string::npos;
      pivot != std::string::npos) {
    std::string before = CleanPath("/" + source.substr(0, pivot)).substr(1);
    std::string after = CleanPath("/" + source.substr(pivot + 3));
    // A pivot at the root cuts nothing off.
    return before.empty() ? after.substr(1) : before + "/." + after;
  }
  return CleanPath("/" + source).substr(1);
}

// In the snapshot of an image for Windows; --parents keeps what is behind a
// pivot only.
std::string BelowFiles(const std::string& pattern, bool parents) {
  std::string drive(kWindowsDrive.substr(1));
  if (pattern.empty()) return drive;
  bool has_pivot = pattern.find("/./") != std::string::npos;
  return drive + (parents && !has_pivot ? "/./" : "/") + pattern;
}

}  // namespace

Status StageLowering::Lower(const df::Copy& copy) {
  ASSIGN_OR_RETURN(ExpandedCopy expanded, ExpandCopy(copy));
  expanded.op.parents = copy.parents;
  const SourceRef* from = nullptr;
  if (copy.from) {
    from = FindSource(copy.from->text);
    if (from == nullptr) return Internal("COPY --from was not resolved");
  }
  RETURN_IF_ERROR(AddCopySources(copy, from, expanded));
  RETURN_IF_ERROR(AddHeredocs(copy, expanded));
  if (NeedsNothingBelow(expanded.op)) expanded.op.link = true;
  FinishCopy(std::move(expanded), "COPY");
  return {};
}

Status StageLowering::Lower(const df::Add& add) {
  ASSIGN_OR_RETURN(ExpandedCopy expanded, ExpandCopy(add));
  expanded.op.add = true;
  expanded.op.unpack = add.unpack;
  RETURN_IF_ERROR(AddCopySources(add, nullptr, expanded));
  std::string checksum;
  if (add.checksum) {
    ASSIGN_OR_RETURN(checksum, Expand(add.checksum->text));
    if (add.sources.size() + add.heredocs.size() != 1) {
      return InvalidArgument("checksum can be specified for a single source");
    }
  }
  bool any_remote = false;
  bool any_git = false;
  for (CopySource& source : expanded.op.sources) {
    // A git address may begin with http://, so it is looked for first.
    if (IsGitUrl(source.pattern)) {
      any_git = any_remote = true;
      RETURN_IF_ERROR(FetchGit(add, checksum, source, expanded));
    } else if (IsHttpUrl(source.pattern)) {
      any_remote = true;
      RETURN_IF_ERROR(FetchUrl(checksum, source, expanded));
    }
  }
  if (add.checksum && !any_remote) {
    return InvalidArgument(
        "checksum can't be specified for non-HTTP(S) and non-git sources");
  }
  if (add.keep_git_dir && !any_git) {
    return InvalidArgument("--keep-git-dir goes with a git source only");
  }
  RETURN_IF_ERROR(AddHeredocs(add, expanded));
  FinishCopy(std::move(expanded), "ADD");
  return {};
}

Status StageLowering::FetchUrl(const std::string& checksum, CopySource& source,
                               ExpandedCopy& expanded) {
  FetchOp fetch;
  fetch.url = source.pattern;
  fetch.filename = context::FilenameOf(fetch.url);
  if (!checksum.empty()) {
    ASSIGN_OR_RETURN(fetch.checksum, oci::Digest::Parse(checksum));
  }
  source.kind = CopySource::Kind::kInput;
  source.input = expanded.inputs.size();
  source.pattern = EscapePattern(fetch.filename);
  source.fetched = true;
  expanded.inputs.push_back(AddVertex(std::move(fetch), {}));
  return {};
}

Status StageLowering::FetchGit(const df::Add& add, const std::string& checksum,
                               CopySource& source, ExpandedCopy& expanded) {
  ASSIGN_OR_RETURN(context::GitSource git,
                   context::ParseGitUrl(source.pattern));
  if (!checksum.empty()) {
    if (!git.checksum.empty() && git.checksum != checksum) {
      return InvalidArgument("--checksum contradicts the address");
    }
    git.checksum = checksum;
  }
  if (add.keep_git_dir) git.keep_git_dir = add.keep_git_dir;
  source.kind = CopySource::Kind::kInput;
  source.input = expanded.inputs.size();
  source.pattern.clear();
  expanded.inputs.push_back(AddVertex(GitOp{std::move(git)}, {}));
  return {};
}

Result<StageLowering::ExpandedCopy> StageLowering::ExpandCopy(
    const df::CopySources& copy) {
  ExpandedCopy expanded;
  ASSIGN_OR_RETURN(std::string destination, Expand(copy.destination.text));
  expanded.written_destination = destination;
  expanded.op.windows = is_windows();
  ASSIGN_OR_RETURN(std::string absolute, PathInImage(destination));
  if (is_windows()) {
    ASSIGN_OR_RETURN(destination, FromWindowsPath(destination));
  }
  bool is_folder = destination.empty() || destination == "." ||
                   destination.ends_with('/') || destination.ends_with("/.");
  if (is_folder && !absolute.ends_with('/')) absolute += '/';
  expanded.op.destination = InSnapshot(absolute);
  if (copy.chown) {
    ASSIGN_OR_RETURN(expanded.op.chown, Expand(copy.chown->text));
  }
  if (copy.chmod) {
    ASSIGN_OR_RETURN(expanded.op.chmod, Expand(copy.chmod->text));
    if (!expanded.op.chmod.empty()) {
      RETURN_IF_ERROR(Chmod::Parse(expanded.op.chmod));
    }
  }
  if (is_windows() && !(expanded.op.chown + expanded.op.chmod).empty()) {
    return Unsupported(
        "--chown and --chmod in an image for Windows, whose files have neither "
        "POSIX owners nor modes: leave them out");
  }
  // As BuildKit's: with --chmod, --link is an ordinary copy.
  expanded.op.link = copy.link && expanded.op.chmod.empty();
  expanded.op.excludes = copy.exclude;
  return expanded;
}

Status StageLowering::AddCopySources(const df::CopySources& copy,
                                     const SourceRef* from,
                                     ExpandedCopy& expanded) {
  for (const df::Located& word : copy.sources) {
    ASSIGN_OR_RETURN(std::string path, Expand(word.text));
    expanded.written_sources.push_back(path);
    CopySource source;
    if (from != nullptr && from->kind == SourceRef::Kind::kContext) {
      source.context = from->context;
    } else if (from != nullptr) {
      source.kind = CopySource::Kind::kInput;
      if (expanded.inputs.empty()) {
        expanded.inputs.push_back(SourceVertex(*from));
      }
    }
    bool remote = from == nullptr && (IsHttpUrl(path) || IsGitUrl(path));
    if (remote && !expanded.op.add) {
      return InvalidArgument(std::string("source can't be a ") +
                             (IsGitUrl(path) ? "git ref" : "URL") +
                             " for COPY; ADD takes one");
    }
    if (remote) {
      source.pattern = path;
    } else {
      if (is_windows()) {
        ASSIGN_OR_RETURN(path, FromWindowsPath(path));
      }
      source.pattern = CleanSource(path, expanded.op.parents);
      if (from != nullptr && IsWindows(*from)) {
        source.pattern = BelowFiles(source.pattern, expanded.op.parents);
      }
      if (from == nullptr) {
        WarnIfIgnored(expanded.op.add ? "Add" : "Copy", source.pattern);
      }
    }
    expanded.op.sources.push_back(std::move(source));
  }
  return {};
}

Status StageLowering::AddHeredocs(const df::CopySources& copy,
                                  ExpandedCopy& expanded) {
  for (const df::Heredoc& heredoc : copy.heredocs) {
    CopySource source;
    source.kind = CopySource::Kind::kInline;
    source.name = heredoc.name;
    source.content = heredoc.content;
    if (heredoc.expand) {
      auto body = df::ExpandHeredoc(heredoc.content, Lookup());
      if (!body) return std::move(body).error();
      ReportUnmatched(body->unmatched);
      source.content = std::move(body->text);
    }
    expanded.written_sources.push_back("<<" + heredoc.name);
    expanded.op.sources.push_back(std::move(source));
  }
  return {};
}

// Files that are put into the root directory itself: nothing of the state below
// says how, so that its files need not be there. Of use where no step runs in
// them.
bool StageLowering::NeedsNothingBelow(const CopyOp& op) const {
  const bool runs = std::any_of(
      stage_.instructions.begin(), stage_.instructions.end(),
      [](const Instruction& other) { return other.As<df::Run>() != nullptr; });
  if (runs || op.destination != "/" || op.parents || op.windows ||
      !(op.chown + op.chmod).empty()) {
    return false;
  }
  const auto& is_file = context_.options.is_file;
  return std::all_of(
      op.sources.begin(), op.sources.end(), [&](const CopySource& source) {
        if (source.kind == CopySource::Kind::kInline) return true;
        return source.kind == CopySource::Kind::kContext &&
               source.context.empty() && is_file && is_file(source.pattern) &&
               source.pattern.find_first_of("*?[\\") == std::string::npos;
      });
}

void StageLowering::FinishCopy(ExpandedCopy expanded,
                               std::string_view instruction) {
  std::string history(instruction);
  if (expanded.op.parents) history += " --parents";
  if (!expanded.op.chown.empty()) history += " --chown=" + expanded.op.chown;
  if (!expanded.op.chmod.empty()) history += " --chmod=" + expanded.op.chmod;
  for (const std::string& source : expanded.written_sources) {
    history += " " + source;
  }
  history += " " + expanded.written_destination + " # buildkit";
  AddHistory(result_.config, std::move(history), HasLayer::kYes);

  // Input [0] is the state copied onto; a linked copy has an empty one.
  bool link = expanded.op.link;
  VertexId below = result_.state;
  std::vector<VertexId> inputs = {link ? Scratch() : below};
  inputs.insert(inputs.end(), expanded.inputs.begin(), expanded.inputs.end());
  for (CopySource& source : expanded.op.sources) {
    if (source.kind == CopySource::Kind::kInput) source.input += 1;
  }
  VertexId copied = AddVertex(std::move(expanded.op), std::move(inputs));
  Advance(copied);
  if (link) result_.state = AddVertex(MergeOp{}, {below, copied});
}

void StageLowering::WarnIfIgnored(std::string_view instruction,
                                  const std::string& source) {
  const auto& is_ignored = context_.options.is_ignored;
  if (is_ignored && is_ignored(source)) {
    Warn(df::lint::CopyIgnoredFile(instruction, source.empty() ? "." : source,
                                   place_));
  }
}

}  // namespace strake::builder::plan
