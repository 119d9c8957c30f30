// A finished image to where its outputs say.
//
// In two steps, so that a failure leaves nothing half-written: every output is
// prepared (files aside of their destination, blobs pushed), and only when all
// are is each put in its place.

#ifndef STRAKE_BUILDER_EXPORT_EXPORT_H_
#define STRAKE_BUILDER_EXPORT_EXPORT_H_

#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "builder/export/assemble_image.h"
#include "builder/export/early_uploads.h"
#include "builder/output.h"
#include "builder/progress_reporter.h"
#include "builder/snapshot/snapshotter.h"
#include "oci/convert_layer.h"
#include "oci/image_layout.h"
#include "oci/reference.h"
#include "registry/client.h"
#include "util/result.h"

namespace strake::builder::exporter {

// The root file system of one of the images.
struct ExportedRoot {
  oci::Platform platform;
  snapshot::SnapshotId snapshot;  // empty unless an output needs it
};

// What is exported, and what with; all borrowed.
struct ExportContext {
  const AssembledImage& image;
  const oci::ImageLayout& store;
  // One for each platform. The files of several are kept apart, in folders
  // that are called as buildx calls them: "linux_amd64", "linux_arm_v7".
  const std::vector<ExportedRoot>& roots;
  snapshot::Snapshotter& snapshotter;
  const registry::Client& client;
  // Repositories that may have the base's layers.
  std::vector<oci::Reference> mount_from;
  // Brings a layer that the store lacks into it (`PushOptions::fetch_missing`).
  std::function<Status(const oci::Descriptor&)> fetch_missing;
  ProgressReporter& progress;
  std::stop_token stop;
  // The form that the layers were made in, where outputs agreed on one.
  std::optional<oci::LayerForm> layer_form = {};
  // SOURCE_DATE_EPOCH, for files of outputs that have their times rewritten.
  std::optional<oci::Timestamp> epoch = {};
  // Where a layer that the store lacks is (`PushOptions::found_in`).
  std::function<std::optional<oci::Reference>(const oci::Descriptor&)>
      found_in = {};
  // Layers that are on their way already; null: none are.
  const EarlyUploads* early = nullptr;
};

struct Exported {
  std::vector<std::string> names;  // under which it was stored or pushed
  // As the first output that is an image has it; none where all are files.
  std::optional<AssembledImage> image;
  // As the last output that is the store has it.
  std::optional<oci::Descriptor> stored;
};

// An output that is ready. Dropped without `Publish`, it leaves nothing.
class PreparedOutput {
 public:
  virtual ~PreparedOutput() = default;
  virtual Status Publish() = 0;
};
using PreparedOutputPtr = std::unique_ptr<PreparedOutput>;

// Whether an output is made of the files, or of the image.
bool NeedsRoot(const Output& output);
bool NeedsImage(const Output& output);
// Whether an output is made of layers that are in the store: to a registry
// goes only what it lacks.
bool NeedsBlobs(const Output& output);
// `kUnsupported` where an output holds one image only.
Status CheckTakesIndex(const Output& output);

// Sends the image to every output, in the shape that it wants; `names` are the
// build's tags, for outputs that bring none of their own.
Result<Exported> Export(const std::vector<Output>& outputs,
                        const std::vector<std::string>& names,
                        const ExportContext& context);

// One each, in files of their names. `context.image` has the output's shape.
Result<PreparedOutputPtr> PrepareStore(const Output& output,
                                       const std::vector<std::string>& names,
                                       const ExportContext& context);
Result<PreparedOutputPtr> PrepareLayout(const Output& output,
                                        const std::vector<std::string>& names,
                                        const ExportContext& context);
Result<PreparedOutputPtr> PrepareArchive(const Output& output,
                                         const std::vector<std::string>& names,
                                         const ExportContext& context);
Result<PreparedOutputPtr> PrepareRegistry(const Output& output,
                                          const std::vector<std::string>& names,
                                          const ExportContext& context);
Result<PreparedOutputPtr> PrepareFiles(const Output& output,
                                       const ExportContext& context);

}  // namespace strake::builder::exporter

#endif  // STRAKE_BUILDER_EXPORT_EXPORT_H_
