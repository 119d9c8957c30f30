// `docker-bake.json`: HCL's data model in JSON. A text may hold "${NAME}" of a
// variable or of a matrix.
#include <utility>

#include "builder/bake/bake_file.h"
#include "builder/bake/document.h"
#include "builder/bake/read_field.h"
#include "util/result_macros.h"
#include "util/strings.h"
#include "util/suggest.h"

namespace strake::builder::bake {
namespace {

using Values = std::map<std::string, std::string>;

class Reader {
 public:
  Reader(const std::string& file, const Lookup& lookup)
      : file_(file), lookup_(lookup) {}

  Result<BakeFile> Read(const Node& root) {
    if (!root.is_map()) return ErrorAt(file_, root, "expected an object");
    for (size_t i = 0; i < root.keys.size(); ++i) {
      const std::string& key = root.keys[i];
      if (key != "group" && key != "target" && key != "variable") {
        return ErrorAt(file_, root.items[i],
                       "unknown key \"" + key + "\"" +
                           DidYouMean(key, {"group", "target", "variable"}));
      }
    }
    RETURN_IF_ERROR(Members(root.Find("variable"), &Reader::AddVariable));
    RETURN_IF_ERROR(Members(root.Find("target"), &Reader::AddTarget));
    RETURN_IF_ERROR(Members(root.Find("group"), &Reader::AddGroup));
    return std::move(result_);
  }

 private:
  Status Members(const Node* section,
                 Status (Reader::*add)(const std::string&, const Node&)) {
    if (section == nullptr || section->is_null()) return {};
    if (!section->is_map()) {
      return ErrorAt(file_, *section, "expected an object");
    }
    for (size_t i = 0; i < section->items.size(); ++i) {
      if (!section->items[i].is_map()) {
        return ErrorAt(file_, section->items[i], "expected an object");
      }
      RETURN_IF_ERROR((this->*add)(section->keys[i], section->items[i]));
    }
    return {};
  }

  Result<std::string> Expand(std::string_view text,
                             const Values& matrix) const {
    const Error* unusable = nullptr;
    auto expanded = InterpolateHcl(
        text, [&](std::string_view name) -> std::optional<std::string> {
          auto found = matrix.find(std::string(name));
          if (found != matrix.end()) return found->second;
          found = variables_.find(std::string(name));
          if (found != variables_.end()) return found->second;
          auto other = unusable_.find(name.substr(0, name.find('.')));
          if (other != unusable_.end()) unusable = &other->second;
          return {};
        });
    if (unusable != nullptr) return *unusable;
    return expanded;
  }

  // Reads with the values that a matrix has at the moment.
  template <typename Use>
  auto With(const Values& matrix, Use use) const {
    FieldReader::Expand expand = [&](std::string_view text) {
      return Expand(text, matrix);
    };
    return use(FieldReader(file_, expand));
  }

  Status AddVariable(const std::string& name, const Node& node) {
    for (size_t i = 0; i < node.keys.size(); ++i) {
      const std::string& key = node.keys[i];
      if (key != "default" && key != "description" && key != "type") {
        return ErrorAt(file_, node.items[i],
                       "unknown key \"" + key + "\" of variable \"" + name +
                           "\"" + DidYouMean(key, {"default", "description"}));
      }
    }
    if (auto given = lookup_(name)) {
      variables_[name] = *given;
      return {};
    }
    const Node* value = node.Find("default");
    if (value == nullptr || value->is_null()) {
      variables_[name] = "";
      return {};
    }
    if (!value->is_scalar()) {
      unusable_.emplace(
          name, Unsupported("the variable \"" + name + "\" (line " +
                            std::to_string(value->mark.line) +
                            ") is a list or an object, which is not supported: "
                            "have it put in with docker buildx bake --print"));
      return {};
    }
    auto text =
        With({}, [&](const FieldReader& read) { return read.Text(*value); });
    if (text) {
      variables_[name] = *std::move(text);
    } else if (text.error().code() == ErrorCode::kUnsupported) {
      unusable_.emplace(name,
                        text.error().Wrap("the variable \"" + name + "\""));
    } else {
      return std::move(text).error();
    }
    return {};
  }

  Status AddGroup(const std::string& name, const Node& node) {
    for (size_t i = 0; i < node.keys.size(); ++i) {
      const std::string& key = node.keys[i];
      if (key != "targets" && key != "description") {
        return ErrorAt(file_, node.items[i],
                       "unknown key \"" + key + "\" of group \"" + name + "\"" +
                           DidYouMean(key, {"targets", "description"}));
      }
    }
    const Node* targets = node.Find("targets");
    if (targets == nullptr) {
      return ErrorAt(file_, node, "the group \"" + name + "\" has no targets");
    }
    return With({}, [&](const FieldReader& read) -> Status {
      ASSIGN_OR_RETURN(result_.groups[name], read.List(*targets));
      return {};
    });
  }

