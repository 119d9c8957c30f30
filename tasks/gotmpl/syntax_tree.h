// A parsed template. Every part knows its place in the text, which the tree
// does not hold.

#ifndef STRAKE_TASKS_GOTMPL_SYNTAX_TREE_H_
#define STRAKE_TASKS_GOTMPL_SYNTAX_TREE_H_

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "tasks/gotmpl/place.h"
#include "tasks/gotmpl/value.h"

namespace strake::tasks::gotmpl {

struct Pipeline;

struct Operand {
  enum class Kind {
    kConstant,    // `constant`; `nil` is kNil
    kNil,         // the word nil
    kDot,         // .
    kField,       // .a.b
    kVariable,    // $name.a.b
    kIdentifier,  // name
    kPipeline,    // (pipeline).a.b
  };
  Kind kind = Kind::kDot;
  Range range;
  Value constant;
  bool number = false;              // the constant was written as a number
  std::string overflow;             // such a number that no int can hold
  std::string name;                 // of the variable (with "$"), or function
  std::vector<std::string> fields;  // after the operand
  std::shared_ptr<const Pipeline> pipeline;
};

struct Command {
  Range range;
  std::vector<Operand> operands;  // never empty
};

struct Pipeline {
  Range range;
  std::vector<std::string> variables;  // at most two, with "$"
  bool assigns = false;                // "=" rather than ":="
  std::vector<Command> commands;       // never empty
};

struct Node {
  enum class Kind {
    kText,
    kAction,
    kIf,
    kRange,
    kWith,
    kTemplate,  // and the call that a `block` makes
    kDefine,    // where it was written: prints nothing
    kBreak,
    kContinue,
  };
  Kind kind = Kind::kText;
  // All of it, with "{{" and "}}", and to the "{{end}}" of what has one. Text:
  // what is left of it after trimming.
  Range range;
  std::string name;  // of the template that is called or defined
  bool block = false;
  std::shared_ptr<const Pipeline> pipeline;  // null: none was written
  std::vector<Node> body;
  std::vector<Node> otherwise;  // after {{else}}
};

struct SyntaxTree {
  std::vector<Node> nodes;
  // Bodies of `define` and `block`.
  std::map<std::string, std::vector<Node>> templates;
};

}  // namespace strake::tasks::gotmpl

#endif  // STRAKE_TASKS_GOTMPL_SYNTAX_TREE_H_
