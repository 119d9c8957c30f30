// Semantic versions (semver.org 2.0.0) and constraints on them, as
// github.com/Masterminds/semver has them: "v1.2" is 1.2.0.

#ifndef STRAKE_TASKS_GOTMPL_VERSION_H_
#define STRAKE_TASKS_GOTMPL_VERSION_H_

#include <compare>
#include <cstdint>
#include <memory>
#include <string>

#include "tasks/gotmpl/value.h"
#include "util/result.h"

namespace strake::tasks::gotmpl {

class Version final : public Object {
 public:
  static Result<std::shared_ptr<const Version>> Parse(const std::string& text);

  int64_t major() const { return major_; }
  int64_t minor() const { return minor_; }
  int64_t patch() const { return patch_; }
  const std::string& prerelease() const { return prerelease_; }

  // Precedence: metadata does not count.
  std::strong_ordering Compare(const Version& other) const;

  std::string TypeName() const override { return "*semver.Version"; }
  std::string KindName() const override { return "ptr"; }
  std::string Print() const override;  // "1.2.0"
  // Major, Minor, Patch, Prerelease, Metadata, Original, String; Compare,
  // Equal, LessThan, GreaterThan of another version; IncMajor, IncMinor,
  // IncPatch.
  Result<Value> Member(const std::string& name,
                       const std::vector<Value>& arguments) const override;
  bool Equals(const Object& other) const override;

 private:
  Result<Value> Increased(const std::string& name) const;

  int64_t major_ = 0;
  int64_t minor_ = 0;
  int64_t patch_ = 0;
  std::string prerelease_;
  std::string metadata_;
  std::string original_;
};
using VersionPtr = std::shared_ptr<const Version>;

// The order of two prereleases; "" comes last.
std::strong_ordering ComparePrereleases(const std::string& a,
                                        const std::string& b);

// Whether `version` satisfies `constraint`: comparisons (=, !=, >, >=, <, <=,
// ~, ~>, ^, and ranges "1.2 - 2.3") separated by blanks or "," that all have
// to hold, such lists separated by "||", wildcards x, X and *.
// `kInvalidArgument` where `constraint` is none.
Result<bool> Satisfies(const Version& version, const std::string& constraint);

}  // namespace strake::tasks::gotmpl

#endif  // STRAKE_TASKS_GOTMPL_VERSION_H_
