#include "builder/explanation.h"

#include "util/json.h"

namespace strake::builder {
namespace {

using nlohmann::json;

constexpr size_t kMostLines = 20;

void Put(json& object, const char* name, const std::string& value) {
  if (!value.empty()) object[name] = value;
}

std::string ChangeText(const KeyChange& change) {
  std::string text = change.kind;
  if (!change.name.empty()) text += " " + change.name;
  text += ": " + change.change;
  const bool is_aspect = change.change != "added" &&
                         change.change != "removed" &&
                         change.change != "changed" && change.kind == "file";
  if (is_aspect) text += " changed";
  if (!change.before.empty() && !change.after.empty()) {
    text += " from " + change.before + " to " + change.after;
  }
  return text;
}

json ToJson(const Explanation& explanation) {
  json changes = json::array();
  for (const KeyChange& change : explanation.changes) {
    json entry = {{"kind", change.kind}, {"change", change.change}};
    Put(entry, "name", change.name);
    Put(entry, "before", change.before);
    Put(entry, "after", change.after);
    changes.push_back(std::move(entry));
  }
  json object = {{"step", explanation.step},
                 {"line", explanation.line},
                 {"reason", ReasonName(explanation.reason)},
                 {"changes", std::move(changes)}};
  Put(object, "since", explanation.since);
  return object;
}

}  // namespace

std::string ReasonName(Explanation::Reason reason) {
  switch (reason) {
    case Explanation::Reason::kNew:
      return "new";
    case Explanation::Reason::kChanged:
      return "changed";
    case Explanation::Reason::kRemoved:
      return "removed";
    case Explanation::Reason::kNoCache:
      return "no-cache";
  }
  return "";
}

std::vector<std::string> ExplanationLines(const Explanation& explanation) {
  const std::string since = explanation.since.empty()
                                ? ""
                                : " since the build of " + explanation.since;
  switch (explanation.reason) {
    case Explanation::Reason::kNew:
      return {"not cached: no earlier build is known to have had this step"};
    case Explanation::Reason::kRemoved:
      return {"not cached: its result was removed" + since};
    case Explanation::Reason::kNoCache:
      return {"not cached: --no-cache or --no-cache-filter asked for it"};
    case Explanation::Reason::kChanged:
      break;
  }
  std::vector<std::string> lines;
  for (const KeyChange& change : explanation.changes) {
    if (lines.size() == kMostLines) {
      lines.push_back("not cached: and " +
                      std::to_string(explanation.changes.size() - kMostLines) +
                      " more");
      break;
    }
    lines.push_back("not cached: " + ChangeText(change) + since);
  }
  return lines;
}

std::string ExplanationsJson(const std::vector<Explanation>& explanations) {
  json steps = json::array();
  for (const Explanation& explanation : explanations) {
    steps.push_back(ToJson(explanation));
  }
  return DumpJson({{"steps", std::move(steps)}}) + "\n";
}

}  // namespace strake::builder
