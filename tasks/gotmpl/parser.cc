#include "tasks/gotmpl/parser.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "tasks/gotmpl/constant.h"
#include "tasks/gotmpl/lexer.h"
#include "util/result_macros.h"
#include "util/suggest.h"

namespace strake::tasks::gotmpl {
namespace {

// Blocks and parentheses within each other: the parser recurses.
constexpr int kMaxDepth = 100;

class Parser {
 public:
  Parser(std::string_view text, std::string_view name,
         const std::vector<std::string>& functions)
      : text_(text),
        name_(name),
        functions_(functions),
        tokens_(Tokenize(text)) {}

  Result<SyntaxTree> Run() {
    ASSIGN_OR_RETURN(Body body, ParseBody({}));
    tree_.nodes = std::move(body.nodes);
    return std::move(tree_);
  }

 private:
  // Nodes up to the keyword that ends them.
  struct Body {
    std::vector<Node> nodes;
    std::string ended_by;  // "end" or "else"; "": the end of the text
    size_t end = 0;        // behind the "}}" of {{end}}
  };

  const Token& Peek() const { return tokens_[at_]; }
  const Token& Next() {
    const Token& token = tokens_[at_];
    if (at_ + 1 < tokens_.size()) ++at_;
    return token;
  }
  void SkipSpace() {
    while (Peek().kind == TokenKind::kSpace) Next();
  }
  const Token& PeekWord() {
    SkipSpace();
    return Peek();
  }
  std::string_view TextOf(const Token& token) const {
    return text_.substr(token.range.begin, token.range.end - token.range.begin);
  }

  Error Fail(size_t at, std::string_view message) const {
    return PlacedError("failed to parse template", name_, text_, at, message);
  }

  Error Unexpected(const Token& token, std::string_view context) const {
    if (token.kind == TokenKind::kError) {
      return Fail(token.range.begin, token.message);
    }
    if (token.kind == TokenKind::kEnd) {
      return Fail(token.range.begin, "unexpected EOF");
    }
    std::string shown = "unexpected ";
    if (token.kind == TokenKind::kWord) {
      shown += "<" + std::string(TextOf(token)) + ">";
    } else {
      shown += "\"" + std::string(TextOf(token)) + "\"";
    }
    return Fail(token.range.begin, shown + " in " + std::string(context));
  }

  // The nodes up to {{end}}, {{else}} or, where `keyword` is empty, the end of
  // the text.
  Result<Body> ParseBody(std::string_view keyword) {
    Body body;
    if (++depth_ > kMaxDepth) {
      return Fail(Peek().range.begin,
                  "blocks and parentheses are nested deeper than " +
                      std::to_string(kMaxDepth) + " levels");
    }
    while (true) {
      const Token& token = Next();
      if (token.kind == TokenKind::kText) {
        Node node;
        node.range = token.range;
        body.nodes.push_back(std::move(node));
        continue;
      }
      if (token.kind == TokenKind::kEnd && keyword.empty()) break;
      if (token.kind != TokenKind::kLeft) return Unexpected(token, "input");
      std::string_view word = KeywordAhead();
      if (word == "end" || word == "else") {
        size_t begin = Peek().range.begin;
        Next();
        if (keyword.empty()) {
          return Fail(begin, "unexpected {{" + std::string(word) + "}}");
        }
        body.ended_by = std::string(word);
        body.end = tokens_[at_].range.end;
        if (word == "end") {
          ASSIGN_OR_RETURN(body.end, ExpectRight("end"));
        }
        break;
      }
      ASSIGN_OR_RETURN(Node node, ParseAction(token.range.begin));
      body.nodes.push_back(std::move(node));
    }
    --depth_;
    return body;
  }

  std::string_view KeywordAhead() {
    const Token& token = PeekWord();
    return token.kind == TokenKind::kWord ? TextOf(token) : std::string_view();
  }

