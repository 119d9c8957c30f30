// The functions that text/template has of itself.

#ifndef STRAKE_TASKS_GOTMPL_BUILTINS_H_
#define STRAKE_TASKS_GOTMPL_BUILTINS_H_

#include "tasks/gotmpl/function.h"

namespace strake::tasks::gotmpl {

void AddBuiltins(Functions& functions);
// eq, ne, lt, le, gt and ge.
void AddComparisons(Functions& functions);

// Go's `index item keys...`: what is there, nil where a map has nothing.
Result<Value> IndexValue(const Value& item, const std::vector<Value>& keys);
// Go's own `slice item indexes...` of a list or a text.
Result<Value> SliceValue(const Value& item, const std::vector<Value>& indexes);

// url.QueryEscape.
std::string QueryEscape(std::string_view text);

}  // namespace strake::tasks::gotmpl

#endif  // STRAKE_TASKS_GOTMPL_BUILTINS_H_
