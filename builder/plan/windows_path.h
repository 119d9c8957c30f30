// Paths in an image for Windows, and where the files are in its layers.

#ifndef STRAKE_BUILDER_PLAN_WINDOWS_PATH_H_
#define STRAKE_BUILDER_PLAN_WINDOWS_PATH_H_

#include <string>
#include <string_view>

#include "util/result.h"

namespace strake::builder::plan {

// The folder of a layer that drive C: is.
inline constexpr std::string_view kWindowsDrive = "/Files";

// `path`, with "\\" or "/" between its names, as a path on drive C: with "/"
// only; relative ones, which stay so, start at the working directory. Slashes
// at the end stay. `kInvalidArgument` for another drive.
Result<std::string> FromWindowsPath(std::string_view path);

// The absolute path "/a/b" as Windows writes it: "C:\\a\\b".
std::string ToWindowsPath(std::string_view path);

}  // namespace strake::builder::plan

#endif  // STRAKE_BUILDER_PLAN_WINDOWS_PATH_H_
