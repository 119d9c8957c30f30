#include "cli/go_template.h"

#include <cstddef>
#include <optional>
#include <utility>
#include <vector>

#include "util/json.h"
#include "util/result_macros.h"
#include "util/strings.h"

namespace strake::cli {
namespace {

using Json = nlohmann::json;

// As Go's fmt prints a value of this shape with %v.
std::string GoPrint(const Json& value) {
  switch (value.type()) {
    case Json::value_t::null:
      return "<no value>";
    case Json::value_t::string:
      return value.get<std::string>();
    case Json::value_t::array: {
      std::vector<std::string> items;
      for (const Json& item : value) items.push_back(GoPrint(item));
      return "[" + Join(items, " ") + "]";
    }
    case Json::value_t::object: {
      std::vector<std::string> items;
      for (const auto& item : value.items()) {
        items.push_back(item.key() + ":" + GoPrint(item.value()));
      }
      return "map[" + Join(items, " ") + "]";
    }
    default:
      return DumpJson(value);
  }
}

// The words of an action: blanks separate, "..." and `...` are one word each.
Result<std::vector<std::string>> SplitWords(std::string_view action) {
  std::vector<std::string> words;
  size_t i = 0;
  while (i < action.size()) {
    if (action[i] == ' ' || action[i] == '\t') {
      ++i;
      continue;
    }
    size_t start = i;
    if (action[i] == '"' || action[i] == '`') {
      size_t end = action.find(action[i], i + 1);
      if (end == std::string_view::npos) {
        return InvalidArgument("a quote is not closed");
      }
      i = end + 1;
    } else {
      i = std::min(action.find_first_of(" \t\"`", i), action.size());
    }
    words.emplace_back(action.substr(start, i - start));
  }
  return words;
}

// The value of ".", ".A" or ".A.B".
Result<Json> Lookup(const Json& root, const std::string& path) {
  if (path.empty() || path[0] != '.') {
    return InvalidArgument("expected a field such as .Id, found " + path);
  }
  const Json* value = &root;
  if (path == ".") return *value;
  for (std::string_view name : Split(std::string_view(path).substr(1), '.')) {
    if (name.empty()) return InvalidArgument(path + ": an empty field name");
    // Of nothing, everything is nothing: a field that an image leaves out.
    if (value->is_null()) return Json();
    if (!value->is_object()) {
      return InvalidArgument(path + ": nothing called " + std::string(name) +
                             " in " + value->type_name());
    }
    auto found = value->find(std::string(name));
    if (found == value->end()) return Json();
    value = &*found;
  }
  return *value;
}

Result<Json> Index(Json value, const std::string& key) {
  if (key.size() >= 2 && (key[0] == '"' || key[0] == '`')) {
    std::string name = key.substr(1, key.size() - 2);
    if (value.is_null()) return Json();
    if (!value.is_object()) {
      return InvalidArgument("index " + key + ": no map, but " +
                             value.type_name());
    }
    return value.contains(name) ? value[name] : Json();
  }
  auto number = ParseUint(key);
  if (!number || !value.is_array()) {
    return InvalidArgument("index " + key + " of " + value.type_name());
  }
  if (*number >= value.size()) {
    return InvalidArgument("index " + key + ": there are " +
                           std::to_string(value.size()));
  }
  return value[*number];
}

Result<std::string> Evaluate(std::string_view action, const Json& root) {
  ASSIGN_OR_RETURN(auto words, SplitWords(action));
  if (words.empty()) return InvalidArgument("empty");
  if (words.size() == 1) {
    ASSIGN_OR_RETURN(Json value, Lookup(root, words[0]));
    return GoPrint(value);
  }
  if (words[0] == "json" && words.size() == 2) {
    ASSIGN_OR_RETURN(Json value, Lookup(root, words[1]));
    return DumpJson(value);
  }
  if (words[0] == "index" && words.size() > 2) {
    ASSIGN_OR_RETURN(Json value, Lookup(root, words[1]));
    for (size_t i = 2; i < words.size(); ++i) {
      ASSIGN_OR_RETURN(value, Index(std::move(value), words[i]));
    }
    return GoPrint(value);
  }
  return InvalidArgument(
      "not understood; there are .Field, json .Field and index .Field \"key\"");
}

}  // namespace

Result<std::string> FormatGoTemplate(std::string_view pattern,
                                     std::string_view json) {
  ASSIGN_OR_RETURN(Json root, ParseJson(json));
  std::string unescaped =
      ReplaceAll(ReplaceAll(pattern, "\\n", "\n"), "\\t", "\t");
  std::string_view rest = unescaped;
  std::string result;
  bool trim_next = false;
  while (true) {
    size_t open = rest.find("{{");
    std::string_view text = rest.substr(0, open);
    if (trim_next) text = TrimLeft(text);
    if (open == std::string_view::npos) return result + std::string(text);
    rest.remove_prefix(open + 2);
    if (rest.starts_with("- ")) {
      text = TrimRight(text);
      rest.remove_prefix(1);
    }
    result += text;
    size_t close = rest.find("}}");
    if (close == std::string_view::npos) {
      return InvalidArgument("template: \"{{" + std::string(rest) +
                             "\" is not closed by \"}}\"");
    }
    std::string_view action = rest.substr(0, close);
    rest.remove_prefix(close + 2);
    trim_next = action.ends_with(" -");
    if (trim_next) action.remove_suffix(1);
    auto value = Evaluate(action, root);
    if (!value) {
      return std::move(value).error().Wrap("template: {{" +
                                           std::string(Trim(action)) + "}}");
    }
    result += *value;
  }
}

}  // namespace strake::cli
