#include "builder/export/export.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <ostream>
#include <string>
#include <thread>
#include <vector>

#include "tests/builder/export/exporter.h"
#include "tests/support/docker_registry.h"
#include "tests/support/expect_result.h"
#include "tests/support/run_tool.h"

namespace strake::builder::exporter {
namespace {

using ::strake::testing::DockerRegistry;
using ::strake::testing::Exporter;
using ::strake::testing::FailsWith;
using ::strake::testing::HaveTool;
using ::strake::testing::IsOk;
using ::strake::testing::Sh;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr char kName[] = "registry.example/team/app:1";

// The files in the folder of outputs, without the folders above them.
std::vector<std::string> Outputs(const Exporter& exporter) {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(
           exporter.dir().path("out"))) {
    if (!entry.is_directory()) {
      names.push_back(
          entry.path().lexically_relative(exporter.dir().path("out")).string());
    }
  }
  std::sort(names.begin(), names.end());
  return names;
}

// What skopeo says of an image; with its config digest and layers.
std::string Inspect(const std::string& image) {
  return Sh("skopeo inspect --raw --tls-verify=false '" + image + "'");
}

TEST(ExportTest, NamesTheImageInTheStore) {
  Exporter exporter;
  auto names = exporter.Export({"type=image"}, {kName, "other.example/b:2"});
  ASSERT_TRUE(IsOk(names));
  EXPECT_THAT(*names, ElementsAre("other.example/b:2", kName));
  for (const std::string& name : *names) {
    auto found = exporter.store().Find(name);
    ASSERT_TRUE(IsOk(found));
    EXPECT_EQ(found->digest, exporter.image().manifest.digest);
  }
}

TEST(ExportTest, AnOutputsOwnNamesComeBeforeTheTags) {
  Exporter exporter;
  auto names = exporter.Export({"type=image,name=own.example/a:1"}, {kName});
  ASSERT_TRUE(IsOk(names));
  EXPECT_THAT(*names, ElementsAre("own.example/a:1"));
  EXPECT_FALSE(exporter.store().Find(kName));
}

TEST(ExportTest, KeepsANamelessImageUnderItsDigest) {
  Exporter exporter;
  ASSERT_TRUE(IsOk(exporter.Export({"type=image"})));
  EXPECT_TRUE(
      IsOk(exporter.store().Find(exporter.image().manifest.digest.ToString())));
}

TEST(ExportTest, WritesAnOciArchive) {
  if (!HaveTool("skopeo")) GTEST_SKIP() << "needs skopeo";
  Exporter exporter;
  std::string file = exporter.out("image.tar");
  ASSERT_TRUE(IsOk(exporter.Export({"type=oci,dest=" + file}, {kName})));
  EXPECT_THAT(Outputs(exporter), ElementsAre("image.tar"));
  EXPECT_EQ(oci::Digest::Of(Inspect("oci-archive:" + file)),
            exporter.image().manifest.digest);
}

TEST(ExportTest, WritesAnOciLayout) {
  if (!HaveTool("skopeo")) GTEST_SKIP() << "needs skopeo";
  Exporter exporter;
  std::string folder = exporter.out("layout");
  std::string output = "type=oci,tar=false,dest=" + folder;
  ASSERT_TRUE(IsOk(exporter.Export({output}, {kName})));
  EXPECT_EQ(oci::Digest::Of(Inspect("oci:" + folder + ":1")),
            exporter.image().manifest.digest);
  // Another name is added to what is there.
  ASSERT_TRUE(IsOk(exporter.Export({output}, {"other.example/b:2"})));
  Inspect("oci:" + folder + ":1");
  Inspect("oci:" + folder + ":2");
}

TEST(ExportTest, WritesADockerArchive) {
  if (!HaveTool("skopeo")) GTEST_SKIP() << "needs skopeo";
  Exporter exporter;
  std::string file = exporter.out("image.tar");
  ASSERT_TRUE(IsOk(exporter.Export({"type=docker,dest=" + file}, {kName})));
  EXPECT_THAT(
      Sh("skopeo inspect docker-archive:" + file + " | grep -c sha256:"),
      ::testing::Not(HasSubstr("0\n")));
  EXPECT_THAT(Sh("tar xOf " + file + " manifest.json"),
              HasSubstr("registry.example/team/app:1"));
  EXPECT_EQ(Sh("skopeo inspect --config docker-archive:" + file +
               " | grep -o '/bin/app'"),
            "/bin/app\n");
}

TEST(ExportTest, WritesTheFilesAsATar) {
  Exporter exporter;
  std::string file = exporter.out("root.tar");
  ASSERT_TRUE(IsOk(exporter.Export({"type=tar,dest=" + file})));
  EXPECT_EQ(Sh("tar tf " + file + " | LC_ALL=C sort"),
            "bin/\nbin/app\nlink\nsecret\n");
  EXPECT_EQ(Sh("tar xOf " + file + " bin/app"), "#!/bin/sh\n");
  EXPECT_THAT(Sh("tar tvf " + file + " bin/app"), HasSubstr("-rwxr-xr-x"));
}

// What is no file, such as /dev/null, stays what it is; a link, a link.
TEST(ExportTest, WritesToWhatIsNoFile) {
  Exporter exporter;
  const std::string fifo = exporter.out("fifo");
  ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
  std::thread reader([&] {
    EXPECT_EQ(Sh("tar tf " + fifo + " | LC_ALL=C sort"),
              "bin/\nbin/app\nlink\nsecret\n");
  });
  EXPECT_TRUE(IsOk(exporter.Export({"type=tar,dest=" + fifo})));
  reader.join();
  EXPECT_TRUE(std::filesystem::is_fifo(fifo));
}

TEST(ExportTest, ReplacesTheFileBehindALink) {
  Exporter exporter;
  exporter.dir().Write("out/real.tar", "old");
  exporter.dir().Symlink("real.tar", "out/link.tar");
  ASSERT_TRUE(
      IsOk(exporter.Export({"type=tar,dest=" + exporter.out("link.tar")})));
  EXPECT_TRUE(std::filesystem::is_symlink(exporter.out("link.tar")));
  EXPECT_EQ(Sh("tar tf " + exporter.out("real.tar") + " | wc -l"), "4\n");
}

TEST(ExportTest, WritesTheFilesIntoAFolder) {
  Exporter exporter;
  std::string folder = exporter.out("root");
  ASSERT_TRUE(IsOk(exporter.Export({"type=local,dest=" + folder})));
  EXPECT_THAT(Outputs(exporter),
              ElementsAre("root/bin/app", "root/link", "root/secret"));
  EXPECT_EQ(exporter.dir().Read("out/root/bin/app"), "#!/bin/sh\n");
  struct stat status = {};
  ASSERT_EQ(::stat((folder + "/secret").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777, 0600u);
  EXPECT_EQ(std::filesystem::read_symlink(folder + "/link"), "bin/app");
}

TEST(ExportTest, AFolderKeepsItsOtherFiles) {
  Exporter exporter;
  exporter.dir().Write("out/root/mine", "kept");
  exporter.dir().Write("out/root/bin/app", "old");
  ASSERT_TRUE(
      IsOk(exporter.Export({"type=local,dest=" + exporter.out("root")})));
  EXPECT_EQ(exporter.dir().Read("out/root/mine"), "kept");
  EXPECT_EQ(exporter.dir().Read("out/root/bin/app"), "#!/bin/sh\n");
}

// A link in the folder must not lead the files elsewhere.
TEST(ExportTest, StaysInItsFolder) {
  Exporter exporter;
  exporter.dir().MakeDir("elsewhere");
  exporter.dir().MakeDir("out/root");
  exporter.dir().Symlink(exporter.dir().path("elsewhere"), "out/root/bin");
  (void)exporter.Export({"type=local,dest=" + exporter.out("root")})
      .has_value();
  EXPECT_FALSE(exporter.dir().Exists("elsewhere/app"));
}

TEST(ExportTest, PushesToARegistry) {
  if (!HaveTool("skopeo") || !HaveTool("docker-registry")) {
    GTEST_SKIP() << "needs skopeo and docker-registry";
  }
  Exporter exporter;
  DockerRegistry registry;
  std::string name = registry.authority() + "/team/app:1";
  auto names = exporter.Export({"type=registry"}, {name});
  ASSERT_TRUE(IsOk(names));
  EXPECT_THAT(*names, ElementsAre(name));
  EXPECT_EQ(oci::Digest::Of(Inspect("docker://" + name)),
            exporter.image().manifest.digest);
}

TEST(ExportTest, GoesToSeveralPlacesAtOnce) {
  Exporter exporter;
  ASSERT_TRUE(IsOk(
      exporter.Export({"type=image", "type=oci,dest=" + exporter.out("a.tar"),
                       "type=local,dest=" + exporter.out("root")},
                      {kName})));
  EXPECT_THAT(Outputs(exporter),
              ElementsAre("a.tar", "root/bin/app", "root/link", "root/secret"));
  EXPECT_TRUE(exporter.store().Find(kName));
}

struct FailingCase {
  const char* name;
  const char* output;  // OUT stands for the folder of outputs
  const char* message;
};
std::ostream& operator<<(std::ostream& out, const FailingCase& c) {
  return out << c.output;
}
class FailingExportTest : public ::testing::TestWithParam<FailingCase> {};

TEST_P(FailingExportTest, LeavesNothingAndKeepsWhatWasThere) {
  Exporter exporter;
  exporter.dir().Write("out/good.tar", "was here before");
  exporter.dir().Write("out/file", "a file");
  exporter.dir().MakeDir("out/folder");
  std::string output = GetParam().output;
  if (size_t at = output.find("OUT"); at != std::string::npos) {
    output.replace(at, 3, exporter.dir().path("out"));
  }
  // In either order.
  for (bool first : {true, false}) {
    std::vector<std::string> outputs = {
        "type=image", "type=oci,dest=" + exporter.out("good.tar")};
    outputs.insert(first ? outputs.begin() : outputs.end(), output);
    auto names = exporter.Export(outputs, {kName});
    ASSERT_FALSE(names);
    EXPECT_THAT(names.error().message(), HasSubstr(GetParam().message));
    EXPECT_EQ(exporter.dir().Read("out/good.tar"), "was here before");
    EXPECT_THAT(Outputs(exporter), ElementsAre("file", "good.tar"));
    EXPECT_FALSE(exporter.store().Find(kName));
  }
}

INSTANTIATE_TEST_SUITE_P(
    All, FailingExportTest,
    ::testing::Values(
        FailingCase{"NoFolder", "type=docker,dest=OUT/none/x.tar",
                    "none/x.tar"},
        FailingCase{"AFolder", "type=oci,dest=OUT/folder",
                    "is a folder; name a file in it"},
        FailingCase{"ATarIntoAFolder", "type=tar,dest=OUT/folder",
                    "is a folder"},
        FailingCase{"ALayoutIntoAFile", "type=oci,tar=false,dest=OUT/file",
                    "is a file"},
        FailingCase{"FilesIntoAFile", "type=local,dest=OUT/file", "is a file"},
        FailingCase{"Unreachable", "type=registry,name=127.0.0.1:1/x:1",
                    "127.0.0.1:1"}),
    [](const auto& info) { return std::string(info.param.name); });

TEST(ExportTest, PushesNothingWhereAnotherOutputFails) {
  if (!HaveTool("skopeo") || !HaveTool("docker-registry")) {
    GTEST_SKIP() << "needs skopeo and docker-registry";
  }
  Exporter exporter;
  DockerRegistry registry;
  std::string name = registry.authority() + "/team/app:1";
  EXPECT_FALSE(exporter.Export(
      {"type=registry", "type=oci,dest=" + exporter.out("none/x.tar")},
      {name}));
  // Not the manifest: of OCI's kind it is shown only to who accepts it.
  EXPECT_EQ(
      Sh("curl -s http://" + registry.authority() + "/v2/team/app/tags/list")
          .find("\"1\""),
      std::string::npos);
}

TEST(ExportTest, PublishesNothingAfterACancellation) {
  Exporter exporter;
  std::stop_source source;
  source.request_stop();
  EXPECT_TRUE(FailsWith(
      exporter.Export({"type=image", "type=oci,dest=" + exporter.out("a.tar")},
                      {kName}, source.get_token()),
      ErrorCode::kCancelled));
  EXPECT_TRUE(Outputs(exporter).empty());
  EXPECT_FALSE(exporter.store().Find(kName));
}

}  // namespace
}  // namespace strake::builder::exporter
