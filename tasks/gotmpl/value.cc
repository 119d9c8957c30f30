#include "tasks/gotmpl/value.h"

#include <algorithm>
#include <set>
#include <utility>

namespace strake::tasks::gotmpl {
namespace {

// A template can nest values by the million; freeing them must not recurse.
// The outermost destructor on a thread frees what inner ones leave here.
thread_local std::vector<Value>* pending = nullptr;

void FreeLater(std::vector<Value> values) {
  if (pending != nullptr) {
    for (Value& value : values) pending->push_back(std::move(value));
    return;
  }
  pending = &values;
  while (!values.empty()) {
    Value last = std::move(values.back());
    values.pop_back();
  }
  pending = nullptr;
}

bool Nested(const Value& value) {
  return value.kind() == Kind::kList || value.kind() == Kind::kDict;
}

bool EqualWithin(const Value& a, const Value& b, int levels);

bool EqualLists(const List& a, const List& b, int levels) {
  if (a.size() != b.size() || a.elements() != b.elements()) return false;
  for (size_t i = 0; i < a.size(); ++i) {
    if (!EqualWithin(a.items()[i], b.items()[i], levels)) return false;
  }
  return true;
}

bool EqualDicts(Dict& a, Dict& b, int levels) {
  if (&a == &b) return true;
  if (a.items().size() != b.items().size()) return false;
  if (a.elements() != b.elements()) return false;
  auto other = b.items().begin();
  for (const auto& [key, value] : a.items()) {
    if (key != other->first) return false;
    if (!EqualWithin(value, other->second, levels)) return false;
    ++other;
  }
  return true;
}

bool EqualWithin(const Value& a, const Value& b, int levels) {
  if (a.kind() != b.kind() || levels == 0) return false;
  switch (a.kind()) {
    case Kind::kNil:
      return true;
    case Kind::kBool:
      return a.Bool() == b.Bool();
    case Kind::kInt:
    case Kind::kInt64:
      return a.Int() == b.Int();
    case Kind::kFloat:
      return a.Float() == b.Float();
    case Kind::kString:
      return a.String() == b.String();
    case Kind::kList:
      return a.list_ptr() == b.list_ptr() ||
             EqualLists(a.list(), b.list(), levels - 1);
    case Kind::kDict:
      return EqualDicts(a.dict(), b.dict(), levels - 1);
    case Kind::kObject:
      return a.object().Equals(b.object());
  }
  return false;
}

std::string ElementName(Elements elements) {
  switch (elements) {
    case Elements::kAny:
      return "interface {}";
    case Elements::kString:
      return "string";
    case Elements::kInt:
      return "int";
  }
  return "";
}

}  // namespace

List::~List() {
  if (std::any_of(items_.begin(), items_.end(), Nested)) {
    FreeLater(std::move(items_));
  }
}

Dict::~Dict() {
  std::vector<Value> nested;
  for (auto& [key, value] : items_) {
    if (Nested(value)) nested.push_back(std::move(value));
  }
  if (!nested.empty()) FreeLater(std::move(nested));
}

Value MakeList(std::vector<Value> items) {
  return std::make_shared<const List>(std::move(items));
}

Value MakeStrings(std::vector<std::string> items) {
  std::vector<Value> values;
  values.reserve(items.size());
  for (std::string& item : items) values.emplace_back(std::move(item));
  return std::make_shared<const List>(std::move(values), Elements::kString);
}

DictPtr MakeDict() { return std::make_shared<Dict>(); }

std::string TypeName(const Value& value) {
  switch (value.kind()) {
    case Kind::kNil:
      return "<nil>";
    case Kind::kBool:
      return "bool";
    case Kind::kInt:
      return "int";
    case Kind::kInt64:
      return "int64";
    case Kind::kFloat:
      return "float64";
    case Kind::kString:
      return "string";
    case Kind::kList:
      return "[]" + ElementName(value.list().elements());
    case Kind::kDict:
      return "map[string]" + ElementName(value.dict().elements());
    case Kind::kObject:
      return value.object().TypeName();
  }
  return "";
}

std::string KindName(const Value& value) {
  switch (value.kind()) {
    case Kind::kNil:
      return "invalid";
    case Kind::kList:
      return "slice";
    case Kind::kDict:
      return "map";
    case Kind::kObject:
      return value.object().KindName();
    default:
      return TypeName(value);
  }
}

bool Truth(const Value& value) {
  switch (value.kind()) {
    case Kind::kNil:
      return false;
    case Kind::kBool:
      return value.Bool();
    case Kind::kInt:
    case Kind::kInt64:
      return value.Int() != 0;
    case Kind::kFloat:
      return value.Float() != 0;
    case Kind::kString:
      return !value.String().empty();
    case Kind::kList:
      return value.list().size() > 0;
    case Kind::kDict:
      return !value.dict().items().empty();
    case Kind::kObject:
      return true;
  }
  return false;
}

bool DeepEqual(const Value& a, const Value& b) {
  return EqualWithin(a, b, kMaxNesting);
}

bool Contains(const Value& value, const Dict& target) {
  std::set<const void*> seen;
  std::vector<Value> open = {value};
  while (!open.empty()) {
    Value next = std::move(open.back());
    open.pop_back();
    if (next.kind() == Kind::kDict) {
      if (&next.dict() == &target) return true;
      if (!seen.insert(&next.dict()).second) continue;
      for (const auto& [key, item] : next.dict().items()) {
        if (Nested(item)) open.push_back(item);
      }
    } else if (next.kind() == Kind::kList) {
      if (!seen.insert(&next.list()).second) continue;
      for (const Value& item : next.list().items()) {
        if (Nested(item)) open.push_back(item);
      }
    }
  }
  return false;
}

}  // namespace strake::tasks::gotmpl
