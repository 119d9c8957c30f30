// Caches that other builds have left in registries and folders.
//
// Reading one costs a few documents; its layers are fetched one by one, when a
// step or an output needs their bytes. What is fetched is verified, digest and
// diff ID, so a damaged or false cache can spoil a build, never an image:
// `broken` says that the build has to be done again without.

#ifndef STRAKE_BUILDER_CACHE_IMPORTED_CACHE_H_
#define STRAKE_BUILDER_CACHE_IMPORTED_CACHE_H_

#include <map>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "builder/cache/portable_cache.h"
#include "oci/blob_store.h"
#include "oci/descriptor.h"
#include "oci/image_layout.h"
#include "oci/platform.h"
#include "oci/reference.h"
#include "registry/client.h"
#include "registry/transfer_progress.h"
#include "util/guarded.h"
#include "util/result.h"

namespace strake::builder::cache {

class ImportedCache {
 public:
  // All is borrowed. `blobs` receives what is fetched.
  ImportedCache(const registry::Client& client, const oci::BlobStore& blobs,
                std::stop_token stop)
      : client_(client), blobs_(blobs), stop_(std::move(stop)) {}

  // What the cache, or the image with an inline cache, of that name knows.
  // From now on its layers are on offer. One thread.
  //   platform  where the name is that of an index
  // `kNotFound`: there is none, or an image without a cache of strake's.
  Result<PortableCache> AddRegistry(const oci::Reference& reference,
                                    const oci::Platform& platform);
  // Likewise what is called `tag` in an OCI image layout.
  Result<PortableCache> AddLayout(const std::string& folder,
                                  const std::string& tag);

  // The cache mount of that name, of the cache that was added first.
  const PortableMount* FindMount(const std::string& name) const;

  // The functions below may be called from any thread.

  // Whether the blob can be fetched from one of the caches that tell of it:
  // found out by asking, once.
  bool Offers(const oci::Descriptor& blob) const;
  // Brings the blob into the store, unless it is there, and checks that a layer
  // has the diff ID that the caches tell of. Errors also show in `broken`.
  Status Fetch(const oci::Descriptor& blob,
               const registry::ProgressCallback& progress = {}) const;
  // Likewise; a build goes on without, so that errors do not show.
  Status FetchMountPiece(const oci::Descriptor& piece,
                         const registry::ProgressCallback& progress = {}) const;
  // What could not be fetched though it was on offer, or is not what it is said
  // to be.
  std::optional<Error> broken() const { return *broken_.lock(); }
  // A layer turned out to be of no use, for this reason.
  void MarkBroken(const Error& reason) const;
  // How many of the blobs asked for are missing in the caches that tell of
  // them.
  size_t missing() const;
  // Offers nothing from now on.
  void Forget();

 private:
  using Origin = std::variant<oci::Reference, oci::ImageLayout>;

  void Add(Origin origin, const PortableCache& cache);
  bool Has(const Origin& origin, const oci::Descriptor& blob) const;
  Status CheckDiffId(const oci::Descriptor& layer) const;
  Status FetchFrom(const Origin& origin, const oci::Descriptor& blob,
                   const registry::ProgressCallback& progress) const;

  const registry::Client& client_;
  const oci::BlobStore& blobs_;
  std::stop_token stop_;
  std::vector<Origin> origins_;
  std::map<std::string, PortableMount> mounts_;
  // Indices into `origins_`: whose caches tell of a blob; who has it, if
  // anybody.
  std::map<oci::Digest, std::vector<size_t>> described_;
  mutable Guarded<std::map<oci::Digest, std::optional<size_t>>> found_;
  // The layers' diff IDs; each as often as caches differ about it.
  std::map<oci::Digest, std::set<oci::Digest>> diff_ids_;
  mutable Guarded<std::set<oci::Digest>> checked_;
  mutable Guarded<std::optional<Error>> broken_;
};

}  // namespace strake::builder::cache

#endif  // STRAKE_BUILDER_CACHE_IMPORTED_CACHE_H_
