#include <algorithm>
#include <utility>

#include "tasks/gotmpl/builtins.h"
#include "tasks/gotmpl/sprig.h"
#include "tasks/gotmpl/utf8.h"
#include "util/result_macros.h"
#include "util/strings.h"

namespace strake::tasks::gotmpl {
namespace {

using Items = std::vector<Value>;

// The items of a list; an error that says what cannot be done ("push on").
Result<Items> ItemsOf(const Value& value, std::string_view action) {
  if (value.kind() == Kind::kList) return value.list().items();
  return InvalidArgument("Cannot " + std::string(action) + " type " +
                         KindName(value));
}

Result<Value> Push(const Value& list, const Value& item) {
  ASSIGN_OR_RETURN(Items items, ItemsOf(list, "push on"));
  items.push_back(item);
  return MakeList(std::move(items));
}

Result<Value> Prepend(const Value& list, const Value& item) {
  ASSIGN_OR_RETURN(Items items, ItemsOf(list, "prepend on"));
  items.insert(items.begin(), item);
  return MakeList(std::move(items));
}

Result<Value> First(const Value& list) {
  ASSIGN_OR_RETURN(Items items, ItemsOf(list, "find first on"));
  return items.empty() ? Value() : items.front();
}

Result<Value> Last(const Value& list) {
  ASSIGN_OR_RETURN(Items items, ItemsOf(list, "find last on"));
  return items.empty() ? Value() : items.back();
}

Result<Value> AllButFirst(const Value& list) {
  ASSIGN_OR_RETURN(Items items, ItemsOf(list, "find rest on"));
  if (!items.empty()) items.erase(items.begin());
  return MakeList(std::move(items));
}

Result<Value> AllButLast(const Value& list) {
  ASSIGN_OR_RETURN(Items items, ItemsOf(list, "find initial on"));
  if (!items.empty()) items.pop_back();
  return MakeList(std::move(items));
}

Result<Value> Reverse(const Value& list) {
  ASSIGN_OR_RETURN(Items items, ItemsOf(list, "find reverse on"));
  std::reverse(items.begin(), items.end());
  return MakeList(std::move(items));
}

Result<Value> Compact(const Value& list) {
  ASSIGN_OR_RETURN(Items items, ItemsOf(list, "compact on"));
  std::erase_if(items, Empty);
  return MakeList(std::move(items));
}

bool Holds(const Items& items, const Value& value) {
  return std::any_of(items.begin(), items.end(),
                     [&](const Value& item) { return DeepEqual(item, value); });
}

Result<Value> Uniq(Context& context, const Value& list) {
  ASSIGN_OR_RETURN(Items items, ItemsOf(list, "find uniq on"));
  Items kept;
  for (Value& item : items) {
    RETURN_IF_ERROR(context.Charge(kept.size() / 4));
    if (!Holds(kept, item)) kept.push_back(std::move(item));
  }
  return MakeList(std::move(kept));
}

Result<Value> Without(const Value& list, const Items& omitted) {
  ASSIGN_OR_RETURN(Items items, ItemsOf(list, "find without on"));
  std::erase_if(items, [&](const Value& item) { return Holds(omitted, item); });
  return MakeList(std::move(items));
}

Result<bool> Has(const Value& needle, const Value& list) {
  if (list.nil()) return false;
  ASSIGN_OR_RETURN(Items items, ItemsOf(list, "find has on"));
  return Holds(items, needle);
}

// sprig's takes lists only; texts are sliced as Go's own function does, which
// it hides.
Result<Value> Slice(const Value& list, const Items& indexes) {
  if (list.kind() == Kind::kString) return SliceValue(list, indexes);
  if (list.kind() != Kind::kList) {
    return InvalidArgument("list should be type of slice or array but " +
                           KindName(list));
  }
  if (list.list().size() == 0) return Value();
  auto size = static_cast<int64_t>(list.list().size());
  int64_t start = indexes.empty() ? 0 : ToInteger(indexes[0]);
  int64_t end = indexes.size() < 2 ? size : ToInteger(indexes[1]);
  if (start < 0 || end < start || end > size) {
    return InvalidArgument("slice index out of bounds: [" +
                           std::to_string(start) + ":" + std::to_string(end) +
                           "] of " + std::to_string(size));
  }
  const Items& items = list.list().items();
  return Value(std::make_shared<const List>(
      Items(items.begin() + start, items.begin() + end),
      list.list().elements()));
}

Result<Value> Concat(const Items& lists) {
  Items all;
  for (const Value& list : lists) {
    if (list.kind() != Kind::kList) {
      return InvalidArgument("Cannot concat type " + KindName(list) +
                             " as list");
    }
    const Items& items = list.list().items();
    RETURN_IF_ERROR(CheckListSize(all.size() + items.size()));
    all.insert(all.end(), items.begin(), items.end());
  }
  return MakeList(std::move(all));
}

Result<Value> SortAlpha(const Value& list) {
  ASSIGN_OR_RETURN(std::vector<std::string> texts, ToTexts(list));
  if (list.nil()) texts.push_back("<nil>");
  std::sort(texts.begin(), texts.end());
  return MakeStrings(std::move(texts));
}

Result<std::string> JoinTexts(const std::string& separator, const Value& list) {
  ASSIGN_OR_RETURN(std::vector<std::string> texts, ToTexts(list));
  size_t size = 0;
  for (const std::string& text : texts) size += text.size() + separator.size();
  RETURN_IF_ERROR(CheckTextSize(size));
  return Join(texts, separator);
}

// {"_0": the first, "_1": ...}.
Value Numbered(const std::vector<std::string>& pieces) {
  auto dict = std::make_shared<Dict>(Elements::kString);
  for (size_t i = 0; i < pieces.size(); ++i) {
    dict->items()["_" + std::to_string(i)] = pieces[i];
  }
  return dict;
}

}  // namespace

std::vector<std::string> SplitAt(std::string_view separator, int64_t count,
                                 std::string_view text) {
  std::vector<std::string> pieces;
  if (count == 0) return pieces;
  auto full = [&] {
    return count > 0 && static_cast<int64_t>(pieces.size()) + 1 >= count;
  };
  if (separator.empty()) {
    while (!text.empty() && !full()) {
      size_t length = 1;
      FirstRune(text, length);
      pieces.emplace_back(text.substr(0, length));
      text.remove_prefix(length);
    }
    if (!text.empty()) pieces.emplace_back(text);
    return pieces;
  }
  while (!full()) {
    size_t at = text.find(separator);
    if (at == std::string_view::npos) break;
    pieces.emplace_back(text.substr(0, at));
    text.remove_prefix(at + separator.size());
  }
  pieces.emplace_back(text);
  return pieces;
}

void AddSprigLists(Functions& functions) {
  for (const char* name : {"list", "tuple"}) {
    AddFunction(functions, name,
                [](Rest<Value> items) { return MakeList(std::move(items)); });
  }
  AddFunction(functions, "append", Push);
  AddFunction(functions, "push", Push);
  AddFunction(functions, "prepend", Prepend);
  AddFunction(functions, "first", First);
  AddFunction(functions, "last", Last);
  AddFunction(functions, "rest", AllButFirst);
  AddFunction(functions, "initial", AllButLast);
  AddFunction(functions, "reverse", Reverse);
  AddFunction(functions, "compact", Compact);
  AddFunction(functions, "uniq", Uniq);
  AddFunction(functions, "without", [](Value list, Rest<Value> omitted) {
    return Without(list, omitted);
  });
  AddFunction(functions, "has", Has);
  AddFunction(functions, "slice", [](Value list, Rest<Value> indexes) {
    return Slice(list, indexes);
  });
  AddFunction(functions, "concat",
              [](Rest<Value> lists) { return Concat(lists); });
  AddFunction(functions, "sortAlpha", SortAlpha);
  AddFunction(functions, "join", JoinTexts);
  AddFunction(functions, "split", [](std::string separator, std::string text) {
    return Numbered(SplitAt(separator, -1, text));
  });
  AddFunction(functions, "splitn",
              [](std::string separator, int64_t count, std::string text) {
                return Numbered(SplitAt(separator, count, text));
              });
  AddFunction(functions, "splitList",
              [](std::string separator, std::string text) {
                return MakeStrings(SplitAt(separator, -1, text));
              });
}

}  // namespace strake::tasks::gotmpl
