#include "builder/export/export.h"

#include <algorithm>
#include <utility>

#include "builder/export/shape_image.h"
#include "util/result_macros.h"

namespace strake::builder::exporter {
namespace {

using Kind = Output::Kind;

std::string StepName(const Output& output) {
  switch (output.kind) {
    case Kind::kStore:
      return "exporting to the store";
    case Kind::kOci:
      return "exporting to oci image format: " + output.dest;
    case Kind::kDocker:
      return "exporting to docker image format: " + output.dest;
    case Kind::kRegistry:
      return "pushing";
    case Kind::kLocal:
      return "copying files to " + output.dest;
    case Kind::kTar:
      return "sending tarball to " + output.dest;
  }
  return "exporting";
}

Result<PreparedOutputPtr> Prepare(const Output& output,
                                  const std::vector<std::string>& names,
                                  const ExportContext& context) {
  switch (output.kind) {
    case Kind::kStore:
      return PrepareStore(output, names, context);
    case Kind::kOci:
    case Kind::kDocker:
      if (!output.tar) return PrepareLayout(output, names, context);
      return PrepareArchive(output, names, context);
    case Kind::kRegistry:
      return PrepareRegistry(output, names, context);
    case Kind::kLocal:
    case Kind::kTar:
      return PrepareFiles(output, context);
  }
  return Internal("unknown kind of output");
}

// A push cannot be taken back: it is done when all else is prepared.
std::vector<const Output*> PushesLast(const std::vector<Output>& outputs) {
  std::vector<const Output*> order;
  for (const Output& output : outputs) order.push_back(&output);
  std::stable_partition(order.begin(), order.end(), [](const Output* output) {
    return output->kind != Kind::kRegistry;
  });
  return order;
}

const Output* FirstImage(const std::vector<Output>& outputs) {
  for (const Output& output : outputs) {
    if (output.IsImage()) return &output;
  }
  return nullptr;
}

Result<AssembledImage> ShapeFor(const Output& output,
                                const ExportContext& context,
                                ImageShaper& shaper) {
  if (!output.IsImage()) return context.image;
  return shaper.Shape(context.image, output);
}

ExportContext WithImage(const ExportContext& context,
                        const AssembledImage& image) {
  return {image,
          context.store,
          context.roots,
          context.snapshotter,
          context.client,
          context.mount_from,
          context.fetch_missing,
          context.progress,
          context.stop,
          context.layer_form,
          context.epoch,
          context.found_in,
          context.early};
}

}  // namespace

bool NeedsRoot(const Output& output) {
  return output.kind == Kind::kLocal || output.kind == Kind::kTar;
}

bool NeedsImage(const Output& output) { return !NeedsRoot(output); }

bool NeedsBlobs(const Output& output) {
  return NeedsImage(output) && (output.kind != Kind::kRegistry || output.store);
}

Status CheckTakesIndex(const Output& output) {
  if (output.kind == Kind::kDocker) {
    return Unsupported(
        "type=docker holds one image, and several platforms make an image "
        "index: build one --platform, or use type=oci");
  }
  if (output.kind == Kind::kTar) {
    return Unsupported(
        "type=tar holds the files of one platform: build one --platform, or "
        "use type=local, which fills a folder for each");
  }
  return {};
}

Result<Exported> Export(const std::vector<Output>& outputs,
                        const std::vector<std::string>& names,
                        const ExportContext& context) {
  Exported exported;
  std::vector<PreparedOutputPtr> folders;
  std::vector<PreparedOutputPtr> others;
  const Output* const first_image = FirstImage(outputs);
  ImageShaper shaper(context.store.blobs(), context.layer_form,
                     context.fetch_missing);
  for (const Output* each : PushesLast(outputs)) {
    const Output& output = *each;
    const auto& own = output.names.empty() ? names : output.names;
    ProgressStep step(context.progress, StepName(output));
    ASSIGN_OR_RETURN(AssembledImage image,
                     step.EndWith(ShapeFor(output, context, shaper)));
    const ExportContext shaped = WithImage(context, image);
    ASSIGN_OR_RETURN(PreparedOutputPtr ready,
                     step.EndWith(Prepare(output, own, shaped)));
    (output.kind == Kind::kLocal ? folders : others)
        .push_back(std::move(ready));
    if (output.store) {
      ASSIGN_OR_RETURN(ready, step.EndWith(PrepareStore(output, own, shaped)));
      others.push_back(std::move(ready));
    }
    if (output.kind == Kind::kStore || output.kind == Kind::kRegistry) {
      exported.names.insert(exported.names.end(), own.begin(), own.end());
    }
    if (each == first_image) exported.image = image;
    if (output.kind == Kind::kStore) exported.stored = image.manifest;
  }
  if (context.stop.stop_requested()) {
    return Cancelled("the build was cancelled");
  }
  // What may fail halfway comes before what only gets its name.
  for (const PreparedOutputPtr& folder : folders) {
    RETURN_IF_ERROR(folder->Publish());
  }
  for (const PreparedOutputPtr& other : others) {
    RETURN_IF_ERROR(other->Publish());
  }
  std::sort(exported.names.begin(), exported.names.end());
  exported.names.erase(
      std::unique(exported.names.begin(), exported.names.end()),
      exported.names.end());
  return exported;
}

}  // namespace strake::builder::exporter
