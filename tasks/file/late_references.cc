#include "tasks/file/late_references.h"

#include <algorithm>
#include <cctype>
#include <set>
#include <string_view>

#include "util/strings.h"
#include "util/suggest.h"

namespace strake::tasks::file {
namespace {

bool IsOfName(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_';
}

// What a template names behind ".Steps": `.ID` or ` "ID"`; "" for neither.
std::string_view NameBehind(std::string_view text) {
  if (text.starts_with('.')) {
    text.remove_prefix(1);
    auto end = std::ranges::find_if_not(text, IsOfName);
    return text.substr(0, static_cast<size_t>(end - text.begin()));
  }
  text = TrimLeft(text);
  if (!text.starts_with('"')) return "";
  text.remove_prefix(1);
  return text.substr(0, std::min(text.find('"'), text.size()));
}

void FindInText(std::string_view text, Place place,
                LateReferences& references) {
  constexpr std::string_view kSteps = ".Steps";
  if (text.find("{{") == std::string_view::npos) return;
  if (text.find(".Matrix") != std::string_view::npos) {
    references.matrix.push_back(place);
  }
  for (size_t at = text.find(kSteps); at != std::string_view::npos;
       at = text.find(kSteps, at + 1)) {
    std::string_view id = NameBehind(text.substr(at + kSteps.size()));
    if (!id.empty()) references.steps.push_back({std::string(id), place});
  }
}

void FindInNode(const YamlNode& node, const Decoder& decoder,
                LateReferences& references) {
  FindInText(node.text, decoder.At(node), references);
  for (const YamlNode& item : node.items) {
    FindInNode(item, decoder, references);
  }
}

// All that have ended when the step at `index` starts.
std::set<size_t> EndedBefore(const Task& task, size_t index) {
  std::set<size_t> ended;
  std::vector<size_t> pending = task.steps[index].after;
  while (!pending.empty()) {
    size_t step = pending.back();
    pending.pop_back();
    if (!ended.insert(step).second) continue;
    const auto& after = task.steps[step].after;
    pending.insert(pending.end(), after.begin(), after.end());
  }
  return ended;
}

}  // namespace

LateReferences FindLateReferences(const YamlNode& step,
                                  const Decoder& decoder) {
  LateReferences references;
  FindInNode(step, decoder, references);
  return references;
}

void CheckLateReferences(const Task& task, size_t index,
                         const LateReferences& references, Problems& problems) {
  const Step& step = task.steps[index];
  if (step.matrix.empty()) {
    for (const Place& place : references.matrix) {
      problems.Warn(place, "the step has no \"matrix\": .Matrix is empty");
    }
  }
  if (references.steps.empty()) return;
  std::vector<std::string> ids;
  for (const Step& other : task.steps) ids.push_back(other.id);
  std::set<size_t> ended = EndedBefore(task, index);
  for (const auto& [id, place] : references.steps) {
    auto found = std::ranges::find(ids, id);
    if (found == ids.end()) {
      problems.Warn(place,
                    "there is no step \"" + id + "\"" + DidYouMean(id, ids));
    } else if (!ended.contains(static_cast<size_t>(found - ids.begin()))) {
      problems.Warn(place, "the step does not wait for \"" + id +
                               "\", which it reads: name that in \"when\"");
    }
  }
}

}  // namespace strake::tasks::file
