// `type=image`: names in strake's own store, where the blobs are already.
#include <algorithm>
#include <utility>

#include "builder/export/export.h"
#include "util/result_macros.h"

namespace strake::builder::exporter {
namespace {

class StoreOutput final : public PreparedOutput {
 public:
  StoreOutput(const oci::ImageLayout& store,
              std::vector<oci::NamedImage> images)
      : store_(store), images_(std::move(images)) {}

  Status Publish() override { return store_.TagAll(images_); }

 private:
  const oci::ImageLayout& store_;
  std::vector<oci::NamedImage> images_;
};

}  // namespace

Result<PreparedOutputPtr> PrepareStore(const Output& output,
                                       const std::vector<std::string>& names,
                                       const ExportContext& context) {
  std::vector<oci::NamedImage> images;
  const std::string digest = context.image.manifest.digest.ToString();
  for (const std::string& name : names) {
    images.push_back({name, context.image.manifest});
    if (output.name_canonical) {
      images.push_back({name + "@" + digest, context.image.manifest});
    }
  }
  if (images.empty() && !output.dangling_name_prefix.empty()) {
    ASSIGN_OR_RETURN(
        oci::Reference reference,
        oci::ParseReference(output.dangling_name_prefix + "@" + digest));
    images.push_back({reference.ToString(), context.image.manifest});
  }
  // Without a name the image is found by its ID, unless it has a name already.
  ASSIGN_OR_RETURN(std::vector<oci::NamedImage> known, context.store.List());
  bool has_name = std::any_of(
      known.begin(), known.end(), [&](const oci::NamedImage& image) {
        return image.descriptor.digest == context.image.manifest.digest;
      });
  if (images.empty() && !has_name && !output.unlisted) {
    images.push_back({digest, context.image.manifest});
  }
  return PreparedOutputPtr(
      std::make_unique<StoreOutput>(context.store, std::move(images)));
}

}  // namespace strake::builder::exporter
