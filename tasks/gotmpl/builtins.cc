#include "tasks/gotmpl/builtins.h"

#include <cstdio>
#include <string>

#include "tasks/gotmpl/format.h"
#include "tasks/gotmpl/utf8.h"
#include "util/result_macros.h"

namespace strake::tasks::gotmpl {
namespace {

Result<Value> Length(const Value& value) {
  switch (value.kind()) {
    case Kind::kString:
      return Value(static_cast<int64_t>(value.String().size()));
    case Kind::kList:
      return Value(static_cast<int64_t>(value.list().size()));
    case Kind::kDict:
      return Value(static_cast<int64_t>(value.dict().items().size()));
    case Kind::kNil:
      return InvalidArgument("len of nil pointer");
    default:
      return InvalidArgument("len of type " + TypeName(value));
  }
}

Result<Value> IndexList(const Value& item, const Value& key, size_t size) {
  if (key.nil()) return InvalidArgument("cannot index slice/array with nil");
  if (!key.integer()) {
    return InvalidArgument("cannot index slice/array with type " +
                           TypeName(key));
  }
  if (key.Int() < 0 || static_cast<uint64_t>(key.Int()) >= size) {
    return InvalidArgument("index out of range: " + std::to_string(key.Int()));
  }
  auto at = static_cast<size_t>(key.Int());
  if (item.kind() == Kind::kList) return item.list().items()[at];
  return Value(static_cast<int>(static_cast<unsigned char>(item.String()[at])));
}

Result<Value> IndexDict(const Value& item, const Value& key) {
  if (key.nil()) return InvalidArgument("value is nil; should be string");
  if (key.kind() != Kind::kString) {
    return InvalidArgument("value has type " + TypeName(key) +
                           "; should be string");
  }
  const auto& items = item.dict().items();
  auto found = items.find(key.String());
  if (found != items.end()) return found->second;
  if (item.dict().elements() == Elements::kString) return Value("");
  return Value();
}

// What print would make of all: html, js and urlquery begin with it.
Result<std::string> Evaluated(const std::vector<Value>& values) {
  return Sprint(values);
}

std::string EscapeHtml(std::string_view text) {
  std::string out;
  for (char c : text) {
    switch (c) {
      case '"':
        out += "&#34;";
        break;
      case '\'':
        out += "&#39;";
        break;
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '\0':
        out += "\xef\xbf\xbd";
        break;
      default:
        out += c;
    }
  }
  return out;
}

std::string EscapeJs(std::string_view text) {
  std::string out;
  char buffer[16];
  while (!text.empty()) {
    size_t length = 1;
    char32_t rune = FirstRune(text, length);
    if (rune == '\\' || rune == '\'' || rune == '"') {
      out += '\\';
      out += text[0];
    } else if (rune == '<' || rune == '>' || rune == '&' || rune == '=' ||
               rune < 0x20 || (rune >= 0x7f && !IsPrintable(rune))) {
      std::snprintf(buffer, sizeof buffer, "\\u%04X",
                    static_cast<unsigned>(rune));
      out += buffer;
    } else {
      out += text.substr(0, length);
    }
    text.remove_prefix(length);
  }
  return out;
}

}  // namespace

Result<Value> IndexValue(const Value& item, const std::vector<Value>& keys) {
  if (item.nil()) return InvalidArgument("index of untyped nil");
  Value value = item;
  for (const Value& key : keys) {
    switch (value.kind()) {
      case Kind::kNil:
        return InvalidArgument("index of nil pointer");
      case Kind::kList: {
        ASSIGN_OR_RETURN(value, IndexList(value, key, value.list().size()));
        break;
      }
      case Kind::kString: {
        ASSIGN_OR_RETURN(value, IndexList(value, key, value.String().size()));
        break;
      }
      case Kind::kDict: {
        ASSIGN_OR_RETURN(value, IndexDict(value, key));
        break;
      }
      default:
        return InvalidArgument("can't index item of type " + TypeName(value));
    }
  }
  return value;
}

Result<Value> SliceValue(const Value& item, const std::vector<Value>& indexes) {
  if (item.nil()) return InvalidArgument("slice of untyped nil");
  bool text = item.kind() == Kind::kString;
  if (!text && item.kind() != Kind::kList) {
    return InvalidArgument("can't slice item of type " + TypeName(item));
  }
  if (indexes.size() > 3) {
    return InvalidArgument("too many slice indexes: " +
                           std::to_string(indexes.size()));
  }
  if (text && indexes.size() == 3) {
    return InvalidArgument("cannot 3-index slice a string");
  }
  size_t size = text ? item.String().size() : item.list().size();
  size_t bounds[3] = {0, size, size};
  for (size_t i = 0; i < indexes.size(); ++i) {
    if (!indexes[i].integer()) {
      return InvalidArgument("cannot index slice/array with type " +
                             TypeName(indexes[i]));
    }
    int64_t bound = indexes[i].Int();
    if (bound < 0 || static_cast<uint64_t>(bound) > size) {
      return InvalidArgument("index out of range: " + std::to_string(bound));
    }
    bounds[i] = static_cast<size_t>(bound);
  }
  if (bounds[0] > bounds[1]) {
    return InvalidArgument("invalid slice index: " + std::to_string(bounds[0]) +
                           " > " + std::to_string(bounds[1]));
  }
  if (text) {
    return Value(item.String().substr(bounds[0], bounds[1] - bounds[0]));
  }
  const auto& items = item.list().items();
  std::vector<Value> part(items.begin() + static_cast<int64_t>(bounds[0]),
                          items.begin() + static_cast<int64_t>(bounds[1]));
  return Value(
      std::make_shared<const List>(std::move(part), item.list().elements()));
}

std::string QueryEscape(std::string_view text) {
  std::string out;
  char buffer[8];
  for (char c : text) {
    auto byte = static_cast<unsigned char>(c);
    bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                 (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.' ||
                 c == '~';
    if (plain) {
      out += c;
    } else if (c == ' ') {
      out += '+';
    } else {
      std::snprintf(buffer, sizeof buffer, "%%%02X",
                    static_cast<unsigned>(byte));
      out += buffer;
    }
  }
  return out;
}

void AddBuiltins(Functions& functions) {
  AddComparisons(functions);
  // The evaluator stops `and` and `or` at the argument that decides; all that
  // is left for them is the last one.
  auto last = [](Value first, Rest<Value> rest) {
    return rest.empty() ? first : rest.back();
  };
  AddFunction(functions, "and", [last](Value first, Rest<Value> rest) {
    return Truth(first) ? last(first, rest) : first;
  });
  AddFunction(functions, "or", [last](Value first, Rest<Value> rest) {
    return Truth(first) ? first : last(first, rest);
  });
  AddFunction(functions, "not", [](Value value) { return !Truth(value); });
  AddFunction(functions, "len", Length);
  AddFunction(functions, "index", [](Value item, Rest<Value> keys) {
    return IndexValue(item, keys);
  });
  AddFunction(functions, "slice", [](Value item, Rest<Value> indexes) {
    return SliceValue(item, indexes);
  });
  AddFunction(functions, "print",
              [](Rest<Value> values) { return Sprint(values); });
  AddFunction(functions, "println",
              [](Rest<Value> values) { return Sprintln(values); });
  AddFunction(functions, "printf", [](std::string format, Rest<Value> values) {
    return Sprintf(format, values);
  });
  AddFunction(functions, "html", [](Rest<Value> values) -> Result<std::string> {
    ASSIGN_OR_RETURN(std::string text, Evaluated(values));
    return EscapeHtml(text);
  });
  AddFunction(functions, "js", [](Rest<Value> values) -> Result<std::string> {
    ASSIGN_OR_RETURN(std::string text, Evaluated(values));
    return EscapeJs(text);
  });
  AddFunction(functions, "urlquery",
              [](Rest<Value> values) -> Result<std::string> {
                ASSIGN_OR_RETURN(std::string text, Evaluated(values));
                return QueryEscape(text);
              });
  AddFunction(
      functions, "call", [](Value function, Rest<Value>) -> Result<Value> {
        if (function.nil()) return InvalidArgument("call of nil");
        return InvalidArgument("non-function of type " + TypeName(function));
      });
}

}  // namespace strake::tasks::gotmpl
