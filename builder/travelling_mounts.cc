#include "builder/travelling_mounts.h"

#include <sys/stat.h>

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "builder/mount_archive.h"
#include "builder/ops/cache_owners.h"
#include "builder/ops/run_mounts.h"
#include "util/result_macros.h"

namespace strake::builder {
namespace {

// By the folder's name, the mount's id.
std::map<std::string, std::string> MountsOf(const plan::BuildGraph& graph) {
  std::map<std::string, std::string> mounts;
  for (const plan::Vertex& vertex : graph.vertices()) {
    const auto* run = std::get_if<plan::RunOp>(&vertex.op);
    if (run == nullptr) continue;
    for (const plan::RunMount& mount : run->mounts) {
      if (auto name = ops::SharedCacheName(mount)) mounts[*name] = mount.id;
    }
  }
  return mounts;
}

Result<cache::PortableMount> Pack(const std::string& folder,
                                  uint64_t most_bytes, const Store& store,
                                  const Workshop& workshop) {
  ASSIGN_OR_RETURN(const std::vector<FileLock> locks,
                   ops::LockSharedCache(folder));
  OwnershipJournal owners;
  if (workshop.sandbox.sandbox->emulates_owners()) {
    ASSIGN_OR_RETURN(ops::CacheOwners known, ops::CacheOwners::Load(folder));
    // The folder itself is made anew, as the step asks for it.
    for (const auto& [path, metadata] : known.journal().entries()) {
      if (!path.empty()) owners.Set(path, metadata);
    }
  }
  return PackMount(folder, owners, most_bytes, store.blobs());
}

bool IsFolder(const std::string& path) {
  struct stat status = {};
  return ::stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode);
}

}  // namespace

void RestoreMountsFromCaches(const Store& store, Workshop& workshop,
                             ProgressReporter& progress) {
  workshop.environment.restore_cache_mount =
      [&](const std::string& name, int folder,
          const oci::LayerApplyOptions& options) -> Result<bool> {
    const cache::PortableMount* mount = workshop.imported.FindMount(name);
    if (mount == nullptr) return false;
    ProgressStep step(progress, "[internal] cache mount " + name.substr(0, 12));
    auto fetch = [&](const oci::Descriptor& piece) {
      return workshop.imported.FetchMountPiece(piece);
    };
    Status unpacked = step.EndWith(
        UnpackMount(*mount, folder, options, store.blobs(), fetch));
    if (!unpacked) return std::move(unpacked).error();
    return true;
  };
}

void AddMounts(const CacheExport& spec, const plan::BuildGraph& graph,
               const Store& store, Workshop& workshop,
               ProgressReporter& progress, cache::PortableCache& cache) {
  uint64_t rest_bytes = spec.mounts_most_bytes;
  for (const auto& [name, id] : MountsOf(graph)) {
    const std::string folder = store.mounts_directory() + "/" + name;
    Result<cache::PortableMount> mount = cache::PortableMount();
    if (IsFolder(folder)) {
      ProgressStep step(progress, "[internal] packing cache mount " + id);
      mount = step.EndWith(Pack(folder, rest_bytes, store, workshop));
    } else if (const auto* known = workshop.imported.FindMount(name)) {
      if (known->size_bytes > rest_bytes) {
        mount = Unsupported("it is larger than what mounts-max-size= leaves");
      } else {
        mount = *known;
      }
    }
    if (!mount) {
      progress.Warning("the cache mount " + id +
                       " does not travel: " + mount.error().message());
      continue;
    }
    if (mount->pieces.empty()) continue;
    rest_bytes -= mount->size_bytes;
    cache.mounts[name] = *std::move(mount);
  }
}

}  // namespace strake::builder
