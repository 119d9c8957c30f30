#include "tasks/gotmpl/evaluator.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "tasks/gotmpl/format.h"
#include "util/result_macros.h"
#include "util/strings.h"

namespace strake::tasks::gotmpl {
namespace {

// `text` such that a later reading of it as a template gives `text`: what a
// value holds is never an action.
std::string Escaped(std::string_view text) {
  std::string escaped = ReplaceAll(text, "{{", "{{`{{`}}");
  // It could be the first half of what begins an action.
  if (escaped.ends_with('{')) escaped.replace(escaped.size() - 1, 1, "{{`{`}}");
  return escaped;
}

// Nodes, pipelines and templates within each other: execution recurses.
constexpr int kMaxDepth = 1500;

// What a list of nodes ended with.
enum class Flow { kNormal, kBreak, kContinue };

class Evaluator {
 public:
  Evaluator(const Execution& execution, Context& context)
      : execution_(execution), context_(context), output_(execution.text) {}

  Result<Output::Rendered> Run(const Value& data) {
    variables_.push_back({"$", data});
    ASSIGN_OR_RETURN([[maybe_unused]] Flow flow,
                     Walk(execution_.tree->nodes, data));
    return std::move(output_).Take();
  }

 private:
  struct Variable {
    std::string name;
    Value value;
  };

  // One level of recursion.
  class Level {
   public:
    explicit Level(int& depth) : depth_(depth) { ++depth_; }
    ~Level() { --depth_; }
    Level(const Level&) = delete;
    Level& operator=(const Level&) = delete;

   private:
    int& depth_;
  };

  Error Fail(Range range, std::string_view message) const {
    constexpr size_t kShown = 80;
    std::string shown(execution_.text.substr(
        range.begin, std::min(range.end - range.begin, kShown)));
    if (range.end - range.begin > kShown) shown += "...";
    return PlacedError("failed to execute template", execution_.name,
                       execution_.text, range.begin,
                       "at <" + shown + ">: " + std::string(message));
  }

  Status Enter(Range range) {
    if (depth_ > kMaxDepth) {
      return Fail(range, "exceeded maximum template depth (" +
                             std::to_string(kMaxDepth) + ")");
    }
    if (auto charged = context_.Charge(1); !charged) {
      return Fail(range, charged.error().message());
    }
    return {};
  }

  Result<Flow> Walk(const std::vector<Node>& nodes, const Value& dot) {
    for (const Node& node : nodes) {
      ASSIGN_OR_RETURN(Flow flow, WalkNode(node, dot));
      if (flow != Flow::kNormal) return flow;
    }
    return Flow::kNormal;
  }

  Result<Flow> WalkNode(const Node& node, const Value& dot) {
    Level level(depth_);
    RETURN_IF_ERROR(Enter(node.range));
    if (execution_.deferred != nullptr &&
        execution_.deferred->contains(&node)) {
      RETURN_IF_ERROR(Written(node.range, output_.Copy(node.range)));
      return Flow::kNormal;
    }
    switch (node.kind) {
      case Node::Kind::kText:
        RETURN_IF_ERROR(Written(node.range, output_.Copy(node.range)));
        break;
      case Node::Kind::kAction:
        RETURN_IF_ERROR(WalkAction(node, dot));
        break;
      case Node::Kind::kIf:
      case Node::Kind::kWith:
        return WalkCondition(node, dot);
      case Node::Kind::kRange:
        RETURN_IF_ERROR(WalkRange(node, dot));
        break;
      case Node::Kind::kTemplate:
        RETURN_IF_ERROR(WalkTemplate(node, dot));
        break;
      case Node::Kind::kDefine:
        break;
      case Node::Kind::kBreak:
        return Flow::kBreak;
      case Node::Kind::kContinue:
        return Flow::kContinue;
    }
    return Flow::kNormal;
  }

  Status Written(Range range, const Status& status) const {
    if (status) return {};
    return Fail(range, status.error().message());
  }

  Status WalkAction(const Node& node, const Value& dot) {
    ASSIGN_OR_RETURN(Value value, Evaluate(*node.pipeline, dot));
    if (!node.pipeline->variables.empty()) return {};
    if (value.nil()) {
      return Written(node.range,
                     output_.Write(execution_.nothing, node.range.begin));
    }
    auto text = PrintValue(value);
    if (!text) return Fail(node.pipeline->range, text.error().message());
    return Written(node.range,
                   output_.Write(execution_.read_again ? Escaped(*text) : *text,
                                 node.range.begin));
  }

  Result<Flow> WalkCondition(const Node& node, const Value& dot) {
    size_t mark = variables_.size();
    ASSIGN_OR_RETURN(Value value, Evaluate(*node.pipeline, dot));
    bool with = node.kind == Node::Kind::kWith;
    auto flow = Truth(value) ? Walk(node.body, with ? value : dot)
                             : Walk(node.otherwise, dot);
    if (flow) variables_.resize(mark);
    return flow;
  }

