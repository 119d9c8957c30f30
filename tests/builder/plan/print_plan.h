// A plan as text, for golden files: operations with what is not at its default,
// then the image's configuration.

#ifndef STRAKE_TESTS_BUILDER_PLAN_PRINT_PLAN_H_
#define STRAKE_TESTS_BUILDER_PLAN_PRINT_PLAN_H_

#include <string>

#include "builder/plan/build_graph.h"

namespace strake::testing {

// What `graph` does, one vertex after the other, then history and
// configuration of its image. Ends with a newline.
std::string PrintPlan(const builder::plan::BuildGraph& graph);

}  // namespace strake::testing

#endif  // STRAKE_TESTS_BUILDER_PLAN_PRINT_PLAN_H_
