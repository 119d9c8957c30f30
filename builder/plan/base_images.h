// Which stages a target reaches, and what their FROM, `--from` and
// `--mount=from` mean: other stages, named contexts, or images, which are
// pinned here with their configurations in hand.
//
// The only part of a plan that asks the outside, through `ImageResolver`. A
// base image's ONBUILD triggers may name further stages and images, so
// selection and resolution are one worklist; it ends, since stages are finite
// and triggers cannot nest.

#ifndef STRAKE_BUILDER_PLAN_BASE_IMAGES_H_
#define STRAKE_BUILDER_PLAN_BASE_IMAGES_H_

#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include "builder/plan/plan_options.h"
#include "dockerfile/diagnostic.h"
#include "dockerfile/dockerfile.h"
#include "util/result.h"

namespace strake::builder::plan {

// What a name in FROM or `--from` stands for.
struct SourceRef {
  enum class Kind { kScratch, kStage, kImage, kContext };
  Kind kind = Kind::kScratch;
  size_t stage = 0;     // kStage
  std::string image;    // kImage: key into `BaseImages::images`
  std::string context;  // kContext: name of a named context
};

struct ResolvedStage {
  bool reachable = false;  // all below is set only if so
  SourceRef base;
  // A named context has the stage's own name and takes the place of the whole
  // stage: `base` is that context, and no instruction counts.
  bool replaced = false;
  oci::Platform platform;
  // ONBUILD triggers of the base: carried out before the stage's own.
  std::vector<dockerfile::Instruction> triggers;
  // What `--from=TEXT` and `--mount=from=TEXT` mean in this stage, by text.
  std::map<std::string, SourceRef> sources;
};

struct BaseImages {
  VariableScope globals;  // what FROM lines see
  size_t target = 0;      // index of the stage to build
  std::vector<ResolvedStage> stages;
  std::map<std::string, BaseImage> images;
};

// Mistakes in the Dockerfile are appended to `diagnostics`, and the result is
// then `kInvalidArgument`; a failure to resolve an image keeps its code and
// carries the place of the instruction that names it.
Result<BaseImages> ResolveBaseImages(
    const dockerfile::Dockerfile& file, const PlanOptions& options,
    const ImageResolver& resolve,
    std::vector<dockerfile::Diagnostic>& diagnostics);

}  // namespace strake::builder::plan

#endif  // STRAKE_BUILDER_PLAN_BASE_IMAGES_H_
