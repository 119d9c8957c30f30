// What a plan is made from, beside the Dockerfile.

#ifndef STRAKE_BUILDER_PLAN_PLAN_OPTIONS_H_
#define STRAKE_BUILDER_PLAN_PLAN_OPTIONS_H_

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "builder/plan/build_args.h"
#include "builder/plan/op.h"
#include "dockerfile/lint.h"
#include "oci/descriptor.h"
#include "oci/image_config.h"
#include "oci/platform.h"
#include "oci/reference.h"
#include "util/result.h"

namespace strake::builder::plan {

struct PlanOptions {
  // For messages: the Dockerfile's name as the user knows it, and its text.
  std::string filename;
  std::string source_text;

  std::string target;
  // For checks: every stage is planned, not only those the target reaches.
  bool all_stages = false;
  std::set<size_t> no_cache_stages;  // whose steps are executed in any case
  BuildArgs build_args;
  std::map<std::string, std::string> labels;
  oci::Platform target_platform;
  // Asked for by the user; else it is the host's, and a base for another one
  // decides.
  bool platform_is_explicit = false;
  // Steps are called by their platform, too: there are several.
  bool name_platforms = false;
  oci::Platform build_platform;
  std::set<std::string> named_contexts;
  // Named contexts that are images.
  std::map<std::string, oci::Reference> image_contexts;
  RunOp::Network network = RunOp::Network::kHost;  // of RUN's default
  std::vector<std::pair<std::string, std::string>> extra_hosts;
  bool allow_insecure = false;
  dockerfile::LintConfig lint;
  // Whether a path of the main context is left out by the ignore file (for the
  // lint CopyIgnoredFile); may be empty.
  std::function<bool(const std::string& path)> is_ignored;
  // Whether a path of the main context is a regular file; empty: not known.
  std::function<bool(const std::string& path)> is_file;
};

// An image that the Dockerfile names, pinned, with its configuration in hand.
struct BaseImage {
  oci::Reference reference;
  oci::Descriptor manifest;
  std::vector<oci::Descriptor> layers;  // lowest first
  oci::ImageConfig config;
  // False: `config` is made up, and what it lacks means nothing.
  bool config_known = true;
  // What the reference names: `manifest`, or the index that it is in.
  oci::Digest named = {};
};

// Pins a reference and fetches manifest and config, no layers.
using ImageResolver = std::function<Result<BaseImage>(
    const oci::Reference& reference, const oci::Platform& platform)>;

}  // namespace strake::builder::plan

#endif  // STRAKE_BUILDER_PLAN_PLAN_OPTIONS_H_
