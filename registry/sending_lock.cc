#include "registry/sending_lock.h"

#include <map>
#include <string>

#include "util/guarded.h"

namespace strake::registry {

std::shared_ptr<std::mutex> SendingLock(const oci::Reference& repository,
                                        const oci::Digest& digest) {
  static Guarded<std::map<std::string, std::weak_ptr<std::mutex>>> all;
  auto locks = all.lock();
  std::erase_if(*locks, [](const auto& lock) { return lock.second.expired(); });
  auto& known = (*locks)[repository.Name() + "@" + digest.ToString()];
  std::shared_ptr<std::mutex> lock = known.lock();
  if (!lock) known = lock = std::make_shared<std::mutex>();
  return lock;
}

}  // namespace strake::registry
