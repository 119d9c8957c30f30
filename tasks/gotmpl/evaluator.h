// Executes a syntax tree.

#ifndef STRAKE_TASKS_GOTMPL_EVALUATOR_H_
#define STRAKE_TASKS_GOTMPL_EVALUATOR_H_

#include <set>
#include <string>
#include <string_view>

#include "tasks/gotmpl/function.h"
#include "tasks/gotmpl/output.h"
#include "tasks/gotmpl/syntax_tree.h"
#include "tasks/gotmpl/value.h"
#include "util/result.h"

namespace strake::tasks::gotmpl {

struct Execution {
  std::string_view text;  // of the template
  std::string_view name;  // in errors
  const SyntaxTree* tree = nullptr;
  const Functions* functions = nullptr;
  // Nodes that are copied as they were written (deferral.h).
  const std::set<const Node*>* deferred = nullptr;
  std::string nothing;  // what nil is printed as
  // Whether a field of nothing is nothing, rather than an error.
  bool fields_of_nothing = false;
  // The text will be read as a template again: "{{" in what is printed is
  // written such that it then stands for itself.
  bool read_again = false;
};

// Executes with `data` as "." and "$". `kInvalidArgument`: "failed to execute
// template: <name>:<line>:<column>: at <<action>>: ...".
Result<Output::Rendered> Execute(const Execution& execution, const Value& data,
                                 Context& context);

}  // namespace strake::tasks::gotmpl

#endif  // STRAKE_TASKS_GOTMPL_EVALUATOR_H_
