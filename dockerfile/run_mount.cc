#include "dockerfile/run_mount.h"

#include <algorithm>
#include <array>
#include <map>
#include <utility>
#include <vector>

#include "dockerfile/csv.h"
#include "util/result_macros.h"
#include "util/strings.h"
#include "util/suggest.h"

namespace strake::dockerfile {
namespace {

using Type = RunMount::Type;
using Sharing = RunMount::Sharing;

constexpr std::array<std::pair<std::string_view, Type>, 5> kTypes = {{
    {"bind", Type::kBind},
    {"cache", Type::kCache},
    {"tmpfs", Type::kTmpfs},
    {"secret", Type::kSecret},
    {"ssh", Type::kSsh},
}};

constexpr std::array<std::pair<std::string_view, Sharing>, 3> kSharings = {{
    {"shared", Sharing::kShared},
    {"private", Sharing::kPrivate},
    {"locked", Sharing::kLocked},
}};

template <typename Table>
auto FindByName(const Table& table, std::string_view name) {
  return std::find_if(table.begin(), table.end(), [&](const auto& entry) {
    return EqualsIgnoreCase(entry.first, name);
  });
}

template <typename Table>
std::vector<std::string> Names(const Table& table) {
  std::vector<std::string> names;
  for (const auto& entry : table) names.emplace_back(entry.first);
  return names;
}

// The words that Go's strconv.ParseBool takes.
std::optional<bool> ParseBool(std::string_view text) {
  for (std::string_view word : {"1", "t", "T", "true", "TRUE", "True"}) {
    if (text == word) return true;
  }
  for (std::string_view word : {"0", "f", "F", "false", "FALSE", "False"}) {
    if (text == word) return false;
  }
  return {};
}

// A size as Docker writes it: a number, then b, k, m, g, t or p with an
// optional "i" and "b"; powers of 1024.
std::optional<uint64_t> ParseSize(std::string_view text) {
  size_t digits = text.find_first_not_of("0123456789.");
  if (digits == std::string_view::npos) digits = text.size();
  std::string_view number = text.substr(0, digits);
  std::string unit = ToLower(Trim(text.substr(digits)));
  if (!unit.empty() && unit.back() == 'b') unit.pop_back();
  if (unit.size() == 2 && unit[1] == 'i') unit.pop_back();
  size_t power = unit.empty() ? 0 : std::string("kmgtp").find(unit) + 1;
  if (unit.size() > 1 || (!unit.empty() && power == 0)) return {};
  auto parts = SplitOnce(number, '.');
  auto whole = ParseUint(parts ? parts->first : number);
  auto fraction = parts ? ParseUint(parts->second) : uint64_t{0};
  if (!whole || !fraction) return {};
  double value = static_cast<double>(*whole);
  if (parts) {
    double scale = 1;
    for (size_t i = 0; i < parts->second.size(); ++i) scale *= 10;
    value += static_cast<double>(*fraction) / scale;
  }
  for (size_t i = 0; i < power; ++i) value *= 1024;
  if (value >= 9.2e18) return {};
  // Whole numbers stay exact beyond what a double can hold.
  if (!parts && power == 0) return *whole;
  return static_cast<uint64_t>(value);
}

// Collects one mount, key by key.
class Builder {
 public:
  Status SetBare(const std::string& key, const std::string& field);
  Status Set(const std::string& key, const std::string& value,
             const std::string& field);
  Result<RunMount> Finish();

 private:
  bool HasRequired() const {
    return mount_.type == Type::kSecret || mount_.type == Type::kSsh;
  }
  Error UnexpectedForType(const std::string& key) const {
    return InvalidArgument("unexpected key '" + key + "' for mount type '" +
                           std::string(RunMountTypeName(mount_.type)) + "'");
  }
  Status SetType(const std::string& value);
  Status SetSharing(const std::string& value);
  Status SetNumber(const std::string& key, const std::string& value);
  Status SetSize(const std::string& value);
  Status SetFlag(const std::string& key, const std::string& value);
  Status CheckSecret() const;