  Status WalkRange(const Node& node, const Value& dot) {
    size_t mark = variables_.size();
    ASSIGN_OR_RETURN(Value value, EvaluateCommands(*node.pipeline, dot));
    std::vector<std::pair<Value, Value>> items;
    if (value.kind() == Kind::kList) {
      int64_t index = 0;
      for (const Value& item : value.list().items()) {
        items.emplace_back(Value(index++), item);
      }
    } else if (value.kind() == Kind::kDict) {
      for (const auto& [key, item] : value.dict().items()) {
        items.emplace_back(Value(key), item);
      }
    } else if (!value.nil()) {
      ASSIGN_OR_RETURN(std::string shown, PrintValue(value));
      return Fail(node.pipeline->range, "range can't iterate over " + shown);
    }
    Declare(*node.pipeline, Value());
    size_t inner = variables_.size();
    for (const auto& [key, item] : items) {
      SetRangeVariables(*node.pipeline, key, item);
      ASSIGN_OR_RETURN(Flow flow, Walk(node.body, item));
      variables_.resize(inner);
      if (flow == Flow::kBreak) break;
    }
    if (items.empty()) {
      ASSIGN_OR_RETURN([[maybe_unused]] Flow flow, Walk(node.otherwise, dot));
    }
    variables_.resize(mark);
    return {};
  }

  void SetRangeVariables(const Pipeline& pipeline, const Value& key,
                         const Value& item) {
    const auto& names = pipeline.variables;
    if (names.size() == 1) Assign(names[0], item);
    if (names.size() == 2) {
      Assign(names[0], key);
      Assign(names[1], item);
    }
  }

  Status WalkTemplate(const Node& node, const Value& dot) {
    auto found = execution_.tree->templates.find(node.name);
    if (found == execution_.tree->templates.end()) {
      return Fail(node.range, "template \"" + node.name + "\" not defined");
    }
    Value argument;
    if (node.pipeline != nullptr) {
      ASSIGN_OR_RETURN(argument, Evaluate(*node.pipeline, dot));
    }
    std::vector<Variable> outer = std::move(variables_);
    variables_.clear();
    variables_.push_back({"$", argument});
    ASSIGN_OR_RETURN([[maybe_unused]] Flow flow, Walk(found->second, argument));
    variables_ = std::move(outer);
    return {};
  }

  // The newest variable of that name.
  Variable* Find(const std::string& name) {
    for (auto at = variables_.rbegin(); at != variables_.rend(); ++at) {
      if (at->name == name) return &*at;
    }
    return nullptr;
  }
  void Assign(const std::string& name, const Value& value) {
    if (Variable* variable = Find(name)) variable->value = value;
  }

  void Declare(const Pipeline& pipeline, const Value& value) {
    for (const std::string& name : pipeline.variables) {
      if (pipeline.assigns) {
        Assign(name, value);
      } else {
        variables_.push_back({name, value});
      }
    }
  }

  // Also sets the variables of `pipeline`.
  Result<Value> Evaluate(const Pipeline& pipeline, const Value& dot) {
    ASSIGN_OR_RETURN(Value value, EvaluateCommands(pipeline, dot));
    Declare(pipeline, value);
    return value;
  }

  Result<Value> EvaluateCommands(const Pipeline& pipeline, const Value& dot) {
    Level level(depth_);
    RETURN_IF_ERROR(Enter(pipeline.range));
    Value value;
    const Value* last = nullptr;
    for (const Command& command : pipeline.commands) {
      ASSIGN_OR_RETURN(value, EvaluateCommand(command, dot, last));
      last = &value;
    }
    return value;
  }

  // `last` is what came before the "|", null where nothing did.
  Result<Value> EvaluateCommand(const Command& command, const Value& dot,
                                const Value* last) {
    const Operand& first = command.operands[0];
    bool arguments = command.operands.size() > 1 || last != nullptr;
    switch (first.kind) {
      case Operand::Kind::kIdentifier:
        if (first.fields.empty()) return CallFunction(command, dot, last);
        break;
      case Operand::Kind::kNil:
        return Fail(first.range, "nil is not a command");
      case Operand::Kind::kConstant:
      case Operand::Kind::kDot:
        if (arguments) return NotAFunction(first);
        return EvaluateOperand(first, dot);
      default:
        break;
    }
    if (!arguments) return EvaluateOperand(first, dot);
    if (first.fields.empty()) return NotAFunction(first);
    return CallMember(command, dot, last);
  }

  Error NotAFunction(const Operand& operand) const {
    return Fail(
        operand.range,
        "can't give argument to non-function " +
            std::string(execution_.text.substr(
                operand.range.begin, operand.range.end - operand.range.begin)));
  }

