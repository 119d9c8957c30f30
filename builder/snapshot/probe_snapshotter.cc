#include "builder/snapshot/probe_snapshotter.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <utility>

#include "builder/snapshot/overlay_snapshotter.h"
#include "builder/snapshot/plain_snapshotter.h"
#include "builder/snapshot/snapshot_store.h"
#include "util/result_macros.h"

namespace strake::builder::snapshot {
namespace {

// That files can be given to others, where they are to be.
Status CheckOwnership(const SnapshotStore& store, OwnershipForm ownership) {
  if (ownership != OwnershipForm::kReal) return {};
  ASSIGN_OR_RETURN(auto staging, store.Stage());
  if (::mkdirat(staging->directory(), "probe", 0700) != 0) {
    return ErrnoError("mkdir in " + staging->path());
  }
  if (::fchownat(staging->directory(), "probe", 1, 1, AT_SYMLINK_NOFOLLOW) !=
      0) {
    return Unsupported(
        ErrnoError("chown to another user in " + store.directory()).message());
  }
  return {};
}

std::string StoreDirectory(const std::string& directory, const char* kind,
                           OwnershipForm ownership) {
  std::string store = directory + "/" + kind;
  if (ownership == OwnershipForm::kVirtual) store += "-virtual";
  return store;
}

Result<SnapshotterChoice> OpenOverlay(const std::string& directory,
                                      OwnershipForm ownership) {
  ASSIGN_OR_RETURN(auto store, SnapshotStore::Open(StoreDirectory(
                                   directory, "overlay", ownership)));
  RETURN_IF_ERROR(CheckOwnership(*store, ownership));
  auto form = ProbeOverlay(*store);
  if (!form) return std::move(form).error().Wrap("overlay");
  SnapshotterChoice choice;
  choice.reason = "overlay works here (" + form->options + ")";
  choice.snapshotter = std::make_unique<OverlaySnapshotter>(
      std::move(store), ownership, *std::move(form));
  return choice;
}

Result<SnapshotterChoice> OpenPlain(const std::string& directory,
                                    OwnershipForm ownership) {
  ASSIGN_OR_RETURN(auto store, SnapshotStore::Open(StoreDirectory(
                                   directory, "plain", ownership)));
  RETURN_IF_ERROR(CheckOwnership(*store, ownership));
  SnapshotterChoice choice;
  choice.reason = "plain";
  choice.snapshotter =
      std::make_unique<PlainSnapshotter>(std::move(store), ownership);
  return choice;
}

}  // namespace

Result<SnapshotterChoice> OpenSnapshotter(const std::string& directory,
                                          std::string_view wanted,
                                          OwnershipForm ownership) {
  if (wanted == "plain") return OpenPlain(directory, ownership);
  if (wanted == "overlay") return OpenOverlay(directory, ownership);
  if (wanted != "auto") {
    return InvalidArgument("snapshotter \"" + std::string(wanted) +
                           "\": expected auto, overlay or plain");
  }
  auto overlay = OpenOverlay(directory, ownership);
  if (overlay || overlay.error().code() != ErrorCode::kUnsupported) {
    return overlay;
  }
  auto plain = OpenPlain(directory, ownership);
  if (plain) plain->reason = overlay.error().message() + "; plain";
  return plain;
}

}  // namespace strake::builder::snapshot
