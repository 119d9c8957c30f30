// Which blobs of a store need no verification: those that were published or
// verified since the machine booted. See blob_store.cc for why.
//
// Safe to call from any thread; several processes may share one list.

#ifndef STRAKE_OCI_TRUSTED_BLOBS_H_
#define STRAKE_OCI_TRUSTED_BLOBS_H_

#include <string>
#include <unordered_set>

#include "oci/digest.h"
#include "util/guarded.h"

namespace strake::oci {

class TrustedBlobs {
 public:
  // The list in `directory`, which need not exist: while it does not, the list
  // lasts as long as this object.
  explicit TrustedBlobs(std::string directory);

  bool Contains(const Digest& digest) const;
  // Failing to write the list only costs a verification later, so it is no
  // error.
  void Add(const Digest& digest) const;

 private:
  struct State {
    std::unordered_set<Digest> known;
    off_t bytes_read = 0;
  };
  // Reads what was appended to the list since it was read last.
  void Refresh() const;
  void RemoveListsOfEarlierBoots() const;

  std::string directory_;
  std::string list_name_;  // empty where the boot cannot be told
  mutable Guarded<State> state_;
};

}  // namespace strake::oci

#endif  // STRAKE_OCI_TRUSTED_BLOBS_H_
