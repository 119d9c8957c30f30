// Reading JSON without exceptions, with errors that name the JSON path.
//
// `nlohmann::json` stays out of other rooms' headers: this one is included by
// `.cc` files only. Numbers, strings and arrays are reached through `Field`,
// which knows where in the document it stands:
//
//   ASSIGN_OR_RETURN(nlohmann::json document, ParseJson(text));
//   ASSIGN_OR_RETURN(std::string digest,
//                    JsonField(document).At("config").At("digest").String());
//   // error: "config.digest: expected a string, found number"

#ifndef STRAKE_UTIL_JSON_H_
#define STRAKE_UTIL_JSON_H_

#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "util/result.h"

namespace strake {

// The document in `text`; `kInvalidArgument` with the byte offset if it is
// none, if it nests deeper than 200 levels, or if anything follows it.
Result<nlohmann::json> ParseJson(std::string_view text);

// Compact JSON, keys in bytewise order: equal values give equal bytes. Bytes
// that are not UTF-8 are replaced by U+FFFD.
std::string DumpJson(const nlohmann::json& value);
// The same with two spaces of indentation.
std::string DumpJsonPretty(const nlohmann::json& value);

// One place in a document, which may be absent. Borrows the document.
class JsonField {
 public:
  explicit JsonField(const nlohmann::json& root) : value_(&root) {}

  // The member `key` of an object; absent where this is absent or null, an
  // error on access where this is anything but an object.
  JsonField At(std::string_view key) const;
  JsonField At(size_t index) const;

  bool present() const { return value_ != nullptr && !value_->is_null(); }
  bool null() const { return value_ != nullptr && value_->is_null(); }
  const std::string& path() const { return path_; }
  // REQUIRES: present()
  const nlohmann::json& raw() const { return *value_; }

  // The value, or `kInvalidArgument` naming the path if it is absent or of
  // another type.
  Result<std::string> String() const;
  Result<int64_t> Int() const;
  Result<uint64_t> Uint() const;
  Result<bool> Bool() const;
  Result<std::vector<std::string>> Strings() const;
  Result<std::map<std::string, std::string>> StringMap() const;
  // The elements of an array.
  Result<std::vector<JsonField>> Array() const;

  // The value, `fallback` where it is absent or null, an error where it is of
  // another type.
  Result<std::string> StringOr(std::string fallback) const;
  Result<int64_t> IntOr(int64_t fallback) const;
  Result<bool> BoolOr(bool fallback) const;
  Result<std::vector<std::string>> StringsOr(
      std::vector<std::string> fallback) const;
  Result<std::map<std::string, std::string>> StringMapOr(
      std::map<std::string, std::string> fallback) const;

 private:
  JsonField(const nlohmann::json* value, std::string path)
      : value_(value), path_(std::move(path)) {}
  Error WrongType(std::string_view expected) const;

  const nlohmann::json* value_;  // null: absent
  std::string path_;             // "layers[2].digest"
};

}  // namespace strake

#endif  // STRAKE_UTIL_JSON_H_
