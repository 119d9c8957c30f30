// Whether an event of a repository starts a task.

#ifndef STRAKE_TASKS_TRIGGER_FILTERS_H_
#define STRAKE_TASKS_TRIGGER_FILTERS_H_

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dockerfile/ignore.h"
#include "tasks/trigger/name_pattern.h"
#include "tasks/trigger/webhook.h"
#include "util/result.h"

namespace strake::tasks::trigger {

struct FilterOptions {
  bool commits = true;
  bool pull_requests = false;
  // Of branches (see name_pattern.h); of a pull request, where it is to go.
  // Empty: any.
  std::vector<std::string> branches;
  // Of tags; empty: none starts a run.
  std::vector<std::string> tags;
  // Of changed files, as in a .dockerignore file: a folder means all in it,
  // `!` takes out again; a list that begins with `!` takes all else. Empty:
  // whatever changed. Tags are not asked for their paths.
  std::vector<std::string> paths;
};

struct Decision {
  bool runs = false;
  std::string reason;  // for a log: "none of 3 changed paths matches src/**"
};

// Immutable; may be shared by threads.
class Filters {
 public:
  // `kInvalidArgument` names the pattern.
  static Result<Filters> Compile(const FilterOptions& options);

  // REQUIRES: event.kind != EventKind::kImagePush
  // Where it is unknown what changed, it runs: a run too many is better than
  // one that is missing.
  Decision Decide(const WebhookEvent& event) const;

 private:
  Decision DecideTag(const WebhookEvent& event) const;
  Decision DecideBranch(const WebhookEvent& event) const;
  Decision DecidePaths(const std::optional<std::vector<std::string>>& paths,
                       const std::string& so_far) const;

  bool commits_ = true;
  bool pull_requests_ = false;
  NamePatterns branches_;
  NamePatterns tags_;
  dockerfile::IgnoreMatcher paths_;
  std::string paths_text_;
};

}  // namespace strake::tasks::trigger

#endif  // STRAKE_TASKS_TRIGGER_FILTERS_H_
