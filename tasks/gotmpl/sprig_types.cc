#include "tasks/gotmpl/sprig.h"

namespace strake::tasks::gotmpl {

void AddSprigTypes(Functions& functions) {
  AddFunction(functions, "typeOf", TypeName);
  AddFunction(functions, "typeIs", [](std::string name, Value value) {
    return name == TypeName(value);
  });
  // Also of what a pointer points to.
  AddFunction(functions, "typeIsLike", [](std::string name, Value value) {
    return name == TypeName(value) || "*" + name == TypeName(value);
  });
  AddFunction(functions, "kindOf", KindName);
  AddFunction(functions, "kindIs", [](std::string name, Value value) {
    return name == KindName(value);
  });
  AddFunction(functions, "deepEqual", DeepEqual);
}

}  // namespace strake::tasks::gotmpl
