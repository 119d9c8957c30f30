// Where the sources of a copy are found, by the names that a `plan::CopySource`
// uses.

#ifndef STRAKE_BUILDER_CONTEXT_COPY_INPUTS_H_
#define STRAKE_BUILDER_CONTEXT_COPY_INPUTS_H_

#include <cstddef>
#include <map>
#include <string>

#include "builder/context/source_tree.h"

namespace strake::builder::context {

// Everything that the trees point to must outlive this.
struct CopyInputs {
  std::map<std::string, SourceTree> contexts;  // "" is the main one
  std::map<size_t, SourceTree> inputs;         // by index of the vertex's input
};

}  // namespace strake::builder::context

#endif  // STRAKE_BUILDER_CONTEXT_COPY_INPUTS_H_
