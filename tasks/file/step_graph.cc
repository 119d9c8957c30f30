#include "tasks/file/step_graph.h"

#include <algorithm>
#include <map>

#include "util/result_macros.h"

namespace strake::tasks::file {
namespace {

constexpr std::string_view kRoot = "acb_root";
constexpr std::string_view kAtOnce = "-";

using Indices = std::map<std::string, size_t, std::less<>>;

Status AddVertex(const std::string& id, size_t index, Indices& known) {
  if (id == kRoot) {
    return InvalidArgument(id + " is a reserved ID, it can't be used");
  }
  if (!known.emplace(id, index).second) {
    return InvalidArgument(id + " already exists as a vertex");
  }
  return {};
}

// Only steps further up are known yet, so that no cycle can be written.
Result<std::vector<size_t>> EdgesTo(const NamedStep& step, size_t index,
                                    const Indices& known) {
  std::vector<size_t> after;
  if (step.when.empty() && index > 0) after.push_back(index - 1);
  for (const std::string& from : step.when) {
    if (from == kAtOnce || from == kRoot) continue;
    if (from.empty()) return InvalidArgument("from cannot be empty");
    auto found = known.find(from);
    if (found == known.end()) {
      return InvalidArgument(from + " does not exist as a vertex [from: " +
                             from + ", to: " + step.id + "]");
    }
    after.push_back(found->second);
  }
  std::ranges::sort(after);
  after.erase(std::unique(after.begin(), after.end()), after.end());
  return after;
}

}  // namespace

Result<std::vector<std::vector<size_t>>> MakeStepGraph(
    std::span<const NamedStep> steps, size_t* failed) {
  std::vector<std::vector<size_t>> edges;
  Indices known;
  for (size_t i = 0; i < steps.size(); ++i) {
    if (failed != nullptr) *failed = i;
    RETURN_IF_ERROR(AddVertex(steps[i].id, i, known));
    ASSIGN_OR_RETURN(auto after, EdgesTo(steps[i], i, known));
    edges.push_back(std::move(after));
  }
  return edges;
}

}  // namespace strake::tasks::file
