#include "dockerfile/check_report.h"

#include <algorithm>
#include <cstdio>
#include <utility>

#include "dockerfile/lint_rules.h"
#include "util/json.h"
#include "util/strings.h"

namespace strake::dockerfile {
namespace {

using nlohmann::json;

// Findings without a rule of their own.
constexpr std::string_view kParseError = "ParseError";
constexpr std::string_view kParseWarning = "ParseWarning";

bool IsError(const Diagnostic& finding) {
  return finding.severity == Severity::kError;
}

std::string_view RuleOf(const Diagnostic& finding) {
  if (!finding.rule.empty()) return finding.rule;
  return IsError(finding) ? kParseError : kParseWarning;
}

std::string Count(size_t count, const std::string& noun) {
  return std::to_string(count) + " " + noun + (count == 1 ? "" : "s");
}

json LocationJson(const SourceRange& range) {
  json ranges = json::array();
  if (range.known()) {
    ranges.push_back({{"start", {{"line", range.start_line}}},
                      {"end", {{"line", range.end_line}}}});
  }
  return {{"ranges", std::move(ranges)}};
}

json WarningJson(const Diagnostic& finding) {
  json warning = {{"ruleName", RuleOf(finding)},
                  {"detail", finding.message},
                  {"location", LocationJson(finding.range)}};
  if (const LintRule* rule = FindLintRule(finding.rule)) {
    warning["description"] = rule->description;
    if (!rule->url.empty()) warning["url"] = rule->url;
  }
  return warning;
}

// A relative path as a URI reference.
std::string PathToUri(std::string_view path) {
  std::string uri;
  for (char c : path) {
    bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                 (c >= '0' && c <= '9') ||
                 std::string_view("-._~/").find(c) != std::string_view::npos;
    if (plain) {
      uri += c;
    } else {
      char buffer[8];
      std::snprintf(buffer, sizeof buffer, "%%%02X",
                    static_cast<unsigned>(static_cast<unsigned char>(c)));
      uri += buffer;
    }
  }
  return uri;
}

// Column `column` of line `number`, which counts bytes, in code points.
int CodePointColumn(std::string_view text, int number, int column) {
  for (int line = 1; line < number; ++line) {
    size_t end = text.find('\n');
    if (end == std::string_view::npos) return column;
    text.remove_prefix(end + 1);
  }
  int points = 1;
  for (int i = 0; i + 1 < column; ++i) {
    size_t at = static_cast<size_t>(i);
    bool inside = at < text.size() &&
                  (static_cast<unsigned char>(text[at]) & 0xc0) == 0x80;
    if (!inside) ++points;
  }
  return points;
}

json RegionJson(const SourceRange& range, std::string_view text) {
  return {
      {"startLine", range.start_line},
      {"startColumn",
       CodePointColumn(text, range.start_line, range.start_column)},
      {"endLine", range.end_line},
      {"endColumn", CodePointColumn(text, range.end_line, range.end_column)}};
}

json ResultJson(const CheckedFile& file, const Diagnostic& finding) {
  json place = {{"artifactLocation", {{"uri", PathToUri(file.filename)}}}};
  if (finding.range.known()) {
    place["region"] = RegionJson(finding.range, file.text);
  }
  json location = {{"physicalLocation", std::move(place)}};
  std::string message = finding.message;
  if (!finding.hint.empty()) message += " (" + finding.hint + ")";
  return {{"ruleId", RuleOf(finding)},
          {"level", IsError(finding) ? "error" : "warning"},
          {"message", {{"text", message}}},
          {"locations", json::array({std::move(location)})}};
}

json RuleJson(std::string_view name, std::string_view description,
              std::string_view url) {
  json rule = {{"id", name}, {"shortDescription", {{"text", description}}}};
  if (!url.empty()) rule["helpUri"] = url;
  return rule;
}

json RulesJson() {
  json rules = json::array();
  for (const LintRule& rule : LintRules()) {
    rules.push_back(RuleJson(rule.name, rule.description, rule.url));
  }
  rules.push_back(
      RuleJson(kParseError, "The Dockerfile cannot be built as it is", ""));
  rules.push_back(
      RuleJson(kParseWarning, "Something in the Dockerfile has no effect", ""));
  return rules;
}

// What the rule is about and where its page is, as buildx says it.
std::string RuleHeading(const Diagnostic& finding) {
  const LintRule* rule = FindLintRule(finding.rule);
  if (rule == nullptr) return "";
  std::string heading = "WARNING: " + std::string(rule->name);
  if (!rule->url.empty()) heading += " - " + std::string(rule->url);
  return heading + "\n" + std::string(rule->description) + "\n";
}

}  // namespace

std::string FormatCheckReport(std::span<const CheckedFile> files) {
  std::string out;
  size_t errors = 0, warnings = 0;
  for (const CheckedFile& file : files) {
    for (const Diagnostic& finding : file.found) {
      out += RuleHeading(finding) +
             FormatDiagnostic(finding, file.filename, file.text) + "\n";
      ++(IsError(finding) ? errors : warnings);
    }
  }
  if (errors > 0) {
    return out + "Check failed: " + Count(errors, "error") + ", " +
           Count(warnings, "warning") + "\n";
  }
  if (warnings == 0) return "Check complete, no warnings found.\n";
  return out + "Check complete, " + Count(warnings, "warning") +
         (warnings == 1 ? " has" : " have") + " been found!\n";
}

std::string CheckReportJson(const CheckedFile& file) {
  json warnings = json::array();
  json document = {
      {"sources", json::array({{{"filename", file.filename},
                                {"language", "Dockerfile"},
                                {"data", Base64Encode(file.text)}}})}};
  for (const Diagnostic& finding : file.found) {
    if (!IsError(finding)) {
      warnings.push_back(WarningJson(finding));
    } else if (!document.contains("buildError")) {
      document["buildError"] = {{"message", finding.message},
                                {"location", LocationJson(finding.range)}};
    }
  }
  document["warnings"] = std::move(warnings);
  return DumpJsonPretty(document) + "\n";
}

std::string SarifReport(std::span<const CheckedFile> files,
                        std::string_view tool_version) {
  json results = json::array();
  for (const CheckedFile& file : files) {
    for (const Diagnostic& finding : file.found) {
      results.push_back(ResultJson(file, finding));
    }
  }
  json driver = {
      {"name", "strake"}, {"version", tool_version}, {"rules", RulesJson()}};
  json run = {{"tool", {{"driver", std::move(driver)}}},
              {"columnKind", "unicodeCodePoints"},
              {"results", std::move(results)}};
  return DumpJsonPretty(
             {{"$schema", "https://json.schemastore.org/sarif-2.1.0.json"},
              {"version", "2.1.0"},
              {"runs", json::array({std::move(run)})}}) +
         "\n";
}

}  // namespace strake::dockerfile
