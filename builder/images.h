// The images in a store, and their way to and from registries: what `strake
// images, tag, rmi, inspect, push, pull` do.

#ifndef STRAKE_BUILDER_IMAGES_H_
#define STRAKE_BUILDER_IMAGES_H_

#include <cstdint>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "builder/progress.h"
#include "oci/descriptor.h"
#include "oci/image_config.h"
#include "oci/platform.h"
#include "oci/reference.h"
#include "registry/client.h"
#include "util/result.h"

namespace strake::builder {

struct StoredImage {
  std::string name;  // full reference; empty: it has none
  oci::Descriptor descriptor;
  oci::Digest config;  // the image ID; empty for an index
  std::optional<oci::Timestamp> created;
  uint64_t size_bytes = 0;  // of all blobs that it reaches
};

// Every named image, by name.
Result<std::vector<StoredImage>> ListImages(const std::string& store_directory);

// The image that `name_or_id` means: a reference (with "latest" for no tag) or
// the start (4 digits or more) of an image ID or manifest digest. `kNotFound`
// suggests the nearest name.
Result<StoredImage> FindImage(const std::string& store_directory,
                              const std::string& name_or_id);

// The documents of an image, as they are in the store.
struct ImageDocuments {
  StoredImage image;
  std::string manifest;  // raw bytes
  std::string config;    // raw bytes; empty for an index
};
Result<ImageDocuments> InspectImage(const std::string& store_directory,
                                    const std::string& name_or_id);
// The documents of what `reference` names in its registry, of which nothing but
// them is transferred.
struct RemoteInspection {
  registry::ClientOptions registry;
  // Which image of an index, and what an image that is in none has to be for
  // (else `kNotFound`); none: what is there, an index without a config.
  std::optional<oci::Platform> platform;
  std::stop_token stop;
};
Result<ImageDocuments> InspectRemoteImage(const std::string& reference,
                                          const RemoteInspection& options);
// The bytes of an image config in `repository`.
Result<std::string> FetchImageConfig(const registry::Client& client,
                                     const oci::Reference& repository,
                                     const oci::Descriptor& config,
                                     std::stop_token stop);
// Re-derives every digest and diff ID of the image (`inspect --verify`).
Status VerifyImage(const std::string& store_directory,
                   const std::string& name_or_id);

Status TagImage(const std::string& store_directory,
                const std::string& name_or_id, const std::string& new_name);

struct RemovedImage {
  std::vector<std::string> names;  // that were taken away
  std::vector<oci::Digest> blobs;  // that were deleted
  // Other strakes are using the store, and may rely on the blobs that nothing
  // needs now: a later removal deletes them.
  bool blobs_kept = false;
};
// Removes the name, or all names of the image with that ID; once no name
// reaches an image, also the blobs that nothing else needs.
// Errors: `kNotFound`; `kInvalidArgument`: an ID that several names share, and
// `force` is not set.
Result<RemovedImage> RemoveImage(const std::string& store_directory,
                                 const std::string& name_or_id,
                                 bool force = false);

struct TransferOptions {
  std::string store_directory;
  registry::ClientOptions registry;
  // Pull: which image of an index (none: the host's), and what an image that is
  // in none has to be for (none: anything).
  std::optional<oci::Platform> platform;
  ProgressSink* progress = nullptr;  // borrowed
  std::stop_token stop;
};

// Pushes the image called `name` to the registry and repository of that name.
Result<oci::Descriptor> PushImage(const std::string& name,
                                  const TransferOptions& options);
// Pulls `name` into the store, under that name.
Result<StoredImage> PullImage(const std::string& name,
                              const TransferOptions& options);
// Several at once, with the connections and tokens of one client; in the order
// of `names`. One that fails leaves the others alone; the whole fails where
// nothing could be tried.
Result<std::vector<Result<StoredImage>>> PullImages(
    const std::vector<std::string>& names, const TransferOptions& options);

}  // namespace strake::builder

#endif  // STRAKE_BUILDER_IMAGES_H_
