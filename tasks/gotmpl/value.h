// The values of the template language: what Go's interface{} holds in a
// template with sprig's functions.
//
// Lists are never changed once made; dicts are shared and changed in place by
// `set`, as Go's maps are. A value belongs to one thread at a time.

#ifndef STRAKE_TASKS_GOTMPL_VALUE_H_
#define STRAKE_TASKS_GOTMPL_VALUE_H_

#include <concepts>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "util/result.h"

namespace strake::tasks::gotmpl {

class Value;
class List;
class Dict;
class Object;

using ListPtr = std::shared_ptr<const List>;
using DictPtr = std::shared_ptr<Dict>;
using ObjectPtr = std::shared_ptr<const Object>;

// In the order of the variant's alternatives.
enum class Kind {
  kNil,
  kBool,
  kInt,    // Go's int
  kInt64,  // Go's int64: a type of its own
  kFloat,
  kString,
  kList,
  kDict,
  kObject,
};

// Go's int64, which is no int.
struct Int64 {
  int64_t number = 0;
};

class Value {
 public:
  Value() = default;
  template <std::same_as<bool> B>
  Value(B boolean) : data_(boolean) {}
  Value(int number) : data_(int64_t{number}) {}
  Value(int64_t number) : data_(number) {}
  Value(Int64 number) : data_(number) {}
  Value(double number) : data_(number) {}
  Value(std::string text) : data_(std::move(text)) {}
  Value(std::string_view text) : data_(std::string(text)) {}
  Value(const char* text) : data_(std::string(text)) {}
  Value(ListPtr list) : data_(std::move(list)) {}
  Value(DictPtr dict) : data_(std::move(dict)) {}
  Value(ObjectPtr object) : data_(std::move(object)) {}

  Kind kind() const { return static_cast<Kind>(data_.index()); }
  bool nil() const { return kind() == Kind::kNil; }
  bool integer() const {
    return kind() == Kind::kInt || kind() == Kind::kInt64;
  }

  // REQUIRES: the kind of that name (of either integer for `Int`).
  bool Bool() const { return std::get<bool>(data_); }
  int64_t Int() const {
    return kind() == Kind::kInt64 ? std::get<Int64>(data_).number
                                  : std::get<int64_t>(data_);
  }
  double Float() const { return std::get<double>(data_); }
  const std::string& String() const { return std::get<std::string>(data_); }
  const List& list() const { return *std::get<ListPtr>(data_); }
  const ListPtr& list_ptr() const { return std::get<ListPtr>(data_); }
  Dict& dict() const { return *std::get<DictPtr>(data_); }
  const DictPtr& dict_ptr() const { return std::get<DictPtr>(data_); }
  const Object& object() const { return *std::get<ObjectPtr>(data_); }
  const ObjectPtr& object_ptr() const { return std::get<ObjectPtr>(data_); }

 private:
  std::variant<std::monostate, bool, int64_t, Int64, double, std::string,
               ListPtr, DictPtr, ObjectPtr>
      data_;
};

// What a list or a dict is declared to hold; shows in type names only.
enum class Elements { kAny, kString, kInt };

class List {
 public:
  explicit List(std::vector<Value> items, Elements elements = Elements::kAny)
      : items_(std::move(items)), elements_(elements) {}
  ~List();
  List(const List&) = delete;
  List& operator=(const List&) = delete;

  const std::vector<Value>& items() const { return items_; }
  size_t size() const { return items_.size(); }
  Elements elements() const { return elements_; }

 private:
  std::vector<Value> items_;
  Elements elements_;
};

class Dict {
 public:
  explicit Dict(Elements elements = Elements::kAny) : elements_(elements) {}
  ~Dict();
  Dict(const Dict&) = delete;
  Dict& operator=(const Dict&) = delete;

  // In bytewise order of the keys, as templates range over them.
  std::map<std::string, Value, std::less<>>& items() { return items_; }
  Elements elements() const { return elements_; }

 private:
  std::map<std::string, Value, std::less<>> items_;
  Elements elements_;
};

// A value of a Go type with methods: a time, a version, a certificate.
class Object {
 public:
  virtual ~Object() = default;

  virtual std::string TypeName() const = 0;  // "time.Time"
  virtual std::string KindName() const = 0;  // "struct"
  // As %v prints it.
  virtual std::string Print() const = 0;
  // Field `name`, or what the method of that name returns for `arguments`;
  // an error where there is neither.
  virtual Result<Value> Member(const std::string& name,
                               const std::vector<Value>& arguments) const = 0;
  virtual bool Equals(const Object& other) const = 0;
  // What JSON has in its place.
  virtual Value Json() const { return Print(); }
};

Value MakeList(std::vector<Value> items);
Value MakeStrings(std::vector<std::string> items);
DictPtr MakeDict();

// Go's name of the type ("[]interface {}") and of its kind ("slice").
std::string TypeName(const Value& value);
std::string KindName(const Value& value);

// Whether a template takes `value` for true: not nil, false, 0 or empty.
bool Truth(const Value& value);

// Go's reflect.DeepEqual: an int never equals an int64. Beyond
// `kMaxNesting` levels nothing is equal.
bool DeepEqual(const Value& a, const Value& b);

// Values nested deeper than this are not printed, compared or copied.
inline constexpr int kMaxNesting = 200;

// Whether `target` is `value` or is found anywhere within it: putting `value`
// into `target` would make a ring.
bool Contains(const Value& value, const Dict& target);

}  // namespace strake::tasks::gotmpl

#endif  // STRAKE_TASKS_GOTMPL_VALUE_H_
