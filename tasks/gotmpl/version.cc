#include "tasks/gotmpl/version.h"

#include <re2/re2.h>

#include <algorithm>
#include <optional>
#include <string_view>

#include "util/result_macros.h"
#include "util/strings.h"

namespace strake::tasks::gotmpl {
namespace {

const RE2& Pattern() {
  static const RE2 pattern(R"(v?([0-9]+)(?:\.([0-9]+))?(?:\.([0-9]+))?)"
                           R"((?:-([0-9A-Za-z\-]+(?:\.[0-9A-Za-z\-]+)*))?)"
                           R"((?:\+([0-9A-Za-z\-]+(?:\.[0-9A-Za-z\-]+)*))?)");
  return pattern;
}

bool AllDigits(std::string_view text) {
  return !text.empty() &&
         text.find_first_not_of("0123456789") == std::string_view::npos;
}

// Numbers are below words and compare by value.
std::strong_ordering CompareIdentifiers(std::string_view a,
                                        std::string_view b) {
  bool number_a = AllDigits(a);
  bool number_b = AllDigits(b);
  if (number_a != number_b) {
    return number_a ? std::strong_ordering::less
                    : std::strong_ordering::greater;
  }
  if (!number_a) return a <=> b;
  a.remove_prefix(std::min(a.find_first_not_of('0'), a.size()));
  b.remove_prefix(std::min(b.find_first_not_of('0'), b.size()));
  if (a.size() != b.size()) return a.size() <=> b.size();
  return a <=> b;
}

}  // namespace

std::strong_ordering ComparePrereleases(const std::string& a,
                                        const std::string& b) {
  if (a.empty() || b.empty()) return a.empty() <=> b.empty();
  std::vector<std::string_view> parts_a = strake::Split(a, '.');
  std::vector<std::string_view> parts_b = strake::Split(b, '.');
  for (size_t i = 0; i < std::min(parts_a.size(), parts_b.size()); ++i) {
    auto order = CompareIdentifiers(parts_a[i], parts_b[i]);
    if (order != 0) return order;
  }
  return parts_a.size() <=> parts_b.size();
}

Result<VersionPtr> Version::Parse(const std::string& text) {
  auto version = std::make_shared<Version>();
  std::string numbers[3];
  bool matched =
      RE2::FullMatch(text, Pattern(), &numbers[0], &numbers[1], &numbers[2],
                     &version->prerelease_, &version->metadata_);
  if (!matched) return InvalidArgument("Invalid Semantic Version");
  int64_t* targets[] = {&version->major_, &version->minor_, &version->patch_};
  for (size_t i = 0; i < 3; ++i) {
    if (numbers[i].empty()) continue;
    auto number = ParseInt(numbers[i]);
    if (!number) {
      return InvalidArgument("Error parsing version segment: " + numbers[i]);
    }
    *targets[i] = *number;
  }
  version->original_ = text;
  return VersionPtr(version);
}

std::strong_ordering Version::Compare(const Version& other) const {
  if (auto order = major_ <=> other.major_; order != 0) return order;
  if (auto order = minor_ <=> other.minor_; order != 0) return order;
  if (auto order = patch_ <=> other.patch_; order != 0) return order;
  return ComparePrereleases(prerelease_, other.prerelease_);
}

std::string Version::Print() const {
  std::string text = std::to_string(major_) + "." + std::to_string(minor_) +
                     "." + std::to_string(patch_);
  if (!prerelease_.empty()) text += "-" + prerelease_;
  if (!metadata_.empty()) text += "+" + metadata_;
  return text;
}

// The patch of a prerelease goes up by its becoming a release.
Result<Value> Version::Increased(const std::string& name) const {
  auto next = std::make_shared<Version>(*this);
  next->prerelease_.clear();
  next->metadata_.clear();
  constexpr int64_t kTop = INT64_MAX;
  if (name == "IncMajor") {
    next->major_ += next->major_ < kTop ? 1 : 0;
    next->minor_ = 0;
    next->patch_ = 0;
  } else if (name == "IncMinor") {
    next->minor_ += next->minor_ < kTop ? 1 : 0;
    next->patch_ = 0;
  } else if (prerelease_.empty()) {
    next->patch_ += next->patch_ < kTop ? 1 : 0;
  }
  std::string prefix = original_.starts_with('v') ? "v" : "";
  next->original_ = prefix + next->Print();
  return Value(ObjectPtr(next));
}

Result<Value> Version::Member(const std::string& name,
                              const std::vector<Value>& arguments) const {
  bool compares = name == "Compare" || name == "Equal" || name == "LessThan" ||
                  name == "GreaterThan";
  if (compares) {
    const Version* other = nullptr;
    if (arguments.size() == 1 && arguments[0].kind() == Kind::kObject) {
      other = dynamic_cast<const Version*>(&arguments[0].object());
    }
    if (other == nullptr) {
      return InvalidArgument(name + " takes one *semver.Version");
    }
    auto order = Compare(*other);
    if (name == "Equal") return Value(order == 0);
    if (name == "LessThan") return Value(order < 0);
    if (name == "GreaterThan") return Value(order > 0);
    return Value(order < 0 ? -1 : order > 0 ? 1 : 0);
  }
  if (!arguments.empty()) {
    return InvalidArgument("wrong number of args for " + name +
                           ": want 0 got " + std::to_string(arguments.size()));
  }
  if (name == "Major") return Value(Int64{major_});
  if (name == "Minor") return Value(Int64{minor_});
  if (name == "Patch") return Value(Int64{patch_});
  if (name == "Prerelease") return Value(prerelease_);
  if (name == "Metadata") return Value(metadata_);
  if (name == "Original") return Value(original_);
  if (name == "String") return Value(Print());
  if (name == "IncMajor" || name == "IncMinor" || name == "IncPatch") {
    return Increased(name);
  }
  return InvalidArgument("can't evaluate field " + name +
                         " in type *semver.Version");
}

bool Version::Equals(const Object& other) const {
  const auto* version = dynamic_cast<const Version*>(&other);
  return version != nullptr && Print() == version->Print();
}

}  // namespace strake::tasks::gotmpl
