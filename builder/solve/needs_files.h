// Which states somebody reads files of.

#ifndef STRAKE_BUILDER_SOLVE_NEEDS_FILES_H_
#define STRAKE_BUILDER_SOLVE_NEEDS_FILES_H_

#include <cstddef>
#include <vector>

#include "builder/plan/build_graph.h"

namespace strake::builder::solve {

// Whether the operation can be carried out on an outline of the state below
// (ops/image_op.h), with the same changes: a copy, a linked copy's merge and a
// new directory. Not where archives are unpacked, whose hard links may be to
// files below, and not for Windows.
bool WorksOnOutline(const plan::Op& op);

// By vertex: whether its state itself is needed where it is needed at all. An
// outline is enough for all others, which only such operations are made upon.
//   need_roots  whether the targets' states are
std::vector<bool> FindNeedsFiles(const plan::BuildGraph& graph,
                                 bool need_roots);

// A vertex that takes another's state as `vertex.inputs[input]`.
struct Use {
  plan::VertexId vertex = 0;
  size_t input = 0;
};

// By vertex.
std::vector<std::vector<Use>> FindUses(const plan::BuildGraph& graph);

}  // namespace strake::builder::solve

#endif  // STRAKE_BUILDER_SOLVE_NEEDS_FILES_H_
