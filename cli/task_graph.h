// The step graph of a task as text, in Graphviz' language and as a drawing.
// Pure.

#ifndef STRAKE_CLI_TASK_GRAPH_H_
#define STRAKE_CLI_TASK_GRAPH_H_

#include <string>

#include "tasks/file/task.h"

namespace strake::cli {

// A line for each step, in the order of the file: its level (steps of one
// level do not wait for each other), id, kind, and what it waits for.
std::string GraphText(const tasks::file::Task& task);
std::string GraphDot(const tasks::file::Task& task);
// Layers from left to right. Colours suit a light and a dark page.
std::string GraphSvg(const tasks::file::Task& task);

}  // namespace strake::cli

#endif  // STRAKE_CLI_TASK_GRAPH_H_
