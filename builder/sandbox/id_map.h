// Subordinate ids (subuid(5), subgid(5)) and the maps of a user namespace made
// from them (user_namespaces(7)).

#ifndef STRAKE_BUILDER_SANDBOX_ID_MAP_H_
#define STRAKE_BUILDER_SANDBOX_ID_MAP_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace strake::builder::sandbox {

struct IdRange {
  uint32_t first = 0;
  uint32_t count = 0;
  friend bool operator==(const IdRange&, const IdRange&) = default;
};

// The ranges that `text`, the content of /etc/subuid or /etc/subgid, grants to
// a user, in file order. A line names the user by `name` or by `id`; lines that
// are not well-formed grant nothing, as for newuidmap(1).
std::vector<IdRange> ParseSubordinateIds(std::string_view text,
                                         std::string_view name, uint32_t id);

// One line of /proc/PID/uid_map or gid_map.
struct IdMapEntry {
  uint32_t inside = 0;
  uint32_t outside = 0;
  uint32_t count = 0;
  friend bool operator==(const IdMapEntry&, const IdMapEntry&) = default;
};

// Maps 0 to `own_id` and 1, 2, ... to `ranges` one after the other. A range
// that overlaps an earlier one or `own_id` is left out (the kernel would refuse
// the whole map), and so is what exceeds the kernel's 340 lines.
std::vector<IdMapEntry> BuildIdMap(uint32_t own_id,
                                   const std::vector<IdRange>& ranges);

// Every id that `text`, the content of /proc/self/uid_map, maps, as itself: for
// a process that may map any id it has.
std::vector<IdMapEntry> IdentityMap(std::string_view text);

// As written to /proc/PID/uid_map.
std::string FormatIdMap(const std::vector<IdMapEntry>& map);

}  // namespace strake::builder::sandbox

#endif  // STRAKE_BUILDER_SANDBOX_ID_MAP_H_
