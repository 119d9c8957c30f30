#include "tasks/gotmpl/sprig.h"
#include "tasks/gotmpl/version.h"
#include "util/result_macros.h"

namespace strake::tasks::gotmpl {

void AddSprigSemver(Functions& functions) {
  AddFunction(functions, "semver", [](std::string text) -> Result<Value> {
    ASSIGN_OR_RETURN(VersionPtr version, Version::Parse(text));
    return Value(ObjectPtr(version));
  });
  AddFunction(functions, "semverCompare",
              [](std::string constraint, std::string text) -> Result<bool> {
                ASSIGN_OR_RETURN(VersionPtr version, Version::Parse(text));
                return Satisfies(*version, constraint);
              });
}

}  // namespace strake::tasks::gotmpl
