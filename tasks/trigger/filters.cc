#include "tasks/trigger/filters.h"

#include <algorithm>
#include <utility>

#include "util/result_macros.h"
#include "util/strings.h"

namespace strake::tasks::trigger {
namespace {

Result<dockerfile::IgnoreMatcher> CompilePaths(
    const std::vector<std::string>& paths) {
  std::vector<std::string> patterns =
      dockerfile::ReadIgnoreFile(Join(paths, "\n"));
  if (!patterns.empty() && patterns.front().starts_with('!')) {
    patterns.insert(patterns.begin(), "**");
  }
  auto compiled = dockerfile::IgnoreMatcher::Compile(patterns);
  if (!compiled) return compiled.error().Wrap("the path filter");
  return compiled;
}

// "a/b" of "./a//b", as the patterns are read.
std::string RelativePath(std::string_view path) {
  std::string clean = CleanPath("/" + std::string(path));
  return clean.substr(1);
}

}  // namespace

Result<Filters> Filters::Compile(const FilterOptions& options) {
  Filters filters;
  filters.commits_ = options.commits;
  filters.pull_requests_ = options.pull_requests;
  ASSIGN_OR_RETURN(filters.branches_, NamePatterns::Compile(options.branches));
  ASSIGN_OR_RETURN(filters.tags_, NamePatterns::Compile(options.tags));
  ASSIGN_OR_RETURN(filters.paths_, CompilePaths(options.paths));
  filters.paths_text_ = Join(options.paths, ", ");
  return filters;
}

Decision Filters::Decide(const WebhookEvent& event) const {
  if (event.kind == EventKind::kTagPush) return DecideTag(event);
  bool request = event.kind == EventKind::kPullRequest;
  if (request && !pull_requests_) {
    return {false, "the task does not run for pull requests"};
  }
  if (!request && !commits_) {
    return {false, "the task does not run for commits"};
  }
  return DecideBranch(event);
}

Decision Filters::DecideTag(const WebhookEvent& event) const {
  if (tags_.empty()) {
    return {false, "the tag " + event.tag +
                       " was pushed, and the task has no pattern for tags"};
  }
  if (tags_.Matches(event.tag)) {
    return {true, "the tag " + event.tag + " matches " + tags_.ToString()};
  }
  return {false,
          "the tag " + event.tag + " does not match " + tags_.ToString()};
}

Decision Filters::DecideBranch(const WebhookEvent& event) const {
  std::string branch = "the branch " + event.branch;
  if (branches_.empty()) {
    return DecidePaths(event.changed_paths, branch + " is any");
  }
  if (!branches_.Matches(event.branch)) {
    return {false, branch + " does not match " + branches_.ToString()};
  }
  return DecidePaths(event.changed_paths,
                     branch + " matches " + branches_.ToString());
}

Decision Filters::DecidePaths(
    const std::optional<std::vector<std::string>>& paths,
    const std::string& so_far) const {
  if (paths_.empty()) return {true, so_far};
  if (!paths) {
    return {true, so_far + "; which paths changed is not known, so that " +
                      paths_text_ + " may match"};
  }
  auto match =
      std::find_if(paths->begin(), paths->end(), [&](const std::string& path) {
        return paths_.Excludes(RelativePath(path));
      });
  if (match != paths->end()) {
    return {true,
            so_far + "; " + *match + " changed, which matches " + paths_text_};
  }
  return {false, "none of " + std::to_string(paths->size()) +
                     " changed paths matches " + paths_text_};
}

}  // namespace strake::tasks::trigger
