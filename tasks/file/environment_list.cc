#include "tasks/file/environment_list.h"

#include <set>

#include "util/strings.h"

namespace strake::tasks::file {
namespace {

Error CannotParse(std::string_view whose, std::string_view entry) {
  return InvalidArgument("cannot parse " + std::string(whose) +
                         " environment variable " + std::string(entry) +
                         " correctly");
}

}  // namespace

Result<std::vector<std::string>> MergeEnvironment(
    const std::vector<std::string>& step,
    const std::vector<std::string>& task) {
  std::vector<std::string> merged = step;
  if (task.empty()) return merged;
  std::set<std::string, std::less<>> names;
  for (const std::string& entry : step) {
    auto parts = SplitOnce(entry, '=');
    if (!parts) return CannotParse("step", entry);
    names.emplace(parts->first);
  }
  for (const std::string& entries : task) {
    for (std::string_view entry : Split(entries, ',')) {
      auto parts = SplitOnce(entry, '=');
      if (!parts) return CannotParse("task", entry);
      if (!names.contains(parts->first)) merged.emplace_back(entry);
    }
  }
  return merged;
}

}  // namespace strake::tasks::file
