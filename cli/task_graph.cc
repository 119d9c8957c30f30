#include "cli/task_graph.h"

#include <algorithm>
#include <string_view>
#include <vector>

#include "tasks/file/graph_layout.h"
#include "util/strings.h"

namespace strake::cli {
namespace {

using tasks::file::Step;
using tasks::file::Task;

std::string Padded(std::string text, size_t width) {
  text.resize(std::max(text.size(), width), ' ');
  return text;
}

}  // namespace

std::string GraphText(const Task& task) {
  constexpr std::string_view kStep = "STEP";
  size_t width = kStep.size();
  for (const Step& step : task.steps) {
    width = std::max(width, step.id.size());
  }
  std::string text =
      "LEVEL  " + Padded(std::string(kStep), width) + "  KIND   AFTER\n";
  auto layout = tasks::file::LayOutGraph(task);
  for (size_t i = 0; i < task.steps.size(); ++i) {
    const Step& step = task.steps[i];
    std::vector<std::string> after;
    for (size_t before : step.after) after.push_back(task.steps[before].id);
    text += Padded(std::to_string(layout.nodes[i].layer + 1), 5) + "  " +
            Padded(step.id, width) + "  " +
            Padded(std::string(tasks::file::KindName(step.kind)), 5) + "  " +
            (after.empty() ? "-" : Join(after, ", ")) + "\n";
  }
  return text;
}

std::string GraphDot(const Task& task) {
  std::string text =
      "digraph task {\n  rankdir=LR;\n"
      "  node [shape=box, style=rounded, fontname=\"sans-serif\"];\n";
  for (const Step& step : task.steps) {
    std::string id = GoQuote(step.id);
    id.pop_back();
    text += "  " + GoQuote(step.id) + " [label=" + id + "\\n" +
            std::string(tasks::file::KindName(step.kind)) + "\"];\n";
  }
  for (const Step& step : task.steps) {
    for (size_t before : step.after) {
      text += "  " + GoQuote(task.steps[before].id) + " -> " +
              GoQuote(step.id) + ";\n";
    }
  }
  return text + "}\n";
}

}  // namespace strake::cli