  Result<size_t> ExpectRight(std::string_view context) {
    const Token& token = PeekWord();
    if (token.kind != TokenKind::kRight) return Unexpected(token, context);
    Next();
    return token.range.end;
  }

  Result<Node> ParseAction(size_t begin) {
    std::string_view word = KeywordAhead();
    Node node;
    node.range.begin = begin;
    if (word == "if" || word == "range" || word == "with") {
      return ParseControl(std::move(node), word);
    }
    if (word == "define") return ParseDefine(std::move(node));
    if (word == "block") return ParseBlock(std::move(node));
    if (word == "template") return ParseCall(std::move(node));
    if (word == "break" || word == "continue") {
      return ParseJump(std::move(node), word);
    }
    node.kind = Node::Kind::kAction;
    ASSIGN_OR_RETURN(node.pipeline, ParsePipeline("command", false, nullptr));
    node.range.end = LastEnd();
    return node;
  }

  // Behind the token that was consumed last.
  size_t LastEnd() const { return tokens_[at_ - 1].range.end; }

  Result<Node> ParseControl(Node node, std::string_view word) {
    Next();
    node.kind = word == "if"      ? Node::Kind::kIf
                : word == "range" ? Node::Kind::kRange
                                  : Node::Kind::kWith;
    size_t scope = variables_.size();
    ASSIGN_OR_RETURN(node.pipeline, ParsePipeline(word, false, nullptr));
    if (word == "range") ++loops_;
    ASSIGN_OR_RETURN(Body body, ParseBody(word));
    if (word == "range") --loops_;
    node.body = std::move(body.nodes);
    node.range.end = body.end;
    variables_.resize(
        scope + (node.pipeline->assigns ? 0 : node.pipeline->variables.size()));
    if (body.ended_by == "else") {
      RETURN_IF_ERROR(ParseElse(node, word));
    }
    variables_.resize(scope);
    return node;
  }

  // Behind the word "else" of `node`.
  Status ParseElse(Node& node, std::string_view word) {
    if (word == "if" && KeywordAhead() == "if") {
      // {{else if}} is {{else}}{{if}} with one {{end}} for both.
      ++depth_;
      Node inner;
      inner.range.begin = Peek().range.begin;
      ASSIGN_OR_RETURN(Node nested, ParseControl(std::move(inner), "if"));
      --depth_;
      node.range.end = nested.range.end;
      node.otherwise.push_back(std::move(nested));
      return {};
    }
    RETURN_IF_ERROR(ExpectRight("else"));
    size_t at = Peek().range.begin;
    ASSIGN_OR_RETURN(Body body, ParseBody(word));
    if (body.ended_by == "else") {
      return Fail(at, "expected end; found {{else}}");
    }
    node.otherwise = std::move(body.nodes);
    node.range.end = body.end;
    return {};
  }

  Result<std::string> ParseName(std::string_view context) {
    const Token& token = PeekWord();
    if (token.kind != TokenKind::kString) return Unexpected(token, context);
    Next();
    auto name = Unquote(TextOf(token));
    if (!name) {
      return Fail(token.range.begin, "invalid syntax in a quoted name");
    }
    return *std::move(name);
  }

  // The body of a template of its own: variables of outside are not seen.
  Result<Body> ParseTemplateBody(std::string_view context) {
    std::vector<std::string> outer = std::exchange(variables_, {"$"});
    int loops = std::exchange(loops_, 0);
    ASSIGN_OR_RETURN(Body body, ParseBody(context));
    variables_ = std::move(outer);
    loops_ = loops;
    if (body.ended_by == "else") {
      return Fail(body.end,
                  "unexpected {{else}} in " + std::string(context) + " clause");
    }
    return body;
  }

  Status AddTemplate(const std::string& name, const Node& node,
                     std::vector<Node> body) {
    if (!tree_.templates.emplace(name, std::move(body)).second) {
      return Fail(node.range.begin,
                  "multiple definition of template \"" + name + "\"");
    }
    return {};
  }

