#include "builder/sandbox/id_map.h"

#include <algorithm>
#include <limits>
#include <optional>
#include <sstream>

#include "util/strings.h"

namespace strake::builder::sandbox {
namespace {

constexpr size_t kMaxMapEntries = 340;

std::optional<uint32_t> ParseId(std::string_view text) {
  std::optional<uint64_t> value = ParseUint(text);
  if (!value || *value > std::numeric_limits<uint32_t>::max()) return {};
  return static_cast<uint32_t>(*value);
}

bool Overlap(uint64_t a, uint64_t a_count, uint64_t b, uint64_t b_count) {
  return a < b + b_count && b < a + a_count;
}

}  // namespace

std::vector<IdRange> ParseSubordinateIds(std::string_view text,
                                         std::string_view name, uint32_t id) {
  const std::string number = std::to_string(id);
  std::vector<IdRange> ranges;
  for (std::string_view line : Split(text, '\n')) {
    std::vector<std::string_view> fields = Split(Trim(line), ':');
    if (fields.size() != 3) continue;
    if (fields[0].empty() || (fields[0] != name && fields[0] != number)) {
      continue;
    }
    std::optional<uint32_t> first = ParseId(fields[1]);
    std::optional<uint32_t> count = ParseId(fields[2]);
    if (!first || !count || *count == 0) continue;
    ranges.push_back({.first = *first, .count = *count});
  }
  return ranges;
}

std::vector<IdMapEntry> BuildIdMap(uint32_t own_id,
                                   const std::vector<IdRange>& ranges) {
  std::vector<IdMapEntry> map;
  map.push_back({.inside = 0, .outside = own_id, .count = 1});
  uint64_t inside = 1;
  for (const IdRange& range : ranges) {
    const bool overlaps =
        std::ranges::any_of(map, [&](const IdMapEntry& entry) {
          return Overlap(entry.outside, entry.count, range.first, range.count);
        });
    const bool fits =
        inside + range.count <= std::numeric_limits<uint32_t>::max() &&
        uint64_t{range.first} + range.count <=
            std::numeric_limits<uint32_t>::max();
    if (overlaps || !fits) continue;
    if (map.size() == kMaxMapEntries) break;
    map.push_back({.inside = static_cast<uint32_t>(inside),
                   .outside = range.first,
                   .count = range.count});
    inside += range.count;
  }
  return map;
}

std::vector<IdMapEntry> IdentityMap(std::string_view text) {
  std::vector<IdMapEntry> map;
  std::istringstream lines{std::string(text)};
  uint32_t inside = 0;
  uint32_t outside = 0;
  uint32_t count = 0;
  while (lines >> inside >> outside >> count) {
    map.push_back({.inside = inside, .outside = inside, .count = count});
  }
  return map;
}

std::string FormatIdMap(const std::vector<IdMapEntry>& map) {
  std::string text;
  for (const IdMapEntry& entry : map) {
    text += std::to_string(entry.inside) + " " + std::to_string(entry.outside) +
            " " + std::to_string(entry.count) + "\n";
  }
  return text;
}

}  // namespace strake::builder::sandbox
