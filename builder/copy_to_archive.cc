// Into a tar. From a registry, its blobs go straight into it, one by one.
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "builder/copy_target.h"
#include "builder/export/destination.h"
#include "oci/docker_archive.h"
#include "oci/manifest.h"
#include "oci/reference.h"
#include "registry/stream_blob.h"
#include "util/byte_stream.h"
#include "util/result_macros.h"
#include "util/temporary_folder.h"

namespace strake::builder {
namespace {

// Reports what is read of a blob.
class ReportingSource final : public ByteSource {
 public:
  ReportingSource(std::unique_ptr<ByteSource> source,
                  const oci::Descriptor& blob,
                  const registry::ProgressCallback& progress)
      : source_(std::move(source)), progress_(progress) {
    report_.digest = blob.digest;
    report_.action = registry::TransferAction::kPull;
    report_.total_bytes = blob.size_bytes;
  }
  Result<size_t> Read(std::span<std::byte> buffer) override {
    ASSIGN_OR_RETURN(size_t count, source_->Read(buffer));
    report_.current_bytes += count;
    report_.done = count == 0;
    if (progress_) progress_(report_);
    return count;
  }

 private:
  std::unique_ptr<ByteSource> source_;
  const registry::ProgressCallback& progress_;
  registry::TransferProgress report_;
};

// The documents of a repository's images, in a store without blobs.
class Documents {
 public:
  static Result<Documents> Fetch(const CopyJob& job) {
    ASSIGN_OR_RETURN(
        TemporaryFolder folder,
        TemporaryFolder::Make("strake-copy-", "for the documents of an image"));
    ASSIGN_OR_RETURN(oci::BlobStore store, oci::BlobStore::Open(folder.path()));
    Documents documents(std::move(folder), std::move(store));
    RETURN_IF_ERROR(documents.FetchTree(job, job.image));
    for (const oci::Descriptor& referrer : job.referrers) {
      RETURN_IF_ERROR(documents.FetchTree(job, referrer));
    }
    return documents;
  }

  const oci::BlobStore& store() const { return store_; }

 private:
  Documents(TemporaryFolder folder, oci::BlobStore store)
      : folder_(std::move(folder)), store_(std::move(store)) {}

  Status FetchTree(const CopyJob& job, const oci::Descriptor& root) {
    std::vector<oci::Descriptor> open = {root};
    while (!open.empty()) {
      oci::Descriptor document = std::move(open.back());
      open.pop_back();
      if (store_.Contains(document.digest)) continue;
      ASSIGN_OR_RETURN(std::string bytes, job.origin.Read(document));
      RETURN_IF_ERROR(store_.Put(bytes, document.media_type));
      if (!oci::IsIndex(document.media_type)) continue;
      ASSIGN_OR_RETURN(oci::Index index, oci::ParseIndex(bytes));
      open.insert(open.end(), index.manifests.begin(), index.manifests.end());
    }
    return {};
  }

  TemporaryFolder folder_;
  oci::BlobStore store_;
};

Status Write(const CopyJob& job, const ImagePlace& to,
             const oci::BlobStore& store, const oci::ArchiveOptions& options,
             ByteSink& out) {
  if (to.kind == ImagePlace::Kind::kDockerArchive) {
    // `docker load` gives what has no name none.
    const std::string name = to.name.empty() ? job.origin.name() : to.name;
    std::vector<std::string> names;
    if (!name.empty()) {
      ASSIGN_OR_RETURN(oci::Reference reference, oci::ParseReference(name));
      names.push_back(oci::WithDefaultTag(std::move(reference)).ToString());
    }
    return oci::WriteDockerArchive(store, job.image, names, out, options);
  }
  std::vector<oci::NamedImage> images = {{to.name, job.image}};
  for (const oci::Descriptor& referrer : job.referrers) {
    images.push_back({"", referrer});
  }
  return oci::WriteOciImages(store, images, out, options);
}

}  // namespace

Status CopyToArchive(const CopyJob& job, const ImagePlace& to) {
  ASSIGN_OR_RETURN(auto destination,
                   exporter::FileDestination::Open(to.path, ""));
  FdSink sink(destination->fd());
  oci::ArchiveOptions options;
  if (const oci::BlobStore* store = job.origin.store()) {
    options.verify = !job.origin.is_ours();
    RETURN_IF_ERROR(Write(job, to, *store, options, sink));
    return destination->Publish();
  }
  ASSIGN_OR_RETURN(Documents documents, Documents::Fetch(job));
  options.open_missing =
      [&job](
          const oci::Descriptor& blob) -> Result<std::unique_ptr<ByteSource>> {
    auto stream = registry::StreamBlob(job.client, job.origin.repository(),
                                       blob, 0, job.stop);
    return std::unique_ptr<ByteSource>(std::make_unique<ReportingSource>(
        std::move(stream), blob, job.progress));
  };
  RETURN_IF_ERROR(Write(job, to, documents.store(), options, sink));
  return destination->Publish();
}

}  // namespace strake::builder
