#include "util/result.h"

#include <cerrno>
#include <cstring>

namespace strake {

std::string_view ErrorCodeName(ErrorCode code) {
  switch (code) {
    case ErrorCode::kInvalidArgument:
      return "invalid_argument";
    case ErrorCode::kNotFound:
      return "not_found";
    case ErrorCode::kUnauthorized:
      return "unauthorized";
    case ErrorCode::kUnavailable:
      return "unavailable";
    case ErrorCode::kCorrupt:
      return "corrupt";
    case ErrorCode::kUnsupported:
      return "unsupported";
    case ErrorCode::kCommandFailed:
      return "command_failed";
    case ErrorCode::kCancelled:
      return "cancelled";
    case ErrorCode::kIo:
      return "io";
    case ErrorCode::kInternal:
      return "internal";
  }
  return "internal";
}

Error Error::Wrap(std::string_view context) && {
  message_.insert(0, ": ").insert(0, context);
  return std::move(*this);
}

Error Error::Wrap(std::string_view context) const& {
  return Error(*this).Wrap(context);
}

Error ErrnoError(std::string_view what, int errno_value) {
  // GNU strerror_r: thread-safe, may return a static string.
  char buffer[128];
  std::string message(what);
  message += ": ";
  message += strerror_r(errno_value, buffer, sizeof buffer);
  if (errno_value == EMFILE) {
    message += " (of this process: raise the limit, ulimit -Hn)";
  }
  return Error(errno_value == ENOENT ? ErrorCode::kNotFound : ErrorCode::kIo,
               std::move(message));
}

Error ErrnoError(std::string_view what) { return ErrnoError(what, errno); }

Error InvalidArgument(std::string message) {
  return Error(ErrorCode::kInvalidArgument, std::move(message));
}
Error NotFound(std::string message) {
  return Error(ErrorCode::kNotFound, std::move(message));
}
Error Unsupported(std::string message) {
  return Error(ErrorCode::kUnsupported, std::move(message));
}
Error Corrupt(std::string message) {
  return Error(ErrorCode::kCorrupt, std::move(message));
}
Error IoError(std::string message) {
  return Error(ErrorCode::kIo, std::move(message));
}
Error Internal(std::string message) {
  return Error(ErrorCode::kInternal, std::move(message));
}
Error Cancelled(std::string message) {
  return Error(ErrorCode::kCancelled, std::move(message));
}

}  // namespace strake
