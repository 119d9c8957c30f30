#include "builder/workshop.h"

#include <set>
#include <utility>
#include <vector>

#include "oci/platform.h"
#include "util/result_macros.h"

namespace strake::builder {
namespace {

Result<cache::PortableCache> ReadCache(const CacheImport& spec,
                                       const oci::Platform& platform,
                                       cache::ImportedCache& imported) {
  if (spec.kind == CacheImport::Kind::kLocal) {
    return imported.AddLayout(spec.path, spec.tag);
  }
  ASSIGN_OR_RETURN(oci::Reference reference,
                   oci::ParseReference(spec.reference));
  return imported.AddRegistry(reference, platform);
}

}  // namespace

Result<std::unique_ptr<Workshop>> OpenWorkshop(
    const BuildOptions& options, const Store& store,
    const context::ContextMap& contexts, const context::ImageSource& images,
    const registry::Client& client, const std::optional<oci::Timestamp>& epoch,
    ProgressReporter& progress) {
  // What strakes that were killed have left behind.
  RETURN_IF_ERROR(store.blobs().RemoveAbandonedIngests());
  ASSIGN_OR_RETURN(
      StepBackends backends,
      OpenStepBackends(store, options.isolation, options.snapshotter));
  RETURN_IF_ERROR(backends.snapshots.snapshotter->RemoveAbandoned());
  ASSIGN_OR_RETURN(cache::CacheIndex index,
                   cache::CacheIndex::Open(store.cache_index_path()));
  ASSIGN_OR_RETURN(std::unique_ptr<cache::StatCache> stat_cache,
                   cache::StatCache::Open(store.stat_cache_path()));
  auto workshop = std::make_unique<Workshop>(
      options, store, std::move(backends), std::move(index),
      std::move(stat_cache), contexts, images, client, progress);
  for (const SecretSource& secret : options.secrets) {
    workshop->secrets.Add(secret.id, secret.value);
  }
  workshop->secrets.ssh_sockets = options.ssh_sockets;
  workshop->secrets.git_environment = options.git_environment;
  if (epoch) workshop->environment.epoch = epoch->time_since_epoch();
  workshop->services.shared = options.shared_steps;
  workshop->services.on_damaged =
      [found = &workshop->damaged](const solve::DamagedResult& result) {
        found->lock()->push_back(result);
      };
  return workshop;
}

void ImportCaches(const BuildOptions& options, Workshop& workshop,
                  ProgressReporter& progress) {
  // The images of an index have a cache each.
  std::vector<oci::Platform> platforms = options.platforms;
  if (platforms.empty()) platforms.push_back(oci::HostPlatform());
  for (const CacheImport& spec : options.cache_from) {
    const std::string from =
        spec.kind == CacheImport::Kind::kLocal ? spec.path : spec.reference;
    for (const oci::Platform& platform : platforms) {
      const std::string what =
          platforms.size() > 1 ? from + " for " + platform.ToString() : from;
      ProgressStep step(progress, "importing cache manifest from " + what);
      auto cache = ReadCache(spec, platform, workshop.imported);
      if (cache) {
        workshop.index.Import(*cache, what);
        continue;
      }
      progress.Warning("no cache from " + what + ": " +
                       cache.error().message());
    }
  }
}

Result<bool> ForgetDamaged(Workshop& workshop, const Store& store,
                           ProgressReporter& progress) {
  const auto damaged = std::exchange(*workshop.damaged.lock(), {});
  std::set<oci::Digest> keys;
  for (const solve::DamagedResult& result : damaged) {
    progress.Warning("the store's result of " + result.step +
                     " is made anew: layer " + result.layer.ToString() +
                     " is damaged: " + result.reason.message());
    // The right bytes take its place.
    RETURN_IF_ERROR(store.blobs().Remove(result.layer));
    keys.insert(result.key);
  }
  if (!keys.empty()) RETURN_IF_ERROR(workshop.index.Forget(keys));
  return !keys.empty();
}

}  // namespace strake::builder
