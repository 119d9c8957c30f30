// Gives files that were just made their owner, mode and xattrs, and records in
// a journal what the kernel refuses (see layer_applier.h). For the `.cc` files
// of this room. Not thread-safe.

#ifndef STRAKE_OCI_METADATA_SETTER_H_
#define STRAKE_OCI_METADATA_SETTER_H_

#include <string>

#include "oci/change.h"
#include "util/ownership_journal.h"
#include "util/result.h"

namespace strake::oci {

class MetadataSetter {
 public:
  // `journal` is borrowed; null: a refusal is an error, and `use` of no effect.
  explicit MetadataSetter(OwnershipJournal* journal,
                          JournalUse use = JournalUse::kRefused);

  // `path` is where the file stands in the tree, for the journal. The times of
  // the first and the third form are set too, directories' are not.
  Status SetFile(int fd, const std::string& path,
                 const FileMetadata& metadata) const;
  Status SetDirectory(int fd, const std::string& path,
                      const FileMetadata& metadata) const;
  // A symlink, fifo or device `name` in `directory`. A device that could not be
  // made is an empty file there (`is_stand_in`).
  Status SetSpecial(int directory, const std::string& name,
                    const std::string& path, const FileMetadata& metadata,
                    bool is_stand_in) const;

  // Whether devices are not even tried.
  bool records_all() const { return records_all_; }
  // Whether an errno is a refusal that goes to the journal.
  bool Recordable(int error) const;

 private:
  struct Target;
  Status Set(const Target& target, const std::string& path,
             const FileMetadata& metadata, bool must_record) const;

  OwnershipJournal* journal_;
  bool records_all_;
  bool opens_up_;  // modes must let their owner in
};

}  // namespace strake::oci

#endif  // STRAKE_OCI_METADATA_SETTER_H_
