#include "tasks/gotmpl/regex.h"
#include "tasks/gotmpl/sprig.h"
#include "util/result_macros.h"

namespace strake::tasks::gotmpl {
namespace {

// What is no expression matches nothing.
bool Match(const std::string& pattern, const std::string& text) {
  auto regex = Regex::Compile(pattern);
  return regex && regex->Matches(text);
}

Result<std::string> Find(const std::string& pattern, const std::string& text) {
  ASSIGN_OR_RETURN(Regex regex, Regex::Compile(pattern));
  return regex.Find(text);
}

Result<Value> FindAll(const std::string& pattern, const std::string& text,
                      int64_t count) {
  ASSIGN_OR_RETURN(Regex regex, Regex::Compile(pattern));
  ASSIGN_OR_RETURN(std::vector<std::string> found, regex.FindAll(text, count));
  return MakeStrings(std::move(found));
}

Result<std::string> ReplaceAll(const std::string& pattern,
                               const std::string& text,
                               const std::string& replacement) {
  ASSIGN_OR_RETURN(Regex regex, Regex::Compile(pattern));
  return regex.ReplaceAll(text, replacement);
}

Result<std::string> ReplaceAllLiteral(const std::string& pattern,
                                      const std::string& text,
                                      const std::string& replacement) {
  ASSIGN_OR_RETURN(Regex regex, Regex::Compile(pattern));
  return regex.ReplaceAllLiteral(text, replacement);
}

Result<Value> Split(const std::string& pattern, const std::string& text,
                    int64_t count) {
  ASSIGN_OR_RETURN(Regex regex, Regex::Compile(pattern));
  ASSIGN_OR_RETURN(std::vector<std::string> pieces, regex.Split(text, count));
  return MakeStrings(std::move(pieces));
}

}  // namespace

void AddSprigRegex(Functions& functions) {
  AddFunction(functions, "regexMatch", Match);
  AddFunction(functions, "regexFind", Find);
  AddFunction(functions, "regexFindAll", FindAll);
  AddFunction(functions, "regexReplaceAll", ReplaceAll);
  AddFunction(functions, "regexReplaceAllLiteral", ReplaceAllLiteral);
  AddFunction(functions, "regexSplit", Split);
}

}  // namespace strake::tasks::gotmpl