  RunMount mount_;
  std::optional<bool> read_only_;
  std::optional<Sharing> sharing_;
  std::optional<uint64_t> size_bytes_;
};

Status Builder::SetBare(const std::string& key, const std::string& field) {
  if (key == "readonly" || key == "ro") {
    read_only_ = true;
  } else if (key == "readwrite" || key == "rw") {
    read_only_ = false;
  } else if (key == "required") {
    if (!HasRequired()) return UnexpectedForType(key);
    mount_.required = true;
  } else {
    return InvalidArgument("invalid field '" + field +
                           "' must be a key=value pair");
  }
  return {};
}

Status Builder::SetType(const std::string& value) {
  auto type = FindByName(kTypes, value);
  if (type == kTypes.end()) {
    return InvalidArgument("unsupported mount type " + GoQuote(value) +
                           DidYouMean(value, Names(kTypes)));
  }
  mount_.type = type->second;
  return {};
}

Status Builder::SetSharing(const std::string& value) {
  auto sharing = FindByName(kSharings, value);
  if (sharing == kSharings.end()) {
    return InvalidArgument("unsupported sharing value " + GoQuote(value) +
                           DidYouMean(value, Names(kSharings)));
  }
  sharing_ = sharing->second;
  return {};
}

Status Builder::SetNumber(const std::string& key, const std::string& value) {
  auto number = ParseUint(value, key == "mode" ? 8 : 10);
  if (!number || *number > UINT32_MAX) {
    return InvalidArgument("invalid value " + value + " for " + key);
  }
  auto narrow = static_cast<uint32_t>(*number);
  (key == "mode"  ? mount_.mode
   : key == "uid" ? mount_.uid
                  : mount_.gid) = narrow;
  return {};
}

Status Builder::SetSize(const std::string& value) {
  size_bytes_ = ParseSize(value);
  if (!size_bytes_) {
    return InvalidArgument("invalid value for size: " + value);
  }
  return {};
}

Status Builder::SetFlag(const std::string& key, const std::string& value) {
  if (key == "required" && !HasRequired()) return UnexpectedForType(key);
  auto flag = ParseBool(value);
  if (!flag) {
    return InvalidArgument("invalid value for " + key + ": " + value);
  }
  if (key == "required") {
    mount_.required = *flag;
  } else {
    bool writable = key == "readwrite" || key == "rw";
    read_only_ = *flag != writable;
  }
  return {};
}

Status Builder::Set(const std::string& key, const std::string& value,
                    const std::string& field) {
  static const auto& aliases =
      *new std::map<std::string, std::string>{{"src", "source"},
                                              {"dst", "target"},
                                              {"destination", "target"},
                                              {"ro", "readonly"},
                                              {"rw", "readwrite"}};
  static const auto& texts =
      *new std::map<std::string, std::string RunMount::*>{
          {"from", &RunMount::from},
          {"source", &RunMount::source},
          {"target", &RunMount::target},
          {"id", &RunMount::id}};
  auto alias = aliases.find(key);
  const std::string& name = alias == aliases.end() ? key : alias->second;
  if (auto text = texts.find(name); text != texts.end()) {
    mount_.*text->second = value;
    return {};
  }
  if (name == "env") {
    mount_.env = value;
    return {};
  }
  if (name == "type") return SetType(value);
  if (name == "sharing") return SetSharing(value);
  if (name == "size") return SetSize(value);
  if (name == "mode" || name == "uid" || name == "gid") {
    return SetNumber(name, value);
  }
  if (name == "readonly" || name == "readwrite" || name == "required") {
    return SetFlag(key, value);
  }
  return InvalidArgument(
      "unexpected key '" + key + "' in '" + field + "'" +
      DidYouMean(
          key, {"type", "from", "source", "src", "target", "dst", "destination",
                "readonly", "ro", "readwrite", "rw", "required", "id",
                "sharing", "size", "mode", "uid", "gid", "env"}));
}

Status Builder::CheckSecret() const {
  if (!mount_.from.empty()) {
    return InvalidArgument("secret mount should not have a from");
  }
  if (sharing_) {
    return InvalidArgument("secret mount should not define sharing");
  }
  if (mount_.source.empty() && mount_.target.empty() && mount_.id.empty()) {
    return InvalidArgument(
        "invalid secret mount. one of source, target required");
  }
  if (!mount_.source.empty() && !mount_.id.empty()) {
    return InvalidArgument("both source and id can't be set");
  }
  return {};
}

Result<RunMount> Builder::Finish() {
  std::string type(RunMountTypeName(mount_.type));
  if (mount_.type == Type::kBind || mount_.type == Type::kTmpfs) {
    const std::array<std::pair<std::string_view, bool>, 3> given = {{
        {"mode", mount_.mode.has_value()},
        {"uid", mount_.uid.has_value()},
        {"gid", mount_.gid.has_value()},
    }};
    for (const auto& [key, set] : given) {
      if (set) {
        return InvalidArgument(std::string(key) + " not allowed for " +
                               GoQuote(type) + " type mounts");
      }
    }
  }
  if (mount_.type == Type::kSecret) RETURN_IF_ERROR(CheckSecret());
  if (mount_.type == Type::kSsh && !mount_.source.empty()) {
    return InvalidArgument("ssh does not support source");
  }
  if (sharing_ && mount_.type != Type::kCache) {
    return InvalidArgument("invalid cache sharing set for " + type + " mount");
  }
  mount_.sharing = sharing_.value_or(Sharing::kShared);
  mount_.size_bytes = size_bytes_.value_or(0);
  bool written = mount_.type == Type::kCache || mount_.type == Type::kTmpfs;
  mount_.read_only = read_only_.value_or(!written);
  return mount_;
}

Result<std::vector<std::string>> SplitFields(std::string_view text) {
  auto fields = SplitCsv(text);
  if (!fields) {
    return std::move(fields).error().Wrap("failed to parse csv mounts");
  }
  return fields;
}

Status CheckFrom(std::string_view value) {
  size_t dollar = value.find('$');
  if (dollar == std::string_view::npos || dollar + 1 == value.size()) return {};
  return InvalidArgument(
      "'from' doesn't support variable expansion, define alias stage instead");
}

}  // namespace

std::string_view RunMountTypeName(RunMount::Type type) {
  auto entry = std::find_if(kTypes.begin(), kTypes.end(),
                            [&](const auto& e) { return e.second == type; });
  return entry->first;
}

std::string_view SharingName(RunMount::Sharing sharing) {
  auto entry = std::find_if(kSharings.begin(), kSharings.end(),
                            [&](const auto& e) { return e.second == sharing; });
  return entry->first;
}

Result<RunMount> ParseRunMount(std::string_view text,
                               const MountValueExpander& expand) {
  ASSIGN_OR_RETURN(std::vector<std::string> fields, SplitFields(text));
  Builder builder;
  for (const std::string& field : fields) {
    auto split = SplitOnce(field, '=');
    std::string key = ToLower(split ? split->first : field);
    if (!split) {
      RETURN_IF_ERROR(builder.SetBare(key, field));
      continue;
    }
    std::string value(split->second);
    if (key == "from") {
      RETURN_IF_ERROR(CheckFrom(value));
    } else if (expand) {
      ASSIGN_OR_RETURN(value, expand(value));
    }
    RETURN_IF_ERROR(builder.Set(key, value, field));
  }
  return builder.Finish();
}

std::string RunMountFrom(std::string_view text) {
  auto fields = SplitCsv(text);
  if (!fields) return {};
  std::string from;
  for (const std::string& field : *fields) {
    auto split = SplitOnce(field, '=');
    if (split && EqualsIgnoreCase(split->first, "from")) from = split->second;
  }
  return from;
}

bool RunMountHasVariables(std::string_view text) {
  return text.find('$') != std::string_view::npos;
}

Status CheckRunMountFrom(std::string_view text) {
  ASSIGN_OR_RETURN(std::vector<std::string> fields, SplitFields(text));
  for (const std::string& field : fields) {
    auto split = SplitOnce(field, '=');
    if (split && EqualsIgnoreCase(split->first, "from")) {
      RETURN_IF_ERROR(CheckFrom(split->second));
    }
  }
  return {};
}

}  // namespace strake::dockerfile