  Result<Node> ParseDefine(Node node) {
    size_t word = Peek().range.begin;
    Next();
    if (depth_ > 1) return Fail(word, "unexpected <define> in command");
    node.kind = Node::Kind::kDefine;
    ASSIGN_OR_RETURN(node.name, ParseName("define clause"));
    RETURN_IF_ERROR(ExpectRight("define clause"));
    ASSIGN_OR_RETURN(Body body, ParseTemplateBody("define"));
    node.range.end = body.end;
    RETURN_IF_ERROR(AddTemplate(node.name, node, std::move(body.nodes)));
    return node;
  }

  Result<Node> ParseBlock(Node node) {
    Next();
    node.kind = Node::Kind::kTemplate;
    node.block = true;
    ASSIGN_OR_RETURN(node.name, ParseName("block clause"));
    ASSIGN_OR_RETURN(node.pipeline,
                     ParsePipeline("block clause", false, nullptr));
    ASSIGN_OR_RETURN(Body body, ParseTemplateBody("block"));
    node.range.end = body.end;
    RETURN_IF_ERROR(AddTemplate(node.name, node, std::move(body.nodes)));
    return node;
  }

  Result<Node> ParseCall(Node node) {
    Next();
    node.kind = Node::Kind::kTemplate;
    ASSIGN_OR_RETURN(node.name, ParseName("template clause"));
    if (PeekWord().kind == TokenKind::kRight) {
      Next();
    } else {
      ASSIGN_OR_RETURN(node.pipeline,
                       ParsePipeline("template clause", false, nullptr));
    }
    node.range.end = LastEnd();
    return node;
  }

  Result<Node> ParseJump(Node node, std::string_view word) {
    size_t at = Peek().range.begin;
    Next();
    node.kind = word == "break" ? Node::Kind::kBreak : Node::Kind::kContinue;
    if (loops_ == 0) {
      return Fail(at, "{{" + std::string(word) + "}} outside {{range}}");
    }
    ASSIGN_OR_RETURN(node.range.end,
                     ExpectRight("{{" + std::string(word) + "}}"));
    return node;
  }

  // Up to "}}", or ")" where `nested`, which is consumed.
  Result<std::shared_ptr<const Pipeline>> ParsePipeline(
      std::string_view context, bool nested, size_t* end) {
    auto pipeline = std::make_shared<Pipeline>();
    pipeline->range.begin = PeekWord().range.begin;
    if (!nested) {
      RETURN_IF_ERROR(ParseDeclarations(*pipeline, context));
    }
    TokenKind close = nested ? TokenKind::kClose : TokenKind::kRight;
    while (true) {
      const Token& token = PeekWord();
      if (token.kind == close) {
        if (pipeline->commands.empty()) {
          return Fail(token.range.begin,
                      "missing value for " + std::string(context));
        }
        break;
      }
      RETURN_IF_ERROR(ParseCommand(*pipeline, context));
      const Token& after = PeekWord();
      if (after.kind == TokenKind::kPipe) {
        Next();
        if (PeekWord().kind == close) {
          return Fail(Peek().range.begin,
                      "missing value for " + std::string(context));
        }
        continue;
      }
      if (after.kind == close) continue;
      if (nested && after.kind == TokenKind::kRight) {
        return Fail(after.range.begin, "unclosed left paren");
      }
      return Unexpected(after, context);
    }
    pipeline->range.end = Next().range.begin;
    if (end != nullptr) *end = LastEnd();
    // Only now: `{{$x := $x}}` is an error where $x is new.
    if (!pipeline->assigns) {
      for (const std::string& name : pipeline->variables) {
        variables_.push_back(name);
      }
    }
    return std::shared_ptr<const Pipeline>(std::move(pipeline));
  }

