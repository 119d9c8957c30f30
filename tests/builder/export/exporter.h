// A small image, solved and ready to be exported, and what exporting borrows.

#ifndef STRAKE_TESTS_BUILDER_EXPORT_EXPORTER_H_
#define STRAKE_TESTS_BUILDER_EXPORT_EXPORTER_H_

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

#include "builder/export/assemble_image.h"
#include "builder/export/export.h"
#include "tests/builder/solve/workshop.h"
#include "tests/support/temp_dir.h"

namespace strake::testing {

class Exporter {
 public:
  Exporter() {
    shop_.dir.MakeDir("out");
    shop_.sandbox.programs["populate"] =
        [](const FakeSandbox::ProcessSpec& spec,
           const FakeSandbox::OutputCallback&,
           std::stop_token) -> Result<FakeSandbox::ExitStatus> {
      const std::string& root = spec.root.path;
      ::mkdir((root + "/bin").c_str(), 0755);
      std::ofstream(root + "/bin/app") << "#!/bin/sh\n";
      ::chmod((root + "/bin/app").c_str(), 0755);
      std::ofstream(root + "/secret") << "s";
      ::chmod((root + "/secret").c_str(), 0600);
      EXPECT_EQ(::symlink("bin/app", (root + "/link").c_str()), 0);
      return FakeSandbox::ExitStatus{};
    };
    auto step = maker_.Run(maker_.Scratch(), {"populate"});
    graph_ = maker_.Finish({step});
    graph_.targets[0].config.platform = {"linux", "amd64", "", "", {}};
    graph_.targets[0].config.cmd = {{"/bin/app"}};
    oci::History entry;
    entry.created_by = "RUN populate # buildkit";
    graph_.targets[0].config.history = {entry};
    builder::solve::SolveOptions options;
    options.need_root = true;
    auto solved = shop_.Solve(graph_, options);
    EXPECT_TRUE(solved);
    solved_ = *std::move(solved);
    auto image = builder::exporter::AssembleImage(
        graph_, graph_.targets[0], solved_.images[0],
        std::chrono::system_clock::now(), {}, nullptr, shop_.blobs);
    EXPECT_TRUE(image);
    image_ = *std::move(image);
    roots_ = {{image_.platform, solved_.images[0].root}};
  }

  // Where outputs go.
  std::string out(const std::string& name) const {
    return shop_.dir.path("out/" + name);
  }
  const TempDir& dir() const { return shop_.dir; }
  const oci::ImageLayout& store() const { return shop_.layout; }
  const builder::exporter::AssembledImage& image() const { return image_; }

  Result<std::vector<std::string>> Export(
      const std::vector<std::string>& outputs,
      const std::vector<std::string>& names = {}, std::stop_token stop = {}) {
    std::vector<builder::Output> parsed;
    for (const std::string& output : outputs) {
      auto one = builder::ParseOutput(output);
      EXPECT_TRUE(one) << output;
      parsed.push_back(*std::move(one));
    }
    builder::ProgressReporter progress(nullptr);
    registry::Client client({});
    builder::exporter::ExportContext context{
        image_, shop_.layout, roots_,   *shop_.snapshots, client,
        {},     {},           progress, std::move(stop)};
    auto exported = builder::exporter::Export(parsed, names, context);
    if (!exported) return std::move(exported).error();
    return exported->names;
  }

 private:
  Workshop shop_;
  GraphMaker maker_;
  builder::plan::BuildGraph graph_;
  builder::solve::SolveResult solved_;
  builder::exporter::AssembledImage image_;
  std::vector<builder::exporter::ExportedRoot> roots_;
};

}  // namespace strake::testing

#endif  // STRAKE_TESTS_BUILDER_EXPORT_EXPORTER_H_
