// `type=oci,tar=false`: an OCI image layout folder. Blobs are added to what the
// folder holds; the names are the last thing written.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <memory>
#include <optional>
#include <utility>

#include "builder/export/export.h"
#include "oci/walk.h"
#include "util/result_macros.h"

namespace strake::builder::exporter {
namespace {

class LayoutOutput final : public PreparedOutput {
 public:
  LayoutOutput(oci::ImageLayout layout, std::vector<oci::NamedImage> images)
      : layout_(std::move(layout)), images_(std::move(images)) {}

  Status Publish() override { return layout_.TagAll(images_); }

 private:
  oci::ImageLayout layout_;
  std::vector<oci::NamedImage> images_;
};

Status CopyBlob(const oci::Descriptor& blob, const oci::BlobStore& from,
                const oci::BlobStore& to) {
  if (to.Contains(blob.digest)) return {};
  // A link where both are on one file system; blobs never change.
  std::string target = to.PathOf(blob.digest);
  if (::link(from.PathOf(blob.digest).c_str(), target.c_str()) == 0) return {};
  ASSIGN_OR_RETURN(std::unique_ptr<ByteSource> source, from.Open(blob));
  ASSIGN_OR_RETURN(std::unique_ptr<oci::BlobWriter> writer, to.Create());
  RETURN_IF_ERROR(CopyAll(*source, *writer));
  ASSIGN_OR_RETURN(oci::BlobInfo info,
                   writer->Commit(blob.digest, blob.size_bytes));
  (void)info;
  return {};
}

}  // namespace

Result<PreparedOutputPtr> PrepareLayout(const Output& output,
                                        const std::vector<std::string>& names,
                                        const ExportContext& context) {
  std::error_code error;
  if (std::filesystem::exists(output.dest, error) &&
      !std::filesystem::is_directory(output.dest, error)) {
    return InvalidArgument("--output dest=" + output.dest +
                           ": is a file, and an image layout is a folder");
  }
  ASSIGN_OR_RETURN(
      oci::ImageLayout layout,
      oci::ImageLayout::Open(output.dest, oci::ImageLayout::OpenMode::kCreate));
  ASSIGN_OR_RETURN(
      std::vector<oci::Descriptor> blobs,
      oci::WalkImage(context.store.blobs(), context.image.manifest));
  for (const oci::Descriptor& blob : blobs) {
    RETURN_IF_ERROR(CopyBlob(blob, context.store.blobs(), layout.blobs()));
  }
  std::vector<oci::NamedImage> images;
  for (const std::string& name : names) {
    images.push_back({name, context.image.manifest});
  }
  if (images.empty()) images.push_back({"", context.image.manifest});
  return PreparedOutputPtr(
      std::make_unique<LayoutOutput>(std::move(layout), std::move(images)));
}

}  // namespace strake::builder::exporter
