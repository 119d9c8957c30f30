// The functions that a template can call, with the types of their parameters:
// a plain C++ function or lambda becomes one by `AddFunction`.

#ifndef STRAKE_TASKS_GOTMPL_FUNCTION_H_
#define STRAKE_TASKS_GOTMPL_FUNCTION_H_

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tasks/gotmpl/value.h"
#include "util/result.h"

namespace strake::tasks::gotmpl {

// What an execution shares with the functions it calls.
struct Context {
  // What `env` sees; null: nothing is set.
  std::function<std::optional<std::string>(const std::string&)> environment;
  // How much may still be done, in units of about a value or 64 bytes made.
  int64_t budget = 0;

  // Takes `cost` of the budget; an error where too little is left.
  Status Charge(size_t cost);
};

// What a call that takes a good part of a second costs.
inline constexpr size_t kSlowFunction = 100'000;

// Types of parameters, as Go knows them.
enum class Type { kAny, kBool, kInt, kFloat, kString, kList, kDict };
// "interface {}", "map[string]interface {}", ...
std::string TypeText(Type type);

struct Function {
  std::vector<Type> parameters;
  bool variadic = false;  // the last parameter takes any number
  // REQUIRES: as many arguments of such types
  std::function<Result<Value>(Context&, const std::vector<Value>&)> call;
};

using Functions = std::map<std::string, Function>;
// Sorted.
std::vector<std::string> NamesOf(const Functions& functions);

// A last parameter that takes any number of arguments.
template <typename T>
using Rest = std::vector<T>;

// How an argument of type T is declared and read.
template <typename T>
struct Argument;

template <>
struct Argument<Value> {
  static constexpr Type kType = Type::kAny;
  static Value From(const Value& value) { return value; }
};
template <>
struct Argument<bool> {
  static constexpr Type kType = Type::kBool;
  static bool From(const Value& value) { return value.Bool(); }
};
template <>
struct Argument<int64_t> {
  static constexpr Type kType = Type::kInt;
  static int64_t From(const Value& value) { return value.Int(); }
};
template <>
struct Argument<double> {
  static constexpr Type kType = Type::kFloat;
  static double From(const Value& value) { return value.Float(); }
};
template <>
struct Argument<std::string> {
  static constexpr Type kType = Type::kString;
  static std::string From(const Value& value) { return value.String(); }
};
// A nil list is an empty one.
template <>
struct Argument<ListPtr> {
  static constexpr Type kType = Type::kList;
  static ListPtr From(const Value& value) {
    return value.nil() ? std::make_shared<const List>(std::vector<Value>())
                       : value.list_ptr();
  }
};
// A nil map is an empty one that nothing can be put into.
template <>
struct Argument<DictPtr> {
  static constexpr Type kType = Type::kDict;
  static DictPtr From(const Value& value) {
    return value.nil() ? MakeDict() : value.dict_ptr();
  }
};

template <typename T>
struct ArgumentList {
  static constexpr Type kType = Argument<T>::kType;
  static constexpr bool kVariadic = false;
  static T From(const std::vector<Value>& values, size_t at) {
    return Argument<T>::From(values[at]);
  }
};
template <typename T>
struct ArgumentList<Rest<T>> {
  static constexpr Type kType = Argument<T>::kType;
  static constexpr bool kVariadic = true;
  static Rest<T> From(const std::vector<Value>& values, size_t at) {
    Rest<T> rest;
    for (; at < values.size(); ++at) {
      rest.push_back(Argument<T>::From(values[at]));
    }
    return rest;
  }
};

inline Result<Value> AsResult(Result<Value> result) { return result; }
template <typename T>
Result<Value> AsResult(Result<T> result) {
  if (!result) return std::move(result).error();
  return Value(std::move(result).value());
}
template <typename T>
Result<Value> AsResult(T value) requires std::constructible_from<Value, T> {
  return Value(std::move(value));
}

// It would point into an argument that is gone.
Result<Value> AsResult(std::string_view) = delete;

template <typename R, typename... A, size_t... I>
Function MakeFunction(std::function<R(Context&, A...)> function,
                      std::index_sequence<I...>) {
  Function made;
  made.parameters = {ArgumentList<std::decay_t<A>>::kType...};
  made.variadic = (ArgumentList<std::decay_t<A>>::kVariadic || ...);
  made.call = [function = std::move(function)](
                  [[maybe_unused]] Context& context,
                  [[maybe_unused]] const std::vector<Value>& arguments) {
    return AsResult(function(
        context, ArgumentList<std::decay_t<A>>::From(arguments, I)...));
  };
  return made;
}

template <typename R, typename... A>
Function MakeFunction(std::function<R(Context&, A...)> function) {
  return MakeFunction(std::move(function), std::index_sequence_for<A...>());
}
template <typename R, typename... A>
Function MakeFunction(std::function<R(A...)> function) {
  return MakeFunction(std::function<R(Context&, A...)>(
      [function = std::move(function)](Context&, A... arguments) -> R {
        return function(std::move(arguments)...);
      }));
}

// `function` takes parameters of the types above, before them a `Context&` if
// it wants one, and returns a Value, what makes one, or a Result of either.
template <typename F>
void AddFunction(Functions& functions, const std::string& name, F function) {
  functions[name] = MakeFunction(std::function(std::move(function)));
}

// An error where a text of `size` bytes, or a list of `count` items, is more
// than a template may make.
Status CheckTextSize(size_t size);
Status CheckListSize(size_t count);

}  // namespace strake::tasks::gotmpl

#endif  // STRAKE_TASKS_GOTMPL_FUNCTION_H_
