#include "registry/tag_update.h"

#include <chrono>
#include <random>

#include "registry/retry.h"
#include "util/result_macros.h"

namespace strake::registry {
namespace {

using std::chrono::milliseconds;

constexpr int kMaxWrites = 100;
constexpr milliseconds kMaxPause{500};
// How often, and when, a tag is looked at after a write that others may not
// heed.
constexpr milliseconds kLooks[] = {milliseconds(100), milliseconds(400),
                                   milliseconds(1000)};

class Update {
 public:
  Update(const Client& client, const oci::Reference& reference,
         const TagChange& change, std::stop_token stop)
      : client_(client),
        reference_(reference),
        change_(change),
        stop_(std::move(stop)) {}

  Result<oci::Descriptor> Run() {
    size_t looks = 0;  // since the last write
    for (int writes = 0; writes < kMaxWrites;) {
      ASSIGN_OR_RETURN(std::optional<FetchedManifest> current, Fetch());
      ASSIGN_OR_RETURN(std::optional<TaggedDocument> next, change_(current));
      if (!next) {
        if (sure_ || looks == std::size(kLooks)) return current->descriptor;
        RETURN_IF_ERROR(Pause(kLooks[looks++]));
        continue;
      }
      if (writes > 0) RETURN_IF_ERROR(Pause(RandomPause(writes)));
      RETURN_IF_ERROR(Write(*next, current));
      ++writes;
      looks = 0;
    }
    return Error(ErrorCode::kUnavailable,
                 reference_.ToString() +
                     ": others change the tag all the time; gave up after " +
                     std::to_string(kMaxWrites) + " tries");
  }

 private:
  Result<std::optional<FetchedManifest>> Fetch() const {
    auto fetched = client_.FetchManifest(reference_, stop_);
    if (fetched) return std::optional(*std::move(fetched));
    if (fetched.error().code() == ErrorCode::kNotFound) {
      return std::optional<FetchedManifest>();
    }
    return std::move(fetched).error();
  }

  // Whether it was stored is found out by looking.
  Status Write(const TaggedDocument& next,
               const std::optional<FetchedManifest>& current) {
    if (!atomic_) {
      ASSIGN_OR_RETURN(atomic_,
                       client_.KeepsConditions(reference_, next.bytes,
                                               next.media_type, stop_));
    }
    // That If-Match is kept says nothing of If-None-Match.
    sure_ = *atomic_ && current.has_value();
    std::optional<oci::Digest> digest;
    if (current) digest = current->descriptor.digest;
    if (!*atomic_) {
      ASSIGN_OR_RETURN(std::optional<FetchedManifest> now, Fetch());
      std::optional<oci::Digest> digest_now;
      if (now) digest_now = now->descriptor.digest;
      if (digest_now != digest) return {};
    }
    auto put = client_.PutManifestIf(reference_, next.bytes, next.media_type,
                                     digest, stop_);
    if (!put) return std::move(put).error();
    return {};
  }

  // Writers that met once do not meet again.
  static milliseconds RandomPause(int writes) {
    thread_local std::minstd_rand random{std::random_device{}()};
    auto most = std::min(kMaxPause, milliseconds(10) * writes);
    return milliseconds(
        std::uniform_int_distribution<int64_t>(0, most.count())(random));
  }

  Status Pause(milliseconds delay) const {
    if (WaitFor(delay, stop_)) return {};
    return Cancelled("the update of " + reference_.ToString() +
                     " was cancelled");
  }

  const Client& client_;
  const oci::Reference& reference_;
  const TagChange& change_;
  const std::stop_token stop_;
  std::optional<bool> atomic_;
  bool sure_ = true;  // what the last write did, nobody overwrites unseen
};

}  // namespace

Result<oci::Descriptor> UpdateTag(const Client& client,
                                  const oci::Reference& reference,
                                  const TagChange& change,
                                  std::stop_token stop) {
  return Update(client, reference, change, std::move(stop)).Run();
}

}  // namespace strake::registry
