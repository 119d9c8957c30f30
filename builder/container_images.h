// The images of a run's containers: found in the store or pulled, and unpacked,
// each once.

#ifndef STRAKE_BUILDER_CONTAINER_IMAGES_H_
#define STRAKE_BUILDER_CONTAINER_IMAGES_H_

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <vector>

#include "builder/containers.h"
#include "builder/context/image_source.h"
#include "builder/progress_reporter.h"
#include "builder/snapshot/snapshotter.h"
#include "builder/store.h"
#include "registry/client.h"
#include "util/guarded.h"
#include "util/result.h"
#include "util/turns.h"

namespace strake::builder {

// What is asked for.
struct ImageWish {
  std::string name;  // as `ContainerSpec::image`
  PullPolicy pull = PullPolicy::kMissing;
  std::optional<oci::Platform> platform;
};

// Thread-safe.
class ContainerImages {
 public:
  using Image = std::shared_ptr<const context::SourceImage>;

  // `store` and `progress` are borrowed.
  ContainerImages(const Store& store, const registry::ClientOptions& options,
                  ProgressReporter& progress)
      : store_(store), client_(options), progress_(progress) {}

  // Its documents. A name is looked up in the store each time, as it may be
  // given to another image at any time; what the registry said is remembered.
  Result<Image> Find(const ImageWish& wish, const std::stop_token& stop);
  // Brings those of its `layers` into the store that are not there.
  Status Fetch(const context::SourceImage& image,
               const std::vector<oci::Descriptor>& layers,
               const std::stop_token& stop);
  // Gives an image that was pulled its name in the store, with all of it, as
  // `PullImage` does; others are left as they are.
  Status Record(const context::SourceImage& image, const ImageWish& wish,
                const std::stop_token& stop);
  // Its root file system.
  Result<snapshot::SnapshotId> Unpack(const context::SourceImage& image,
                                      snapshot::Snapshotter& snapshotter,
                                      const std::stop_token& stop);

 private:
  context::ImageSource Source(const std::stop_token& stop) const;
  std::optional<Image> Pulled(const std::string& key);
  Result<std::optional<Image>> InStore(const ImageWish& wish,
                                       const context::ImageSource& source);
  Result<Image> Read(const oci::Reference& reference,
                     const oci::Descriptor& stored, const ImageWish& wish,
                     const context::ImageSource& source);
  Result<Image> AskRegistry(const oci::Reference& reference,
                            const ImageWish& wish,
                            const context::ImageSource& source);

  const Store& store_;
  const registry::Client client_;
  ProgressReporter& progress_;
  // By the digest that a name had, and the platform.
  Guarded<std::map<std::string, Image>> read_;
  // What was pulled, by reference and platform.
  Guarded<std::map<std::string, Image>> pulled_;
  // Of these, those whose names are the store's to change, whatever they mean.
  Guarded<std::set<std::string>> unrecorded_;
  Turns turns_;
};

}  // namespace strake::builder

#endif  // STRAKE_BUILDER_CONTAINER_IMAGES_H_
