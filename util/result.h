// `Result<T>`: a value or the error that stood in its way.
//
// Every fallible function returns one; exceptions do not cross a function
// boundary. The member names are those of `std::expected`, so that `Result`
// can become an alias of it once our compilers have it.

#ifndef STRAKE_UTIL_RESULT_H_
#define STRAKE_UTIL_RESULT_H_

#include <cassert>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>

namespace strake {

// A code exists because some caller branches on it.
enum class ErrorCode {
  kInvalidArgument,  // the user's input is wrong; trying again cannot help
  kNotFound,         // the named thing does not exist
  kUnauthorized,     // credentials are missing, wrong or insufficient
  kUnavailable,      // the other side failed; another try may succeed
  kCorrupt,          // bytes differ from what was promised
  kUnsupported,      // understood, but not possible here
  kCommandFailed,    // a process that was asked for exited with a failure
  kCancelled,        // the caller asked to stop
  kIo,               // the operating system refused; see the errno text
  kInternal,         // a mistake in strake
};

// The lower-case name of `code`, as it appears in logs and JSON.
std::string_view ErrorCodeName(ErrorCode code);

// What was tried, on which object, and what was seen.
class [[nodiscard]] Error {
 public:
  Error(ErrorCode code, std::string message)
      : code_(code), message_(std::move(message)) {}

  ErrorCode code() const { return code_; }
  const std::string& message() const { return message_; }

  // The same failure as seen one layer up: "<context>: <message>".
  Error Wrap(std::string_view context) &&;
  Error Wrap(std::string_view context) const&;

 private:
  ErrorCode code_;
  std::string message_;
};

// `<what>: <strerror(errno_value)>`. ENOENT becomes `kNotFound`, all others
// `kIo`.
Error ErrnoError(std::string_view what, int errno_value);
// The same with the calling thread's `errno`.
Error ErrnoError(std::string_view what);

// Shorthand for `Error(ErrorCode::k..., message)`.
Error InvalidArgument(std::string message);
Error NotFound(std::string message);
Error Unsupported(std::string message);
Error Corrupt(std::string message);
Error IoError(std::string message);
Error Internal(std::string message);
Error Cancelled(std::string message);

template <typename T>
class [[nodiscard]] Result {
 public:
  using value_type = T;

  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}

  bool has_value() const { return state_.index() == 0; }
  explicit operator bool() const { return has_value(); }

  // REQUIRES: has_value()
  T& value() & {
    assert(has_value());
    return std::get<0>(state_);
  }
  const T& value() const& {
    assert(has_value());
    return std::get<0>(state_);
  }
  T&& value() && {
    assert(has_value());
    return std::get<0>(std::move(state_));
  }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

  template <typename U>
  T value_or(U&& fallback) const& {
    return has_value() ? value() : static_cast<T>(std::forward<U>(fallback));
  }
  template <typename U>
  T value_or(U&& fallback) && {
    return has_value() ? std::move(*this).value()
                       : static_cast<T>(std::forward<U>(fallback));
  }

  // REQUIRES: !has_value()
  const Error& error() const& {
    assert(!has_value());
    return std::get<1>(state_);
  }
  Error&& error() && {
    assert(!has_value());
    return std::get<1>(std::move(state_));
  }

 private:
  std::variant<T, Error> state_;
};

// Success without a value. `Result<void>()` is success.
template <>
class [[nodiscard]] Result<void> {
 public:
  using value_type = void;

  Result() = default;
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}

  bool has_value() const { return state_.index() == 0; }
  explicit operator bool() const { return has_value(); }
  void value() const { assert(has_value()); }

  // REQUIRES: !has_value()
  const Error& error() const& {
    assert(!has_value());
    return std::get<1>(state_);
  }
  Error&& error() && {
    assert(!has_value());
    return std::get<1>(std::move(state_));
  }

 private:
  std::variant<std::monostate, Error> state_;
};

using Status = Result<void>;

}  // namespace strake

#endif  // STRAKE_UTIL_RESULT_H_
