// Which parts of a template have to stay as they are, because they read what
// will be known only later.

#ifndef STRAKE_TASKS_GOTMPL_DEFERRAL_H_
#define STRAKE_TASKS_GOTMPL_DEFERRAL_H_

#include <set>
#include <string>
#include <vector>

#include "tasks/gotmpl/syntax_tree.h"

namespace strake::tasks::gotmpl {

// The nodes of `tree` to leave as they were written: those that read a field
// of `later` of the data, or a variable that such a node sets, or call a
// template that does; the whole of a block that holds such a node; and, so
// that what is left can be executed by itself, whatever declares a variable or
// a template that it names.
std::set<const Node*> FindDeferred(const SyntaxTree& tree,
                                   const std::vector<std::string>& later);

}  // namespace strake::tasks::gotmpl

#endif  // STRAKE_TASKS_GOTMPL_DEFERRAL_H_
