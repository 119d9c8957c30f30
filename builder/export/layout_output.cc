// `type=oci,tar=false`: an OCI image layout folder. Blobs are added to what the
// folder holds; the names are the last thing written.
#include <filesystem>
#include <memory>
#include <optional>
#include <utility>

#include "builder/export/blob_copy.h"
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