  Result<Value> EvaluateOperand(const Operand& operand, const Value& dot) {
    ASSIGN_OR_RETURN(Value value, EvaluateBase(operand, dot));
    for (const std::string& field : operand.fields) {
      ASSIGN_OR_RETURN(value, Field(operand, value, field, {}));
    }
    return value;
  }

  // Without the fields.
  Result<Value> EvaluateBase(const Operand& operand, const Value& dot) {
    switch (operand.kind) {
      case Operand::Kind::kConstant:
        if (!operand.overflow.empty()) {
          return Fail(operand.range, operand.overflow);
        }
        return operand.constant;
      case Operand::Kind::kNil:
        return Value();
      case Operand::Kind::kDot:
      case Operand::Kind::kField:
        return dot;
      case Operand::Kind::kVariable: {
        const Variable* variable = Find(operand.name);
        if (variable == nullptr) {
          return Fail(operand.range, "undefined variable: " + operand.name);
        }
        return variable->value;
      }
      case Operand::Kind::kPipeline: {
        size_t mark = variables_.size();
        auto value = Evaluate(*operand.pipeline, dot);
        variables_.resize(mark);
        return value;
      }
      case Operand::Kind::kIdentifier: {
        Command command;
        command.range = operand.range;
        command.operands.push_back(operand);
        command.operands[0].fields.clear();
        return CallFunction(command, dot, nullptr);
      }
    }
    return Value();
  }

  Result<Value> Field(const Operand& operand, const Value& value,
                      const std::string& name,
                      const std::vector<Value>& arguments) {
    if (value.kind() == Kind::kObject) {
      auto member = value.object().Member(name, arguments);
      if (!member) return Fail(operand.range, member.error().message());
      return member;
    }
    if (value.nil()) {
      if (execution_.fields_of_nothing) return Value();
      return Fail(operand.range, "nil pointer evaluating interface {}." + name);
    }
    if (value.kind() != Kind::kDict) {
      return Fail(operand.range, "can't evaluate field " + name + " in type " +
                                     TypeName(value));
    }
    if (!arguments.empty()) {
      return Fail(operand.range, name + " is not a method but has arguments");
    }
    const auto& items = value.dict().items();
    auto found = items.find(name);
    if (found != items.end()) return found->second;
    // A map of strings has "" where it has nothing.
    if (value.dict().elements() == Elements::kString) return Value("");
    return Value();
  }

  // The last field is a method that the rest of the command is given to.
  Result<Value> CallMember(const Command& command, const Value& dot,
                           const Value* last) {
    const Operand& first = command.operands[0];
    ASSIGN_OR_RETURN(Value value, EvaluateBase(first, dot));
    for (size_t i = 0; i + 1 < first.fields.size(); ++i) {
      ASSIGN_OR_RETURN(value, Field(first, value, first.fields[i], {}));
    }
    std::vector<Value> arguments;
    for (size_t i = 1; i < command.operands.size(); ++i) {
      ASSIGN_OR_RETURN(Value argument,
                       EvaluateOperand(command.operands[i], dot));
      arguments.push_back(std::move(argument));
    }
    if (last != nullptr) arguments.push_back(*last);
    return Field(first, value, first.fields.back(), arguments);
  }

  Result<Value> CallFunction(const Command& command, const Value& dot,
                             const Value* last) {
    const Operand& name = command.operands[0];
    auto found = execution_.functions->find(name.name);
    if (found == execution_.functions->end()) {
      return Fail(name.range, "function \"" + name.name + "\" not defined");
    }
    const Function& function = found->second;
    size_t count = command.operands.size() - 1 + (last != nullptr ? 1 : 0);
    RETURN_IF_ERROR(CheckCount(name, function, count));
    bool stops = name.name == "and" || name.name == "or";
    std::vector<Value> arguments;
    for (size_t i = 1; i < command.operands.size(); ++i) {
      ASSIGN_OR_RETURN(
          Value argument,
          EvaluateArgument(command.operands[i], dot,
                           ParameterType(function, arguments.size())));
      arguments.push_back(std::move(argument));
      // The first that decides is the result; what follows is not evaluated.
      if (stops && Truth(arguments.back()) == (name.name == "or")) {
        return arguments.back();
      }
    }
    if (last != nullptr) {
      ASSIGN_OR_RETURN(Value argument,
                       Checked(name.range, *last,
                               ParameterType(function, arguments.size())));
      arguments.push_back(std::move(argument));
    }
    auto value = function.call(context_, arguments);
    if (!value) {
      return Fail(command.range, "error calling " + name.name + ": " +
                                     value.error().message());
    }
    if (auto charged = context_.Charge(Cost(*value)); !charged) {
      return Fail(command.range, charged.error().message());
    }
    return value;
  }

