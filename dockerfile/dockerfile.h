// A parsed Dockerfile: directives, global arguments, stages.
//
// A value type, independent of the text it was parsed from.

#ifndef STRAKE_DOCKERFILE_DOCKERFILE_H_
#define STRAKE_DOCKERFILE_DOCKERFILE_H_

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dockerfile/directives.h"
#include "dockerfile/instruction.h"
#include "dockerfile/source_range.h"

namespace strake::dockerfile {

struct Stage {
  std::string name;  // lower-cased; empty: the stage has none
  Instruction from;  // holds a From
  std::vector<Instruction> instructions;  // those after FROM
  SourceRange range;                      // FROM to the last instruction
  // The comment above FROM, where its first word is the stage's name, without
  // that word; else empty.
  std::string doc_comment;

  const From& base() const { return std::get<From>(from.body); }
};

// A continued instruction with blank lines in it (lint NoEmptyContinuation).
struct EmptyContinuation {
  SourceRange last_line;  // of the instruction, where the lint reports it
  int empty_line = 0;     // the first blank line
};

struct Dockerfile {
  Directives directives;
  std::vector<Instruction> global_args;  // each holds an Arg
  std::vector<Stage> stages;
  std::vector<EmptyContinuation> empty_continuations;

  // The last stage called `name` (any case) among the first `before` stages;
  // what FROM and `--from` see from stage `before`.
  std::optional<size_t> FindStage(std::string_view name, size_t before) const;
  // The stage to build: by name (the last of that name), else by index; the
  // last stage for "". Nothing where there is none.
  std::optional<size_t> FindTarget(std::string_view target) const;
};

}  // namespace strake::dockerfile

#endif  // STRAKE_DOCKERFILE_DOCKERFILE_H_
