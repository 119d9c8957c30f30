// Where strake keeps things: an OCI image layout, with the builder's caches
// beside it.
//
//   oci-layout, index.json, blobs/   images by name, and their blobs
//   snapshots/                       unpacked states of root file systems
//   cache/index, cache/files,        what is known of steps, of files, and of
//   cache/fetched                    what ADD fetched from the web
//   cache/steps/                     what the steps of each Dockerfile were
//   mounts/                          RUN --mount=type=cache
//   runs/                            of tasks (tasks/run/run_folder.h)
//   tmp/                             contexts that came as a stream, and what
//                                    steps need besides their root
//   in-use.lock, garbage             see `OwnAlone`

#ifndef STRAKE_BUILDER_STORE_H_
#define STRAKE_BUILDER_STORE_H_

#include <optional>
#include <set>
#include <string>
#include <utility>

#include "builder/sandbox/sandbox.h"
#include "builder/snapshot/probe_snapshotter.h"
#include "oci/image_layout.h"
#include "util/atomic_file.h"
#include "util/result.h"

namespace strake::builder {

class Store {
 public:
  // Opens the store in `directory`, making what is missing.
  static Result<Store> Open(const std::string& directory);

  const oci::ImageLayout& layout() const { return layout_; }
  const oci::BlobStore& blobs() const { return layout_.blobs(); }
  const std::string& directory() const { return layout_.directory(); }

  std::string cache_index_path() const { return directory() + "/cache/index"; }
  std::string stat_cache_path() const { return directory() + "/cache/files"; }
  std::string fetched_path() const { return directory() + "/cache/fetched"; }
  // What is remembered of one Dockerfile's steps, for explanations.
  std::string step_history_path(std::string_view project) const;
  std::string mounts_directory() const { return directory() + "/mounts"; }
  std::string temporary_directory() const { return directory() + "/tmp"; }

  // Whether no other strake has the store open; none can open it then until
  // this one is closed. Only the owner may remove blobs: others may rely on any
  // that they have seen, named or not.
  Result<bool> OwnAlone();
  // Digests of blobs that nothing needed when they could not be removed. Any
  // strake may add some; only the owner forgets them.
  Result<std::set<oci::Digest>> Garbage() const;
  Status AddGarbage(const std::set<oci::Digest>& digests) const;
  Status ForgetGarbage() const;

  // The snapshotter called `name` ("auto": the best one) for steps that run in
  // `sandbox`: with real ownership where this process can give files away, else
  // with a journal; with files that are all this process's own where the
  // sandbox emulates owners, or where nothing can be run.
  Result<snapshot::SnapshotterChoice> OpenSnapshots(
      const std::string& name, const sandbox::Sandbox& sandbox) const;

  // How an image without a name is kept: under its digest.
  static std::string NamelessName(const oci::Digest& manifest) {
    return manifest.ToString();
  }
  static bool IsNameless(std::string_view name) {
    return name.starts_with("sha256:");
  }

 private:
  Store(oci::ImageLayout layout, FileLock in_use)
      : layout_(std::move(layout)), in_use_(std::move(in_use)) {}
  std::string garbage_path() const { return directory() + "/garbage"; }

  oci::ImageLayout layout_;
  std::optional<FileLock> in_use_;  // shared, until `OwnAlone`
};

}  // namespace strake::builder

#endif  // STRAKE_BUILDER_STORE_H_
