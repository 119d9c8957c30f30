#include "oci/docker_archive.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "tests/support/expect_result.h"
#include "tests/support/rich_tree.h"
#include "tests/support/run_tool.h"
#include "tests/support/test_image.h"

namespace strake::oci {
namespace {

using testing::DescribeTree;
using ::testing::ElementsAreArray;
using testing::FailsWith;
using ::testing::HasSubstr;
using testing::IsOk;
using testing::PutImage;
using testing::PutIndex;
using testing::PutLayer;
using testing::Sh;
using testing::TempDir;

class ArchiveTest : public ::testing::Test {
 protected:
  ArchiveTest() : store_(*BlobStore::Open(files_.path("layout"))) {
    tree_.Write("bin/tool", std::string(30'000, 't'));
    tree_.Symlink("tool", "bin/link");
    ::chown(tree_.path("bin/tool").c_str(), 3, 4);
    testing::SetMtime(tree_, "bin/tool", 1'500'000'000, 250'000'000);
    layer_ = PutLayer(store_, tree_);
    second_.Write("etc/conf", "conf");
    zstd_ = PutLayer(store_, second_, Compression::kNone);
    image_ = PutImage(store_, {layer_, zstd_});
  }
  // Tools want an index.json; tags it as `name`.
  std::string LayoutNamed(const std::string& name) {
    auto layout = ImageLayout::Open(files_.path("layout"),
                                    ImageLayout::OpenMode::kCreate);
    EXPECT_TRUE(IsOk(layout->Tag(name, image_)));
    return files_.path("layout");
  }
  std::string WriteDocker(const std::vector<std::string>& names) {
    MemorySink sink;
    EXPECT_TRUE(IsOk(WriteDockerArchive(store_, image_, names, sink)));
    files_.Write("docker.tar", sink.bytes());
    return files_.path("docker.tar");
  }
  std::string WriteOci(const Descriptor& image,
                       const std::vector<std::string>& names) {
    MemorySink sink;
    EXPECT_TRUE(IsOk(WriteOciArchive(store_, image, names, sink)));
    files_.Write("oci.tar", sink.bytes());
    return files_.path("oci.tar");
  }

  TempDir files_;
  TempDir tree_;
  TempDir second_;
  BlobStore store_;
  LayerBlob layer_;
  LayerBlob zstd_;
  Descriptor image_;
};

#define SKIP_WITHOUT(tool) \
  if (!testing::HaveTool(tool)) GTEST_SKIP() << tool " is not installed"

TEST_F(ArchiveTest, HoldsBothForms) {
  std::string path = WriteDocker({"docker.io/library/x:1", "localhost:5/y"});
  std::string listing = Sh("tar -tf " + path);
  std::string config =
      ParseManifest(*store_.Read(image_.digest))->config.digest.Hex();
  EXPECT_THAT(listing, ::testing::StartsWith("blobs/\nblobs/sha256/\n"));
  EXPECT_THAT(listing,
              ::testing::EndsWith("index.json\nmanifest.json\noci-layout\n"));
  EXPECT_EQ(
      R"([{"Config":"blobs/sha256/)" + config +
          R"(","RepoTags":["x:1","localhost:5/y:latest"],"Layers":["blobs/sha256/)" +
          layer_.descriptor.digest.Hex() + R"(","blobs/sha256/)" +
          zstd_.descriptor.digest.Hex() + R"("]}])",
      Sh("tar -xOf " + path + " manifest.json"));
  std::string index = Sh("tar -xOf " + path + " index.json");
  EXPECT_THAT(
      index,
      HasSubstr(R"("io.containerd.image.name": "docker.io/library/x:1")"));
  EXPECT_THAT(index, HasSubstr(image_.digest.ToString()));
}

TEST_F(ArchiveTest, IsDeterministic) {
  MemorySink first;
  MemorySink second;
  ASSERT_TRUE(IsOk(WriteDockerArchive(store_, image_, {"x"}, first)));
  ASSERT_TRUE(IsOk(WriteDockerArchive(store_, image_, {"x"}, second)));
  EXPECT_EQ(Digest::Of(first.bytes()), Digest::Of(second.bytes()));
  EXPECT_EQ("1970-01-01 00:00:00\n",
            Sh("tar --full-time -tvf " + WriteDocker({}) +
               " | awk '{ print $4, $5 }' | sort -u"));
}

TEST_F(ArchiveTest, DockersFormHoldsOnePlatform) {
  Descriptor other = PutImage(store_, {layer_}, "linux/arm64");
  Descriptor attestation = PutImage(store_, {}, "unknown/unknown");
  MemorySink sink;
  EXPECT_TRUE(FailsWith(
      WriteDockerArchive(store_, PutIndex(store_, {image_, other}), {}, sink),
      ErrorCode::kUnsupported, "one platform"));
  EXPECT_TRUE(IsOk(WriteDockerArchive(
      store_, PutIndex(store_, {image_, attestation}), {}, sink)));
  EXPECT_TRUE(IsOk(
      WriteOciArchive(store_, PutIndex(store_, {image_, other}), {}, sink)));
}

TEST_F(ArchiveTest, ReportsAMissingLayer) {
  ASSERT_TRUE(IsOk(store_.Remove(layer_.descriptor.digest)));
  NullSink sink;
  EXPECT_TRUE(FailsWith(WriteDockerArchive(store_, image_, {}, sink),
                        ErrorCode::kNotFound,
                        layer_.descriptor.digest.ToString()));
  EXPECT_TRUE(FailsWith(WriteOciArchive(store_, image_, {}, sink),
                        ErrorCode::kNotFound));
}

TEST_F(ArchiveTest, SkopeoReadsBothForms) {
  SKIP_WITHOUT("skopeo");
  for (const std::string& source :
       {"docker-archive:" + WriteDocker({"docker.io/library/x:1"}),
        "docker-archive:" + WriteDocker({}),
        "oci-archive:" + WriteOci(image_, {}),
        "oci-archive:" + WriteOci(image_, {"docker.io/library/x:1"}) + ":1"}) {
    std::string config = Sh("skopeo inspect --config " + source);
    EXPECT_THAT(config, HasSubstr(layer_.diff_id.ToString())) << source;
  }
}

TEST_F(ArchiveTest, SkopeoConvertsOurLayout) {
  SKIP_WITHOUT("skopeo");
  std::string layout = LayoutNamed("docker.io/library/x:1");
  std::string copy = files_.path("copy");
  Sh("skopeo copy -q oci:" + layout + ":1 docker-archive:" + copy + ".tar:x:1");
  Sh("skopeo copy -q docker-archive:" + copy + ".tar oci:" + copy + ":back");
  Sh("skopeo copy -q docker-archive:" + WriteDocker({"x:1"}) + " dir:" + copy +
     ".dir");
  // What came back from skopeo is still the same file system, for us.
  auto back = ImageLayout::Open(copy, ImageLayout::OpenMode::kMustExist);
  ASSERT_TRUE(IsOk(back));
  auto image = back->Find("back");
  ASSERT_TRUE(IsOk(image));
  auto manifest = ParseManifest(*back->blobs().Read(image->digest));
  ASSERT_TRUE(IsOk(manifest));
  TempDir root;
  ASSERT_TRUE(IsOk(ApplyLayerBlob(manifest->layers[0], layer_.diff_id,
                                  back->blobs(), root.fd(), {})));
  EXPECT_THAT(DescribeTree(root.fd()),
              ElementsAreArray(DescribeTree(tree_.fd())));
}

TEST_F(ArchiveTest, PodmanLoadsBothForms) {
  SKIP_WITHOUT("podman");
  if (::geteuid() != 0) GTEST_SKIP() << "needs root";
  TempDir storage;
  std::string podman = "podman --root " + storage.path("root") + " --runroot " +
                       storage.path("run") + " --storage-driver vfs";
  std::string loaded =
      Sh(podman + " load -q -i " + WriteDocker({"x.test/a:1"}));
  EXPECT_THAT(loaded, HasSubstr("x.test/a:1"));
  loaded = Sh(podman + " load -q -i " + WriteOci(image_, {"x.test/b:2"}));
  EXPECT_THAT(loaded, HasSubstr("Loaded image"));
}

TEST_F(ArchiveTest, UmociUnpacksOurLayout) {
  SKIP_WITHOUT("umoci");
  if (::geteuid() != 0) GTEST_SKIP() << "needs root";
  TempDir tree;
  testing::MakeRichTree(tree);
  image_ = PutImage(store_, {PutLayer(store_, tree)});
  std::string layout = LayoutNamed("x.test/rich:1");
  std::string bundle = files_.path("bundle");
  Sh("umoci unpack --image " + layout + ":1 " + bundle + " 2>&1");
  UniqueFd root(::open((bundle + "/rootfs").c_str(), O_RDONLY | O_DIRECTORY));
  EXPECT_THAT(DescribeTree(root.get()),
              ElementsAreArray(DescribeTree(tree.fd())));
}

TEST_F(ArchiveTest, WeUnpackWhatUmociRepacks) {
  SKIP_WITHOUT("umoci");
  if (::geteuid() != 0) GTEST_SKIP() << "needs root";
  std::string layout = LayoutNamed("x.test/base:1");
  std::string bundle = files_.path("bundle");
  Sh("umoci unpack --image " + layout + ":1 " + bundle + " 2>&1");
  {
    std::string root = bundle + "/rootfs";
    Sh("cd " + root +
       " && rm bin/link && mkdir new && echo n > new/f && ln new/f new/g"
       " && mknod new/d c 5 6 && mkfifo new/p && chmod 4711 new/f"
       " && setfattr -n user.k -v v new/f && ln -s f new/s"
       " && printf 'x' > \"new/gr\303\274n\" && printf 'y' > \"new/\377\""
       " && chown 1000:1000 new/p && find . -exec touch -h -d @1234567890 {} "
       "+");
  }
  Sh("umoci repack --image " + layout + ":2 " + bundle + " 2>&1");
  auto opened = ImageLayout::Open(layout, ImageLayout::OpenMode::kMustExist);
  ASSERT_TRUE(IsOk(opened));
  auto image = opened->Find("2");
  ASSERT_TRUE(IsOk(image));
  auto manifest = ParseManifest(*opened->blobs().Read(image->digest));
  auto config =
      ParseImageConfig(*opened->blobs().Read(manifest->config.digest));
  ASSERT_TRUE(IsOk(config));
  TempDir root;
  for (size_t i = 0; i < manifest->layers.size(); ++i) {
    ASSERT_TRUE(IsOk(ApplyLayerBlob(manifest->layers[i], config->diff_ids[i],
                                    opened->blobs(), root.fd(), {})));
  }
  UniqueFd expected(
      ::open((bundle + "/rootfs").c_str(), O_RDONLY | O_DIRECTORY));
  EXPECT_THAT(DescribeTree(root.fd()),
              ElementsAreArray(DescribeTree(expected.get())));
}

}  // namespace
}  // namespace strake::oci
