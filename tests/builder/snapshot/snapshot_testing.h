// What the snapshot tests share: a store, trees made by shell commands, and
// diffs in a form that can be read.

#ifndef STRAKE_TESTS_BUILDER_SNAPSHOT_SNAPSHOT_TESTING_H_
#define STRAKE_TESTS_BUILDER_SNAPSHOT_SNAPSHOT_TESTING_H_

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "builder/snapshot/probe_snapshotter.h"
#include "builder/snapshot/snapshotter.h"
#include "oci/change.h"
#include "tests/support/temp_dir.h"

namespace strake::builder::snapshot {

// Runs `script` with sh in the directory `root`; a failure is a test failure.
void RunShell(int root, const std::string& script);

// The kind of ownership that this process can have: "journal" in the variable
// STRAKE_TEST_OWNERSHIP, else real.
OwnershipForm TestOwnership();

// A snapshotter of the given kind in a directory that goes with it.
class SnapshotterUnderTest {
 public:
  // An empty pointer within says that `kind` does not work here (`reason`).
  //   kind  a snapshotter's name, or "handed": the plain one, where `Make` says
  //         of each snapshot that it is handed on
  explicit SnapshotterUnderTest(std::string_view kind);

  Snapshotter* operator->() { return snapshotter_.get(); }
  Snapshotter& operator*() { return *snapshotter_; }
  explicit operator bool() const { return snapshotter_ != nullptr; }
  const std::string& reason() const { return reason_; }
  const std::string& directory() const { return dir_.path(); }
  // Where its store is.
  std::string store() const { return directory() + "/" + name_; }

  // Commits `id`: `parent` changed by `change` in its merged file system.
  void Make(const SnapshotId& id, const std::optional<SnapshotId>& parent,
            const std::function<void(int root)>& change);
  void Make(const SnapshotId& id, const std::optional<SnapshotId>& parent,
            const std::string& script);

  // The diff of `id` as one line a change: "M path" or "D path".
  std::vector<std::string> Diff(const SnapshotId& id);
  // What the diff of `id` says of `path`; a failure where it says nothing.
  oci::FileMetadata Metadata(const SnapshotId& id, std::string_view path);
  // The digest of the layer of `id`, with all times set to one.
  std::string DiffId(const SnapshotId& id);

 private:
  testing::TempDir dir_;
  const bool hands_on_;
  const std::string name_;
  std::unique_ptr<Snapshotter> snapshotter_;
  std::string reason_;
};

// Runs `body` in a child process as uid 1000, and exits with the number of test
// failures in it, which become one here.
void AsPlainUser(const std::function<void()>& body);
// The same, then as root of a new user namespace with that one id, and of a
// mount namespace. Returns false where the kernel refuses.
bool InUserNamespace(const std::function<void()>& body);

}  // namespace strake::builder::snapshot

#endif  // STRAKE_TESTS_BUILDER_SNAPSHOT_SNAPSHOT_TESTING_H_
