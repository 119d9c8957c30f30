#include "oci/image_layout.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/expect_result.h"
#include "tests/support/temp_dir.h"

namespace strake::oci {
namespace {

using testing::FailsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::IsOk;
using ::testing::Not;
using testing::TempDir;

using OpenMode = ImageLayout::OpenMode;

Descriptor Image(std::string_view content) {
  Descriptor descriptor;
  descriptor.media_type = kMediaTypeManifest;
  descriptor.digest = Digest::Of(content);
  descriptor.size_bytes = content.size();
  return descriptor;
}

TEST(ImageLayoutTest, CreatesAndReopens) {
  TempDir dir;
  EXPECT_TRUE(FailsWith(ImageLayout::Open(dir.path("l"), OpenMode::kMustExist),
                        ErrorCode::kNotFound, "not an OCI image layout"));
  EXPECT_FALSE(dir.Exists("l"));
  auto layout = ImageLayout::Open(dir.path("l"), OpenMode::kCreate);
  ASSERT_TRUE(IsOk(layout));
  EXPECT_EQ(R"({"imageLayoutVersion":"1.0.0"})", dir.Read("l/oci-layout"));
  EXPECT_THAT(*layout->List(), IsEmpty());
  ASSERT_TRUE(IsOk(layout->Tag("docker.io/library/x:1", Image("x"))));
  for (OpenMode mode : {OpenMode::kCreate, OpenMode::kMustExist}) {
    auto again = ImageLayout::Open(dir.path("l"), mode);
    ASSERT_TRUE(IsOk(again));
    EXPECT_EQ(Image("x"), *again->Find("docker.io/library/x:1"));
  }
}

TEST(ImageLayoutTest, NamesAsContainerdDoes) {
  TempDir dir;
  auto layout = ImageLayout::Open(dir.path(), OpenMode::kCreate);
  ASSERT_TRUE(IsOk(layout->Tag("localhost:5000/a/b:v1", Image("x"))));
  std::string index = dir.Read("index.json");
  EXPECT_THAT(
      index,
      HasSubstr(R"("io.containerd.image.name": "localhost:5000/a/b:v1")"));
  EXPECT_THAT(index, HasSubstr(R"("org.opencontainers.image.ref.name": "v1")"));
}

TEST(ImageLayoutTest, MovesAName) {
  TempDir dir;
  auto layout = ImageLayout::Open(dir.path(), OpenMode::kCreate);
  ASSERT_TRUE(IsOk(layout->Tag("a.b/x:1", Image("old"))));
  ASSERT_TRUE(IsOk(layout->Tag("a.b/x:2", Image("old"))));
  ASSERT_TRUE(IsOk(layout->Tag("a.b/x:1", Image("new"))));
  EXPECT_EQ(2u, layout->List()->size());
  EXPECT_EQ(Image("new"), *layout->Find("a.b/x:1"));
  EXPECT_EQ(Image("old"), *layout->Find("a.b/x:2"));
  ASSERT_TRUE(IsOk(layout->Untag("a.b/x:2")));
  EXPECT_TRUE(FailsWith(layout->Find("a.b/x:2"), ErrorCode::kNotFound));
  EXPECT_TRUE(FailsWith(layout->Untag("a.b/x:2"), ErrorCode::kNotFound));
}

TEST(ImageLayoutTest, KeepsOtherAnnotationsAndPlatforms) {
  TempDir dir;
  auto layout = ImageLayout::Open(dir.path(), OpenMode::kCreate);
  Descriptor image = Image("x");
  image.annotations["k"] = "v";
  image.platform = *ParsePlatform("linux/arm64");
  ASSERT_TRUE(IsOk(layout->TagAll({{"a.b/x:1", image}, {"a.b/x:2", image}})));
  EXPECT_EQ(image, *layout->Find("a.b/x:1"));
  EXPECT_EQ(image, *layout->Find("a.b/x:2"));
}

TEST(ImageLayoutTest, HoldsImagesWithoutName) {
  TempDir dir;
  auto layout = ImageLayout::Open(dir.path(), OpenMode::kCreate);
  ASSERT_TRUE(IsOk(layout->Tag("", Image("x"))));
  ASSERT_TRUE(IsOk(layout->Tag("", Image("x"))));
  ASSERT_TRUE(IsOk(layout->Tag("", Image("y"))));
  ASSERT_EQ(2u, layout->List()->size());
  EXPECT_EQ("", (*layout->List())[0].name);
  EXPECT_THAT(dir.Read("index.json"), Not(HasSubstr("ref.name")));
}

TEST(ImageLayoutTest, ReadsForeignLayouts) {
  TempDir dir;
  dir.Write("oci-layout", R"({"imageLayoutVersion": "1.0.0"})");
  Index index;
  index.manifests = {Image("x"), Image("y")};
  index.manifests[0].annotations["org.opencontainers.image.ref.name"] =
      "latest";
  dir.Write("index.json", SerializeIndex(index));
  auto layout = ImageLayout::Open(dir.path(), OpenMode::kMustExist);
  ASSERT_TRUE(IsOk(layout));
  auto images = *layout->List();
  ASSERT_EQ(2u, images.size());
  EXPECT_EQ("latest", images[0].name);
  EXPECT_EQ("", images[1].name);
  EXPECT_EQ(Image("x"), *layout->Find("latest"));
  EXPECT_FALSE(dir.Exists(".strake"));
  // A bare tag stays one.
  ASSERT_TRUE(IsOk(layout->Tag("latest", Image("z"))));
  EXPECT_EQ(Image("z"), *layout->Find("latest"));
  EXPECT_THAT(dir.Read("index.json"), Not(HasSubstr("containerd")));
}

TEST(ImageLayoutTest, BelievesTheStandardAnnotationWhereTwoDisagree) {
  TempDir dir;
  auto layout = ImageLayout::Open(dir.path(), OpenMode::kCreate);
  ASSERT_TRUE(IsOk(layout->Tag("a.b/x:1", Image("x"))));
  std::string index = dir.Read("index.json");
  index.replace(index.find(R"(ref.name": "1")"), 14, R"(ref.name": "2")");
  dir.Write("index.json", index);
  EXPECT_EQ("2", (*layout->List())[0].name);
}

TEST(ImageLayoutTest, ReportsDamage) {
  TempDir dir;
  auto layout = ImageLayout::Open(dir.path(), OpenMode::kCreate);
  dir.Write("index.json", "{");
  EXPECT_TRUE(
      FailsWith(layout->List(), ErrorCode::kInvalidArgument, "index.json"));
  EXPECT_TRUE(FailsWith(layout->Tag("a.b/c:d", Image("x")),
                        ErrorCode::kInvalidArgument));
  EXPECT_EQ("{", dir.Read("index.json")) << "left for a person to repair";
  dir.Write("oci-layout", R"({"imageLayoutVersion":"2.0.0"})");
  EXPECT_TRUE(FailsWith(ImageLayout::Open(dir.path(), OpenMode::kMustExist),
                        ErrorCode::kUnsupported, "2.0.0"));
}

TEST(ImageLayoutTest, ManyProcessesMayTagAtOnce) {
  TempDir dir;
  ASSERT_TRUE(IsOk(ImageLayout::Open(dir.path(), OpenMode::kCreate)));
  std::vector<pid_t> children;
  for (int i = 0; i < 6; ++i) {
    pid_t child = ::fork();
    if (child == 0) {
      auto layout = ImageLayout::Open(dir.path(), OpenMode::kMustExist);
      for (int n = 0; layout && n < 10; ++n) {
        std::string name =
            "a.b/x:" + std::to_string(i) + "-" + std::to_string(n);
        if (!layout->Tag(name, Image(name))) ::_exit(1);
      }
      ::_exit(layout ? 0 : 2);
    }
    children.push_back(child);
  }
  for (pid_t child : children) {
    int status = 0;
    ASSERT_EQ(child, ::waitpid(child, &status, 0));
    EXPECT_EQ(0, status);
  }
  auto layout = ImageLayout::Open(dir.path(), OpenMode::kMustExist);
  EXPECT_EQ(60u, layout->List()->size());
}

}  // namespace
}  // namespace strake::oci
