#include "builder/export/export.h"

#include <algorithm>
#include <utility>

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
      return PrepareStore(names, context);
    case Kind::kOci:
      if (!output.tar) return PrepareLayout(output, names, context);
      return PrepareArchive(output, names, context);
    case Kind::kDocker:
      return PrepareArchive(output, names, context);
    case Kind::kRegistry:
      return PrepareRegistry(names, context);
    case Kind::kLocal:
    case Kind::kTar:
      return PrepareFiles(output, context);
  }
  return Internal("unknown kind of output");
}

}  // namespace

bool NeedsRoot(const Output& output) {
  return output.kind == Kind::kLocal || output.kind == Kind::kTar;
}

bool NeedsImage(const Output& output) { return !NeedsRoot(output); }

bool NeedsBlobs(const Output& output) {
  return NeedsImage(output) && output.kind != Kind::kRegistry;
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

Result<std::vector<std::string>> Export(const std::vector<Output>& outputs,
                                        const std::vector<std::string>& names,
                                        const ExportContext& context) {
  std::vector<PreparedOutputPtr> prepared;
  std::vector<std::string> used;
  for (const Output& output : outputs) {
    const auto& own = output.names.empty() ? names : output.names;
    ProgressStep step(context.progress, StepName(output));
    ASSIGN_OR_RETURN(PreparedOutputPtr ready,
                     step.EndWith(Prepare(output, own, context)));
    prepared.push_back(std::move(ready));
    if (output.kind == Kind::kStore || output.kind == Kind::kRegistry) {
      used.insert(used.end(), own.begin(), own.end());
    }
  }
  if (context.stop.stop_requested())
    return Cancelled("the build was cancelled");
  // What may fail halfway comes before what only gets its name.
  for (bool fills_folder : {true, false}) {
    for (size_t i = 0; i < outputs.size(); ++i) {
      if ((outputs[i].kind == Kind::kLocal) != fills_folder) continue;
      RETURN_IF_ERROR(prepared[i]->Publish());
    }
  }
  std::sort(used.begin(), used.end());
  used.erase(std::unique(used.begin(), used.end()), used.end());
  return used;
}

}  // namespace strake::builder::exporter
