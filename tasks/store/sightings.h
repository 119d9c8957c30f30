// What was last seen outside: the heads of repositories, the digests behind
// tags, the last minute that timers were looked at. Thread-safe; borrows what
// it stands on.
//
// Who finds a change queues its run first, with an event of its own, and notes
// the sighting then: dying in between, it finds the change again, and the event
// keeps it from a second run.

#ifndef STRAKE_TASKS_STORE_SIGHTINGS_H_
#define STRAKE_TASKS_STORE_SIGHTINGS_H_

#include <map>
#include <string>

#include "tasks/run/run_record.h"
#include "tasks/store/database.h"
#include "util/result.h"

namespace strake::tasks::store {

struct Sighting {
  std::string value;      // a commit, a digest
  std::string validator;  // of a conditional request: an ETag
  run::Time seen;         // set when it is noted
};

// By name: "refs/heads/main" of a repository, a tag of an image.
using SightingsByName = std::map<std::string, Sighting>;

class Sightings {
 public:
  explicit Sightings(Database& database) : database_(database) {}

  //   kind   "head", "image", "timer"
  //   place  a repository or task
  Result<SightingsByName> At(const std::string& kind, const std::string& place);
  // Notes one, now.
  Status Note(const std::string& kind, const std::string& place,
              const std::string& name, const Sighting& sighting);
  // Notes all of a place: names that are not in `all` are forgotten.
  Status Replace(const std::string& kind, const std::string& place,
                 const SightingsByName& all);

 private:
  Database& database_;
};

}  // namespace strake::tasks::store

#endif  // STRAKE_TASKS_STORE_SIGHTINGS_H_
