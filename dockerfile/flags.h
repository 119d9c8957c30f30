// Builder flags: the leading `--name[=value]` words of an instruction
// (`COPY --from=build`, `RUN --mount=...`).

#ifndef STRAKE_DOCKERFILE_FLAGS_H_
#define STRAKE_DOCKERFILE_FLAGS_H_

#include <cstddef>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace strake::dockerfile {

// A flag as written, its quotes removed and its escapes processed. Offsets
// count bytes in the text it was split from.
struct FlagWord {
  std::string text;  // "--from=build"
  size_t begin = 0;
  size_t end = 0;
};

struct SplitFlagsResult {
  std::vector<FlagWord> flags;
  size_t rest = 0;  // where the arguments begin
};

// Takes the flags off the front of `text`, the part of a line that follows the
// instruction's keyword. A bare "--" ends them and belongs to neither.
SplitFlagsResult SplitFlags(std::string_view text);

enum class FlagType {
  kBool,     // --link, --link=true, --link=FALSE
  kString,   // once
  kStrings,  // any number of times
};

struct FlagSpec {
  std::string_view name;
  FlagType type = FlagType::kString;
};

// One accepted flag. `value` of a kBool is "true" or "false".
struct Flag {
  std::string_view name;  // the spec's
  std::string value;
  size_t begin = 0;
  size_t end = 0;
};

// A flag that was not accepted, and why.
struct FlagError {
  std::string message;
  size_t begin = 0;
  size_t end = 0;
};

struct ParseFlagsResult {
  std::vector<Flag> flags;
  std::vector<FlagError> errors;

  // The last flag called `name`, or null.
  const Flag* Find(std::string_view name) const;
  bool IsTrue(std::string_view name) const;
};

// Checks `words` against what the instruction knows.
ParseFlagsResult ParseFlags(const std::vector<FlagWord>& words,
                            std::span<const FlagSpec> specs);

}  // namespace strake::dockerfile

#endif  // STRAKE_DOCKERFILE_FLAGS_H_
