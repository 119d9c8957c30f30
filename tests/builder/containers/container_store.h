// A store with busybox images, and containers of it.

#ifndef STRAKE_TESTS_BUILDER_CONTAINERS_CONTAINER_STORE_H_
#define STRAKE_TESTS_BUILDER_CONTAINERS_CONTAINER_STORE_H_

#include <gtest/gtest.h>

#include <memory>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "builder/containers.h"
#include "builder/sandbox/probe_sandbox.h"
#include "oci/image_layout.h"
#include "tests/builder/sandbox/test_root.h"
#include "tests/support/expect_result.h"
#include "tests/support/temp_dir.h"
#include "tests/support/test_image.h"

namespace strake::builder {

struct Ended {
  ContainerEnd end;
  std::string out;
  std::string err;
};

using sandbox::WhyNotRoot;  // for `SKIP_WITHOUT_SANDBOX`

class ContainerStore {
 public:
  ContainerStore() { Tag("busybox", "first"); }

  const std::string& path() const { return dir_.path(); }

  // Gives `name` to an image whose /version says `version`.
  void Tag(const std::string& name, const std::string& version) {
    auto layout =
        oci::ImageLayout::Open(path(), oci::ImageLayout::OpenMode::kCreate);
    ASSERT_TRUE(testing::IsOk(layout));
    root_.dir().Write("version", version + "\n");
    const oci::LayerBlob layer =
        testing::PutLayer(layout->blobs(), root_.dir());
    const oci::Descriptor image = testing::PutImage(layout->blobs(), {layer});
    EXPECT_TRUE(layout->Tag("docker.io/library/" + name + ":latest", image));
  }

  ContainersOptions Options() const {
    ContainersOptions options;
    options.store_directory = path();
    options.network = RunNetwork::kHost;
    return options;
  }

  // With these options; null and a test failure where that fails.
  static std::unique_ptr<Containers> Open(const ContainersOptions& options) {
    auto containers = Containers::Open(options);
    EXPECT_TRUE(containers) << containers.error().message();
    return containers ? *std::move(containers) : nullptr;
  }
  std::unique_ptr<Containers> Open() const { return Open(Options()); }

 private:
  testing::TempDir dir_;
  sandbox::TestRoot root_;
};

inline ContainerSpec Shell(std::string script) {
  ContainerSpec spec;
  spec.image = "busybox";
  spec.pull = PullPolicy::kNever;
  spec.args = {"/bin/sh", "-c", std::move(script)};
  return spec;
}

inline Result<Ended> TryRun(Containers& containers, ContainerSpec spec,
                            std::stop_token stop = {}) {
  Ended ended;
  spec.on_output = [&](int stream, std::string_view text) {
    (stream == 1 ? ended.out : ended.err) += text;
  };
  Result<ContainerEnd> end = containers.Run(spec, std::move(stop));
  if (!end) return std::move(end).error();
  ended.end = *end;
  return ended;
}

// What a container that has to succeed writes to its standard output.
inline std::string OutputOf(Containers& containers, const ContainerSpec& spec) {
  Result<Ended> ended = TryRun(containers, spec);
  EXPECT_TRUE(testing::IsOk(ended));
  if (!ended) return "";
  EXPECT_EQ(ended->end.ShellCode(), 0) << ended->err;
  return ended->out;
}

}  // namespace strake::builder

#endif  // STRAKE_TESTS_BUILDER_CONTAINERS_CONTAINER_STORE_H_