  Status ParseDeclarations(Pipeline& pipeline, std::string_view context) {
    while (PeekWord().kind == TokenKind::kVariable) {
      size_t start = at_;
      const Token& variable = Next();
      std::string name(TextOf(variable));
      TokenKind after = PeekWord().kind;
      bool comma = after == TokenKind::kComma && context == "range" &&
                   pipeline.variables.empty();
      if (after == TokenKind::kComma && !comma) {
        return Fail(variable.range.begin,
                    "too many declarations in " + std::string(context));
      }
      if (!comma && after != TokenKind::kDeclare &&
          after != TokenKind::kAssign) {
        if (!pipeline.variables.empty()) {
          return Fail(Peek().range.begin,
                      "range can only initialize variables");
        }
        at_ = start;
        return {};
      }
      Next();
      pipeline.variables.push_back(std::move(name));
      if (comma) continue;
      pipeline.assigns = after == TokenKind::kAssign;
      return CheckAssigned(pipeline, variable.range.begin);
    }
    if (!pipeline.variables.empty()) {
      return Fail(Peek().range.begin, "range can only initialize variables");
    }
    return {};
  }

  Status CheckAssigned(const Pipeline& pipeline, size_t at) {
    if (!pipeline.assigns) return {};
    for (const std::string& name : pipeline.variables) {
      RETURN_IF_ERROR(CheckVariable(name, at));
    }
    return {};
  }

  Status CheckVariable(const std::string& name, size_t at) {
    if (std::find(variables_.begin(), variables_.end(), name) !=
        variables_.end()) {
      return {};
    }
    std::vector<std::string> named = variables_;
    std::erase(named, "$");
    return Fail(
        at, "undefined variable \"" + name + "\"" + DidYouMean(name, named));
  }

  Status ParseCommand(Pipeline& pipeline, std::string_view context) {
    Command command;
    command.range.begin = Peek().range.begin;
    while (StartsOperand(Peek())) {
      ASSIGN_OR_RETURN(Operand operand, ParseOperand());
      command.range.end = operand.range.end;
      command.operands.push_back(std::move(operand));
      if (Peek().kind != TokenKind::kSpace) break;
      SkipSpace();
    }
    if (command.operands.empty()) return Unexpected(Peek(), context);
    if (StartsOperand(Peek())) return Unexpected(Peek(), "operand");
    if (!pipeline.commands.empty() && !Callable(command.operands[0])) {
      return Fail(command.range.begin,
                  "non executable command in pipeline stage " +
                      std::to_string(pipeline.commands.size() + 1));
    }
    pipeline.commands.push_back(std::move(command));
    return {};
  }

  static bool Callable(const Operand& operand) {
    return operand.kind != Operand::Kind::kConstant &&
           operand.kind != Operand::Kind::kNil &&
           operand.kind != Operand::Kind::kDot;
  }

  static bool StartsOperand(const Token& token) {
    switch (token.kind) {
      case TokenKind::kWord:
      case TokenKind::kField:
      case TokenKind::kVariable:
      case TokenKind::kDot:
      case TokenKind::kNumber:
      case TokenKind::kString:
      case TokenKind::kOpen:
        return true;
      default:
        return false;
    }
  }

  // A term and the fields behind it.
  Result<Operand> ParseOperand() {
    const Token& first = Peek();
    ASSIGN_OR_RETURN(Operand operand, ParseTerm());
    bool value = operand.kind == Operand::Kind::kConstant ||
                 operand.kind == Operand::Kind::kNil ||
                 operand.kind == Operand::Kind::kDot;
    while (Peek().kind == TokenKind::kField) {
      const Token& field = Peek();
      if (value) {
        return Fail(field.range.begin,
                    "unexpected <" + std::string(TextOf(field)) + "> after " +
                        std::string(TextOf(first)));
      }
      operand.fields.emplace_back(TextOf(field).substr(1));
      operand.range.end = field.range.end;
      Next();
    }
    if (Peek().kind == TokenKind::kDot) {
      return Fail(Peek().range.begin, "unexpected <.> in operand");
    }
    return operand;
  }

