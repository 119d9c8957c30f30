// What a Dockerfile offers to its users: its targets, and what a target can be
// given (`--call=targets`, `--call=outline`). From the text alone: no base
// image is looked at.

#ifndef STRAKE_DOCKERFILE_OUTLINE_H_
#define STRAKE_DOCKERFILE_OUTLINE_H_

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dockerfile/dockerfile.h"
#include "dockerfile/source_range.h"

namespace strake::dockerfile {

// A stage that can be built.
struct Target {
  std::string name;  // empty: the stage has none
  bool is_default = false;
  std::string description;
  std::string base;      // as written
  std::string platform;  // as written; may be empty
  SourceRange range;     // its FROM
};

// In the order of the file.
std::vector<Target> ListTargets(const Dockerfile& file);

struct OutlineArg {
  std::string name;
  std::optional<std::string> value;  // expanded; unset: declared without one
  std::string description;
  SourceRange range;
};
struct OutlineSecret {  // or an ssh agent, or a cache
  std::string name;
  bool required = false;
  SourceRange range;
};

struct Outline {
  std::string name;
  std::string description;
  std::vector<OutlineArg> args;  // all lists in the order of the file
  std::vector<OutlineSecret> secrets;
  std::vector<OutlineSecret> ssh;
  std::vector<OutlineSecret> caches;
};

using BuildArgs = std::map<std::string, std::string, std::less<>>;

// What stage `target` and the stages it is built from take.
//   build_args  take the place of defaults
// REQUIRES: target < file.stages.size()
Outline MakeOutline(const Dockerfile& file, size_t target,
                    const BuildArgs& build_args = {});

// The stages that stage `target` is built from, itself included, in order.
std::vector<size_t> ReachableStages(const Dockerfile& file, size_t target,
                                    const BuildArgs& build_args = {});

// Tables for people; each ends with a newline.
std::string FormatTargets(const std::vector<Target>& targets);
std::string FormatOutline(const Outline& outline);

// The JSON of buildx, pretty-printed, with a final newline. `source` is the
// Dockerfile's text.
std::string TargetsJson(const std::vector<Target>& targets,
                        std::string_view source);
std::string OutlineJson(const Outline& outline, std::string_view source);

}  // namespace strake::dockerfile

#endif  // STRAKE_DOCKERFILE_OUTLINE_H_
