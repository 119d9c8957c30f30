// The file's form:
//   {"version": 1, "steps": [{"stage", "text", "key", "time",
//                             "parts": [[KIND, NAME, VALUE]]}]}
// Steps of one stage are in the order of the Dockerfile.
//
// Steps are matched stage by stage: first those whose text is what it was, in
// order (a longest common subsequence); what is left between two of these is
// matched by its order, where the instruction is the same.
#include "builder/cache/explain.h"

#include <algorithm>
#include <set>
#include <utility>

#include "util/atomic_file.h"
#include "util/byte_stream.h"
#include "util/json.h"
#include "util/result_macros.h"
#include "util/strings.h"

namespace strake::builder::cache {
namespace {

using nlohmann::json;
using plan::Vertex;
using plan::VertexId;

constexpr int64_t kVersion = 1;
constexpr uint64_t kMostBytes = uint64_t{4} << 20;
constexpr size_t kMostSteps = 1000;
// Beyond that, a stage's steps are matched by their place alone.
constexpr size_t kMostCompared = 500;

bool IsStep(const Vertex& vertex) {
  return std::holds_alternative<plan::RunOp>(vertex.op) ||
         std::holds_alternative<plan::CopyOp>(vertex.op) ||
         std::holds_alternative<plan::MakeDirOp>(vertex.op);
}

// "[builder 2/5] RUN make" is "RUN make" of the stage "builder"; "[2/5] RUN
// make" one of the stage "".
std::pair<std::string, std::string> StageAndText(const std::string& name) {
  const size_t close = name.find("] ");
  if (!name.starts_with('[') || close == std::string::npos) return {"", name};
  std::string label = name.substr(1, close - 1);
  const size_t number = label.find_last_of(' ');
  const bool has_name = number != std::string::npos;
  if (label.find('/') == std::string::npos)
    return {label, name.substr(close + 2)};
  return {has_name ? label.substr(0, number) : "", name.substr(close + 2)};
}

std::string_view FirstWord(std::string_view text) {
  return text.substr(0, text.find(' '));
}

// Pairs of indices of equal texts, rising in both.
std::vector<std::pair<size_t, size_t>> CommonTexts(
    const std::vector<std::string>& before,
    const std::vector<std::string>& after) {
  if (before.size() > kMostCompared || after.size() > kMostCompared) return {};
  std::vector<std::vector<size_t>> longest(
      before.size() + 1, std::vector<size_t>(after.size() + 1, 0));
  for (size_t i = before.size(); i-- > 0;) {
    for (size_t j = after.size(); j-- > 0;) {
      longest[i][j] = before[i] == after[j]
                          ? longest[i + 1][j + 1] + 1
                          : std::max(longest[i + 1][j], longest[i][j + 1]);
    }
  }
  std::vector<std::pair<size_t, size_t>> pairs;
  for (size_t i = 0, j = 0; i < before.size() && j < after.size();) {
    if (before[i] == after[j]) {
      pairs.push_back({i++, j++});
    } else if (longest[i + 1][j] >= longest[i][j + 1]) {
      ++i;
    } else {
      ++j;
    }
  }
  return pairs;
}

// Adds to `pairs` what is between them, in order.
std::vector<std::pair<size_t, size_t>> FillGaps(
    std::vector<std::pair<size_t, size_t>> pairs,
    const std::vector<std::string>& before,
    const std::vector<std::string>& after) {
  std::vector<std::pair<size_t, size_t>> all;
  pairs.push_back({before.size(), after.size()});
  size_t i = 0, j = 0;
  for (const auto& [end_i, end_j] : pairs) {
    for (; i < end_i && j < end_j; ++i, ++j) {
      if (FirstWord(before[i]) != FirstWord(after[j])) continue;
      all.push_back({i, j});
    }
    if (end_i < before.size() && end_j < after.size()) {
      all.push_back({end_i, end_j});
    }
    i = end_i + 1;
    j = end_j + 1;
  }
  return all;
}

json PartsJson(const Ingredients& ingredients, bool with_files) {
  json parts = json::array();
  for (const auto& [name, value] : ingredients) {
    if (!with_files && name.first == "file") continue;
    parts.push_back({name.first, name.second, value});
  }
  return parts;
}

Result<Ingredients> ReadParts(const JsonField& field) {
  Ingredients ingredients;
  ASSIGN_OR_RETURN(std::vector<JsonField> parts, field.Array());
  for (const JsonField& part : parts) {
    ASSIGN_OR_RETURN(std::vector<JsonField> words, part.Array());
    if (words.size() != 3) return InvalidArgument("not three words");
    ASSIGN_OR_RETURN(std::string kind, words[0].String());
    ASSIGN_OR_RETURN(std::string name, words[1].String());
    ASSIGN_OR_RETURN(ingredients[std::pair(kind, name)], words[2].String());
  }
  return ingredients;
}

}  // namespace

StepHistory StepHistory::Open(std::string path) {
  StepHistory history(std::move(path));
  auto read = [&]() -> Status {
    ASSIGN_OR_RETURN(std::string text, ReadFile(history.path_, 2 * kMostBytes));
    ASSIGN_OR_RETURN(json document, ParseJson(text));
    JsonField root(document);
    ASSIGN_OR_RETURN(int64_t version, root.At("version").Int());
    if (version != kVersion) return Unsupported("another version");
    ASSIGN_OR_RETURN(std::vector<JsonField> steps, root.At("steps").Array());
    for (const JsonField& field : steps) {
      Step step;
      ASSIGN_OR_RETURN(step.stage, field.At("stage").String());
      ASSIGN_OR_RETURN(step.text, field.At("text").String());
      ASSIGN_OR_RETURN(step.key, field.At("key").String());
      ASSIGN_OR_RETURN(step.time, field.At("time").String());
      ASSIGN_OR_RETURN(step.ingredients, ReadParts(field.At("parts")));
      history.earlier_.push_back(std::move(step));
    }
    return {};
  };
  // It only explains: a build goes on without.
  if (!read()) history.earlier_.clear();
  return history;
}

StepHistory::StepHistory(StepHistory&& other) noexcept
    : path_(std::move(other.path_)), earlier_(std::move(other.earlier_)) {}

void StepHistory::Follow(const plan::BuildGraph& graph) {
  graph_ = &graph;
  std::map<std::string, std::vector<VertexId>> stages;
  for (VertexId id = 0; id < graph.vertices().size(); ++id) {
    const Vertex& vertex = graph.vertex(id);
    if (IsStep(vertex)) stages[StageAndText(vertex.name).first].push_back(id);
  }
  for (const auto& [stage, steps] : stages) FollowStage(stage, steps);
}

void StepHistory::FollowStage(const std::string& stage,
                              const std::vector<VertexId>& steps) {
  std::vector<std::string> before, after;
  std::vector<size_t> places;
  for (size_t i = 0; i < earlier_.size(); ++i) {
    if (earlier_[i].stage != stage) continue;
    before.push_back(earlier_[i].text);
    places.push_back(i);
  }
  for (VertexId id : steps) {
    after.push_back(StageAndText(graph_->vertex(id).name).second);
  }
  for (const auto& [old_place, new_place] :
       FillGaps(CommonTexts(before, after), before, after)) {
    matches_[steps[new_place]] = places[old_place];
  }
}

Explanation StepHistory::Explain(const StepFacts& facts) {
  const Vertex& vertex = graph_->vertex(facts.id);
  Explanation explanation;
  explanation.step = vertex.name;
  explanation.line = vertex.first_line;
  auto match = matches_.find(facts.id);
  using Reason = Explanation::Reason;
  if (match != matches_.end()) {
    const Step& earlier = earlier_[match->second];
    explanation.since = earlier.time;
    explanation.changes = Compare(earlier.ingredients, facts.ingredients);
    explanation.reason = Reason::kChanged;
    const bool is_same = earlier.key == facts.key.Hex();
    if (is_same) {
      explanation.changes.clear();
      explanation.reason = Reason::kRemoved;
    } else if (explanation.changes.empty()) {
      explanation.changes = {{"content", "", "changed", "", ""}};
    }
  }
  if (facts.made_anew) {
    explanation.reason = Reason::kChanged;
    explanation.changes = {{"parent", graph_->vertex(*facts.made_anew).name,
                            "executed anew", "", ""}};
  }
  if (facts.refused) {
    explanation.reason = Reason::kChanged;
    explanation.since.clear();
    explanation.changes = {*facts.refused};
  }
  if (facts.no_cache) explanation.reason = Reason::kNoCache;
  Note(facts);
  std::lock_guard lock(mutex_);
  explained_[facts.id] = explanation;
  return explanation;
}

void StepHistory::Note(const StepFacts& facts) {
  std::lock_guard lock(mutex_);
  facts_[facts.id] = facts;
}

std::vector<Explanation> StepHistory::explanations() const {
  std::lock_guard lock(mutex_);
  std::vector<Explanation> all;
  for (const auto& [id, explanation] : explained_) all.push_back(explanation);
  return all;
}

// The stages of this build with what is known of their steps, now or from
// earlier; then the stages that it has not.
StepHistory::Steps StepHistory::Merge(const std::string& now) const {
  std::lock_guard lock(mutex_);
  Steps steps;
  std::set<std::string> stages;
  for (VertexId id = 0; id < graph_->vertices().size(); ++id) {
    const Vertex& vertex = graph_->vertex(id);
    if (!IsStep(vertex)) continue;
    auto [stage, text] = StageAndText(vertex.name);
    stages.insert(stage);
    auto match = matches_.find(id);
    const Step* earlier =
        match == matches_.end() ? nullptr : &earlier_[match->second];
    auto known = facts_.find(id);
    if (known == facts_.end()) {
      if (earlier != nullptr) steps.push_back(*earlier);
      continue;
    }
    const StepFacts& facts = known->second;
    Step step{stage, text, facts.key.Hex(), now, facts.ingredients};
    if (earlier != nullptr && earlier->key == step.key) {
      // The files of a copy that is cached may not have been looked at.
      step.ingredients.insert(earlier->ingredients.begin(),
                              earlier->ingredients.end());
    }
    steps.push_back(std::move(step));
  }
  for (const Step& step : earlier_) {
    if (steps.size() >= kMostSteps) break;
    if (!stages.contains(step.stage)) steps.push_back(step);
  }
  return steps;
}

std::string StepHistory::Serialize(const Steps& steps, bool with_files) const {
  json list = json::array();
  for (const Step& step : steps) {
    list.push_back({{"stage", step.stage},
                    {"text", step.text},
                    {"key", step.key},
                    {"time", step.time},
                    {"parts", PartsJson(step.ingredients, with_files)}});
  }
  return DumpJson({{"version", kVersion}, {"steps", std::move(list)}});
}

Status StepHistory::Save(const std::string& now) const {
  if (graph_ == nullptr) return {};
  const Steps steps = Merge(now);
  std::string text = Serialize(steps, /*with_files=*/true);
  if (text.size() > kMostBytes) text = Serialize(steps, /*with_files=*/false);
  if (text.size() > kMostBytes) return {};
  return WriteFileAtomically(path_, text);
}

}  // namespace strake::builder::cache
