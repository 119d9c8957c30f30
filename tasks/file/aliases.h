// Aliases of a task file (acr-tasks 1.7): short names that stand for text,
// replaced before templates and YAML are looked at.

#ifndef STRAKE_TASKS_FILE_ALIASES_H_
#define STRAKE_TASKS_FILE_ALIASES_H_

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "tasks/file/mapped_text.h"
#include "tasks/file/problems.h"
#include "util/result.h"

namespace strake::tasks::file {

struct Aliases {
  std::string directive = "$";
  std::map<std::string, std::string, std::less<>> values;  // by name
};

// Whether a file with this version (`FindVersion`) has aliases: "v1.1.0" and
// all that is above it bytewise, and strake's own.
bool VersionHasAliases(std::string_view version);

struct AliasBlock {
  MappedText block;  // empty where there is none
  MappedText rest;
};

// From the first line that begins with "alias:" up to the next that begins with
// another key.
AliasBlock CutAliasBlock(const MappedText& text);

struct AliasSources {
  std::string directory;  // of relative files
  std::string os;         // no image aliases but for "linux"
  // The text at an http(s) address; null: such addresses are an error.
  std::function<Result<std::string>(const std::string& url)> fetch;
};

// The aliases of a rendered block with all that it names, and the built-in
// ones.
//   file  what the author wrote, for the places of errors
Result<Aliases> ReadAliases(const MappedText& block, std::string_view file,
                            const AliasSources& sources, Problems& problems);

// `text` with every directive and known name replaced. Lines that a value adds
// come from the line of its name.
MappedText ReplaceAliases(const MappedText& text, const Aliases& aliases);

// A command whose first word is a name.
struct FirstWord {
  std::string value;  // what the name stands for; may have templates
  std::string rest;   // of the command, with the blank before it
};
std::optional<FirstWord> FindFirstWord(std::string_view command,
                                       const Aliases& aliases);

}  // namespace strake::tasks::file

#endif  // STRAKE_TASKS_FILE_ALIASES_H_
