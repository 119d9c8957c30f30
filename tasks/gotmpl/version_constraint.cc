#include <re2/re2.h>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tasks/gotmpl/version.h"
#include "util/result_macros.h"
#include "util/strings.h"

namespace strake::tasks::gotmpl {
namespace {

// How much of a constraint's version is a wildcard or left out.
enum class Wild { kNothing, kPatch, kMinor, kAll };

struct Comparison {
  std::string comparator;  // "" is "="
  VersionPtr version;      // wildcards are 0
  Wild wild = Wild::kNothing;
};

// One version of a constraint, captured: three numbers and the prerelease.
#define STRAKE_CONSTRAINT_VERSION                        \
  R"(v?([0-9xX*]+)(?:\.([0-9xX*]+))?(?:\.([0-9xX*]+))?)" \
  R"((?:-([0-9A-Za-z\-]+(?:\.[0-9A-Za-z\-]+)*))?)"       \
  R"((?:\+[0-9A-Za-z\-]+(?:\.[0-9A-Za-z\-]+)*)?)"

const RE2& ComparisonPattern() {
  static const RE2 pattern(
      R"(\s*(!=|>=|=>|<=|=<|~>|=|>|<|~|\^|)\s*)" STRAKE_CONSTRAINT_VERSION
      R"(\s*,?)");
  return pattern;
}

// "1.2 - 2.3" is ">= 1.2, <= 2.3".
std::string WithoutRanges(const std::string& constraint) {
  static const RE2 pattern(
      R"(\s*(v?[0-9xX*]+[0-9xX*.]*[0-9A-Za-z\-.+]*)\s+-\s+)"
      R"((v?[0-9xX*]+[0-9xX*.]*[0-9A-Za-z\-.+]*)\s*)");
  std::string plain = constraint;
  RE2::GlobalReplace(&plain, pattern, R"(>= \1, <= \2)");
  return plain;
}

bool Wildcard(std::string_view part) {
  return part.empty() || part == "x" || part == "X" || part == "*";
}

Result<Comparison> MakeComparison(std::string comparator,
                                  const std::string (&parts)[4]) {
  Comparison made;
  made.comparator = std::move(comparator);
  std::string text;
  std::string prerelease = parts[3].empty() ? "" : "-" + parts[3];
  if (Wildcard(parts[0])) {
    made.wild = Wild::kAll;
    text = "0.0.0";
  } else if (Wildcard(parts[1])) {
    made.wild = Wild::kMinor;
    text = parts[0] + ".0.0" + prerelease;
  } else if (Wildcard(parts[2])) {
    made.wild = Wild::kPatch;
    text = parts[0] + "." + parts[1] + ".0" + prerelease;
  } else {
    text = parts[0] + "." + parts[1] + "." + parts[2] + prerelease;
  }
  ASSIGN_OR_RETURN(made.version, Version::Parse(text));
  return made;
}

Result<std::vector<Comparison>> ParseList(std::string_view text) {
  auto improper = [&] {
    return InvalidArgument("improper constraint: " + std::string(text));
  };
  std::vector<Comparison> list;
  re2::StringPiece rest(text.data(), text.size());
  while (!rest.empty()) {
    std::string comparator;
    std::string parts[4];
    bool matched = RE2::Consume(&rest, ComparisonPattern(), &comparator,
                                &parts[0], &parts[1], &parts[2], &parts[3]);
    if (!matched) return improper();
    auto made = MakeComparison(std::move(comparator), parts);
    if (!made) return improper();
    list.push_back(*std::move(made));
  }
  if (list.empty()) return improper();
  return list;
}

bool NotEqual(const Version& version, const Comparison& c) {
  const Version& wanted = *c.version;
  if (c.wild == Wild::kNothing) return version.Compare(wanted) != 0;
  if (wanted.major() != version.major()) return true;
  if (c.wild == Wild::kMinor) return false;
  if (wanted.minor() != version.minor()) return true;
  if (c.wild == Wild::kAll) return version.Compare(wanted) != 0;
  return ComparePrereleases(version.prerelease(), wanted.prerelease()) != 0;
}

// ">11" begins with 12, ">11.1" with 11.2.
bool Greater(const Version& version, const Comparison& c) {
  const Version& wanted = *c.version;
  if (c.wild == Wild::kMinor) return version.major() > wanted.major();
  if (c.wild == Wild::kPatch && version.major() == wanted.major()) {
    return version.minor() > wanted.minor();
  }
  return version.Compare(wanted) > 0;
}

bool LessOrEqual(const Version& version, const Comparison& c) {
  const Version& wanted = *c.version;
  if (c.wild == Wild::kNothing) return version.Compare(wanted) <= 0;
  if (version.major() != wanted.major()) {
    return version.major() < wanted.major();
  }
  return c.wild == Wild::kMinor || version.minor() <= wanted.minor();
}

// "~1.2.3" is >=1.2.3 <1.3.0, "~1" any 1.
bool Tilde(const Version& version, const Comparison& c) {
  const Version& wanted = *c.version;
  if (version.Compare(wanted) < 0) return false;
  bool zero = wanted.major() == 0 && wanted.minor() == 0 && wanted.patch() == 0;
  bool open = c.wild == Wild::kNothing || c.wild == Wild::kAll;
  if (zero && open) return true;
  if (version.major() != wanted.major()) return false;
  return version.minor() == wanted.minor() || c.wild == Wild::kMinor;
}

// "^1.2.3" is >=1.2.3 <2.0.0, "^0.2.3" is >=0.2.3 <0.3.0: what is left of the
// first number that is not 0 stays.
bool Caret(const Version& version, const Comparison& c) {
  const Version& wanted = *c.version;
  if (version.Compare(wanted) < 0) return false;
  if (c.wild == Wild::kAll) return true;
  if (version.major() != wanted.major()) return false;
  if (wanted.major() > 0 || c.wild == Wild::kMinor) return true;
  if (wanted.minor() > 0 || c.wild == Wild::kPatch) {
    return version.minor() == wanted.minor();
  }
  return version.minor() == 0 && version.patch() == wanted.patch();
}

bool Holds(const Version& version, const Comparison& c) {
  // A prerelease satisfies only what names one.
  bool hidden =
      !version.prerelease().empty() && c.version->prerelease().empty();
  const std::string& comparator = c.comparator;
  if (comparator == "!=") {
    return (c.wild == Wild::kNothing || !hidden) && NotEqual(version, c);
  }
  if (hidden) return false;
  if (comparator == ">") return Greater(version, c);
  if (comparator == "<") return version.Compare(*c.version) < 0;
  if (comparator == ">=" || comparator == "=>") {
    return version.Compare(*c.version) >= 0;
  }
  if (comparator == "<=" || comparator == "=<") return LessOrEqual(version, c);
  if (comparator == "~" || comparator == "~>") return Tilde(version, c);
  if (comparator == "^") return Caret(version, c);
  if (c.wild == Wild::kNothing) return version.Compare(*c.version) == 0;
  return Tilde(version, c);
}

bool AllHold(const Version& version, const std::vector<Comparison>& list) {
  for (const Comparison& comparison : list) {
    if (!Holds(version, comparison)) return false;
  }
  return true;
}

}  // namespace

Result<bool> Satisfies(const Version& version, const std::string& constraint) {
  std::string rest = WithoutRanges(constraint);
  bool satisfied = false;
  while (true) {
    size_t bars = rest.find("||");
    ASSIGN_OR_RETURN(std::vector<Comparison> list,
                     ParseList(std::string_view(rest).substr(0, bars)));
    satisfied = satisfied || AllHold(version, list);
    if (bars == std::string::npos) return satisfied;
    rest.erase(0, bars + 2);
  }
}

}  // namespace strake::tasks::gotmpl
