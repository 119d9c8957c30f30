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
    ::testing::Values(BadCase{"Empty", "", kInvalid, "is empty"},
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
                      BadCase{"FolderToStdout", "type=oci,tar=false,dest=-",
                              kInvalid, "needs dest=FOLDER"},
                      BadCase{"TarFalseElsewhere",
                              "type=docker,dest=x,tar=false", kInvalid,
                              "tar=false goes with type=oci only"},
                      BadCase{"PushElsewhere", "type=oci,dest=x,push=true",
                              kInvalid, "push=true goes with type=image only"},
                      BadCase{"DestOfAPush", "type=registry,dest=x", kInvalid,
                              "dest= has no meaning"},
                      BadCase{"NotYet",
                              "type=oci,dest=x,force-compression=true",
                              ErrorCode::kUnsupported, "is not supported yet"},
                      BadCase{"Annotations", "type=oci,dest=x,annotation.a=b",
                              ErrorCode::kUnsupported, "annotation.a"}),
    [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace strake::builder
