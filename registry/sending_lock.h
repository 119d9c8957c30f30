// Held while a blob goes to a repository. Several pushes at once (the targets
// of a bake) send what they share once; docker-registry can lose a blob that is
// uploaded twice at the same time. Thread-safe.

#ifndef STRAKE_REGISTRY_SENDING_LOCK_H_
#define STRAKE_REGISTRY_SENDING_LOCK_H_

#include <memory>
#include <mutex>

#include "oci/digest.h"
#include "oci/reference.h"

namespace strake::registry {

// The same mutex for all who ask meanwhile, in this process.
std::shared_ptr<std::mutex> SendingLock(const oci::Reference& repository,
                                        const oci::Digest& digest);

}  // namespace strake::registry

#endif  // STRAKE_REGISTRY_SENDING_LOCK_H_
