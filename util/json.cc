#include "util/json.h"

#include "util/result_macros.h"

namespace strake {
namespace {

using nlohmann::json;

constexpr int kMaxDepth = 200;

Result<std::string> AsString(const JsonField& field) { return field.String(); }

}  // namespace

Result<json> ParseJson(std::string_view text) {
  // The depth limit keeps a hostile document from exhausting the stack.
  bool too_deep = false;
  auto limit_depth = [&](int depth, json::parse_event_t, json&) {
    if (depth > kMaxDepth) too_deep = true;
    return !too_deep;
  };
  try {
    json document = json::parse(text.begin(), text.end(), limit_depth);
    if (too_deep) {
      return InvalidArgument("JSON nested deeper than " +
                             std::to_string(kMaxDepth) + " levels");
    }
    return document;
  } catch (const json::parse_error& e) {
    return InvalidArgument("not JSON at byte " + std::to_string(e.byte));
  } catch (const json::exception& e) {
    return InvalidArgument(std::string("not JSON: ") + e.what());
  }
}

std::string DumpJson(const json& value) {
  return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

std::string DumpJsonPretty(const json& value) {
  return value.dump(2, ' ', false, json::error_handler_t::replace);
}

JsonField JsonField::At(std::string_view key) const {
  std::string path =
      path_.empty() ? std::string(key) : path_ + "." + std::string(key);
  if (value_ == nullptr || !value_->is_object()) {
    return JsonField(nullptr, std::move(path));
  }
  auto it = value_->find(std::string(key));
  return JsonField(it == value_->end() ? nullptr : &*it, std::move(path));
}

JsonField JsonField::At(size_t index) const {
  std::string path = path_ + "[" + std::to_string(index) + "]";
  bool there =
      value_ != nullptr && value_->is_array() && index < value_->size();
  return JsonField(there ? &(*value_)[index] : nullptr, std::move(path));
}

Error JsonField::WrongType(std::string_view expected) const {
  std::string where = path_.empty() ? "JSON document" : path_;
  std::string found = value_ == nullptr ? "nothing" : value_->type_name();
  return InvalidArgument(where + ": expected " + std::string(expected) +
                         ", found " + found);
}

Result<std::string> JsonField::String() const {
  if (!present() || !value_->is_string()) return WrongType("a string");
  return value_->get<std::string>();
}

Result<int64_t> JsonField::Int() const {
  if (!present() || !value_->is_number_integer()) {
    return WrongType("an integer");
  }
  return value_->get<int64_t>();
}

Result<uint64_t> JsonField::Uint() const {
  if (!present() || !value_->is_number_unsigned()) {
    return WrongType("an integer of 0 or more");
  }
  return value_->get<uint64_t>();
}

Result<bool> JsonField::Bool() const {
  if (!present() || !value_->is_boolean()) return WrongType("true or false");
  return value_->get<bool>();
}

Result<std::vector<JsonField>> JsonField::Array() const {
  if (!present() || !value_->is_array()) return WrongType("an array");
  std::vector<JsonField> elements;
  for (size_t i = 0; i < value_->size(); ++i) elements.push_back(At(i));
  return elements;
}

Result<std::vector<std::string>> JsonField::Strings() const {
  ASSIGN_OR_RETURN(std::vector<JsonField> elements, Array());
  std::vector<std::string> strings;
  for (const JsonField& element : elements) {
    ASSIGN_OR_RETURN(std::string text, AsString(element));
    strings.push_back(std::move(text));
  }
  return strings;
}

Result<std::map<std::string, std::string>> JsonField::StringMap() const {
  if (!present() || !value_->is_object()) return WrongType("an object");
  std::map<std::string, std::string> strings;
  for (auto it = value_->begin(); it != value_->end(); ++it) {
    ASSIGN_OR_RETURN(std::string text, AsString(At(it.key())));
    strings.emplace(it.key(), std::move(text));
  }
  return strings;
}

Result<std::string> JsonField::StringOr(std::string fallback) const {
  return present() ? String() : Result<std::string>(std::move(fallback));
}
Result<int64_t> JsonField::IntOr(int64_t fallback) const {
  return present() ? Int() : Result<int64_t>(fallback);
}
Result<bool> JsonField::BoolOr(bool fallback) const {
  return present() ? Bool() : Result<bool>(fallback);
}
Result<std::vector<std::string>> JsonField::StringsOr(
    std::vector<std::string> fallback) const {
  using Strings = std::vector<std::string>;
  return present() ? this->Strings() : Result<Strings>(std::move(fallback));
}
Result<std::map<std::string, std::string>> JsonField::StringMapOr(
    std::map<std::string, std::string> fallback) const {
  using Map = std::map<std::string, std::string>;
  return present() ? StringMap() : Result<Map>(std::move(fallback));
}

}  // namespace strake
