// Plans a Dockerfile given as text, with base images out of a table.

#ifndef STRAKE_TESTS_BUILDER_PLAN_PLANNER_H_
#define STRAKE_TESTS_BUILDER_PLAN_PLANNER_H_

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "builder/plan/base_images.h"
#include "builder/plan/build_graph.h"
#include "builder/plan/make_plan.h"
#include "builder/plan/plan_options.h"
#include "dockerfile/diagnostic.h"
#include "dockerfile/parser.h"
#include "oci/image_config.h"
#include "oci/media_type.h"
#include "util/result.h"

namespace strake::testing {

namespace plan = builder::plan;

class Planner {
 public:
  Planner() {
    options.filename = "Dockerfile";
    options.target_platform = {"linux", "amd64", "", "", {}};
    options.build_platform = {"linux", "amd64", "", "", {}};
    Image("docker.io/library/base:latest");
  }

  // Makes `reference` known: one layer, the environment of a usual base.
  oci::ImageConfig& Image(const std::string& reference) {
    plan::BaseImage image;
    image.reference = *oci::ParseReference(reference);
    image.manifest = {std::string(oci::kMediaTypeManifest),
                      oci::Digest::Of(reference + " manifest"),
                      100,
                      {},
                      {},
                      {},
                      ""};
    image.layers = {{"application/vnd.oci.image.layer.v1.tar+gzip",
                     oci::Digest::Of(reference + " layer"),
                     1000,
                     {},
                     {},
                     {},
                     ""}};
    image.config.platform = options.target_platform;
    image.config.diff_ids = {oci::Digest::Of(reference + " diff ID")};
    image.config.env = {"PATH=/bin"};
    oci::History layer;
    layer.created_by = "base layer";
    image.config.history = {layer};
    return images.insert_or_assign(reference, std::move(image))
        .first->second.config;
  }

  void SetBuildArgs(
      const std::vector<std::pair<std::string, std::string>>& values) {
    options.build_args = plan::BuildArgs(values);
  }

  Result<plan::BaseImages> Resolve(std::string_view text) {
    auto parsed = dockerfile::Parse(text);
    file = std::move(parsed.dockerfile);
    diagnostics = std::move(parsed.diagnostics);
    EXPECT_FALSE(dockerfile::HasErrors(diagnostics)) << Messages();
    options.source_text = text;
    auto resolve =
        [this](const oci::Reference& reference,
               const oci::Platform& platform) -> Result<plan::BaseImage> {
      asked.push_back(reference.ToString() + " " + platform.ToString());
      auto it = images.find(reference.ToString());
      if (it == images.end()) {
        return NotFound(reference.ToString() + ": manifest unknown");
      }
      return it->second;
    };
    return plan::ResolveBaseImages(file, options, resolve, diagnostics);
  }

  Result<plan::BuildGraph> TryPlan(std::string_view text) {
    auto bases = Resolve(text);
    if (!bases) return std::move(bases).error();
    return plan::MakePlan(file, *bases, options, diagnostics);
  }

  // The graph of a Dockerfile that is expected to be good.
  plan::BuildGraph Plan(std::string_view text) {
    auto graph = TryPlan(text);
    EXPECT_TRUE(graph) << graph.error().message() << "\n" << Messages();
    return graph ? *std::move(graph) : plan::BuildGraph();
  }

  // One graph for all of `platforms`.
  plan::BuildGraph PlanAll(std::string_view text,
                           const std::vector<std::string>& platforms) {
    plan::BuildGraph graph;
    options.platform_is_explicit = true;
    options.name_platforms = true;
    for (const std::string& platform : platforms) {
      options.target_platform = *oci::ParsePlatform(platform);
      auto bases = Resolve(text);
      EXPECT_TRUE(bases) << bases.error().message();
      if (!bases) continue;
      auto added = plan::AddToPlan(file, *bases, options, graph, diagnostics);
      EXPECT_TRUE(added) << Messages();
    }
    return graph;
  }

  // What is wrong with a Dockerfile that is expected to be bad: findings with
  // their lines, or else the error.
  std::string Failure(std::string_view text) {
    auto graph = TryPlan(text);
    EXPECT_FALSE(graph) << "planned: " << text;
    if (graph) return "";
    return Messages().empty() ? graph.error().message() : Messages();
  }

  // "3: message\n" for each finding, lint rules in front of theirs.
  std::string Messages() const {
    std::string text;
    for (const dockerfile::Diagnostic& d : diagnostics) {
      text += std::to_string(d.range.start_line) + ": ";
      if (!d.rule.empty()) text += d.rule + ": ";
      text += d.message + "\n";
    }
    return text;
  }

  plan::PlanOptions options;
  std::map<std::string, plan::BaseImage> images;
  std::vector<std::string> asked;  // "reference platform", in order
  dockerfile::Dockerfile file;
  std::vector<dockerfile::Diagnostic> diagnostics;
};

// The operations of kind `T`, in the order of their vertices.
template <typename T>
std::vector<T> OpsOf(const plan::BuildGraph& graph) {
  std::vector<T> ops;
  for (const plan::Vertex& vertex : graph.vertices()) {
    if (const T* op = std::get_if<T>(&vertex.op)) ops.push_back(*op);
  }
  return ops;
}

// The `created_by` of all history entries that the base did not bring.
inline std::vector<std::string> NewHistory(const plan::BuildGraph& graph) {
  std::vector<std::string> lines;
  const auto& history = graph.targets.front().config.history;
  for (size_t i = graph.targets.front().base_history; i < history.size(); ++i) {
    lines.push_back(history[i].created_by);
  }
  return lines;
}

}  // namespace strake::testing

#endif  // STRAKE_TESTS_BUILDER_PLAN_PLANNER_H_
