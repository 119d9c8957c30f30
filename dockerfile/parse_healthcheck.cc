// HEALTHCHECK.

#include <string>
#include <utility>

#include "dockerfile/go_duration.h"
#include "dockerfile/instruction_parser.h"
#include "dockerfile/unicode.h"
#include "util/strings.h"

namespace strake::dockerfile {
namespace {

constexpr FlagSpec kHealthcheckFlags[] = {
    {"interval", FlagType::kString},     {"timeout", FlagType::kString},
    {"start-period", FlagType::kString}, {"start-interval", FlagType::kString},
    {"retries", FlagType::kString},
};

}  // namespace

std::chrono::nanoseconds InstructionParser::ParseInterval(
    const ParseFlagsResult& flags, std::string_view name) {
  const Flag* flag = flags.Find(name);
  if (flag == nullptr || flag->value.empty()) return {};
  auto duration = ParseGoDuration(flag->value);
  if (!duration) {
    Fail(duration.error().message(), flag->begin, flag->end,
         "a duration is written like 1m30s or 500ms");
    return {};
  }
  // The engine refuses less than a millisecond; zero is its own default.
  if (duration->count() != 0 && *duration < std::chrono::milliseconds(1)) {
    Fail("Interval " + GoQuote(name) + " cannot be less than 1ms", flag->begin,
         flag->end);
  }
  return *duration;
}

InstructionParser::Body InstructionParser::ParseHealthcheck() {
  std::string_view args = split_.args();
  if (args.empty()) {
    FailArgs("HEALTHCHECK requires at least one argument");
    return {};
  }
  size_t end = 0;
  while (end < args.size() && BlankLength(args, end) == 0) {
    end += CharLength(args, end);
  }
  std::string kind = ToUpper(args.substr(0, end));
  std::string_view rest = TrimLeftBlanks(args.substr(end));
  Healthcheck check;
  if (kind == "NONE") {
    WarnOfUnreadFlags("HEALTHCHECK NONE");
    if (!rest.empty()) FailArgs("HEALTHCHECK NONE takes no arguments");
    check.kind = Healthcheck::Kind::kNone;
    return check;
  }
  ParseFlagsResult flags = Flags(kHealthcheckFlags);
  if (kind != "CMD") {
    FailArgs("Unknown type " + GoQuote(kind) + " in HEALTHCHECK (try CMD)");
    return {};
  }
  auto command = Command(rest);
  if (!command) return {};
  check.command = std::move(*command);
  bool exec = check.command.form == CommandLine::Form::kExec;
  if (exec ? check.command.exec.empty() : check.command.shell.empty()) {
    FailArgs("Missing command after HEALTHCHECK CMD");
  }
  check.interval = ParseInterval(flags, "interval");
  check.timeout = ParseInterval(flags, "timeout");
  check.start_period = ParseInterval(flags, "start-period");
  check.start_interval = ParseInterval(flags, "start-interval");
  if (const Flag* retries = flags.Find("retries");
      retries != nullptr && !retries->value.empty()) {
    auto count = ParseInt(retries->value);
    if (!count || *count > INT32_MAX || *count < INT32_MIN) {
      Fail("--retries must be a number, not " + retries->value, retries->begin,
           retries->end);
    } else if (*count < 0) {
      Fail("--retries cannot be negative (" + retries->value + ")",
           retries->begin, retries->end);
    } else {
      check.retries = *count;
    }
  }
  return check;
}

}  // namespace strake::dockerfile
