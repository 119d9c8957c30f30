// What of a build's options shows in the bytes of the layers that it makes: the
// "form" by which `CacheIndex` knows a layer of a state.
//
// As text: "2:ALGORITHM:LEVEL", and ":TIME" where times are set back to TIME.
// The number stands for what a layer holds beside changes; another number for
// anything else.

#ifndef STRAKE_BUILDER_SOLVE_LAYER_FORM_H_
#define STRAKE_BUILDER_SOLVE_LAYER_FORM_H_

#include <string>
#include <string_view>
#include <utility>

#include "builder/solve/solver.h"

namespace strake::builder::solve {

std::string LayerForm(const SolveOptions& options);

// What a layer in the form `have` is good for where `want` is wanted; the
// better the greater.
enum class LayerUse {
  kNone,       // its files are not those that an execution would give
  kSameFiles,  // unpacked, and packed anew, it gives the wanted layer
  kSameTar,    // compressed in another way it is the wanted layer
  kAsItIs,
};
// Times that were set back cannot be had back: a layer with such serves only
// where they are set back to the same time or an earlier one.
LayerUse UseOfLayer(std::string_view have, std::string_view want);

// In words, how `have` and `want` differ where the use is `kNone`.
std::pair<std::string, std::string> FormDifference(std::string_view have,
                                                   std::string_view want);

}  // namespace strake::builder::solve

#endif  // STRAKE_BUILDER_SOLVE_LAYER_FORM_H_
