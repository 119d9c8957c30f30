// Snapshots as layers of the kernel's overlay file system: each keeps only what
// was written on top of its parent, and shares the rest with it.

#ifndef STRAKE_BUILDER_SNAPSHOT_OVERLAY_SNAPSHOTTER_H_
#define STRAKE_BUILDER_SNAPSHOT_OVERLAY_SNAPSHOTTER_H_

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "builder/snapshot/overlay_layers.h"
#include "builder/snapshot/overlay_mount.h"
#include "builder/snapshot/stored_snapshotter.h"

namespace strake::builder::snapshot {

// How overlays are mounted here.
struct OverlayForm {
  OverlayXattrs xattrs = OverlayXattrs::kTrusted;
  std::string options;  // mount options beside the directories
};

// Finds a form that works in `store`, by mounting and by deleting, replacing
// and renaming in the mount. `kUnsupported` with the reason where none does.
Result<OverlayForm> ProbeOverlay(const SnapshotStore& store);

class OverlaySnapshotter final : public StoredSnapshotter {
 public:
  OverlaySnapshotter(std::shared_ptr<const SnapshotStore> store,
                     OwnershipForm ownership, OverlayForm form)
      : StoredSnapshotter(std::move(store), ownership),
        form_(std::move(form)) {}

  std::string_view name() const override { return "overlay"; }
  Result<MountedRoot> Mount(ActiveSnapshot& active) override;
  Result<MountedRoot> View(const SnapshotId& snapshot) override;
  Result<LayerTarget> Target(ActiveSnapshot& active) override;

 protected:
  Status Start(StoredActive& active) override;
  Status Settle(StoredActive& active, const OwnershipJournal& journal) override;
  Result<std::vector<oci::Change>> Compare(const Comparison& states) override;
  Result<JournalledFile> Probe(const StoredActive& active,
                               const std::string& path) override;

 private:
  // What `ids`, top first, are mounted from; an empty directory makes up the
  // number that the kernel wants.
  Result<std::vector<std::string>> Lowers(const std::vector<SnapshotId>& ids,
                                          size_t at_least) const;
  OverlayLayers Layers(const std::vector<SnapshotId>& ids) const;

  const OverlayForm form_;
};

}  // namespace strake::builder::snapshot

#endif  // STRAKE_BUILDER_SNAPSHOT_OVERLAY_SNAPSHOTTER_H_
