// RUN: its flags, and what the shell gets to see of heredocs.

#include <string>
#include <utility>

#include "dockerfile/csv.h"
#include "dockerfile/expand.h"
#include "dockerfile/instruction_parser.h"
#include "dockerfile/run_mount.h"
#include "util/strings.h"
#include "util/suggest.h"

namespace strake::dockerfile {
namespace {

constexpr FlagSpec kRunFlags[] = {
    {"mount", FlagType::kStrings},
    {"network", FlagType::kString},
    {"security", FlagType::kString},
    {"device", FlagType::kStrings},
};

// Fills in `script` and `script_file` from the command and its heredocs.
void AssembleScript(const std::vector<HeredocBody>& heredocs, Run& run) {
  run.script = run.command.shell;
  if (heredocs.empty()) return;
  auto only = ParseHeredocWord(run.command.shell);
  if (!only || !only->has_value()) {
    for (const HeredocBody& heredoc : heredocs) {
      run.script += "\n" + heredoc.raw_content + heredoc.doc.name;
    }
    return;
  }
  const HeredocBody& body = heredocs[0];
  if (body.raw_content.compare(0, 2, "#!") == 0) {
    run.script_file = {.name = body.doc.name, .content = body.doc.content};
    run.script = CleanPath("/dev/pipes/" + body.doc.name);
  } else {
    run.script = body.doc.content;
  }
}

}  // namespace

bool InstructionParser::ParseNetwork(const Flag& flag, Run& run) {
  if (flag.value == "default") {
    run.network = Run::Network::kDefault;
  } else if (flag.value == "none") {
    run.network = Run::Network::kNone;
  } else if (flag.value == "host") {
    run.network = Run::Network::kHost;
  } else {
    return Fail("network mode " + GoQuote(flag.value) + " is not valid" +
                    DidYouMean(flag.value, {"default", "none", "host"}),
                flag.begin, flag.end, "use default, none or host");
  }
  return true;
}

bool InstructionParser::ParseSecurity(const Flag& flag, Run& run) {
  if (flag.value == "sandbox") {
    run.security = Run::Security::kSandbox;
  } else if (flag.value == "insecure") {
    run.security = Run::Security::kInsecure;
  } else {
    return Fail("security " + GoQuote(flag.value) + " is not valid" +
                    DidYouMean(flag.value, {"sandbox", "insecure"}),
                flag.begin, flag.end, "use sandbox or insecure");
  }
  return true;
}

bool InstructionParser::ParseDevice(const Flag& flag, Run& run) {
  Run::Device device{
      .name = {}, .required = false, .range = RangeOf(flag.begin, flag.end)};
  auto fail = [&](std::string message) {
    return Fail(std::move(message), flag.begin, flag.end);
  };
  auto fields = SplitCsv(flag.value);
  if (!fields) {
    return fail("failed to parse csv devices: " + fields.error().message());
  }
  for (const std::string& field : *fields) {
    auto split = SplitOnce(field, '=');
    std::string key = ToLower(split ? split->first : field);
    if (key == "required") {
      std::string value = split ? ToLower(split->second) : "true";
      if (value != "true" && value != "false" && value != "1" && value != "0") {
        return fail("invalid value for required: " + value);
      }
      device.required = value == "true" || value == "1";
    } else if (key == "name" && split) {
      if (!device.name.empty()) {
        return fail("device name already set to " + device.name);
      }
      device.name = split->second;
    } else if (device.name.empty()) {
      // A device's own name may hold "=": vendor.com/class=name.
      device.name = field;
    } else if (split) {
      return fail("unexpected key '" + key + "' in '" + field + "'" +
                  DidYouMean(key, {"name", "required"}));
    } else {
      return fail("invalid field '" + field + "' must be a key=value pair");
    }
  }
  run.devices.push_back(std::move(device));
  return true;
}

// Reports what is certain to fail, whatever the variables are.
void InstructionParser::CheckMount(const Flag& flag) {
  // Without variables expansion only removes quotes and escapes. With them,
  // only the list itself and `from`, which never expands, can be judged.
  auto expand = [&](std::string_view value) -> Result<std::string> {
    auto expanded = ExpandWord(value, {}, escape_);
    if (!expanded) return std::move(expanded).error();
    return std::move(expanded->text);
  };
  std::optional<Error> error;
  if (!RunMountHasVariables(flag.value)) {
    auto mount = ParseRunMount(flag.value, expand);
    if (!mount) error = std::move(mount).error();
  } else {
    auto checked = CheckRunMountFrom(flag.value);
    if (!checked) error = std::move(checked).error();
  }
  if (error) Fail(error->message(), flag.begin, flag.end);
}

InstructionParser::Body InstructionParser::ParseRun() {
  ParseFlagsResult flags = Flags(kRunFlags);
  auto command = Command(split_.args());
  if (!command) return {};
  Run run;
  run.command = std::move(*command);
  for (const Flag& flag : flags.flags) {
    if (flag.name == "mount") {
      CheckMount(flag);
      run.mounts.push_back(
          {.text = flag.value, .range = RangeOf(flag.begin, flag.end)});
    } else if (flag.name == "network") {
      ParseNetwork(flag, run);
    } else if (flag.name == "security") {
      ParseSecurity(flag, run);
    } else {
      ParseDevice(flag, run);
    }
  }
  if (run.command.form == CommandLine::Form::kShell) {
    for (const HeredocBody& heredoc : heredocs_) {
      run.heredocs.push_back(heredoc.doc);
    }
    AssembleScript(heredocs_, run);
  }
  return run;
}

}  // namespace strake::dockerfile
