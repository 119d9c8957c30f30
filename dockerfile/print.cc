#include "dockerfile/print.h"

#include <utility>

#include "util/strings.h"

namespace strake::dockerfile {
namespace {

std::string Lines(const SourceRange& range) {
  std::string text = std::to_string(range.start_line);
  if (range.end_line != range.start_line) {
    text += "-" + std::to_string(range.end_line);
  }
  return text;
}

std::string Place(const SourceRange& range) {
  if (!range.known()) return "-";
  return std::to_string(range.start_line) + ":" +
         std::to_string(range.start_column) + "-" +
         std::to_string(range.end_line) + ":" +
         std::to_string(range.end_column);
}

// Puts together what one instruction holds.
class Printer {
 public:
  std::string Take() { return std::move(out_); }

  void operator()(const From& from) {
    Value(from.base.text);
    if (from.platform) Named("platform", from.platform->text);
    if (from.name) Named(from.as_keyword, from.name->text);
  }
  void operator()(const Run& run) {
    Print(run.command);
    for (const Run::Mount& mount : run.mounts) Named("mount", mount.text);
    if (run.network == Run::Network::kHost) Flag("network=host");
    if (run.network == Run::Network::kNone) Flag("network=none");
    if (run.security == Run::Security::kInsecure) Flag("security=insecure");
    for (const Run::Device& device : run.devices) {
      Named(device.required ? "required-device" : "device", device.name);
    }
    for (const Heredoc& heredoc : run.heredocs) Print(heredoc);
    if (run.command.form == CommandLine::Form::kShell &&
        run.script != run.command.shell) {
      out_ += "\n      script " + GoQuote(run.script);
    }
    if (run.script_file) {
      out_ += "\n      file " + GoQuote(run.script_file->name) + " " +
              GoQuote(run.script_file->content);
    }
  }
  void operator()(const Copy& copy) {
    Print(static_cast<const CopySources&>(copy));
    if (copy.from) Named("from", copy.from->text);
    if (copy.parents) Flag("parents");
    for (const Heredoc& heredoc : copy.heredocs) Print(heredoc);
  }
  void operator()(const Add& add) {
    Print(static_cast<const CopySources&>(add));
    if (add.keep_git_dir) Bool("keep-git-dir", *add.keep_git_dir);
    if (add.checksum) Named("checksum", add.checksum->text);
    if (add.unpack) Bool("unpack", *add.unpack);
    for (const Heredoc& heredoc : add.heredocs) Print(heredoc);
  }
  void operator()(const Env& env) { Print(env.pairs, env.legacy_form); }
  void operator()(const Label& label) { Print(label.pairs, label.legacy_form); }
  void operator()(const Arg& arg) {
    for (const Arg::Entry& entry : arg.entries) {
      out_ += " " + GoQuote(entry.key);
      if (entry.value) out_ += "=" + GoQuote(*entry.value);
      if (!entry.doc_comment.empty()) {
        out_ += " (" + entry.doc_comment + ")";
      }
    }
  }
  void operator()(const Workdir& workdir) { Value(workdir.path); }
  void operator()(const User& user) { Value(user.user); }
  void operator()(const Expose& expose) {
    for (const Located& port : expose.ports) Value(port.text);
  }
  void operator()(const Volume& volume) {
    for (const std::string& path : volume.paths) Value(path);
  }
  void operator()(const Cmd& cmd) { Print(cmd.command); }
  void operator()(const Entrypoint& entrypoint) { Print(entrypoint.command); }
  void operator()(const Healthcheck& check) {
    if (check.kind == Healthcheck::Kind::kNone) {
      Flag("none");
      return;
    }
    Print(check.command);
    Duration("interval", check.interval);
    Duration("timeout", check.timeout);
    Duration("start-period", check.start_period);
    Duration("start-interval", check.start_interval);
    if (check.retries != 0) {
      Flag("retries=" + std::to_string(check.retries));
    }
  }
  void operator()(const Shell& shell) {
    for (const std::string& word : shell.argv) Value(word);
  }
  void operator()(const Stopsignal& signal) { Value(signal.signal); }
  void operator()(const Onbuild& onbuild) { Value(onbuild.trigger); }
  void operator()(const Maintainer& maintainer) { Value(maintainer.name); }

