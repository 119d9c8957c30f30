// The functions of the language: Go's own and all text functions of sprig
// 2.22, of which `slice` takes the place of Go's.

#ifndef STRAKE_TASKS_GOTMPL_SPRIG_H_
#define STRAKE_TASKS_GOTMPL_SPRIG_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "tasks/gotmpl/function.h"

namespace strake::tasks::gotmpl {

// All of them, by name.
const Functions& SprigFunctions();

void AddSprigCertificates(Functions& functions);
void AddSprigConversions(Functions& functions);
void AddSprigCrypto(Functions& functions);
void AddSprigDates(Functions& functions);
void AddSprigDefaults(Functions& functions);
void AddSprigDicts(Functions& functions);
void AddSprigEncoding(Functions& functions);
void AddSprigLists(Functions& functions);
void AddSprigMath(Functions& functions);
void AddSprigPaths(Functions& functions);
void AddSprigRandom(Functions& functions);
void AddSprigRegex(Functions& functions);
void AddSprigSemver(Functions& functions);
void AddSprigStrings(Functions& functions);
void AddSprigSystem(Functions& functions);
void AddSprigTypes(Functions& functions);
void AddSprigUrls(Functions& functions);
void AddSprigWords(Functions& functions);

// sprig's conversions: what is no number is 0.
int64_t ToInteger(const Value& value);
double ToFloat(const Value& value);
// sprig's `toString`: %v for what is no text.
Result<std::string> ToText(const Value& value);
// The items of a list as texts, without nils; of anything else itself.
Result<std::vector<std::string>> ToTexts(const Value& value);
// strings.SplitN: at most `count` pieces, all where it is negative; an empty
// separator separates the runes.
std::vector<std::string> SplitAt(std::string_view separator, int64_t count,
                                 std::string_view text);
// sprig's `empty`: nil, false, 0, "", no items.
bool Empty(const Value& value);

}  // namespace strake::tasks::gotmpl

#endif  // STRAKE_TASKS_GOTMPL_SPRIG_H_
