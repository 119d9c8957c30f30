#include "tasks/gotmpl/deferral.h"

#include <algorithm>

namespace strake::tasks::gotmpl {
namespace {

// What a node, with all in it, names.
struct Names {
  bool later = false;  // a field that is known later
  std::set<std::string> variables;
  std::set<std::string> templates;

  void Add(const Names& other) {
    later = later || other.later;
    variables.insert(other.variables.begin(), other.variables.end());
    templates.insert(other.templates.begin(), other.templates.end());
  }
};

class Collector {
 public:
  explicit Collector(const std::vector<std::string>& later) : later_(later) {}

  // `top` says whether "." is the data of the template.
  Names OfNode(const Node& node, bool top) const {
    Names names;
    if (node.pipeline != nullptr) names.Add(OfPipeline(*node.pipeline, top));
    bool moves =
        node.kind == Node::Kind::kRange || node.kind == Node::Kind::kWith;
    names.Add(OfNodes(node.body, top && !moves));
    names.Add(OfNodes(node.otherwise, top));
    if (node.kind == Node::Kind::kTemplate) names.templates.insert(node.name);
    return names;
  }

  Names OfNodes(const std::vector<Node>& nodes, bool top) const {
    Names names;
    for (const Node& node : nodes) names.Add(OfNode(node, top));
    return names;
  }

 private:
  Names OfPipeline(const Pipeline& pipeline, bool top) const {
    Names names;
    names.variables.insert(pipeline.variables.begin(),
                           pipeline.variables.end());
    for (const Command& command : pipeline.commands) {
      for (const Operand& operand : command.operands) {
        names.Add(OfOperand(operand, top));
      }
    }
    return names;
  }

  Names OfOperand(const Operand& operand, bool top) const {
    Names names;
    bool data = (operand.kind == Operand::Kind::kField && top) ||
                (operand.kind == Operand::Kind::kVariable &&
                 operand.name == "$" && !operand.fields.empty());
    names.later = data && std::find(later_.begin(), later_.end(),
                                    operand.fields[0]) != later_.end();
    if (operand.kind == Operand::Kind::kVariable && operand.name != "$") {
      names.variables.insert(operand.name);
    }
    if (operand.pipeline != nullptr) {
      names.Add(OfPipeline(*operand.pipeline, top));
    }
    return names;
  }

  const std::vector<std::string>& later_;
};

bool Overlap(const std::set<std::string>& a, const std::set<std::string>& b) {
  return std::any_of(a.begin(), a.end(),
                     [&](const std::string& name) { return b.contains(name); });
}

// Adds to what is tainted until nothing more follows from it.
class Deferral {
 public:
  Deferral(const SyntaxTree& tree, const std::vector<std::string>& later)
      : tree_(tree), collector_(later) {
    for (const Node& node : tree.nodes) {
      nodes_.push_back({&node, collector_.OfNode(node, true)});
    }
    for (const auto& [name, body] : tree.templates) {
      templates_[name] = collector_.OfNodes(body, true);
    }
  }

  std::set<const Node*> Find() {
    for (bool grown = true; grown;) {
      grown = TaintTemplates();
      for (const auto& [node, names] : nodes_) {
        if (deferred_.contains(node) || !Defers(*node, names)) continue;
        deferred_.insert(node);
        Keep(names);
        grown = true;
      }
    }
    KeepDefinitions();
    return std::move(deferred_);
  }

 private:
  struct Named {
    const Node* node = nullptr;
    Names names;
  };

  // Templates that read what is known later, or call one that does.
  bool TaintTemplates() {
    bool grown = false;
    for (const auto& [name, names] : templates_) {
      if (names.later || Overlap(names.templates, late_templates_)) {
        grown = late_templates_.insert(name).second || grown;
      }
    }
    return grown;
  }

  bool Defers(const Node& node, const Names& names) const {
    if (node.kind == Node::Kind::kDefine) return false;
    return names.later || Overlap(names.variables, variables_) ||
           Overlap(names.templates, late_templates_);
  }

  void Keep(const Names& names) {
    variables_.insert(names.variables.begin(), names.variables.end());
    for (const std::string& name : names.templates) KeepTemplate(name);
  }

  void KeepTemplate(const std::string& name) {
    if (!called_.insert(name).second) return;
    auto found = templates_.find(name);
    if (found == templates_.end()) return;
    for (const std::string& inner : found->second.templates) {
      KeepTemplate(inner);
    }
  }

  // The definitions of what deferred nodes call. A block defines, too: where
  // another node that is deferred calls its template, it stays.
  void KeepDefinitions() {
    for (const Node& node : tree_.nodes) {
      bool defines = node.kind == Node::Kind::kDefine || node.block;
      if (defines && called_.contains(node.name)) deferred_.insert(&node);
    }
  }

  const SyntaxTree& tree_;
  Collector collector_;
  std::vector<Named> nodes_;
  std::map<std::string, Names> templates_;
  std::set<std::string> variables_;
  std::set<std::string> late_templates_;
  std::set<std::string> called_;
  std::set<const Node*> deferred_;
};

}  // namespace

std::set<const Node*> FindDeferred(const SyntaxTree& tree,
                                   const std::vector<std::string>& later) {
  if (later.empty()) return {};
  return Deferral(tree, later).Find();
}

}  // namespace strake::tasks::gotmpl
