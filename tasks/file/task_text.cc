#include "tasks/file/task_text.h"

#include <optional>
#include <utility>
#include <vector>

#include "tasks/file/check_declarations.h"
#include "tasks/file/decode_task.h"
#include "tasks/file/template.h"
#include "tasks/file/template_data.h"
#include "util/result_macros.h"
#include "util/strings.h"

namespace strake::tasks::file {
namespace {

constexpr std::string_view kTemplateName = "task";

TemplateOptions OptionsFor(const TaskSource& source, bool is_strake) {
  TemplateOptions options;
  options.name = kTemplateName;
  options.environment = source.environment;
  if (is_strake) options.later = {"Steps", "Matrix"};
  return options;
}

// What an engine's error says, and where.
struct TemplateError {
  bool is_parse = false;
  int line = 1;
  int column = 1;
  std::string what;
};

// "failed to parse template: task:3:7: what is wrong".
TemplateError TakeApart(const std::string& message) {
  constexpr std::string_view kParse = "failed to parse template: ";
  constexpr std::string_view kExecute = "failed to execute template: ";
  TemplateError error;
  error.is_parse = message.starts_with(kParse);
  std::string_view rest = message;
  if (error.is_parse) rest.remove_prefix(kParse.size());
  if (rest.starts_with(kExecute)) rest.remove_prefix(kExecute.size());
  error.what = rest;
  auto name = SplitOnce(rest, ':');
  if (!name || name->first != kTemplateName) return error;
  auto line = SplitOnce(name->second, ':');
  if (!line) return error;
  auto column = SplitOnce(line->second, ':');
  if (!column) return error;
  error.line = static_cast<int>(ParseUint(line->first).value_or(1));
  error.column = static_cast<int>(ParseUint(column->first).value_or(1));
  error.what = TrimLeft(column->second);
  return error;
}

// Renders, and brings the places of the result back to the file.
Result<MappedText> RenderMapped(const MappedText& text, const std::string& data,
                                const TemplateOptions& options,
                                std::string_view file, std::string_view prefix,
                                Problems& problems) {
  auto rendered = RenderTemplate(text.text, data, options);
  if (!rendered) {
    TemplateError error = TakeApart(rendered.error().message());
    std::string message(prefix);
    message += error.is_parse ? "failed to parse template: " + problems.file() +
                                    ". Err: " + error.what
                              : "failed to execute template: " + error.what;
    return problems.Fail(Locator(file, text).Locate(error.line, error.column),
                         message);
  }
  MappedText mapped;
  mapped.text = std::move(rendered->text);
  for (int line : rendered->source_lines) {
    mapped.lines.push_back(SourceLine(text, line));
  }
  return mapped;
}

Status AddAliases(const TaskSource& source, PreparedText& prepared,
                  Problems& problems) {
  AliasBlock cut = CutAliasBlock(prepared.text);
  ASSIGN_OR_RETURN(std::string data,
                   TemplateData(source.run, source.values, {}));
  ASSIGN_OR_RETURN(
      MappedText block,
      RenderMapped(cut.block, data, OptionsFor(source, false), source.text,
                   "unable to render alias data: ", problems));
  AliasSources sources{source.directory, source.run.os, source.fetch};
  ASSIGN_OR_RETURN(prepared.aliases,
                   ReadAliases(block, source.text, sources, problems));
  prepared.has_aliases = true;
  prepared.text = ReplaceAliases(cut.rest, prepared.aliases);
  return {};
}

Result<std::string> ValueOf(const TaskSource& source, const Secret& secret,
                            Problems& problems) {
  auto value = source.secret(secret);
  if (value) return value;
  return problems.Fail(
      secret.place,
      "unable to render task: failed to resolve secrets in the "
      "task with error: " +
          value.error().message());
}

}  // namespace

Result<PreparedText> PrepareText(const TaskSource& source, Problems& problems) {
  PreparedText prepared;
  prepared.text = WithoutCommentLines(source.text);
  std::string version = FindVersion(prepared.text.text);
  prepared.is_strake = version == "strake/v1";
  if (source.aliases || VersionHasAliases(version)) {
    RETURN_IF_ERROR(AddAliases(source, prepared, problems));
  }
  return prepared;
}

Result<MappedText> RenderText(const TaskSource& source,
                              const PreparedText& prepared,
                              const SecretValues& secrets, Problems& problems) {
  ASSIGN_OR_RETURN(std::string data,
                   TemplateData(source.run, source.values, secrets));
  ASSIGN_OR_RETURN(
      MappedText text,
      RenderMapped(prepared.text, data, OptionsFor(source, prepared.is_strake),
                   source.text,
                   "unable to render task: error while rendering templates: ",
                   problems));
  if (text.text.empty()) {
    return problems.Fail({1, 1}, "rendered template was empty");
  }
  return text;
}

Result<ParsedText> ParseText(const TaskSource& source,
                             const PreparedText& prepared,
                             const MappedText& text, Problems& problems) {
  ParsedText parsed;
  if (prepared.is_strake) {
    parsed.hidden = HideActions(text);
  } else {
    parsed.hidden.text = text;
  }
  YamlMark failed;
  auto root = ParseYaml(parsed.hidden.text.text, DuplicateKeys::kKeep, &failed);
  if (!root) {
    Locator locator(source.text, parsed.hidden.text);
    return problems.Fail(locator.Locate(failed.line, failed.column),
                         "yaml: " + root.error().message());
  }
  parsed.root = std::move(*root);
  ShowActions(parsed.hidden, parsed.root);
  return parsed;
}

Result<SecretValues> ResolveSecrets(const TaskSource& source,
                                    const PreparedText& prepared,
                                    Problems& problems) {
  SecretValues values;
  if (!source.secret ||
      prepared.text.text.find("secrets") == std::string::npos) {
    return values;
  }
  ASSIGN_OR_RETURN(MappedText text, RenderText(source, prepared, {}, problems));
  ASSIGN_OR_RETURN(ParsedText parsed,
                   ParseText(source, prepared, text, problems));
  Locator locator(source.text, parsed.hidden.text);
  // Warnings come with the second reading.
  Problems first(problems.file());
  Decoder decoder(locator, first);
  decoder.set_is_strake(prepared.is_strake);
  std::vector<Secret> secrets = DecodeSecrets(parsed.root, decoder);
  RETURN_IF_ERROR(first.First());
  CheckSecrets(secrets, prepared.is_strake, first);
  RETURN_IF_ERROR(first.First());
  for (Secret& secret : secrets) {
    secret.keyvault = ToLower(secret.keyvault);
    ASSIGN_OR_RETURN(values[secret.id], ValueOf(source, secret, problems));
  }
  return values;
}

}  // namespace strake::tasks::file
