// Whose the files of a cache mount are, where owners are emulated: a journal
// that lies beside the cache's folder, as "FOLDER.owners".

#ifndef STRAKE_BUILDER_OPS_CACHE_OWNERS_H_
#define STRAKE_BUILDER_OPS_CACHE_OWNERS_H_

#include <string>
#include <utility>

#include "util/ownership_journal.h"
#include "util/result.h"

namespace strake::builder::ops {

// For one step. Not thread-safe; others may use the same folder meanwhile.
class CacheOwners {
 public:
  // The owners in a new folder, whatever was known of an earlier one.
  static Status Start(const std::string& folder,
                      const OwnershipJournal& journal);
  // Where there is no journal, everything is as on disk.
  static Result<CacheOwners> Load(const std::string& folder);

  // For the step to read and to bring up to date.
  OwnershipJournal& journal() { return journal_; }

  // Writes down what the step has changed, and nothing else.
  Status Save() const;

 private:
  CacheOwners(std::string path, OwnershipJournal journal)
      : path_(std::move(path)),
        before_(journal),
        journal_(std::move(journal)) {}

  std::string path_;
  OwnershipJournal before_;
  OwnershipJournal journal_;
};

}  // namespace strake::builder::ops

#endif  // STRAKE_BUILDER_OPS_CACHE_OWNERS_H_
