#include "tasks/store/sightings.h"

#include <utility>

#include "tasks/store/time.h"
#include "util/result_macros.h"

namespace strake::tasks::store {
namespace {

Status Put(Connection& connection, const std::string& kind,
           const std::string& place, const std::string& name,
           const Sighting& sighting) {
  ASSIGN_OR_RETURN(int64_t now, connection.Now());
  RETURN_IF_ERROR(connection.Execute(
      "INSERT INTO sightings (kind, place, name, value, validator, seen) "
      "VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (kind, place, name) DO UPDATE "
      "SET value = excluded.value, validator = excluded.validator, "
      "seen = excluded.seen",
      {kind, place, name, sighting.value, sighting.validator, now}));
  return {};
}

}  // namespace

Result<SightingsByName> Sightings::At(const std::string& kind,
                                      const std::string& place) {
  SightingsByName all;
  RETURN_IF_ERROR(database_.Read([&](Connection& connection) -> Status {
    ASSIGN_OR_RETURN(
        std::vector<Row> rows,
        connection.Query("SELECT name, value, validator, seen FROM sightings "
                         "WHERE kind = ? AND place = ?",
                         4, {kind, place}));
    for (const Row& row : rows) {
      all[row[0].text()] = {row[1].text(), row[2].text(),
                            FromMillis(row[3].number())};
    }
    return {};
  }));
  return all;
}

Status Sightings::Note(const std::string& kind, const std::string& place,
                       const std::string& name, const Sighting& sighting) {
  return database_.Write([&](Connection& connection) {
    return Put(connection, kind, place, name, sighting);
  });
}

Status Sightings::Replace(const std::string& kind, const std::string& place,
                          const SightingsByName& all) {
  return database_.Write([&](Connection& connection) -> Status {
    // Two that look at one place at once take turns.
    RETURN_IF_ERROR(connection.LockName("strake " + kind + " " + place));
    RETURN_IF_ERROR(connection.Execute(
        "DELETE FROM sightings WHERE kind = ? AND place = ?", {kind, place}));
    for (const auto& [name, sighting] : all) {
      RETURN_IF_ERROR(Put(connection, kind, place, name, sighting));
    }
    return {};
  });
}

}  // namespace strake::tasks::store
