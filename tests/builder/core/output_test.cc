#include "builder/output.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <ostream>
#include <string>
#include <vector>

#include "tests/support/expect_result.h"

namespace strake::builder {
namespace {

using ::strake::testing::FailsWith;
using Kind = Output::Kind;

struct GoodCase {
  const char* name;
  const char* text;
  Kind kind;
  const char* dest;
  std::vector<std::string> names;
  bool tar;
};
std::ostream& operator<<(std::ostream& out, const GoodCase& c) {
  return out << c.text;
}
class ParseOutputTest : public ::testing::TestWithParam<GoodCase> {};

TEST_P(ParseOutputTest, ReadsWhatBuildxWrites) {
  auto output = ParseOutput(GetParam().text);
  ASSERT_TRUE(output) << output.error().message();
  EXPECT_EQ(output->kind, GetParam().kind);
  EXPECT_EQ(output->dest, GetParam().dest);
  EXPECT_EQ(output->names, GetParam().names);
  EXPECT_EQ(output->tar, GetParam().tar);
}

INSTANTIATE_TEST_SUITE_P(
    All, ParseOutputTest,
    ::testing::Values(
        GoodCase{"Folder", "out", Kind::kLocal, "out", {}, true},
        GoodCase{"FolderWithComma", "a,b", Kind::kLocal, "a,b", {}, true},
        GoodCase{"Stdout", "-", Kind::kTar, "-", {}, true},
        GoodCase{"Local", "type=local,dest=d", Kind::kLocal, "d", {}, true},
        GoodCase{"Tar", "type=tar,dest=f.tar", Kind::kTar, "f.tar", {}, true},
        GoodCase{"TarToStdout", "type=tar", Kind::kTar, "-", {}, true},
        GoodCase{"Oci", "type=oci,dest=f.tar", Kind::kOci, "f.tar", {}, true},
        GoodCase{"OciToStdout", "type=oci", Kind::kOci, "-", {}, true},
        GoodCase{"OciFolder",
                 "type=oci,dest=d,tar=false",
                 Kind::kOci,
                 "d",
                 {},
                 false},
        GoodCase{"OciTar", "type=oci,dest=f,tar=1", Kind::kOci, "f", {}, true},
        GoodCase{"Docker", "type=docker,dest=f", Kind::kDocker, "f", {}, true},
        GoodCase{"Image", "type=image", Kind::kStore, "", {}, true},
        GoodCase{"Store", "type=store", Kind::kStore, "", {}, true},
        GoodCase{"ImageNotPushed",
                 "type=image,push=false",
                 Kind::kStore,
                 "",
                 {},
                 true},
        GoodCase{"ImagePushed",
                 "type=image,push=true,name=r.example/a",
                 Kind::kRegistry,
                 "",
                 {"r.example/a"},
                 true},
        GoodCase{"Registry", "type=registry", Kind::kRegistry, "", {}, true},
        GoodCase{"TypeLast",
                 "name=a,type=registry",
                 Kind::kRegistry,
                 "",
                 {"a"},
                 true},
        GoodCase{"NamesInOneField",
                 "type=registry,\"name=r/a:1, r/b:2\"",
                 Kind::kRegistry,
                 "",
                 {"r/a:1", "r/b:2"},
                 true},
        GoodCase{"NamesInTwoFields",
                 "type=registry,name=a,name=b",
                 Kind::kRegistry,
                 "",
                 {"a", "b"},
                 true},
        GoodCase{"QuotedDestination",
                 "type=tar,\"dest=a,\"\"b\"\".tar\"",
                 Kind::kTar,
                 "a,\"b\".tar",
                 {},
                 true},
        GoodCase{"EqualsInDestination",
                 "type=tar,dest=a=b",
                 Kind::kTar,
                 "a=b",
                 {},
                 true}),
    [](const auto& info) { return std::string(info.param.name); });

struct BadCase {
  const char* name;
  const char* text;
  ErrorCode code;
  const char* message;
};
std::ostream& operator<<(std::ostream& out, const BadCase& c) {
  return out << c.text;
}
class BadOutputTest : public ::testing::TestWithParam<BadCase> {};

TEST_P(BadOutputTest, SaysWhatIsWrong) {
  auto output = ParseOutput(GetParam().text);
  EXPECT_TRUE(FailsWith(output, GetParam().code, GetParam().message));
  EXPECT_TRUE(FailsWith(output, GetParam().code,
                        "--output \"" + std::string(GetParam().text)));
}

constexpr ErrorCode kInvalid = ErrorCode::kInvalidArgument;

INSTANTIATE_TEST_SUITE_P(
    All, BadOutputTest,
    ::testing::Values(
        BadCase{"Empty", "", kInvalid, "is empty"},
        BadCase{"NoType", "dest=x", kInvalid, "type= is missing"},
        BadCase{"UnknownType", "type=ociu", kInvalid,
                "unknown type \"ociu\" (did you mean oci?)"},
        BadCase{"UnknownKey", "type=oci,dst=x", kInvalid,
                "unknown key \"dst\" (did you mean dest?)"},
        BadCase{"BareWord", "type=oci,dest", kInvalid,
                "\"dest\" is not of the form key=value"},
        BadCase{"OpenQuote", "type=tar,\"dest=x", kInvalid,
                "a quote is not closed"},
        BadCase{"Bool", "type=oci,dest=x,tar=no", kInvalid,
                "tar=no: expected true or false"},
        BadCase{"LocalNeedsDest", "type=local", kInvalid,
                "type=local needs dest=FOLDER"},
        BadCase{"LocalToStdout", "type=local,dest=-", kInvalid,
                "not standard output"},
        BadCase{"FolderNeedsDest", "type=oci,tar=false", kInvalid,
                "needs dest=FOLDER"},
        BadCase{"FolderToStdout", "type=oci,tar=false,dest=-", kInvalid,
                "needs dest=FOLDER"},
        BadCase{"TarFalseElsewhere", "type=tar,dest=x,tar=false", kInvalid,
                "tar=false goes with type=oci"},
        BadCase{"PushElsewhere", "type=oci,dest=x,push=true", kInvalid,
                "push=true goes with type=image only"},
        BadCase{"DestOfAPush", "type=registry,dest=x", kInvalid,
                "dest= has no meaning"},
        BadCase{"OnlyBuildKit", "type=image,unpack=true",
                ErrorCode::kUnsupported, "is not supported"},
        BadCase{"Compression", "type=oci,compression=lz4", kInvalid,
                "there are gzip, zstd, estargz"},
        BadCase{"GzipLevel", "type=oci,compression=gzip,compression-level=10",
                kInvalid, "there are 1 to 9"},
        BadCase{"Level", "type=oci,compression-level=x", kInvalid,
                "compression-level=x: expected a number"},
        BadCase{"LevelOfNothing",
                "type=oci,compression=uncompressed,"
                "compression-level=1",
                kInvalid, "has no meaning"},
        BadCase{"CompressedFiles", "type=local,dest=x,compression=zstd",
                kInvalid, "not for files"},
        BadCase{"NamedFiles", "type=local,dest=x,name=foo", kInvalid,
                "not for files"},
        BadCase{"NamedTar", "type=tar,name=foo", kInvalid, "not for files"},
        BadCase{"DockerZstd",
                "type=image,oci-mediatypes=false,"
                "compression=zstd",
                kInvalid, "no media type for such layers"},
        BadCase{"OciWithDockerTypes", "type=oci,oci-mediatypes=false", kInvalid,
                "contradicts type=oci"},
        BadCase{"AnnotatedDockerManifest",
                "type=image,oci-mediatypes=false,annotation.a=b", kInvalid,
                "have no annotations"},
        BadCase{"AnnotationPlace", "type=image,annotation-manifst.a=b",
                kInvalid, "did you mean manifest?"},
        BadCase{"AnnotationWithoutKey", "type=image,annotation.=b", kInvalid,
                "expected annotation"},
        BadCase{"ByDigestElsewhere", "type=image,push-by-digest=true", kInvalid,
                "go with push=true only"},
        BadCase{"SplitImage", "type=image,platform-split=true", kInvalid,
                "goes with type=local"},
        BadCase{"NothingToDo", "type=image,store=false", kInvalid,
                "leaves nothing to do"}),
    [](const auto& info) { return std::string(info.param.name); });

TEST(ParseOutputTest, ReadsHowLayersAreStored) {
  auto output = ParseOutput(
      "type=oci,dest=x,compression=zstd,compression-level=19,"
      "force-compression=true");
  ASSERT_TRUE(output);
  ASSERT_TRUE(output->layers);
  EXPECT_EQ(output->layers->compression.algorithm, oci::Compression::kZstd);
  EXPECT_EQ(output->layers->compression.level, 19);
  EXPECT_TRUE(output->force_compression);
  output = ParseOutput("type=image,compression=estargz");
  ASSERT_TRUE(output);
  EXPECT_TRUE(output->layers->estargz);
  EXPECT_FALSE(ParseOutput("type=image")->layers);
}

TEST(ParseOutputTest, ReadsWhatAPushIs) {
  auto output = ParseOutput(
      "type=image,push=true,store=true,push-by-digest=true,"
      "name-canonical=true,registry.insecure=true,name=r.example/a");
  ASSERT_TRUE(output) << output.error().message();
  EXPECT_EQ(output->kind, Kind::kRegistry);
  EXPECT_TRUE(output->store);
  EXPECT_TRUE(output->push_by_digest);
  EXPECT_TRUE(output->name_canonical);
  EXPECT_TRUE(output->insecure);
  EXPECT_FALSE(ParseOutput("type=registry")->store);
}

TEST(ParseOutputTest, ReadsAnnotations) {
  auto output = ParseOutput(
      "type=oci,dest=x,annotation.a.b=c,annotation-index.d=e,"
      "annotation-manifest-descriptor[linux/arm64].f.g=h");
  ASSERT_TRUE(output) << output.error().message();
  using Place = Annotation::Place;
  EXPECT_THAT(
      output->annotations,
      ::testing::ElementsAre(
          Annotation{Place::kManifest, {}, "a.b", "c"},
          Annotation{Place::kIndex, {}, "d", "e"},
          Annotation{Place::kManifestDescriptor,
                     oci::Platform{"linux", "arm64", "", "", {}}, "f.g", "h"}));
}

TEST(ParseAnnotationTest, GivesOneForEachPlace) {
  using Place = Annotation::Place;
  auto annotations =
      ParseAnnotation("index,manifest[linux/amd64]:org.example=a:b=c");
  ASSERT_TRUE(annotations) << annotations.error().message();
  EXPECT_THAT(*annotations,
              ::testing::ElementsAre(
                  Annotation{Place::kIndex, {}, "org.example", "a:b=c"},
                  Annotation{Place::kManifest,
                             oci::Platform{"linux", "amd64", "", "", {}},
                             "org.example", "a:b=c"}));
  annotations = ParseAnnotation("key=value");
  ASSERT_TRUE(annotations);
  EXPECT_EQ(annotations->front().place, Place::kManifest);
}

TEST(ParseAnnotationTest, SaysWhatIsWrong) {
  EXPECT_TRUE(FailsWith(ParseAnnotation("key"), kInvalid, "KEY=VALUE"));
  EXPECT_TRUE(FailsWith(ParseAnnotation("manifest:=x"), kInvalid, "is empty"));
  EXPECT_TRUE(
      FailsWith(ParseAnnotation("indx:a=b"), kInvalid, "did you mean index?"));
  EXPECT_TRUE(FailsWith(ParseAnnotation("index[linux/amd64]:a=b"), kInvalid,
                        "an index has no platform"));
}

}  // namespace
}  // namespace strake::builder
