// Targets and outlines as text and JSON.

#include <algorithm>
#include <utility>

#include "dockerfile/outline.h"
#include "util/json.h"
#include "util/strings.h"

namespace strake::dockerfile {
namespace {

// Rows as columns that line up, the last one unpadded.
std::string FormatTable(const std::vector<std::vector<std::string>>& rows) {
  std::vector<size_t> widths;
  for (const auto& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (size_t i = 0; i < row.size(); ++i) {
      widths[i] = std::max(widths[i], row[i].size());
    }
  }
  std::string out;
  for (const auto& row : rows) {
    std::string line;
    for (size_t i = 0; i < row.size(); ++i) {
      line += row[i] + std::string(widths[i] - row[i].size() + 3, ' ');
    }
    out += std::string(TrimRight(line)) + "\n";
  }
  return out;
}

nlohmann::json LocationJson(const SourceRange& range) {
  nlohmann::json place = {{"start", {{"line", range.start_line}}},
                          {"end", {{"line", range.end_line}}}};
  return {{"ranges", nlohmann::json::array({std::move(place)})}};
}

nlohmann::json SecretsJson(const std::vector<OutlineSecret>& list,
                           const char* name_key) {
  nlohmann::json out = nlohmann::json::array();
  for (const OutlineSecret& secret : list) {
    nlohmann::json entry = {{name_key, secret.name},
                            {"location", LocationJson(secret.range)}};
    if (secret.required) entry["required"] = true;
    out.push_back(std::move(entry));
  }
  return out;
}

std::vector<std::vector<std::string>> SecretRows(
    const char* title, const std::vector<OutlineSecret>& list) {
  std::vector<std::vector<std::string>> rows = {{title, "REQUIRED"}};
  for (const OutlineSecret& secret : list) {
    rows.push_back({secret.name, secret.required ? "true" : ""});
  }
  return rows;
}

}  // namespace

std::string FormatTargets(const std::vector<Target>& targets) {
  std::vector<std::vector<std::string>> rows = {{"TARGET", "DESCRIPTION"}};
  for (const Target& target : targets) {
    std::string name = target.name;
    if (target.is_default) name += name.empty() ? "(default)" : " (default)";
    // A stage without a name can only be built as the last one.
    if (!name.empty()) rows.push_back({name, target.description});
  }
  return FormatTable(rows);
}

std::string FormatOutline(const Outline& outline) {
  std::string out;
  if (!outline.name.empty()) out += "TARGET:      " + outline.name + "\n";
  if (!outline.description.empty()) {
    out += "DESCRIPTION: " + outline.description + "\n";
  }
  auto add_table = [&](const std::vector<std::vector<std::string>>& rows) {
    if (!out.empty()) out += "\n";
    out += FormatTable(rows);
  };
  if (!outline.args.empty()) {
    std::vector<std::vector<std::string>> rows = {
        {"BUILD ARG", "VALUE", "DESCRIPTION"}};
    for (const OutlineArg& arg : outline.args) {
      rows.push_back({arg.name, arg.value.value_or(""), arg.description});
    }
    add_table(rows);
  }
  if (!outline.secrets.empty()) {
    add_table(SecretRows("SECRET", outline.secrets));
  }
  if (!outline.ssh.empty()) add_table(SecretRows("SSH", outline.ssh));
  if (!outline.caches.empty()) {
    std::vector<std::vector<std::string>> rows = {{"CACHE"}};
    for (const OutlineSecret& cache : outline.caches) {
      rows.push_back({cache.name});
    }
    add_table(rows);
  }
  return out;
}

std::string TargetsJson(const std::vector<Target>& targets,
                        std::string_view source) {
  nlohmann::json list = nlohmann::json::array();
  for (const Target& target : targets) {
    nlohmann::json entry = {{"base", target.base},
                            {"location", LocationJson(target.range)}};
    if (!target.name.empty()) entry["name"] = target.name;
    if (target.is_default) entry["default"] = true;
    if (!target.description.empty()) {
      entry["description"] = target.description;
    }
    if (!target.platform.empty()) entry["platform"] = target.platform;
    list.push_back(std::move(entry));
  }
  return DumpJsonPretty(
             {{"targets", std::move(list)},
              {"sources", nlohmann::json::array({Base64Encode(source)})}}) +
         "\n";
}

std::string OutlineJson(const Outline& outline, std::string_view source) {
  nlohmann::json args = nlohmann::json::array();
  for (const OutlineArg& arg : outline.args) {
    nlohmann::json entry = {{"name", arg.name},
                            {"location", LocationJson(arg.range)}};
    if (arg.value) entry["value"] = *arg.value;
    if (!arg.description.empty()) entry["description"] = arg.description;
    args.push_back(std::move(entry));
  }
  nlohmann::json document = {
      {"sources", nlohmann::json::array({Base64Encode(source)})}};
  if (!outline.name.empty()) document["name"] = outline.name;
  if (!outline.description.empty()) {
    document["description"] = outline.description;
  }
  if (!args.empty()) document["args"] = std::move(args);
  if (!outline.secrets.empty()) {
    document["secrets"] = SecretsJson(outline.secrets, "name");
  }
  if (!outline.ssh.empty()) document["ssh"] = SecretsJson(outline.ssh, "name");
  if (!outline.caches.empty()) {
    document["cache"] = SecretsJson(outline.caches, "ID");
  }
  return DumpJsonPretty(document) + "\n";
}

}  // namespace strake::dockerfile
