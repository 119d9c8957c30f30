#include "tasks/file/task_file.h"

#include <utility>

#include "tasks/file/decode_task.h"
#include "tasks/file/finish_task.h"
#include "tasks/file/lint.h"
#include "tasks/file/task_text.h"
#include "tasks/file/template.h"
#include "tasks/file/template_data.h"
#include "util/result_macros.h"
#include "util/strings.h"

namespace strake::tasks::file {
namespace {

// Renders what is known of `text`.
//   late  what a matrix or a run adds; fields of `later` stay as they are
Result<std::string> RenderLateText(const TaskSource& source,
                                   const SecretValues& secrets,
                                   const LateData& late,
                                   std::vector<std::string> later,
                                   const std::string& text) {
  if (text.find("{{") == std::string::npos) return text;
  ASSIGN_OR_RETURN(std::string data,
                   TemplateData(source.run, source.values, secrets, &late));
  TemplateOptions options;
  options.environment = source.environment;
  options.later = std::move(later);
  auto rendered = RenderTemplate(text, data, options);
  if (!rendered) {
    return std::move(rendered).error().Wrap(
        "unable to render task: error while rendering templates");
  }
  return std::move(rendered->text);
}

// Whoever writes strake's version and is not understood is told.
void CheckVersionIsSeen(const RawTask& raw, bool is_strake,
                        Problems& problems) {
  if (raw.task.is_strake() == is_strake) return;
  auto place = raw.places.find("version");
  problems.Add(place == raw.places.end() ? Place{1, 1} : place->second,
               "\"version: strake/v1\" has to begin a line, and to be the only "
               "version");
}

// What an alias stands for may have templates; the rest of the command has been
// rendered already.
Status ReplaceFirstWords(const TaskSource& source, const Aliases& aliases,
                         ReadTask& read, Problems& problems) {
  for (Step& step : read.task.steps) {
    auto first = FindFirstWord(step.cmd, aliases);
    if (!first) continue;
    auto rendered = RenderLateText(source, read.secrets, {"{}", step.matrix},
                                   {"Steps"}, first->value);
    if (!rendered) {
      return problems.Fail(step.places["cmd"], rendered.error().message());
    }
    step.cmd = *rendered + first->rest;
  }
  return {};
}

Result<ReadTask> Read(const TaskSource& source, Problems& problems) {
  ASSIGN_OR_RETURN(PreparedText prepared, PrepareText(source, problems));
  ReadTask read;
  ASSIGN_OR_RETURN(read.secrets, ResolveSecrets(source, prepared, problems));
  ASSIGN_OR_RETURN(MappedText text,
                   RenderText(source, prepared, read.secrets, problems));
  ASSIGN_OR_RETURN(ParsedText parsed,
                   ParseText(source, prepared, text, problems));
  Locator locator(source.text, parsed.hidden.text);
  Decoder decoder(locator, problems);
  decoder.set_is_strake(prepared.is_strake);
  auto render = [&](const std::string& late, const MatrixValues& matrix) {
    return RenderLateText(source, read.secrets, {"{}", matrix}, {"Steps"},
                          late);
  };
  RawTask raw = DecodeTask(parsed.root, render, decoder, problems);
  CheckVersionIsSeen(raw, prepared.is_strake, problems);
  // What has no right type has no value either that a rule could look at.
  RETURN_IF_ERROR(problems.First());
  read.task = FinishTask(std::move(raw),
                         {source.env, source.working_directory, source.run.os},
                         problems);
  RETURN_IF_ERROR(problems.First());
  if (prepared.has_aliases) {
    RETURN_IF_ERROR(
        ReplaceFirstWords(source, prepared.aliases, read, problems));
  }
  return read;
}

}  // namespace

Result<TaskText> RenderTaskFile(const TaskSource& source) {
  Problems problems(source.file);
  ASSIGN_OR_RETURN(PreparedText prepared, PrepareText(source, problems));
  TaskText result;
  ASSIGN_OR_RETURN(result.secrets, ResolveSecrets(source, prepared, problems));
  ASSIGN_OR_RETURN(MappedText text,
                   RenderText(source, prepared, result.secrets, problems));
  result.text = std::move(text.text);
  result.source_lines = std::move(text.lines);
  return result;
}

Result<ReadTask> ReadTaskFile(const TaskSource& source) {
  Problems problems(source.file);
  return Read(source, problems);
}

std::vector<Problem> LintTaskFile(const TaskSource& source) {
  Problems problems(source.file);
  auto read = Read(source, problems);
  // An error without a place is of the values, or of an alias in a command.
  if (!read && !problems.failed()) {
    problems.Add({1, 1}, read.error().message());
  }
  return problems.all();
}

Result<std::string> RenderLate(
    const TaskSource& source, const std::map<std::string, std::string>& secrets,
    const Step& step, const std::string& text, const std::string& steps) {
  return RenderLateText(source, secrets, {steps, step.matrix}, {}, text);
}

std::string TaskTextOfCommand(std::string_view command, int timeout_seconds) {
  std::string text = "version: v1.1.0\nsteps:\n  - cmd: |-\n";
  for (std::string_view line : Split(Trim(command), '\n')) {
    text += "      " + std::string(line) + "\n";
  }
  text += "    disableWorkingDirectoryOverride: true\n";
  if (timeout_seconds > 0) {
    text += "    timeout: " + std::to_string(timeout_seconds) + "\n";
  }
  return text;
}

}  // namespace strake::tasks::file
