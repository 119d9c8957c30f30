// A target of a bake file: what `strake build` would be given on the command
// line, by field. Pure values.

#ifndef STRAKE_BUILDER_BAKE_TARGET_H_
#define STRAKE_BUILDER_BAKE_TARGET_H_

#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "util/result.h"

namespace strake::builder::bake {

struct Field {
  enum class Kind {
    kValue,
    kFlag,      // "true" or "false"
    kMap,       // merged member by member
    kList,      // a later one takes the place of an earlier
    kLongList,  // a later one is added to an earlier
  };
  std::string_view name;  // as in bake files: "cache-from"
  Kind kind = Kind::kValue;
};

// Every field, in the order in which they are printed.
std::span<const Field> Fields();
// Null where there is none.
const Field* FindField(std::string_view name);

// The value of a kFlag as a file or `--set` has it: true, t, 1, false, f or 0
// in any case. `kInvalidArgument`: anything else.
Result<bool> ParseFlag(std::string_view text);

struct Target {
  std::string name;
  std::string place;  // "docker-bake.json:12", for errors
  std::map<std::string, std::string> values;  // kValue, kFlag
  // No value: that of the environment variable of this name.
  std::map<std::string, std::map<std::string, std::optional<std::string>>> maps;
  std::map<std::string, std::vector<std::string>> lists;
  std::vector<std::string> inherits;  // not yet merged in
  std::string default_context;        // where nothing says one
};

// Puts what `from` says over what `into` says.
void MergeTarget(const Target& from, Target& into);

// What one bake or compose file says, or several merged.
struct BakeFile {
  std::map<std::string, Target> targets;
  std::map<std::string, std::vector<std::string>> groups;
};
// Targets of one name are merged, and so are groups.
void MergeFile(const BakeFile& from, BakeFile& into);

// The targets that `names` (of targets and groups; none: "default") mean, with
// what they inherit, those that they use as contexts (`target:NAME`) before
// them.
//   overrides  `--set PATTERN.FIELD[.MEMBER]=VALUE` (`*` in PATTERN matches any
//              part of a name), put over what a target says and inherits; "+="
//              adds to a list. Several for one list are one list. What is set
//              for a target counts for those that inherit it, too.
// `kInvalidArgument`: an unknown name or field, with the nearest; a value that
// the field cannot have; a circle.
struct Selection {
  std::vector<Target> targets;     // each after those it uses
  std::vector<std::string> asked;  // names of those that are not only used
};
Result<Selection> SelectTargets(const BakeFile& file,
                                const std::vector<std::string>& names,
                                const std::vector<std::string>& overrides);

// The targets whose results `target` uses as contexts.
std::vector<std::string> UsedTargets(const Target& target);

// The JSON of `docker buildx bake --print`, which is itself a bake file.
std::string PrintSelection(const Selection& selection);

}  // namespace strake::builder::bake

#endif  // STRAKE_BUILDER_BAKE_TARGET_H_
