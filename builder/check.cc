#include "builder/check.h"

#include <algorithm>
#include <set>
#include <utility>

#include "builder/build_plan.h"
#include "builder/plan/update_config.h"
#include "builder/progress_reporter.h"
#include "builder/read_dockerfile.h"
#include "builder/store.h"
#include "dockerfile/lint_rules.h"
#include "dockerfile/outline.h"
#include "util/json.h"
#include "util/result_macros.h"
#include "util/strings.h"
#include "util/suggest.h"

namespace strake::builder {
namespace {

using nlohmann::json;

Finding ToFinding(const dockerfile::Diagnostic& diagnostic) {
  Finding finding;
  finding.is_error = diagnostic.severity == dockerfile::Severity::kError;
  finding.rule = diagnostic.rule;
  finding.message = diagnostic.message;
  finding.first_line = diagnostic.range.start_line;
  finding.first_column = diagnostic.range.start_column;
  finding.last_line = diagnostic.range.end_line;
  finding.last_column = diagnostic.range.end_column;
  if (const auto* rule = dockerfile::FindLintRule(diagnostic.rule)) {
    finding.description = rule->description;
    finding.url = rule->url;
  }
  return finding;
}

// Stands for every image: nothing is known of it.
Result<plan::BaseImage> AssumeImage(const oci::Reference& reference,
                                    const oci::Platform& platform) {
  plan::BaseImage image;
  image.reference = reference;
  image.config = plan::ScratchConfig(platform);
  image.config_known = false;
  return image;
}

json PlaceJson(const Finding& finding) {
  json start = {{"line", finding.first_line}};
  json end = {{"line", finding.last_line}};
  if (finding.first_column > 0) start["character"] = finding.first_column - 1;
  if (finding.last_column > 0) end["character"] = finding.last_column - 1;
  return json::array({{{"start", start}, {"end", end}}});
}

json SarifResult(const CheckReport& report, const Finding& finding) {
  json region = {{"startLine", std::max(1, finding.first_line)}};
  if (finding.first_column > 0) region["startColumn"] = finding.first_column;
  if (finding.last_line >= finding.first_line && finding.last_line > 0) {
    region["endLine"] = finding.last_line;
    if (finding.last_column > 0) region["endColumn"] = finding.last_column;
  }
  return {{"ruleId", finding.is_error ? "SyntaxError" : finding.rule},
          {"level", finding.is_error ? "error" : "warning"},
          {"message", {{"text", finding.message}}},
          {"locations",
           json::array({{{"physicalLocation",
                          {{"artifactLocation", {{"uri", report.filename}}},
                           {"region", region}}}}})}};
}

Result<DockerfileSource> ReadSource(const BuildOptions& options) {
  ASSIGN_OR_RETURN(Store store, Store::Open(options.store_directory));
  std::optional<std::string> text = options.dockerfile_text;
  ASSIGN_OR_RETURN(context::ContextMap contexts,
                   OpenContexts(options, store, text));
  ASSIGN_OR_RETURN(DockerfileSource source,
                   ReadDockerfile(options, contexts.at(""), text));
  if (HasErrors(source.diagnostics)) {
    return InvalidArgument(
        FormatDiagnostics(source.diagnostics, source.name, source.text));
  }
  return source;
}

}  // namespace

Result<CheckReport> Check(const BuildOptions& options, CheckImages images) {
  ASSIGN_OR_RETURN(Store store, Store::Open(options.store_directory));
  std::optional<std::string> text = options.dockerfile_text;
  ASSIGN_OR_RETURN(context::ContextMap contexts,
                   OpenContexts(options, store, text));
  ASSIGN_OR_RETURN(DockerfileSource source,
                   ReadDockerfile(options, contexts.at(""), text));
  CheckReport report;
  report.filename = source.name;
  report.text = source.text;
  ASSIGN_OR_RETURN(plan::PlanOptions plan_options,
                   MakePlanOptions(options, source, contexts));
  plan_options.all_stages = options.target.empty();

  std::vector<dockerfile::Diagnostic> diagnostics;
  if (HasErrors(source.diagnostics)) {
    diagnostics = source.diagnostics;
  } else {
    ProgressReporter progress(options.progress);
    registry::Client client(options.registry);
    context::ImageSource image_source(client, store.layout(),
                                      context::ImageSource::Policy::kStoreFirst,
                                      progress, options.stop);
    auto plan = MakeBuildPlan(source, plan_options,
                              images == CheckImages::kAssume
                                  ? plan::ImageResolver(AssumeImage)
                                  : ResolveFrom(image_source),
                              diagnostics);
    if (!plan && !HasErrors(diagnostics)) return std::move(plan).error();
  }
  bool any_error = HasErrors(diagnostics);
  report.fails = any_error || (plan_options.lint.error && !diagnostics.empty());
  for (const dockerfile::Diagnostic& diagnostic : diagnostics) {
    report.findings.push_back(ToFinding(diagnostic));
  }
  return report;
}

std::string CheckText(const CheckReport& report) {
  std::string text;
  for (const Finding& finding : report.findings) {
    if (!text.empty()) text += "\n";
    if (!finding.is_error) {
      text += "WARNING: " + finding.rule;
      if (!finding.url.empty()) text += " - " + finding.url;
      text += "\n" + finding.description + "\n";
    }
    dockerfile::Diagnostic diagnostic;
    diagnostic.severity = finding.is_error ? dockerfile::Severity::kError
                                           : dockerfile::Severity::kWarning;
    diagnostic.rule = finding.rule;
    diagnostic.message = finding.message;
    diagnostic.range = {finding.first_line, finding.first_column,
                        finding.last_line, finding.last_column};
    text += FormatDiagnostic(diagnostic, report.filename, report.text);
  }
  return text;
}

std::string CheckJson(const CheckReport& report) {
  json warnings = json::array();
  json document = json::object();
  for (const Finding& finding : report.findings) {
    json location = {{"sourceIndex", 0}, {"ranges", PlaceJson(finding)}};
    if (finding.is_error) {
      document["buildError"] = {{"message", finding.message},
                                {"location", location}};
      continue;
    }
    json warning = {{"ruleName", finding.rule},
                    {"description", finding.description},
                    {"detail", finding.message},
                    {"location", location}};
    if (!finding.url.empty()) warning["url"] = finding.url;
    warnings.push_back(std::move(warning));
  }
  document["warnings"] = warnings.empty() ? json() : std::move(warnings);
  document["sources"] = json::array({{{"filename", report.filename},
                                      {"language", "Dockerfile"},
                                      {"data", Base64Encode(report.text)}}});
  return DumpJsonPretty(document) + "\n";
}

std::string CheckSarif(const std::vector<CheckReport>& reports) {
  json rules = json::array();
  rules.push_back(
      {{"id", "SyntaxError"},
       {"shortDescription", {{"text", "The Dockerfile is wrong"}}}});
  for (const dockerfile::LintRule& rule : dockerfile::LintRules()) {
    json entry = {
        {"id", std::string(rule.name)},
        {"shortDescription", {{"text", std::string(rule.description)}}}};
    if (!rule.url.empty()) entry["helpUri"] = std::string(rule.url);
    rules.push_back(std::move(entry));
  }
  json results = json::array();
  for (const CheckReport& report : reports) {
    for (const Finding& finding : report.findings) {
      results.push_back(SarifResult(report, finding));
    }
  }
  json document = {
      {"$schema", "https://json.schemastore.org/sarif-2.1.0.json"},
      {"version", "2.1.0"},
      {"runs",
       json::array(
           {{{"tool", {{"driver", {{"name", "strake"}, {"rules", rules}}}}},
             {"results", results}}})}};
  return DumpJsonPretty(document) + "\n";
}

Result<std::string> ListTargets(const BuildOptions& options,
                                CallFormat format) {
  ASSIGN_OR_RETURN(DockerfileSource source, ReadSource(options));
  auto targets = dockerfile::ListTargets(source.file);
  return format == CallFormat::kJson
             ? dockerfile::TargetsJson(targets, source.text)
             : dockerfile::FormatTargets(targets);
}

Result<std::string> Outline(const BuildOptions& options, CallFormat format) {
  ASSIGN_OR_RETURN(DockerfileSource source, ReadSource(options));
  auto target = source.file.FindTarget(options.target);
  if (!target) {
    std::vector<std::string> names;
    for (const dockerfile::Stage& stage : source.file.stages) {
      names.push_back(stage.name);
    }
    return InvalidArgument("target stage \"" + options.target +
                           "\" could not be found in " + source.name +
                           DidYouMean(options.target, names));
  }
  dockerfile::BuildArgs args;
  for (const auto& [name, value] : options.build_args) args[name] = value;
  auto outline = dockerfile::MakeOutline(source.file, *target, args);
  return format == CallFormat::kJson
             ? dockerfile::OutlineJson(outline, source.text)
             : dockerfile::FormatOutline(outline);
}

}  // namespace strake::builder
