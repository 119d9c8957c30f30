#include "registry/pull_through.h"

#include <algorithm>
#include <utility>

#include "oci/descriptor_json.h"
#include "oci/manifest.h"
#include "registry/endpoint.h"
#include "registry/referrers.h"
#include "registry/server_api.h"
#include "util/json.h"
#include "util/result_macros.h"
#include "util/strings.h"

namespace strake::registry {
namespace {

using std::chrono::steady_clock;

// Clients wait meanwhile, and may have other places to ask.
constexpr int kMaxRetries = 2;
constexpr std::chrono::milliseconds kConnectTimeout{5000};
constexpr std::chrono::seconds kDownTime{10};

ClientOptions Patient(const UpstreamPlace& place, ClientOptions options) {
  options.retry.max_retries = std::min(options.retry.max_retries, kMaxRetries);
  options.connect_timeout = std::min(options.connect_timeout, kConnectTimeout);
  if (place.insecure) options.insecure_registries.push_back(place.registry);
  return options;
}

bool IsAway(const Error& error) {
  return error.code() == ErrorCode::kUnavailable;
}

}  // namespace

Result<UpstreamPlace> ParseUpstream(std::string_view url) {
  UpstreamPlace place;
  std::string_view rest = url;
  for (std::string_view scheme : {"https://", "http://"}) {
    if (!rest.starts_with(scheme)) continue;
    rest.remove_prefix(scheme.size());
    place.insecure = scheme == "http://";
  }
  while (rest.ends_with('/')) rest.remove_suffix(1);
  size_t slash = rest.find('/');
  place.registry = CanonicalRegistry(rest.substr(0, slash));
  if (slash != std::string_view::npos) {
    place.prefix = std::string(rest.substr(slash + 1)) + "/";
  }
  // What a reference would not take for a registry is none.
  auto probe = oci::ParseReference(place.registry + "/" + place.prefix + "x");
  if (!probe || probe->registry != place.registry) {
    return InvalidArgument(
        GoQuote(ShownUrl(url)) +
        ": expected https://HOST[:PORT][/NAMESPACE]; a login does not belong "
        "there, it is that of \"strake login\"");
  }
  return place;
}

PullThrough::PullThrough(UpstreamPlace place, ClientOptions options,
                         ServerStorage& storage)
    : place_(std::move(place)),
      client_(Patient(place_, std::move(options))),
      storage_(storage) {}

oci::Reference PullThrough::At(const std::string& repository) const {
  oci::Reference reference;
  reference.registry = place_.registry;
  reference.repository = place_.prefix + repository;
  return reference;
}

bool PullThrough::IsDown() { return steady_clock::now() < *down_until_.lock(); }

void PullThrough::Note(const Status& status) {
  bool down = !status && IsAway(status.error());
  *down_until_.lock() =
      down ? steady_clock::now() + kDownTime : steady_clock::time_point();
}

Status PullThrough::BringManifest(const std::string& repository,
                                  const std::string& reference) {
  if (auto digest = oci::Digest::Parse(reference)) {
    return BringDigest(repository, *digest);
  }
  bool kept = storage_.FindTag(repository, reference).has_value();
  if (kept && IsDown()) return {};
  Status brought = BringTag(repository, reference);
  Note(brought);
  if (!brought && kept && IsAway(brought.error())) return {};
  if (!brought && kept && brought.error().code() == ErrorCode::kNotFound) {
    RETURN_IF_ERROR(storage_.RemoveTag(repository, reference));
  }
  return brought;
}

Status PullThrough::BringTag(const std::string& repository,
                             const std::string& tag) {
  oci::Reference reference = At(repository);
  reference.tag = tag;
  ASSIGN_OR_RETURN(oci::Descriptor named,
                   client_.ResolveManifest(reference, stop_.get_token()));
  RETURN_IF_ERROR(BringDigest(repository, named.digest));
  auto current = storage_.FindTag(repository, tag);
  if (current && *current == named.digest) return {};
  return storage_.PutTag(repository, tag, named.digest);
}

Status PullThrough::BringDigest(const std::string& repository,
                                const oci::Digest& digest) {
  if (storage_.HasManifest(repository, digest)) return {};
  ASSIGN_OR_RETURN(FetchedManifest fetched,
                   client_.FetchManifest(oci::ByDigest(At(repository), digest),
                                         stop_.get_token()));
  return StoreManifest(storage_, repository, fetched.descriptor.media_type,
                       fetched.bytes);
}

Result<oci::Descriptor> PullThrough::StatBlob(const std::string& repository,
                                              const oci::Digest& digest) {
  return client_.StatBlob(At(repository), digest, stop_.get_token());
}

std::shared_ptr<BlobFetch> PullThrough::FetchBlob(const std::string& repository,
                                                  const oci::Descriptor& blob) {
  // Joined after the lock is released.
  Running ended;
  auto running = running_.lock();
  auto it = running->find(blob.digest);
  if (it != running->end()) {
    if (it->second.fetch->Want(repository)) return it->second.fetch;
    ended = std::move(it->second);
    running->erase(it);
  }
  auto fetch = std::make_shared<BlobFetch>(blob);
  fetch->Want(repository);
  oci::Reference source = At(repository);
  std::jthread thread([this, fetch, source, repository] {
    fetch->Run(client_, source, repository, storage_, stop_.get_token());
  });
  running->emplace(blob.digest, Running{fetch, std::move(thread)});
  return fetch;
}

Result<std::vector<std::string>> PullThrough::ListTags(
    const std::string& repository) {
  auto tags = client_.ListTags(At(repository), {}, stop_.get_token());
  if (tags || !IsAway(tags.error())) return tags;
  return storage_.ListTags(repository);
}

Result<std::vector<std::string>> PullThrough::ListReferrers(
    const std::string& repository, const oci::Digest& subject) {
  auto found = registry::ListReferrers(client_, At(repository), subject, "",
                                       stop_.get_token());
  // That nothing refers to an image is not to be told on suspicion: it would
  // pass for unsigned.
  if (!found && IsAway(found.error())) {
    ASSIGN_OR_RETURN(std::vector<std::string> kept,
                     storage_.ListReferrers(repository, subject));
    if (!kept.empty()) return kept;
  }
  if (!found) return std::move(found).error();
  std::vector<std::string> descriptors;
  for (const oci::Descriptor& entry : found->manifests) {
    descriptors.push_back(oci::DescriptorJson(entry).dump());
  }
  return descriptors;
}

void PullThrough::Stop() {
  stop_.request_stop();
  // The threads are joined by their destructors, without the lock.
  std::map<oci::Digest, Running> ended;
  std::swap(ended, *running_.lock());
}

}  // namespace strake::registry
