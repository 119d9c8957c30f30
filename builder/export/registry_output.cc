// `type=registry`: pushed under each name. A push cannot be taken back, so all
// of it is done when the output is prepared: nothing else has been published
// then, should it fail.
#include <utility>

#include "builder/context/image_source.h"
#include "builder/export/export.h"
#include "registry/push.h"
#include "util/result_macros.h"

namespace strake::builder::exporter {
namespace {

class Pushed final : public PreparedOutput {
 public:
  Status Publish() override { return {}; }
};

}  // namespace

Result<PreparedOutputPtr> PrepareRegistry(const Output& output,
                                          const std::vector<std::string>& names,
                                          const ExportContext& context) {
  if (names.empty()) {
    return InvalidArgument(
        "pushing needs a name: give one with --tag, or with name= in --output");
  }
  for (const std::string& name : names) {
    ASSIGN_OR_RETURN(oci::Reference reference, oci::ParseReference(name));
    if (output.push_by_digest) {
      reference =
          oci::ByDigest(std::move(reference), context.image.manifest.digest);
    } else {
      reference = oci::WithDefaultTag(std::move(reference));
    }
    ProgressStep step(context.progress, "pushing " + reference.ToString());
    registry::PushOptions options;
    options.mount_from = context.mount_from;
    options.fetch_missing = context.fetch_missing;
    options.found_in = context.found_in;
    if (context.early != nullptr) {
      options.under_way = [&](const oci::Descriptor& blob) {
        return context.early->Find(reference, blob.digest);
      };
    }
    options.progress = context::ReportTransfers(context.progress, step.id());
    options.stop = context.stop;
    RETURN_IF_ERROR(step.EndWith(
        registry::PushImage(context.client, reference, context.image.manifest,
                            context.store.blobs(), options)));
  }
  return PreparedOutputPtr(std::make_unique<Pushed>());
}

}  // namespace strake::builder::exporter
