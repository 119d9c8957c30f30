// What of a build's options shows in the bytes of the layers that it makes.

#ifndef STRAKE_BUILDER_SOLVE_LAYER_FORM_H_
#define STRAKE_BUILDER_SOLVE_LAYER_FORM_H_

#include <string>

#include "builder/solve/solver.h"

namespace strake::builder::solve {

// The name of that form, as `CacheIndex::FindLayer` takes it.
std::string LayerForm(const SolveOptions& options);

}  // namespace strake::builder::solve

#endif  // STRAKE_BUILDER_SOLVE_LAYER_FORM_H_