  Status AddTarget(const std::string& name, const Node& node) {
    const Node* matrix = node.Find("matrix");
    if (matrix == nullptr || matrix->is_null()) {
      return ReadTarget(name, node, {});
    }
    const Node* pattern = node.Find("name");
    if (pattern == nullptr || !pattern->is_scalar()) {
      return ErrorAt(file_, node,
                     "the target \"" + name +
                         "\" has a matrix, and so needs a \"name\" that tells "
                         "its targets apart");
    }
    std::vector<Values> rows = {{}};
    RETURN_IF_ERROR(ExpandMatrix(*matrix, rows));
    std::vector<std::string> names;
    for (const Values& row : rows) {
      ASSIGN_OR_RETURN(std::string own, With(row, [&](const FieldReader& read) {
                         return read.Text(*pattern);
                       }));
      if (result_.targets.contains(own)) {
        return ErrorAt(file_, *pattern,
                       "two targets are called \"" + own + "\"");
      }
      RETURN_IF_ERROR(ReadTarget(own, node, row));
      names.push_back(own);
    }
    result_.groups[name] = std::move(names);
    return {};
  }

  // Where a variable stands for something else than a text.
  Status CheckUsable(const Node& node) const {
    if (!node.is_scalar()) return {};
    return With({}, [&](const FieldReader& read) -> Status {
      RETURN_IF_ERROR(read.Text(node));
      return {};
    });
  }

  // Every combination of the values.
  Status ExpandMatrix(const Node& matrix, std::vector<Values>& rows) const {
    if (!matrix.is_map()) return ErrorAt(file_, matrix, "expected an object");
    for (size_t i = 0; i < matrix.items.size(); ++i) {
      const Node& list = matrix.items[i];
      RETURN_IF_ERROR(CheckUsable(list));
      if (!list.is_list()) return ErrorAt(file_, list, "expected a list");
      std::vector<Values> longer;
      for (const Values& row : rows) {
        for (const Node& item : list.items) {
          Values values = row;
          RETURN_IF_ERROR(SetMatrixValue(matrix.keys[i], item, values));
          longer.push_back(std::move(values));
        }
      }
      rows = std::move(longer);
    }
    return {};
  }

  Status SetMatrixValue(const std::string& name, const Node& item,
                        Values& values) const {
    if (!item.is_map()) {
      ASSIGN_OR_RETURN(values[name], With({}, [&](const FieldReader& read) {
                         return read.Text(item);
                       }));
      return {};
    }
    for (size_t i = 0; i < item.items.size(); ++i) {
      RETURN_IF_ERROR(
          SetMatrixValue(name + "." + item.keys[i], item.items[i], values));
    }
    return {};
  }

  Status ReadTarget(const std::string& name, const Node& node,
                    const Values& matrix) {
    Target target;
    target.name = name;
    target.place = file_ + ":" + std::to_string(node.mark.line);
    FieldReader::Expand expand = [&](std::string_view text) {
      return Expand(text, matrix);
    };
    FieldReader read(file_, expand);
    for (size_t i = 0; i < node.keys.size(); ++i) {
      const std::string& key = node.keys[i];
      if (key == "matrix" || key == "name") continue;
      if (key == "inherits") {
        ASSIGN_OR_RETURN(target.inherits, read.List(node.items[i]));
        continue;
      }
      const Field* field = FindField(key);
      if (field == nullptr) return UnknownKey(name, key, node.items[i]);
      RETURN_IF_ERROR(read.Read(*field, node.items[i], target));
    }
    result_.targets[name] = std::move(target);
    return {};
  }

  Error UnknownKey(const std::string& target, const std::string& key,
                   const Node& node) const {
    std::vector<std::string> names = {"inherits", "matrix", "name"};
    for (const Field& field : Fields()) names.emplace_back(field.name);
    return ErrorAt(file_, node,
                   "unknown key \"" + key + "\" of target \"" + target + "\"" +
                       DidYouMean(key, names));
  }

  const std::string& file_;
  const Lookup& lookup_;
  Values variables_;
  // Those whose defaults are legal, but nothing that we can put in: why.
  std::map<std::string, Error, std::less<>> unusable_;
  BakeFile result_;
};

}  // namespace

Result<BakeFile> ParseBakeJson(std::string_view text, const std::string& file,
                               const Lookup& lookup) {
  ASSIGN_OR_RETURN(Node root, ParseJsonDocument(text, file));
  return Reader(file, lookup).Read(root);
}

}  // namespace strake::builder::bake