 private:
  void Value(std::string_view text) { out_ += " " + GoQuote(text); }
  void Named(std::string_view name, std::string_view text) {
    out_ += " " + std::string(name) + "=" + GoQuote(text);
  }
  void Flag(std::string_view text) { out_ += " " + std::string(text); }
  void Bool(std::string_view name, bool value) {
    out_ += " " + std::string(name) + (value ? "=true" : "=false");
  }
  void Duration(std::string_view name, std::chrono::nanoseconds value) {
    if (value.count() == 0) return;
    out_ +=
        " " + std::string(name) + "=" + std::to_string(value.count()) + "ns";
  }
  void Print(const CommandLine& command) {
    if (command.form == CommandLine::Form::kShell) {
      out_ += " shell " + GoQuote(command.shell);
      return;
    }
    out_ += " exec";
    for (const std::string& word : command.exec) Value(word);
  }
  void Print(const Heredoc& heredoc) {
    out_ += "\n      heredoc " + GoQuote(heredoc.name);
    if (heredoc.file_descriptor != 0) {
      out_ += " fd=" + std::to_string(heredoc.file_descriptor);
    }
    if (heredoc.chomp) out_ += " chomp";
    if (!heredoc.expand) out_ += " literal";
    out_ += " " + GoQuote(heredoc.content);
  }
  void Print(const CopySources& copy) {
    for (const Located& source : copy.sources) Value(source.text);
    out_ += " ->";
    Value(copy.destination.text);
    if (copy.chown) Named("chown", copy.chown->text);
    if (copy.chmod) Named("chmod", copy.chmod->text);
    if (copy.link) Flag("link");
    for (const std::string& pattern : copy.exclude) Named("exclude", pattern);
  }
  void Print(const std::vector<KeyValue>& pairs, bool legacy_form) {
    if (legacy_form) Flag("legacy");
    for (const KeyValue& pair : pairs) {
      out_ += " " + GoQuote(pair.key) + "=" + GoQuote(pair.value);
    }
  }

  std::string out_;
};

std::string PrintChecks(const InstructionChecks& checks) {
  std::string out;
  if (checks.skip_all) out += " skip=all";
  if (!checks.skip.empty()) out += " skip=" + Join(checks.skip, ",");
  if (checks.experimental_all) out += " experimental=all";
  if (!checks.experimental.empty()) {
    out += " experimental=" + Join(checks.experimental, ",");
  }
  return out.empty() ? out : "\n      check" + out;
}

}  // namespace

std::string Print(const Instruction& instruction) {
  Printer printer;
  std::visit(printer, instruction.body);
  return "  " + Lines(instruction.range) + " " +
         std::string(InstructionName(instruction.body)) + printer.Take() +
         PrintChecks(instruction.checks) + "\n";
}

std::string Print(const Dockerfile& file) {
  std::string out;
  const Directives& directives = file.directives;
  if (!directives.syntax.text.empty()) {
    out += "syntax " + GoQuote(directives.syntax.text) + "\n";
  }
  if (directives.escape != '\\') {
    out += std::string("escape ") + directives.escape + "\n";
  }
  if (!directives.check.text.empty()) {
    out += "check " + GoQuote(directives.check.text) + "\n";
  }
  if (!file.global_args.empty()) out += "global\n";
  for (const Instruction& arg : file.global_args) out += Print(arg);
  for (size_t i = 0; i < file.stages.size(); ++i) {
    const Stage& stage = file.stages[i];
    out += "stage " + std::to_string(i);
    if (!stage.name.empty()) out += " " + GoQuote(stage.name);
    if (!stage.doc_comment.empty()) out += " (" + stage.doc_comment + ")";
    out += "\n" + Print(stage.from);
    for (const Instruction& instruction : stage.instructions) {
      out += Print(instruction);
    }
  }
  return out;
}

std::string Print(const std::vector<Diagnostic>& diagnostics) {
  std::string out;
  for (const Diagnostic& diagnostic : diagnostics) {
    out += diagnostic.severity == Severity::kError ? "error " : "warning ";
    out += Place(diagnostic.range) + ": ";
    if (!diagnostic.rule.empty()) out += diagnostic.rule + ": ";
    out += diagnostic.message + "\n";
  }
  return out;
}

std::string Print(const ParseResult& result) {
  return Print(result.dockerfile) + Print(result.diagnostics);
}

}  // namespace strake::dockerfile
