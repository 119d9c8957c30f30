// Integers are 64 bits wide and wrap around, as Go's do.

#include <algorithm>
#include <cmath>
#include <limits>

#include "tasks/gotmpl/sprig.h"
#include "util/result_macros.h"

namespace strake::tasks::gotmpl {
namespace {

int64_t WrapAdd(int64_t a, int64_t b) {
  return static_cast<int64_t>(static_cast<uint64_t>(a) +
                              static_cast<uint64_t>(b));
}
int64_t WrapSub(int64_t a, int64_t b) {
  return static_cast<int64_t>(static_cast<uint64_t>(a) -
                              static_cast<uint64_t>(b));
}
int64_t WrapMul(int64_t a, int64_t b) {
  return static_cast<int64_t>(static_cast<uint64_t>(a) *
                              static_cast<uint64_t>(b));
}

Value Sum(const std::vector<Value>& values) {
  int64_t sum = 0;
  for (const Value& value : values) sum = WrapAdd(sum, ToInteger(value));
  return Int64{sum};
}

Value Product(const Value& first, const std::vector<Value>& values) {
  int64_t product = ToInteger(first);
  for (const Value& value : values) {
    product = WrapMul(product, ToInteger(value));
  }
  return Int64{product};
}

Result<Value> Divide(const Value& a, const Value& b) {
  int64_t divisor = ToInteger(b);
  if (divisor == 0) return InvalidArgument("integer divide by zero");
  if (divisor == -1) return Value(Int64{WrapSub(0, ToInteger(a))});
  return Value(Int64{ToInteger(a) / divisor});
}

Result<Value> Modulo(const Value& a, const Value& b) {
  int64_t divisor = ToInteger(b);
  if (divisor == 0) return InvalidArgument("integer divide by zero");
  if (divisor == -1) return Value(Int64{0});
  return Value(Int64{ToInteger(a) % divisor});
}

Value Largest(const Value& first, const std::vector<Value>& values) {
  int64_t largest = ToInteger(first);
  for (const Value& value : values) {
    largest = std::max(largest, ToInteger(value));
  }
  return Int64{largest};
}

Value Smallest(const Value& first, const std::vector<Value>& values) {
  int64_t smallest = ToInteger(first);
  for (const Value& value : values) {
    smallest = std::min(smallest, ToInteger(value));
  }
  return Int64{smallest};
}

// To `places` decimals; what is left is rounded up from `up_from` on.
double Round(const Value& value, int64_t places,
             const std::vector<double>& options) {
  double up_from = options.empty() ? 0.5 : options[0];
  double power = std::pow(10, static_cast<double>(places));
  double shifted = power * ToFloat(value);
  double whole = 0;
  double fraction = std::modf(shifted, &whole);
  double rounded =
      fraction >= up_from ? std::ceil(shifted) : std::floor(shifted);
  return rounded / power;
}

Result<Value> Sequence(int64_t start, int64_t stop, int64_t step) {
  std::vector<Value> numbers;
  bool down = stop < start;
  bool moves = down ? step < 0 : step > 0;
  for (int64_t i = start; moves && (down ? i > stop : i < stop);) {
    numbers.emplace_back(i);
    RETURN_IF_ERROR(CheckListSize(numbers.size()));
    int64_t next = WrapAdd(i, step);
    if (down ? next > i : next < i) break;
    i = next;
  }
  return Value(
      std::make_shared<const List>(std::move(numbers), Elements::kInt));
}

}  // namespace

void AddSprigMath(Functions& functions) {
  AddFunction(functions, "add", [](Rest<Value> values) { return Sum(values); });
  AddFunction(functions, "add1",
              [](Value value) { return Int64{WrapAdd(ToInteger(value), 1)}; });
  AddFunction(functions, "sub", [](Value a, Value b) {
    return Int64{WrapSub(ToInteger(a), ToInteger(b))};
  });
  AddFunction(functions, "mul", [](Value first, Rest<Value> values) {
    return Product(first, values);
  });
  AddFunction(functions, "div", Divide);
  AddFunction(functions, "mod", Modulo);
  for (const char* name : {"max", "biggest"}) {
    AddFunction(functions, name, [](Value first, Rest<Value> values) {
      return Largest(first, values);
    });
  }
  AddFunction(functions, "min", [](Value first, Rest<Value> values) {
    return Smallest(first, values);
  });
  AddFunction(functions, "ceil",
              [](Value value) { return std::ceil(ToFloat(value)); });
  AddFunction(functions, "floor",
              [](Value value) { return std::floor(ToFloat(value)); });
  AddFunction(functions, "round",
              [](Value value, int64_t places, Rest<double> options) {
                return Round(value, places, options);
              });
  AddFunction(functions, "until", [](int64_t stop) {
    return Sequence(0, stop, stop < 0 ? -1 : 1);
  });
  AddFunction(functions, "untilStep", Sequence);
}

}  // namespace strake::tasks::gotmpl
