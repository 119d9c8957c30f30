#include "oci/reference.h"

#include <gtest/gtest.h>

#include "tests/support/expect_result.h"

namespace strake::oci {
namespace {

using testing::FailsWith;
using testing::IsOk;

constexpr char kDigest[] =
    "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

TEST(ReferenceTest, KeepsLoginsOutOfMessages) {
  for (const char* text :
       {"bob:S3cret@host:5000/app", "https://bob:S3cret@host/app:1",
        "docker://bob:S3cret@127.0.0.1:5000/app:1", "bob:S3cret@host"}) {
    EXPECT_TRUE(MayHoldLogin(text)) << text;
    auto parsed = ParseReference(text);
    ASSERT_FALSE(parsed) << text;
    EXPECT_EQ(parsed.error().message().find("S3cret"), std::string::npos);
    EXPECT_NE(parsed.error().message().find("strake login"), std::string::npos);
  }
  const std::string digest = "sha256:" + std::string(64, 'a');
  EXPECT_TRUE(ParseReference("host:5000/app:1@" + digest));
}

TEST(ReferenceTest, ReadsAndNormalises) {
  struct Case {
    std::string text;
    std::string full;
    std::string familiar;
  };
  for (const Case& c : {
           Case{"debian", "docker.io/library/debian", "debian"},
           Case{"debian:12", "docker.io/library/debian:12", "debian:12"},
           Case{"a/b", "docker.io/a/b", "a/b"},
           Case{"docker.io/debian", "docker.io/library/debian", "debian"},
           Case{"index.docker.io/a/b:c", "docker.io/a/b:c", "a/b:c"},
           Case{"localhost/x", "localhost/x", "localhost/x"},
           Case{"localhost:5000/x:y", "localhost:5000/x:y",
                "localhost:5000/x:y"},
           Case{"reg.example.com/a/b/c", "reg.example.com/a/b/c",
                "reg.example.com/a/b/c"},
           Case{"REG/x", "REG/x", "REG/x"},
           Case{"[::1]:5000/x", "[::1]:5000/x", "[::1]:5000/x"},
           Case{"[fd00::1]/x:t", "[fd00::1]/x:t", "[fd00::1]/x:t"},
           Case{"a__b/c-----d.e_f", "docker.io/a__b/c-----d.e_f",
                "a__b/c-----d.e_f"},
           Case{"docker.io/library/x/y", "docker.io/library/x/y",
                "library/x/y"},
           Case{"docker.io/a.b/c", "docker.io/a.b/c", "docker.io/a.b/c"},
           Case{"library/" + std::string(64, '3'),
                "docker.io/library/" + std::string(64, '3'),
                "library/" + std::string(64, '3')},
           Case{"x:A_b.c-9", "docker.io/library/x:A_b.c-9", "x:A_b.c-9"},
       }) {
    auto reference = ParseReference(c.text);
    ASSERT_TRUE(IsOk(reference)) << c.text;
    EXPECT_EQ(c.full, reference->ToString());
    EXPECT_EQ(c.familiar, reference->Familiar());
    auto again = ParseReference(reference->Familiar());
    ASSERT_TRUE(IsOk(again)) << c.text;
    EXPECT_EQ(*reference, *again);
  }
}

TEST(ReferenceTest, KeepsTagAndDigest) {
  auto reference = ParseReference(std::string("host:1/a:t@") + kDigest);
  ASSERT_TRUE(IsOk(reference));
  EXPECT_EQ("host:1", reference->registry);
  EXPECT_EQ("a", reference->repository);
  EXPECT_EQ("t", reference->tag);
  EXPECT_EQ(kDigest, reference->digest->ToString());
  EXPECT_EQ(kDigest, reference->TagOrDigest());
  EXPECT_EQ("host:1/a", reference->Name());
  EXPECT_EQ(std::string("host:1/a:t@") + kDigest, reference->ToString());
}

TEST(ReferenceTest, SuppliesTheDefaultTagOnlyWhenAsked) {
  EXPECT_EQ("", ParseReference("x")->tag);
  EXPECT_EQ("latest", ParseReference("x")->TagOrDigest());
  EXPECT_EQ("latest", WithDefaultTag(*ParseReference("x")).tag);
  EXPECT_EQ("1", WithDefaultTag(*ParseReference("x:1")).tag);
  EXPECT_EQ("",
            WithDefaultTag(*ParseReference(std::string("x@") + kDigest)).tag);
}

TEST(ReferenceTest, NamesWhatHasADigestInsteadOfATag) {
  const Digest digest = Digest::Of("x");
  EXPECT_EQ("h.example/a@" + digest.ToString(),
            ByDigest(*ParseReference("h.example/a:1"), digest).ToString());
}

TEST(ReferenceTest, SaysWhatIsWrong) {
  struct Case {
    std::string text;
    const char* message;
  };
  for (const Case& c : {
           Case{"", "empty"},
           Case{"Debian", "lower case"},
           Case{"a/B", "lower case"},
           Case{"a//b", "empty path component"},
           Case{"a/", "empty path component"},
           Case{"-a", "may hold only"},
           Case{"a_", "may hold only"},
           Case{"a___b", "may hold only"},
           Case{"a..b/c d", "not a registry"},
           Case{"a b", "may hold only"},
           Case{"x:", "is not a tag"},
           Case{"x:-a", "is not a tag"},
           Case{"x:a b", "is not a tag"},
           Case{"x:" + std::string(129, 't'), "is not a tag"},
           Case{std::string(256, 'n'), "longer than 255"},
           Case{std::string(64, 'a'), "image's ID"},
           Case{"x@sha256:12", "64 digits"},
           Case{"x@", "not a digest"},
           Case{"host:port/x", "not a registry"},
           Case{"host:/x", "not a registry"},
           Case{"ho_st.com/x", "not a registry"},
           Case{"host.com/", "names no repository"},
           Case{"https://host.com/x", "not a registry"},
       }) {
    EXPECT_TRUE(FailsWith(ParseReference(c.text), ErrorCode::kInvalidArgument,
                          c.message))
        << c.text;
  }
  EXPECT_TRUE(
      FailsWith(ParseReference("x@sha512:00"), ErrorCode::kUnsupported));
}

}  // namespace
}  // namespace strake::oci