  static size_t Cost(const Value& value) {
    if (value.kind() == Kind::kString) return value.String().size() / 64;
    if (value.kind() == Kind::kList) return value.list().size();
    return 1;
  }

  Status CheckCount(const Operand& name, const Function& function,
                    size_t count) const {
    size_t wanted = function.parameters.size();
    if (function.variadic) {
      if (count + 1 >= wanted) return {};
      return Fail(name.range, "wrong number of args for " + name.name +
                                  ": want at least " +
                                  std::to_string(wanted - 1) + " got " +
                                  std::to_string(count));
    }
    if (count == wanted) return {};
    return Fail(name.range, "wrong number of args for " + name.name +
                                ": want " + std::to_string(wanted) + " got " +
                                std::to_string(count));
  }

  static Type ParameterType(const Function& function, size_t at) {
    if (function.parameters.empty()) return Type::kAny;
    return function.parameters[std::min(at, function.parameters.size() - 1)];
  }

  Result<Value> EvaluateArgument(const Operand& operand, const Value& dot,
                                 Type type) {
    if (operand.kind == Operand::Kind::kNil) {
      bool takes_nil = type == Type::kAny || Nilable(type);
      if (takes_nil) return Value();
      return Fail(operand.range, "cannot assign nil to " + TypeText(type));
    }
    if (operand.kind == Operand::Kind::kConstant && type != Type::kAny) {
      return ConstantArgument(operand, type);
    }
    ASSIGN_OR_RETURN(Value value, EvaluateOperand(operand, dot));
    if (value.nil() && type != Type::kAny) {
      return Fail(operand.range, "wrong type for value; expected " +
                                     TypeText(type) + "; got interface {}");
    }
    return Checked(operand.range, value, type);
  }

  // A constant becomes what the parameter wants, as untyped constants do.
  Result<Value> ConstantArgument(const Operand& operand, Type type) {
    const Value& constant = operand.constant;
    if (!operand.overflow.empty()) return Fail(operand.range, operand.overflow);
    std::string found(execution_.text.substr(
        operand.range.begin, operand.range.end - operand.range.begin));
    bool whole = constant.kind() == Kind::kFloat &&
                 std::trunc(constant.Float()) == constant.Float() &&
                 std::fabs(constant.Float()) < 9e18;
    switch (type) {
      case Type::kString:
        if (constant.kind() == Kind::kString) return constant;
        return Fail(operand.range, "expected string; found " + found);
      case Type::kBool:
        if (constant.kind() == Kind::kBool) return constant;
        return Fail(operand.range, "expected bool; found " + found);
      case Type::kInt:
        if (constant.kind() == Kind::kInt) return constant;
        if (whole) return Value(static_cast<int64_t>(constant.Float()));
        return Fail(operand.range, "expected integer; found " + found);
      case Type::kFloat:
        if (constant.kind() == Kind::kFloat) return constant;
        if (constant.kind() == Kind::kInt) {
          return Value(static_cast<double>(constant.Int()));
        }
        return Fail(operand.range, "expected float; found " + found);
      default:
        return Fail(operand.range, "can't handle " + found +
                                       " for arg of type " + TypeText(type));
    }
  }

  // `value` if a parameter of `type` takes it.
  Result<Value> Checked(Range range, const Value& value, Type type) const {
    if (Fits(value, type)) return value;
    if (value.nil() && Nilable(type)) return value;
    if (value.nil()) {
      return Fail(range, "invalid value; expected " + TypeText(type));
    }
    return Fail(range, "wrong type for value; expected " + TypeText(type) +
                           "; got " + TypeName(value));
  }

  static bool Nilable(Type type) {
    return type == Type::kList || type == Type::kDict;
  }

  static bool Fits(const Value& value, Type type) {
    switch (type) {
      case Type::kAny:
        return true;
      case Type::kBool:
        return value.kind() == Kind::kBool;
      case Type::kInt:
        return value.kind() == Kind::kInt;
      case Type::kFloat:
        return value.kind() == Kind::kFloat;
      case Type::kString:
        return value.kind() == Kind::kString;
      case Type::kList:
        return value.kind() == Kind::kList &&
               value.list().elements() == Elements::kAny;
      case Type::kDict:
        return value.kind() == Kind::kDict &&
               value.dict().elements() == Elements::kAny;
    }
    return false;
  }

  const Execution& execution_;
  Context& context_;
  Output output_;
  std::vector<Variable> variables_;
  int depth_ = 0;
};

}  // namespace

Result<Output::Rendered> Execute(const Execution& execution, const Value& data,
                                 Context& context) {
  return Evaluator(execution, context).Run(data);
}

}  // namespace strake::tasks::gotmpl
