// What kind of vertex it is: questions that the passes of a solve share.

#ifndef STRAKE_BUILDER_SOLVE_VERTEX_KIND_H_
#define STRAKE_BUILDER_SOLVE_VERTEX_KIND_H_

#include <span>

#include "builder/plan/build_graph.h"
#include "builder/plan/op.h"

namespace strake::builder::solve {

// Whether progress shows the vertex as a step of the Dockerfile.
bool IsStep(const plan::Vertex& vertex);

// Whether all files come out of other states (and heredocs), none from a build
// context.
bool CopiesFromInputsOnly(const plan::CopyOp& copy);

// Where a copy takes files from: its inputs but for the state below.
std::span<const plan::VertexId> Sources(const plan::Vertex& copy);

}  // namespace strake::builder::solve

#endif  // STRAKE_BUILDER_SOLVE_VERTEX_KIND_H_