  Result<Operand> ParseTerm() {
    const Token& token = Next();
    Operand operand;
    operand.range = token.range;
    switch (token.kind) {
      case TokenKind::kWord:
        return ParseWord(std::move(operand), token);
      case TokenKind::kField:
        operand.kind = Operand::Kind::kField;
        operand.fields.emplace_back(TextOf(token).substr(1));
        return operand;
      case TokenKind::kVariable:
        operand.kind = Operand::Kind::kVariable;
        operand.name = std::string(TextOf(token));
        RETURN_IF_ERROR(CheckVariable(operand.name, token.range.begin));
        return operand;
      case TokenKind::kNumber:
        return ParseNumberOperand(std::move(operand), token);
      case TokenKind::kString:
        return ParseStringOperand(std::move(operand), token);
      case TokenKind::kOpen:
        return ParseParenthesis(std::move(operand));
      default:
        return operand;  // kDot
    }
  }

  Result<Operand> ParseWord(Operand operand, const Token& token) {
    std::string word(TextOf(token));
    if (word == "true" || word == "false") {
      operand.kind = Operand::Kind::kConstant;
      operand.constant = Value(word == "true");
      return operand;
    }
    if (word == "nil") {
      operand.kind = Operand::Kind::kNil;
      return operand;
    }
    constexpr std::string_view kKeywords[] = {
        "if",     "range",    "with",  "else",  "end",
        "define", "template", "block", "break", "continue"};
    bool keyword = std::find(std::begin(kKeywords), std::end(kKeywords),
                             word) != std::end(kKeywords);
    if (keyword) return Unexpected(token, "command");
    if (std::find(functions_.begin(), functions_.end(), word) ==
        functions_.end()) {
      return Fail(token.range.begin, "function \"" + word + "\" not defined" +
                                         DidYouMean(word, functions_));
    }
    operand.kind = Operand::Kind::kIdentifier;
    operand.name = std::move(word);
    return operand;
  }

  Result<Operand> ParseNumberOperand(Operand operand, const Token& token) {
    std::string text(TextOf(token));
    auto number = ParseNumber(text);
    if (!number) {
      return Fail(token.range.begin,
                  text.starts_with("'")
                      ? "malformed character constant: " + text
                      : "bad number syntax: \"" + text + "\"");
    }
    operand.kind = Operand::Kind::kConstant;
    operand.number = true;
    operand.constant = std::move(number->value);
    if (number->overflow) operand.overflow = text + " overflows int";
    return operand;
  }

  Result<Operand> ParseStringOperand(Operand operand, const Token& token) {
    auto content = Unquote(TextOf(token));
    if (!content) {
      return Fail(token.range.begin, "invalid syntax: an escape in " +
                                         std::string(TextOf(token)) +
                                         " is none of Go's");
    }
    operand.kind = Operand::Kind::kConstant;
    operand.constant = Value(*std::move(content));
    return operand;
  }

  Result<Operand> ParseParenthesis(Operand operand) {
    if (++depth_ > kMaxDepth) {
      return Fail(operand.range.begin,
                  "blocks and parentheses are nested deeper than " +
                      std::to_string(kMaxDepth) + " levels");
    }
    operand.kind = Operand::Kind::kPipeline;
    ASSIGN_OR_RETURN(operand.pipeline, ParsePipeline("parenthesized pipeline",
                                                     true, &operand.range.end));
    --depth_;
    return operand;
  }

  std::string_view text_;
  std::string_view name_;
  const std::vector<std::string>& functions_;
  std::vector<Token> tokens_;
  size_t at_ = 0;
  int depth_ = 0;
  int loops_ = 0;
  std::vector<std::string> variables_ = {"$"};
  SyntaxTree tree_;
};

}  // namespace

Result<SyntaxTree> ParseTemplate(std::string_view text, std::string_view name,
                                 const std::vector<std::string>& functions) {
  return Parser(text, name, functions).Run();
}

}  // namespace strake::tasks::gotmpl
