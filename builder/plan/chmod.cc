#include "builder/plan/chmod.h"

#include <sys/stat.h>

#include <string>
#include <utility>

#include "util/result_macros.h"
#include "util/strings.h"

namespace strake::builder::plan {
namespace {

constexpr uint32_t kUser = S_ISUID | S_IRWXU;
constexpr uint32_t kGroup = S_ISGID | S_IRWXG;
constexpr uint32_t kOther = S_IRWXO;
constexpr uint32_t kAll = kUser | kGroup | kOther;
constexpr uint32_t kExecute = S_IXUSR | S_IXGRP | S_IXOTH;

Error Bad(std::string_view text, std::string_view why) {
  return InvalidArgument("invalid --chmod " + GoQuote(text) + ": " +
                         std::string(why));
}

// The rwx bits of class `from`, in all three classes.
uint32_t Spread(uint32_t mode, char from) {
  uint32_t bits = from == 'u' ? mode >> 6 : from == 'g' ? mode >> 3 : mode;
  bits &= 07;
  return bits << 6 | bits << 3 | bits;
}

}  // namespace

Result<Chmod> Chmod::Parse(std::string_view text) {
  Chmod parsed;
  if (text.empty()) return Bad(text, "empty");
  if (text[0] >= '0' && text[0] <= '9') {
    auto octal = ParseUint(text, 8);
    if (!octal || *octal > 07777) {
      return Bad(text, "it should be an octal number from 0 to 07777");
    }
    parsed.octal_ = static_cast<uint32_t>(*octal);
    return parsed;
  }
  for (std::string_view clause : Split(text, ',')) {
    RETURN_IF_ERROR(parsed.ParseClause(text, clause));
  }
  return parsed;
}

// One clause, `[ugoa]*` and then any number of operators with permissions.
Status Chmod::ParseClause(std::string_view text, std::string_view clause) {
  size_t at = 0;
  uint32_t who = 0;
  for (; at < clause.size(); ++at) {
    if (clause[at] == 'u') {
      who |= kUser;
    } else if (clause[at] == 'g') {
      who |= kGroup;
    } else if (clause[at] == 'o') {
      who |= kOther;
    } else if (clause[at] == 'a') {
      who |= kAll;
    } else {
      break;
    }
  }
  if (at == clause.size()) {
    return Bad(text, "an operator is missing: '+', '-' or '='");
  }
  bool only_other = who == kOther;
  if (who == 0) who = kAll;
  while (at < clause.size()) {
    Step step;
    step.op = clause[at++];
    step.who = who;
    if (step.op != '+' && step.op != '-' && step.op != '=') {
      return Bad(text, "'" + std::string(1, step.op) +
                           "' where '+', '-' or '=' should be");
    }
    for (; at < clause.size(); ++at) {
      char c = clause[at];
      if (c == '+' || c == '-' || c == '=') break;
      if (c == 'r') {
        step.bits |= S_IRUSR | S_IRGRP | S_IROTH;
      } else if (c == 'w') {
        step.bits |= S_IWUSR | S_IWGRP | S_IWOTH;
      } else if (c == 'x') {
        step.bits |= kExecute;
      } else if (c == 'X') {
        step.execute_if = true;
      } else if (c == 's') {
        if (!only_other) step.bits |= S_ISUID | S_ISGID;
      } else if (c == 't') {
        if (!only_other) {
          step.who |= S_ISVTX;
          step.bits |= S_ISVTX;
        }
      } else if (c == 'u' || c == 'g' || c == 'o') {
        step.copy += c;
      } else {
        return Bad(text, "'" + std::string(1, c) + "' is no permission");
      }
    }
    steps_.push_back(std::move(step));
  }
  return {};
}

uint32_t Chmod::Apply(uint32_t mode) const {
  if (octal_) return *octal_;
  bool may_execute = S_ISDIR(mode) || (mode & kExecute) != 0;
  uint32_t result = mode & 07777;
  for (const Step& step : steps_) {
    uint32_t bits = step.bits;
    if (step.execute_if && may_execute) bits |= kExecute;
    for (char from : step.copy) bits |= Spread(result, from);
    bits &= step.who;
    if (step.op == '+') {
      result |= bits;
    } else if (step.op == '-') {
      result &= ~bits;
    } else {
      result = (result & ~step.who) | bits;
    }
  }
  return result;
}

}  // namespace strake::builder::plan
