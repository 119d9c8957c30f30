#include "dockerfile/run_mount.h"

#include <gtest/gtest.h>

#include <string>

#include "util/strings.h"

namespace strake::dockerfile {
namespace {

using Type = RunMount::Type;
using Sharing = RunMount::Sharing;

RunMount Parsed(std::string_view text) {
  auto mount = ParseRunMount(text);
  EXPECT_TRUE(mount) << text << ": " << (mount ? "" : mount.error().message());
  return mount.value_or(RunMount());
}

TEST(RunMountTest, BindIsTheDefaultAndReadOnly) {
  RunMount mount = Parsed("target=/a,source=b,from=c");
  EXPECT_EQ(mount.type, Type::kBind);
  EXPECT_EQ(mount.target, "/a");
  EXPECT_EQ(mount.source, "b");
  EXPECT_EQ(mount.from, "c");
  EXPECT_TRUE(mount.read_only);
}

TEST(RunMountTest, KnowsOtherWordsForKeys) {
  EXPECT_EQ(Parsed("dst=/a,src=b"), Parsed("target=/a,source=b"));
  EXPECT_EQ(Parsed("destination=/a"), Parsed("target=/a"));
  EXPECT_EQ(Parsed("target=/a,rw"), Parsed("target=/a,readwrite"));
  EXPECT_EQ(Parsed("target=/a,rw=0"), Parsed("target=/a,ro"));
  EXPECT_EQ(Parsed("target=/a,readonly=false"), Parsed("target=/a,rw=true"));
}

TEST(RunMountTest, KeysAndTypesIgnoreCase) {
  EXPECT_EQ(Parsed("TYPE=Cache,Target=/a,SHARING=Locked"),
            Parsed("type=cache,target=/a,sharing=locked"));
}

TEST(RunMountTest, LaterKeysWin) {
  EXPECT_EQ(Parsed("target=/a,target=/b").target, "/b");
}

TEST(RunMountTest, CacheTakesAllItsOptions) {
  RunMount mount = Parsed(
      "type=cache,id=i,target=/c,sharing=private,mode=0700,uid=1,gid=2,"
      "from=x,source=/s");
  EXPECT_EQ(mount.type, Type::kCache);
  EXPECT_EQ(mount.id, "i");
  EXPECT_EQ(mount.sharing, Sharing::kPrivate);
  EXPECT_EQ(mount.mode, 0700u);
  EXPECT_EQ(mount.uid, 1u);
  EXPECT_EQ(mount.gid, 2u);
  EXPECT_FALSE(mount.read_only);
  EXPECT_TRUE(Parsed("type=cache,target=/c,ro").read_only);
}

TEST(RunMountTest, TmpfsTakesASize) {
  EXPECT_EQ(Parsed("type=tmpfs,target=/t").size_bytes, 0u);
  EXPECT_EQ(Parsed("type=tmpfs,target=/t,size=100").size_bytes, 100u);
  EXPECT_EQ(Parsed("type=tmpfs,target=/t,size=64m").size_bytes,
            uint64_t{64} << 20);
  EXPECT_EQ(Parsed("type=tmpfs,target=/t,size=64MiB").size_bytes,
            uint64_t{64} << 20);
  EXPECT_EQ(Parsed("type=tmpfs,target=/t,size=1.5GB").size_bytes,
            uint64_t{3} << 29);
  EXPECT_EQ(Parsed("type=tmpfs,target=/t,size=2 kb").size_bytes, 2048u);
  EXPECT_FALSE(Parsed("type=tmpfs,target=/t").read_only);
}

TEST(RunMountTest, SecretTakesItsOptions) {
  RunMount mount = Parsed("type=secret,id=s,target=/t,env=E,required,mode=400");
  EXPECT_EQ(mount.id, "s");
  EXPECT_EQ(mount.env, "E");
  EXPECT_TRUE(mount.required);
  EXPECT_EQ(mount.mode, 0400u);
  EXPECT_FALSE(Parsed("type=secret,id=s,required=false").required);
  EXPECT_FALSE(Parsed("type=secret,target=/t").env);
}

TEST(RunMountTest, SshNeedsNothing) {
  RunMount mount = Parsed("type=ssh");
  EXPECT_EQ(mount.type, Type::kSsh);
  EXPECT_EQ(mount.id, "");
  EXPECT_TRUE(Parsed("type=ssh,id=a,required=true").required);
}

TEST(RunMountTest, QuotedFieldsMayHoldCommas) {
  EXPECT_EQ(Parsed("\"source=a,b\",target=/c").source, "a,b");
  EXPECT_EQ(Parsed("\"source=a\"\"b\",target=/c").source, "a\"b");
}

TEST(RunMountTest, ValuesMayHoldEqualsSigns) {
  EXPECT_EQ(Parsed("source=a=b,target=/c").source, "a=b");
}

struct Mistake {
  const char* text;
  const char* message;
};

TEST(RunMountTest, SaysWhatIsWrong) {
  const Mistake kMistakes[] = {
      {"type=volume", "unsupported mount type \"volume\""},
      {"type=secrets,id=x",
       "unsupported mount type \"secrets\" (did you mean secret?)"},
      {"tagret=/a",
       "unexpected key 'tagret' in 'tagret=/a' (did you mean target?)"},
      {"targt=/a",
       "unexpected key 'targt' in 'targt=/a' (did you mean target?)"},
      {"target", "invalid field 'target' must be a key=value pair"},
      {"", "invalid field '' must be a key=value pair"},
      {"target=/a,", "invalid field '' must be a key=value pair"},
      {"type=bind,required", "unexpected key 'required' for mount type 'bind'"},
      {"required,type=secret,id=x",
       "unexpected key 'required' for mount type 'bind'"},
      {"type=cache,required=true",
       "unexpected key 'required' for mount type 'cache'"},
      {"type=secret,id=x,required=maybe", "invalid value for required: maybe"},
      {"target=/a,ro=maybe", "invalid value for ro: maybe"},
      {"target=/a,readwrite=2", "invalid value for readwrite: 2"},
      {"type=cache,sharing=share",
       "unsupported sharing value \"share\" (did you mean shared?)"},
      {"type=bind,sharing=shared", "invalid cache sharing set for bind mount"},
      {"type=secret,id=x,sharing=shared",
       "secret mount should not define sharing"},
      {"type=cache,mode=8", "invalid value 8 for mode"},
      {"type=cache,mode=rwx", "invalid value rwx for mode"},
      {"type=cache,uid=-1", "invalid value -1 for uid"},
      {"type=cache,gid=root", "invalid value root for gid"},
      {"type=cache,uid=4294967296", "invalid value 4294967296 for uid"},
      {"target=/a,mode=1", "mode not allowed for \"bind\" type mounts"},
      {"target=/a,uid=1", "uid not allowed for \"bind\" type mounts"},
      {"type=tmpfs,gid=1", "gid not allowed for \"tmpfs\" type mounts"},
      {"type=tmpfs,size=big", "invalid value for size: big"},
      {"type=tmpfs,size=1x", "invalid value for size: 1x"},
      {"type=tmpfs,size=", "invalid value for size: "},
      {"type=tmpfs,size=99999999999t", "invalid value for size: 99999999999t"},
      {"type=secret", "invalid secret mount. one of source, target required"},
      {"type=secret,id=a,source=b", "both source and id can't be set"},
      {"type=secret,id=a,from=b", "secret mount should not have a from"},
      {"from=$X",
       "'from' doesn't support variable expansion, define alias stage "
       "instead"},
      {"\"target=/a",
       "failed to parse csv mounts: a quoted field has no closing quote"},
      {"\"target=/a\"b",
       "failed to parse csv mounts: text follows the closing quote of a "
       "field"},
      {"target=\"/a\"",
       "failed to parse csv mounts: a quote stands within the unquoted field "
       "target=\"/a\""},
  };
  for (const Mistake& mistake : kMistakes) {
    auto mount = ParseRunMount(mistake.text);
    ASSERT_FALSE(mount) << mistake.text;
    EXPECT_EQ(mount.error().message(), mistake.message) << mistake.text;
    EXPECT_EQ(mount.error().code(), ErrorCode::kInvalidArgument);
  }
}

TEST(RunMountTest, ExpandsValuesButNotFrom) {
  auto upper = [](std::string_view value) -> Result<std::string> {
    return ToUpper(value);
  };
  auto mount = ParseRunMount("type=cache,id=a,target=b,from=c", upper);
  ASSERT_TRUE(mount);
  EXPECT_EQ(mount->id, "A");
  EXPECT_EQ(mount->target, "B");
  EXPECT_EQ(mount->from, "c");
}

TEST(RunMountTest, ExpandsAfterSplitting) {
  auto comma = [](std::string_view value) -> Result<std::string> {
    return value == "$X" ? "a,ro=no" : std::string(value);
  };
  auto mount = ParseRunMount("source=$X,target=/t", comma);
  ASSERT_TRUE(mount);
  EXPECT_EQ(mount->source, "a,ro=no");
}

TEST(RunMountTest, PassesOnWhatExpansionSays) {
  auto fail = [](std::string_view) -> Result<std::string> {
    return InvalidArgument("no");
  };
  auto mount = ParseRunMount("target=/t", fail);
  ASSERT_FALSE(mount);
  EXPECT_EQ(mount.error().message(), "no");
}

TEST(RunMountTest, JudgesFromWithoutVariables) {
  EXPECT_TRUE(CheckRunMountFrom("type=$T,target=$X"));
  EXPECT_FALSE(CheckRunMountFrom("target=/a,FROM=$X"));
  EXPECT_FALSE(CheckRunMountFrom("target=$X,\"a"));
  EXPECT_TRUE(RunMountHasVariables("target=$X"));
  EXPECT_FALSE(RunMountHasVariables("target=/x"));
}

TEST(RunMountTest, FindsFromWhateverElseThereIs) {
  EXPECT_EQ(RunMountFrom("type=$T,From=a,x=y"), "a");
  EXPECT_EQ(RunMountFrom("from=a,\"from=b,c\""), "b,c");
  EXPECT_EQ(RunMountFrom("target=/x,from"), "");
  EXPECT_EQ(RunMountFrom("from=a,\"x"), "");
}

TEST(RunMountTest, NamesTypesAndSharings) {
  EXPECT_EQ(RunMountTypeName(Type::kSsh), "ssh");
  EXPECT_EQ(SharingName(Sharing::kLocked), "locked");
}

}  // namespace
}  // namespace strake::dockerfile
