#include "tasks/gotmpl/time_zone.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "tasks/gotmpl/zone_rule.h"
#include "util/byte_stream.h"

namespace strake::tasks::gotmpl {
namespace {

class Fixed final : public TimeZone {
 public:
  explicit Fixed(ZoneOffset offset) : offset_(std::move(offset)) {}
  ZoneOffset At(int64_t) const override { return offset_; }
  std::optional<int> OffsetOf(std::string_view name) const override {
    if (name != offset_.name) return std::nullopt;
    return offset_.seconds;
  }

 private:
  ZoneOffset offset_;
};

// Big-endian numbers at the front of a zone file.
class Reader {
 public:
  explicit Reader(std::string_view bytes) : rest_(bytes) {}

  bool Skip(size_t count) {
    if (count > rest_.size()) return false;
    rest_.remove_prefix(count);
    return true;
  }
  std::optional<int64_t> Number(size_t bytes) {
    if (rest_.size() < bytes) return std::nullopt;
    uint64_t number =
        static_cast<unsigned char>(rest_[0]) >= 0x80 ? ~uint64_t{0} : 0;
    for (size_t i = 0; i < bytes; ++i) {
      number = (number << 8) | static_cast<unsigned char>(rest_[i]);
    }
    rest_.remove_prefix(bytes);
    return static_cast<int64_t>(number);
  }
  std::string_view rest() const { return rest_; }

 private:
  std::string_view rest_;
};

struct Header {
  bool valid = false;
  size_t utc_flags = 0;
  size_t standard_flags = 0;
  size_t leap_seconds = 0;
  size_t times = 0;
  size_t types = 0;
  size_t name_bytes = 0;
};

Header ReadHeader(Reader& reader) {
  Header header;
  if (!reader.rest().starts_with("TZif") || !reader.Skip(20)) return header;
  for (size_t* count :
       {&header.utc_flags, &header.standard_flags, &header.leap_seconds,
        &header.times, &header.types, &header.name_bytes}) {
    auto number = reader.Number(4);
    if (!number || *number < 0 || *number > 1000000) return header;
    *count = static_cast<size_t>(*number);
  }
  header.valid = header.types > 0;
  return header;
}

class FromFile final : public TimeZone {
 public:
  // Null where `bytes` are no zone file of version 2 or later.
  static TimeZonePtr Read(std::string_view bytes) {
    Reader reader(bytes);
    Header old = ReadHeader(reader);
    bool skipped =
        old.valid &&
        reader.Skip(old.times * 5 + old.types * 6 + old.name_bytes +
                    old.leap_seconds * 8 + old.standard_flags + old.utc_flags);
    if (!skipped) return nullptr;
    Header header = ReadHeader(reader);
    auto zone = std::make_shared<FromFile>();
    if (!header.valid || !zone->ReadBody(reader, header)) return nullptr;
    return zone;
  }

  ZoneOffset At(int64_t unix_seconds) const override {
    auto after = std::upper_bound(times_.begin(), times_.end(), unix_seconds);
    if (after == times_.end() && rule_) return rule_->At(unix_seconds);
    if (after == times_.begin()) return types_[0];
    return types_[indexes_[static_cast<size_t>(after - times_.begin()) - 1]];
  }

  std::optional<int> OffsetOf(std::string_view name) const override {
    for (const ZoneOffset& type : types_) {
      if (type.name == name) return type.seconds;
    }
    return std::nullopt;
  }

 private:
  bool ReadBody(Reader& reader, const Header& header) {
    for (size_t i = 0; i < header.times; ++i) {
      auto time = reader.Number(8);
      if (!time) return false;
      times_.push_back(*time);
    }
    for (size_t i = 0; i < header.times; ++i) {
      auto index = reader.Number(1);
      if (!index || *index < 0 || static_cast<size_t>(*index) >= header.types) {
        return false;
      }
      indexes_.push_back(static_cast<size_t>(*index));
    }
    std::vector<size_t> names;
    for (size_t i = 0; i < header.types; ++i) {
      auto seconds = reader.Number(4);
      auto summer = reader.Number(1);
      auto name = reader.Number(1);
      if (!seconds || !summer || !name) return false;
      types_.push_back({static_cast<int>(*seconds), ""});
      names.push_back(static_cast<size_t>(*name & 0xff));
    }
    std::string_view all = reader.rest().substr(0, header.name_bytes);
    for (size_t i = 0; i < types_.size(); ++i) {
      if (names[i] >= all.size()) return false;
      std::string_view name = all.substr(names[i]);
      types_[i].name = std::string(name.substr(0, name.find('\0')));
    }
    bool skipped = reader.Skip(header.name_bytes + header.leap_seconds * 12 +
                               header.standard_flags + header.utc_flags + 1);
    if (skipped) {
      rule_ =
          ZoneRule::Parse(reader.rest().substr(0, reader.rest().find('\n')));
    }
    return true;
  }

  std::vector<int64_t> times_;
  std::vector<size_t> indexes_;  // into `types_`, from each time on
  std::vector<ZoneOffset> types_;
  std::optional<ZoneRule> rule_;
};

TimeZonePtr ReadZoneFile(const std::string& path) {
  auto bytes = ReadFile(path);
  return bytes ? FromFile::Read(*bytes) : nullptr;
}

}  // namespace

TimeZonePtr UtcZone() {
  static const TimeZonePtr utc = FixedZone(0, "UTC");
  return utc;
}

TimeZonePtr FixedZone(int seconds, std::string name) {
  return std::make_shared<Fixed>(ZoneOffset{seconds, std::move(name)});
}

std::optional<TimeZonePtr> LoadZone(std::string_view name) {
  if (name.empty() || name == "UTC") return UtcZone();
  bool inside = name[0] != '/' && name.find("..") == std::string_view::npos &&
                name.find('\\') == std::string_view::npos &&
                name.find('\0') == std::string_view::npos;
  if (!inside) return std::nullopt;
  TimeZonePtr zone = ReadZoneFile("/usr/share/zoneinfo/" + std::string(name));
  if (zone == nullptr) return std::nullopt;
  return zone;
}

TimeZonePtr LocalZone(const std::optional<std::string>& tz) {
  std::string_view name = tz ? std::string_view(*tz) : "/etc/localtime";
  if (name.starts_with(':')) name.remove_prefix(1);
  TimeZonePtr zone = name.starts_with('/') ? ReadZoneFile(std::string(name))
                                           : LoadZone(name).value_or(nullptr);
  return zone == nullptr ? UtcZone() : zone;
}

}  // namespace strake::tasks::gotmpl
