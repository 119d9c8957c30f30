#include "tasks/gotmpl/sprig.h"

#include "tasks/gotmpl/builtins.h"

namespace strake::tasks::gotmpl {

const Functions& SprigFunctions() {
  static const Functions functions = [] {
    Functions all;
    AddBuiltins(all);
    AddSprigCertificates(all);
    AddSprigConversions(all);
    AddSprigCrypto(all);
    AddSprigDates(all);
    AddSprigDefaults(all);
    AddSprigDicts(all);
    AddSprigEncoding(all);
    AddSprigLists(all);
    AddSprigMath(all);
    AddSprigPaths(all);
    AddSprigRandom(all);
    AddSprigRegex(all);
    AddSprigSemver(all);
    AddSprigStrings(all);
    AddSprigSystem(all);
    AddSprigTypes(all);
    AddSprigUrls(all);
    AddSprigWords(all);
    return all;
  }();
  return functions;
}

}  // namespace strake::tasks::gotmpl
