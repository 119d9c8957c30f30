// From what a step says it touched to what has to be compared.

#ifndef STRAKE_BUILDER_SNAPSHOT_TOUCHED_PATHS_H_
#define STRAKE_BUILDER_SNAPSHOT_TOUCHED_PATHS_H_

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "builder/snapshot/metadata_scan.h"
#include "builder/snapshot/tree_diff.h"
#include "util/result.h"

namespace strake::builder::snapshot {

// The paths, in the order of `PathLess`, of all files that may differ between
// `older` and `newer`, where only `touched` were changed
// (`sandbox::ProcessSpec::touched` says how it is to be read): these and the
// directories above them, whose times changed with them; all names of a file
// that has several; what the journals say differently.
//   fresh  a scan of `newer` from when it had what `older` has
Result<std::vector<std::string>> PathsToCompare(
    const TreeState& newer, const TreeState& older, const MetadataScan& fresh,
    const std::set<std::string>& touched);

// The same where it is not known what was touched, but how `newer` looks now:
// what a scan finds changed since `fresh`, and what the journals say
// differently.
std::vector<std::string> PathsToCompare(const TreeState& newer,
                                        const TreeState& older,
                                        const MetadataScan& fresh,
                                        const MetadataScan& now);

// A form to be kept on disk: each path followed by a zero byte.
std::string SerializeTouched(const std::set<std::string>& touched);
std::set<std::string> ParseTouched(std::string_view bytes);

}  // namespace strake::builder::snapshot

#endif  // STRAKE_BUILDER_SNAPSHOT_TOUCHED_PATHS_H_
