// What makes a registry on a folder a cache of another one: content that is
// asked for and not there is fetched, verified and kept.
//
// Thread-safe.

#ifndef STRAKE_REGISTRY_PULL_THROUGH_H_
#define STRAKE_REGISTRY_PULL_THROUGH_H_

#include <chrono>
#include <map>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "oci/descriptor.h"
#include "oci/digest.h"
#include "oci/reference.h"
#include "registry/blob_fetch.h"
#include "registry/client.h"
#include "registry/server_storage.h"
#include "util/guarded.h"
#include "util/result.h"

namespace strake::registry {

// The registry in "https://host[:port][/namespace]", where repositories are
// looked for below `prefix`.
struct UpstreamPlace {
  std::string registry;
  std::string prefix;     // "" or "namespace/"
  bool insecure = false;  // "http://" was said
};
Result<UpstreamPlace> ParseUpstream(std::string_view url);

class PullThrough {
 public:
  // `storage` is borrowed.
  PullThrough(UpstreamPlace place, ClientOptions options,
              ServerStorage& storage);
  PullThrough(const PullThrough&) = delete;
  PullThrough& operator=(const PullThrough&) = delete;
  ~PullThrough() { Stop(); }

  // Makes the manifest of a tag or digest be in the storage. A tag is asked for
  // upstream each time; where nobody answers there, what the storage has has to
  // do. `kNotFound`: there is none (and the storage forgets the tag, if it was
  // one); `kUnavailable`, `kUnauthorized`: upstream's answer.
  Status BringManifest(const std::string& repository,
                       const std::string& reference);

  // The blob's size as upstream tells it.
  Result<oci::Descriptor> StatBlob(const std::string& repository,
                                   const oci::Digest& digest);
  // The download of `blob`, which goes on whoever reads. There is one at a time
  // for a blob.
  std::shared_ptr<BlobFetch> FetchBlob(const std::string& repository,
                                       const oci::Descriptor& blob);

  // As the registry upstream has them, or else (`kUnavailable` there) as the
  // storage does.
  Result<std::vector<std::string>> ListTags(const std::string& repository);
  Result<std::vector<std::string>> ListReferrers(const std::string& repository,
                                                 const oci::Digest& subject);

  // Ends all downloads; their readers get `kCancelled`. Idempotent.
  void Stop();

  std::string name() const { return place_.registry; }

 private:
  struct Running {
    std::shared_ptr<BlobFetch> fetch;
    std::jthread thread;
  };

  oci::Reference At(const std::string& repository) const;
  bool IsDown();
  // Remembers whether upstream answered.
  void Note(const Status& status);
  Status BringTag(const std::string& repository, const std::string& tag);
  Status BringDigest(const std::string& repository, const oci::Digest& digest);

  const UpstreamPlace place_;
  const Client client_;
  ServerStorage& storage_;
  std::stop_source stop_;
  // Nobody answered: not asked again until then for what the storage has.
  Guarded<std::chrono::steady_clock::time_point> down_until_;
  Guarded<std::map<oci::Digest, Running>> running_;
};

}  // namespace strake::registry

#endif  // STRAKE_REGISTRY_PULL_THROUGH_H_
