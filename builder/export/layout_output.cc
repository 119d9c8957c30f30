// `type=oci,tar=false`: an OCI image layout folder. Blobs are added to what the
// folder holds; the names are the last thing written. `type=docker,tar=false`
// writes the `manifest.json` of `docker save` beside it.
#include <filesystem>
#include <memory>
#include <optional>
#include <utility>

#include "builder/export/export.h"
#include "oci/copy_blob.h"
#include "oci/docker_archive.h"
#include "oci/walk.h"
#include "util/atomic_file.h"
#include "util/result_macros.h"

namespace strake::builder::exporter {
namespace {

class LayoutOutput final : public PreparedOutput {
 public:
  //   docker_manifest  the content of `manifest.json`; empty: none
  LayoutOutput(oci::ImageLayout layout, std::vector<oci::NamedImage> images,
               std::string docker_manifest)
      : layout_(std::move(layout)),
        images_(std::move(images)),
        docker_manifest_(std::move(docker_manifest)) {}

  Status Publish() override {
    if (!docker_manifest_.empty()) {
      RETURN_IF_ERROR(WriteFileAtomically(
          layout_.directory() + "/manifest.json", docker_manifest_));
    }
    return layout_.TagAll(images_);
  }

 private:
  oci::ImageLayout layout_;
  std::vector<oci::NamedImage> images_;
  std::string docker_manifest_;
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
    RETURN_IF_ERROR(oci::CopyBlob(blob, context.store.blobs(), layout.blobs(),
                                  oci::BlobCopy::kLink));
  }
  std::vector<oci::NamedImage> images;
  for (const std::string& name : names) {
    images.push_back({name, context.image.manifest});
  }
  if (images.empty()) images.push_back({"", context.image.manifest});
  std::string docker_manifest;
  if (output.kind == Output::Kind::kDocker) {
    ASSIGN_OR_RETURN(docker_manifest,
                     oci::DockerArchiveManifest(context.store.blobs(),
                                                context.image.manifest, names));
  }
  return PreparedOutputPtr(std::make_unique<LayoutOutput>(
      std::move(layout), std::move(images), std::move(docker_manifest)));
}

}  // namespace strake::builder::exporter
