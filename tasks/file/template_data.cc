#include "tasks/file/template_data.h"

#include <algorithm>
#include <cctype>

#include "util/json.h"
#include "util/result_macros.h"
#include "util/strings.h"

namespace strake::tasks::file {
namespace {

nlohmann::json RunObject(const RunFacts& run) {
  return {{"ID", run.id},
          {"Commit", run.commit},
          {"Repository", run.repository},
          {"Branch", run.branch},
          {"GitTag", run.git_tag},
          {"TriggeredBy", run.triggered_by},
          {"Registry", run.registry},
          {"RegistryName", run.registry.substr(0, run.registry.find('.'))},
          {"Date", run.date},
          {"SharedVolume", run.shared_volume},
          {"OS", run.os},
          {"OSVersion", run.os_version},
          {"Architecture", run.architecture},
          {"TaskName", run.task_name}};
}

// As Go writes JSON, which is safe within HTML, for a shell. The characters
// stand within strings only.
std::string ForShell(const nlohmann::json& object) {
  std::string text = ReplaceAll(DumpJson(object), "<", "\\u003c");
  text = ReplaceAll(text, ">", "\\u003e");
  return ShellQuote(ReplaceAll(text, "&", "\\u0026"));
}

Result<nlohmann::json> Object(const std::string& text, std::string_view name) {
  auto object = ParseJson(text);
  if (!object) return std::move(object).error().Wrap(name);
  if (!object->is_object()) {
    return InvalidArgument(std::string(name) + ": expected an object");
  }
  return object;
}

}  // namespace

std::string ShellQuote(std::string_view text) {
  bool harmless = !text.empty() && std::ranges::all_of(text, [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 ||
           std::string_view("_^@=+%,:./-").find(c) != std::string_view::npos;
  });
  if (harmless) return std::string(text);
  return "'" + ReplaceAll(text, "'", "'\"'\"'") + "'";
}

Result<std::string> TemplateData(
    const RunFacts& run, const std::string& values,
    const std::map<std::string, std::string>& secrets, const LateData* late) {
  ASSIGN_OR_RETURN(nlohmann::json all_values, Object(values, "values"));
  nlohmann::json run_object = RunObject(run);
  nlohmann::json data = {{"RunJSON", ForShell(run_object)},
                         {"ValuesJSON", ForShell(all_values)},
                         {"Build", {{"ID", run.id}}},
                         {"Run", run_object},
                         {"Values", all_values},
                         {"Secrets", nlohmann::json::object()}};
  for (const auto& [id, value] : secrets) data["Secrets"][id] = value;
  if (late != nullptr) {
    ASSIGN_OR_RETURN(nlohmann::json steps, Object(late->steps, "steps"));
    data["Steps"] = std::move(steps);
    data["Matrix"] = nlohmann::json(late->matrix);
  }
  return DumpJson(data);
}

}  // namespace strake::tasks::file
