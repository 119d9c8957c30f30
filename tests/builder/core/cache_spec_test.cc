#include "builder/cache_spec.h"

#include <gtest/gtest.h>

#include <ostream>
#include <string>

#include "tests/support/expect_result.h"

namespace strake::builder {
namespace {

using ::strake::testing::FailsWith;

TEST(CacheSpecTest, ReadsWhatBuildxWritesToExport) {
  auto spec = ParseCacheExport(
      "type=registry,ref=r.example/a/cache,mode=max,ignore-error=true,"
      "oci-mediatypes=true,image-manifest=true");
  ASSERT_TRUE(spec) << spec.error().message();
  EXPECT_EQ(spec->kind, CacheExport::Kind::kRegistry);
  EXPECT_EQ(spec->reference, "r.example/a/cache:latest");
  EXPECT_TRUE(spec->every_step);
  EXPECT_TRUE(spec->ignore_error);

  spec = ParseCacheExport("type=local,\"dest=a,b\",tag=t");
  ASSERT_TRUE(spec) << spec.error().message();
  EXPECT_EQ(spec->kind, CacheExport::Kind::kLocal);
  EXPECT_EQ(spec->path, "a,b");
  EXPECT_EQ(spec->tag, "t");
  EXPECT_FALSE(spec->every_step);
  EXPECT_FALSE(spec->ignore_error);

  spec = ParseCacheExport("type=inline");
  ASSERT_TRUE(spec) << spec.error().message();
  EXPECT_EQ(spec->kind, CacheExport::Kind::kInline);

  spec = ParseCacheExport("busybox:cache");
  ASSERT_TRUE(spec) << spec.error().message();
  EXPECT_EQ(spec->reference, "docker.io/library/busybox:cache");
}

TEST(CacheSpecTest, ReadsWhetherMountsTravelAndHowMuchOfThem) {
  auto spec = ParseCacheExport("type=registry,ref=r.example/a/cache");
  ASSERT_TRUE(spec) << spec.error().message();
  EXPECT_FALSE(spec->mounts);
  spec = ParseCacheExport("type=local,dest=d,mounts=true,mounts-max-size=3MiB");
  ASSERT_TRUE(spec) << spec.error().message();
  EXPECT_TRUE(spec->mounts);
  EXPECT_EQ(spec->mounts_most_bytes, uint64_t{3} << 20);
  EXPECT_FALSE(ParseCacheExport("type=local,dest=d,mounts-max-size=much"));
  EXPECT_FALSE(ParseCacheExport("type=inline,mounts=true"));
}

TEST(CacheSpecTest, ReadsWhatBuildxWritesToImport) {
  auto spec = ParseCacheImport("r.example/a/cache:1");
  ASSERT_TRUE(spec) << spec.error().message();
  EXPECT_EQ(spec->kind, CacheImport::Kind::kRegistry);
  EXPECT_EQ(spec->reference, "r.example/a/cache:1");

  spec = ParseCacheImport("type=local,src=folder");
  ASSERT_TRUE(spec) << spec.error().message();
  EXPECT_EQ(spec->kind, CacheImport::Kind::kLocal);
  EXPECT_EQ(spec->path, "folder");
  EXPECT_EQ(spec->tag, "latest");
}

struct BadSpec {
  const char* text;
  ErrorCode code;
  const char* message;
};
std::ostream& operator<<(std::ostream& out, const BadSpec& spec) {
  return out << spec.text;
}

class BadExportTest : public ::testing::TestWithParam<BadSpec> {};

TEST_P(BadExportTest, SaysWhatIsWrong) {
  EXPECT_TRUE(FailsWith(ParseCacheExport(GetParam().text), GetParam().code,
                        GetParam().message));
}

INSTANTIATE_TEST_SUITE_P(
    All, BadExportTest,
    ::testing::Values(
        BadSpec{"", ErrorCode::kInvalidArgument, "is empty"},
        BadSpec{"ref=x", ErrorCode::kInvalidArgument, "type= is missing"},
        BadSpec{"type=registry", ErrorCode::kInvalidArgument, "needs ref="},
        BadSpec{"type=registry,ref=A", ErrorCode::kInvalidArgument, "\"A\""},
        BadSpec{"type=local", ErrorCode::kInvalidArgument, "needs dest="},
        BadSpec{"type=regstry,ref=x", ErrorCode::kInvalidArgument,
                "did you mean registry"},
        BadSpec{"type=gha", ErrorCode::kUnsupported, "type=local"},
        BadSpec{"type=registry,ref=x,mode=all", ErrorCode::kInvalidArgument,
                "expected min or max"},
        BadSpec{"type=inline,mode=max", ErrorCode::kInvalidArgument,
                "type=registry"},
        BadSpec{"type=registry,ref=x,oci-mediatypes=false",
                ErrorCode::kUnsupported, "OCI image manifests only"},
        BadSpec{"type=registry,ref=x,compression=zstd", ErrorCode::kUnsupported,
                "leave it out"},
        BadSpec{"type=registry,ref=x,mod=max", ErrorCode::kInvalidArgument,
                "did you mean mode"},
        BadSpec{"type=registry,ref", ErrorCode::kInvalidArgument, "key=value"},
        BadSpec{"type=registry,ref=x,ignore-error=perhaps",
                ErrorCode::kInvalidArgument, "true or false"}));

TEST(CacheSpecTest, SaysWhatIsWrongWithAnImport) {
  EXPECT_TRUE(FailsWith(ParseCacheImport("type=inline"),
                        ErrorCode::kInvalidArgument,
                        "--cache-from \"type=inline\""));
  EXPECT_TRUE(FailsWith(ParseCacheImport("type=local,dest=x"),
                        ErrorCode::kInvalidArgument, "needs src="));
  EXPECT_TRUE(FailsWith(ParseCacheImport("type=s3"), ErrorCode::kUnsupported));
}

}  // namespace
}  // namespace strake::builder
