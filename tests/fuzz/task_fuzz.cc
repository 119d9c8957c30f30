// Any bytes as a task file: reading and checking must end, agree on whether it
// is right, and name places within it; a graph has no circles.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "tasks/file/graph_layout.h"
#include "tasks/file/lint.h"
#include "tasks/file/task_file.h"

namespace strake::tasks::file {
namespace {

void Require(bool condition) {
  if (!condition) std::abort();
}

void CheckPlace(const Place& place, int lines) {
  Require(place.line >= 1 && place.line <= lines && place.column >= 1);
}

void CheckTask(const Task& task, int lines) {
  for (size_t i = 0; i < task.steps.size(); ++i) {
    const Step& step = task.steps[i];
    CheckPlace(step.place, lines);
    for (const auto& [key, place] : step.places) CheckPlace(place, lines);
    for (size_t before : step.after) Require(before < i);
    Require(step.timeout.count() > 0 && step.retries >= 0);
  }
  GraphLayout layout = LayOutGraph(task);
  for (const auto& edge : layout.edges) Require(edge.nodes.size() >= 2);
}

void FuzzTask(std::string_view text) {
  TaskSource source;
  source.text = text;
  source.file = "f";
  source.run.id = "r";
  source.values = R"({"a": "b", "list": [1, "two"]})";
  int lines = 1;
  for (char c : text) lines += c == '\n' ? 1 : 0;
  auto read = ReadTaskFile(source);
  bool failed = false;
  for (const Problem& problem : LintTaskFile(source)) {
    CheckPlace(problem.place, lines);
    Require(!problem.message.empty());
    failed = failed || problem.severity == Severity::kError;
  }
  Require(failed == !read);
  if (!read) return;
  CheckTask(read->task, lines);
  auto rendered = RenderTaskFile(source);
  Require(rendered.has_value());
  for (int line : rendered->source_lines) Require(line >= 1 && line <= lines);
  for (const Step& step : read->task.steps) {
    auto late = RenderLate(source, {}, step, step.cmd, "{}");
    Require(late.has_value() || !late.error().message().empty());
  }
}

}  // namespace
}  // namespace strake::tasks::file

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  strake::tasks::file::FuzzTask({reinterpret_cast<const char*>(data), size});
  return 0;
}
