// Why a step was executed though earlier builds might have left its result.

#ifndef STRAKE_BUILDER_EXPLANATION_H_
#define STRAKE_BUILDER_EXPLANATION_H_

#include <cstddef>
#include <string>
#include <vector>

namespace strake::builder {

// A part of a step's cache key that is not what it was.
struct KeyChange {
  // "file", "content", "heredoc", "command", "argument", "environment", "base",
  // "user", "workdir", "mount", "network", "host", "hostname", "security",
  // "destination", "chown", "chmod", "option", "parent", "layers" (of the
  // cache `name`: packed in another form).
  std::string kind;
  std::string name;    // of the file, variable, mount, option; may be empty
  std::string change;  // "added", "removed", "changed"; of a file also what:
                       // "content", "mode", "owner", "attributes", "type"
  // What it was and is, in words and cut short; may be empty.
  std::string before;
  std::string after;
  friend bool operator==(const KeyChange&, const KeyChange&) = default;
};

struct Explanation {
  enum class Reason {
    kNew,      // no earlier build of this Dockerfile had such a step
    kChanged,  // `changes` since the build at `since`
    kRemoved,  // nothing changed: the result is not in the store any more
    kNoCache,  // it was asked for
  };
  std::string step;  // "[builder 2/5] RUN make"
  size_t line = 0;   // of the Dockerfile, from 1
  Reason reason = Reason::kNew;
  std::string since;  // RFC 3339; empty where no earlier build is known
  std::vector<KeyChange> changes;
};

// "new", "changed", "removed", "no-cache".
std::string ReasonName(Explanation::Reason reason);

// One line for people for each reason, without an end of line: "not cached:
// file src/a.c: content changed since the build of 2026-11-22T16:00:00Z".
std::vector<std::string> ExplanationLines(const Explanation& explanation);

// {"steps": [{"step", "line", "reason", "since", "changes": [{"kind", "name",
// "change", "before", "after"}]}]}; members that are empty are left out.
std::string ExplanationsJson(const std::vector<Explanation>& explanations);

}  // namespace strake::builder

#endif  // STRAKE_BUILDER_EXPLANATION_H_
