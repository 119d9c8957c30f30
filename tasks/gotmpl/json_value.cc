#include "tasks/gotmpl/json_value.h"

#include <cmath>
#include <cstdio>

#include "tasks/gotmpl/format.h"
#include "tasks/gotmpl/utf8.h"
#include "util/json.h"
#include "util/result_macros.h"

namespace strake::tasks::gotmpl {
namespace {

using Json = nlohmann::json;

// ParseJson bounds how deep this goes.
Value Convert(const Json& json) {
  switch (json.type()) {
    case Json::value_t::boolean:
      return json.get<bool>();
    case Json::value_t::number_integer:
      return json.get<int64_t>();
    case Json::value_t::number_unsigned:
      if (json.get<uint64_t>() > uint64_t{INT64_MAX}) {
        return json.get<double>();
      }
      return json.get<int64_t>();
    case Json::value_t::number_float:
      return json.get<double>();
    case Json::value_t::string:
      return json.get<std::string>();
    case Json::value_t::array: {
      std::vector<Value> items;
      for (const Json& item : json) items.push_back(Convert(item));
      return MakeList(std::move(items));
    }
    case Json::value_t::object: {
      DictPtr dict = MakeDict();
      for (const auto& item : json.items()) {
        dict->items()[item.key()] = Convert(item.value());
      }
      return dict;
    }
    default:
      return Value();
  }
}

class Writer {
 public:
  explicit Writer(JsonStyle style) : style_(style) {}

  Result<std::string> Run(const Value& value) {
    RETURN_IF_ERROR(Write(value, 0));
    return std::move(out_);
  }

 private:
  Status Write(const Value& value, int depth) {
    if (depth > kMaxNesting) {
      return InvalidArgument("the value is nested deeper than " +
                             std::to_string(kMaxNesting) + " levels");
    }
    if (out_.size() > kMaxText) {
      return InvalidArgument(
          "the JSON would be longer than a template may "
          "make");
    }
    switch (value.kind()) {
      case Kind::kNil:
        out_ += "null";
        return {};
      case Kind::kBool:
        out_ += value.Bool() ? "true" : "false";
        return {};
      case Kind::kInt:
      case Kind::kInt64:
        out_ += std::to_string(value.Int());
        return {};
      case Kind::kFloat:
        return WriteFloat(value.Float());
      case Kind::kString:
        WriteString(value.String());
        return {};
      case Kind::kObject:
        return Write(value.object().Json(), depth + 1);
      case Kind::kList:
        return WriteList(value.list(), depth);
      case Kind::kDict:
        return WriteDict(value.dict(), depth);
    }
    return {};
  }

  Status WriteFloat(double number) {
    if (!std::isfinite(number)) {
      return InvalidArgument("json: unsupported value: " +
                             ShortestFloat(number, 21, -6));
    }
    std::string text = ShortestFloat(number, 21, -6);
    // encoding/json writes e-7 where strconv writes e-07.
    size_t exponent = text.find("e-0");
    if (exponent != std::string::npos) text.erase(exponent + 2, 1);
    out_ += text;
    return {};
  }

  Status WriteList(const List& list, int depth) {
    if (list.size() == 0) {
      out_ += "[]";
      return {};
    }
    out_ += '[';
    bool first = true;
    for (const Value& item : list.items()) {
      Separate(first, depth + 1);
      RETURN_IF_ERROR(Write(item, depth + 1));
    }
    NewLine(depth);
    out_ += ']';
    return {};
  }

  Status WriteDict(Dict& dict, int depth) {
    if (dict.items().empty()) {
      out_ += "{}";
      return {};
    }
    out_ += '{';
    bool first = true;
    for (const auto& [key, item] : dict.items()) {
      Separate(first, depth + 1);
      WriteString(key);
      out_ += style_ == JsonStyle::kIndented ? ": " : ":";
      RETURN_IF_ERROR(Write(item, depth + 1));
    }
    NewLine(depth);
    out_ += '}';
    return {};
  }

  void Separate(bool& first, int depth) {
    if (!first) out_ += ',';
    first = false;
    NewLine(depth);
  }

  void NewLine(int depth) {
    if (style_ != JsonStyle::kIndented) return;
    out_ += '\n';
    out_.append(static_cast<size_t>(depth) * 2, ' ');
  }

  // What encoding/json writes as \uXXXX.
  bool Escaped(char32_t rune, size_t length) const {
    bool html = rune == '<' || rune == '>' || rune == '&';
    return rune < 0x20 || rune == 0x2028 || rune == 0x2029 ||
           (html && style_ != JsonStyle::kPlain) ||
           (rune == kReplacement && length == 1);
  }

  void WriteString(std::string_view text) {
    out_ += '"';
    while (!text.empty()) {
      size_t length = 1;
      char32_t rune = FirstRune(text, length);
      if (rune == '"' || rune == '\\') {
        out_ += '\\';
        out_ += text[0];
      } else if (rune == '\n' || rune == '\r' || rune == '\t') {
        out_ += rune == '\n' ? "\\n" : rune == '\r' ? "\\r" : "\\t";
      } else if (Escaped(rune, length)) {
        char buffer[16];
        std::snprintf(buffer, sizeof buffer, "\\u%04x",
                      static_cast<unsigned>(rune));
        out_ += buffer;
      } else {
        out_ += text.substr(0, length);
      }
      text.remove_prefix(length);
    }
    out_ += '"';
  }

  JsonStyle style_;
  std::string out_;
};

}  // namespace

Result<Value> FromJson(std::string_view text) {
  ASSIGN_OR_RETURN(Json json, ParseJson(text));
  return Convert(json);
}

Result<std::string> ToJson(const Value& value, JsonStyle style) {
  return Writer(style).Run(value);
}

}  // namespace strake::tasks::gotmpl
