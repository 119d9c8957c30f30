// What the steps of a Dockerfile were when it was last built, so that a build
// can say why it executes one: which part of its cache key is another.
//
// One small file for each Dockerfile (the form is in the .cc), replaced as a
// whole; of two builds at once the later one's counts. A missing or damaged
// file is an empty history. Thread-safe but for `Follow`.

#ifndef STRAKE_BUILDER_CACHE_EXPLAIN_H_
#define STRAKE_BUILDER_CACHE_EXPLAIN_H_

#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "builder/cache/ingredients.h"
#include "builder/explanation.h"
#include "builder/plan/build_graph.h"
#include "oci/digest.h"
#include "util/result.h"

namespace strake::builder::cache {

// A step as it is in this build.
struct StepFacts {
  plan::VertexId id = 0;
  oci::Digest key;
  Ingredients ingredients;
  // Of a step that is executed: for the user's wish; since this input of its
  // was made anew, though by the same step.
  bool no_cache = false;
  std::optional<plan::VertexId> made_anew;
  // A cache has its result, but with layers of another form.
  std::optional<KeyChange> refused;
};

class StepHistory {
 public:
  // Reads the history in the file `path`, if there is one.
  static StepHistory Open(std::string path);
  StepHistory(StepHistory&& other) noexcept;  // before `Follow`

  // Finds for each step of `graph` (borrowed from now on) the earlier one that
  // it was: the same text in the same stage, or what stood in its place. Called
  // once, before all that follows.
  void Follow(const plan::BuildGraph& graph);

  // Why the step is executed. Also remembers it.
  Explanation Explain(const StepFacts& facts);
  // Remembers a step that is not asked about.
  void Note(const StepFacts& facts);
  // Those of `Explain`, in the order of the Dockerfile.
  std::vector<Explanation> explanations() const;

  // Writes the history with what was remembered. `now`: when this build began,
  // RFC 3339.
  Status Save(const std::string& now) const;

 private:
  struct Step {
    std::string stage;
    std::string text;  // the instruction, without the stage's label
    std::string key;   // hex
    std::string time;
    Ingredients ingredients;
  };
  using Steps = std::vector<Step>;

  explicit StepHistory(std::string path) : path_(std::move(path)) {}
  void FollowStage(const std::string& stage,
                   const std::vector<plan::VertexId>& steps);
  std::string Serialize(const Steps& steps, bool with_files) const;
  Steps Merge(const std::string& now) const;

  std::string path_;
  const plan::BuildGraph* graph_ = nullptr;
  Steps earlier_;
  std::map<plan::VertexId, size_t> matches_;  // into `earlier_`
  mutable std::mutex mutex_;
  std::map<plan::VertexId, StepFacts> facts_;
  std::map<plan::VertexId, Explanation> explained_;
};

}  // namespace strake::builder::cache

#endif  // STRAKE_BUILDER_CACHE_EXPLAIN_H_
