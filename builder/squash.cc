// The root file system is compared with the base's, file by file. Adding up
// the layers' tars would be cheaper, but a hard link of one layer to a file
// that another one replaces cannot be told in a tar.

#include "builder/squash.h"

#include <string>
#include <utility>

#include "builder/ops/image_op.h"
#include "builder/snapshot/layer_changes.h"
#include "builder/snapshot/metadata_scan.h"
#include "builder/snapshot/tree_diff.h"
#include "oci/image_config.h"
#include "oci/layer_blob.h"
#include "oci/manifest.h"
#include "oci/media_type.h"
#include "util/result_macros.h"

namespace strake::builder {
namespace {

using snapshot::MetadataScan;
using snapshot::SnapshotDiff;
using snapshot::TreeState;

// A scan that says of no file that it is untouched: all are compared.
Result<MetadataScan> EverythingTouched(int root) {
  ASSIGN_OR_RETURN(MetadataScan scan, snapshot::ScanTree(root));
  for (snapshot::ScannedFile& file : scan) {
    file.ctime_ns = snapshot::ScannedFile::kUnsettled;
  }
  return scan;
}

Result<oci::LayerBlob> WriteDifference(const SquashOptions& options) {
  snapshot::Snapshotter& snapshotter = options.snapshotter;
  ASSIGN_OR_RETURN(snapshot::MountedRoot root, snapshotter.View(options.root));
  ASSIGN_OR_RETURN(OwnershipJournal journal, snapshotter.Journal(options.root));
  TreeState newer{root.fd.get(), journal};
  SnapshotDiff diff;
  if (options.base == nullptr) {
    OwnershipJournal none;
    ASSIGN_OR_RETURN(diff.changes, DiffTrees(newer, {-1, none}, {}));
  } else {
    ASSIGN_OR_RETURN(
        snapshot::SnapshotId base,
        ops::UnpackImage(*options.base, oci::LayerContents::kAll, options.fetch,
                         options.blobs, snapshotter, options.stop));
    ASSIGN_OR_RETURN(snapshot::MountedRoot base_root, snapshotter.View(base));
    ASSIGN_OR_RETURN(OwnershipJournal base_journal, snapshotter.Journal(base));
    ASSIGN_OR_RETURN(MetadataScan scan, EverythingTouched(base_root.fd.get()));
    ASSIGN_OR_RETURN(
        diff.changes,
        DiffTrees(newer, {base_root.fd.get(), base_journal}, scan));
  }
  diff.root = std::move(root.fd);
  RETURN_IF_ERROR(snapshot::AddLeadingDirectories(journal, diff));
  return oci::WriteLayerBlob(diff.changes, diff.root.get(), options.compression,
                             options.layers, options.blobs);
}

void SquashHistory(size_t base_layers, size_t own_layers,
                   std::vector<oci::History>& history) {
  size_t layers = 0;
  oci::History merged;
  for (oci::History& entry : history) {
    if (!entry.empty_layer && ++layers > base_layers) entry.empty_layer = true;
    merged.created = entry.created;
  }
  merged.comment = "merge of " + std::to_string(own_layers) + " layers";
  history.push_back(std::move(merged));
}

}  // namespace

Result<exporter::AssembledImage> SquashImage(
    const exporter::AssembledImage& image, const SquashOptions& options) {
  ASSIGN_OR_RETURN(std::string text, options.blobs.Read(image.manifest.digest));
  ASSIGN_OR_RETURN(oci::Manifest manifest, oci::ParseManifest(text));
  const size_t base_layers = image.base_layers.size();
  const size_t own_layers = manifest.layers.size() - base_layers;
  if (own_layers < 2) return image;
  ASSIGN_OR_RETURN(text, options.blobs.Read(manifest.config.digest));
  ASSIGN_OR_RETURN(oci::ImageConfig config, oci::ParseImageConfig(text));
  ASSIGN_OR_RETURN(oci::LayerBlob layer, WriteDifference(options));
  manifest.layers.resize(base_layers);
  manifest.layers.push_back(layer.descriptor);
  config.diff_ids.resize(base_layers);
  config.diff_ids.push_back(layer.diff_id);
  SquashHistory(base_layers, own_layers, config.history);
  exporter::AssembledImage squashed = image;
  ASSIGN_OR_RETURN(squashed.config,
                   options.blobs.Put(oci::SerializeImageConfig(config),
                                     oci::kMediaTypeConfig));
  manifest.config = squashed.config;
  ASSIGN_OR_RETURN(squashed.manifest,
                   options.blobs.Put(oci::SerializeManifest(manifest),
                                     oci::kMediaTypeManifest));
  return squashed;
}

}  // namespace strake::builder
