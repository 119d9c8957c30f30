// Keys are kept in stores and registries: they must not change by accident.
#include "builder/cache/cache_key.h"

#include <gtest/gtest.h>

#include <functional>
#include <ostream>
#include <set>
#include <string>
#include <vector>

namespace strake::builder::cache {
namespace {

plan::RunOp RunExample() {
  plan::RunOp op;
  op.argv = {"/bin/sh", "-c", "make"};
  op.env = {"PATH=/bin", "A=1"};
  op.cwd = "/src";
  op.user = "app";
  op.network = plan::RunOp::Network::kHost;
  op.hostname = "buildkitsandbox";
  return op;
}

plan::RunMount CacheMount() {
  plan::RunMount mount;
  mount.kind = plan::RunMount::Kind::kCache;
  mount.target = "/c";
  mount.id = "one";
  mount.from = plan::RunMount::From::kNothing;
  mount.mode = 0755;
  return mount;
}

plan::CopyOp CopyExample() {
  plan::CopyOp op;
  plan::CopySource source;
  source.pattern = "src";
  op.sources = {source};
  op.destination = "/dst/";
  return op;
}

plan::ImageOp ImageExample() {
  plan::ImageOp op;
  op.reference = *oci::ParseReference("registry.example/base:1");
  op.manifest.digest = oci::Digest::Of("manifest");
  op.diff_ids = {oci::Digest::Of("a"), oci::Digest::Of("b")};
  return op;
}

oci::Digest Key(const plan::Op& op) {
  oci::Digest input = oci::Digest::Of("input");
  return DefinitionKey(op, std::span(&input, 1));
}

struct GoldenCase {
  const char* name;
  plan::Op op;
  const char* key;
};
std::ostream& operator<<(std::ostream& out, const GoldenCase& c) {
  return out << c.name;
}
class GoldenKeyTest : public ::testing::TestWithParam<GoldenCase> {};

// Whoever changes these digests on purpose changes the version in op.cc too:
// every cache filled so far is then useless.
TEST_P(GoldenKeyTest, DoesNotChange) {
  EXPECT_EQ(Key(GetParam().op).Hex(), GetParam().key);
}

plan::MakeDirOp MakeDir() { return {"/a/b", "app"}; }

INSTANTIATE_TEST_SUITE_P(
    All, GoldenKeyTest,
    ::testing::Values(
        GoldenCase{
            "Scratch", plan::ScratchOp{},
            "9da3871b68d92099e77ad5b0c07475ef906b5be5456c8aa5164e10183669e7fc"},
        GoldenCase{
            "Image", ImageExample(),
            "c04c448f9fac27f48c60b54f752bfa223a639aa52b3fed31c49f3cf9cb737881"},
        GoldenCase{
            "Run", RunExample(),
            "dbc855efed223de2fd2723f26c09552146bd9f9c3663ca05671bcbdb99c5094e"},
        GoldenCase{
            "Copy", CopyExample(),
            "efa16e382071ebd11882a2891a0f9447157711f742f4f866ae3af83d1ee0b806"},
        GoldenCase{
            "MakeDir", MakeDir(),
            "e07f6f7242349698e7efcc1432e1d426af99c3dad67bfc196e249e84be2a3b18"},
        GoldenCase{"Merge", plan::MergeOp{},
                   "56e7e7e2b8b7d17a2164e2b4f652238b7a0e31dd92d875b65e21a3b2316"
                   "e71b3"}),
    [](const auto& info) { return std::string(info.param.name); });

TEST(CacheKeyTest, ContentKeyDoesNotChange) {
  EXPECT_EQ(ContentKey(CopyExample(), oci::Digest::Of("base"),
                       oci::Digest::Of("content"))
                .Hex(),
            "269bbf28b706a35f119cc165b858ee2596e0b6244f46082ad1447d98b97f3257");
}

TEST(CacheKeyTest, DependsOnInputsAndTheirOrder) {
  oci::Digest a = oci::Digest::Of("a"), b = oci::Digest::Of("b");
  std::vector<oci::Digest> ab = {a, b}, ba = {b, a}, only_a = {a};
  std::set<oci::Digest> keys = {
      DefinitionKey(RunExample(), ab), DefinitionKey(RunExample(), ba),
      DefinitionKey(RunExample(), only_a), DefinitionKey(RunExample(), {})};
  EXPECT_EQ(keys.size(), 4u);
}

TEST(CacheKeyTest, DependsOnWhatARunSees) {
  std::vector<std::function<void(plan::RunOp&)>> changes = {
      [](auto&) {},
      [](auto& op) {
        op.argv = {"/bin/sh", "-c", "make "};
      },
      [](auto& op) {
        op.argv = {"/bin/sh", "-cmake"};
      },
      [](auto& op) { op.env.push_back("B=2"); },
      [](auto& op) {
        op.env = {"A=1", "PATH=/bin"};
      },
      [](auto& op) { op.cwd = "/"; },
      [](auto& op) { op.user = ""; },
      [](auto& op) { op.network = plan::RunOp::Network::kNone; },
      [](auto& op) { op.insecure = true; },
      [](auto& op) { op.hostname = "other"; },
      [](auto& op) {
        op.extra_hosts = {{"db", "10.0.0.1"}};
      },
      [](auto& op) {
        op.scripts = {{"/dev/pipes/EOF", "#!/bin/sh\n"}};
      },
      [](auto& op) { op.mounts = {CacheMount()}; },
      [](auto& op) {
        op.mounts = {CacheMount()};
        op.mounts[0].target = "/other";
      },
      [](auto& op) {
        op.mounts = {CacheMount()};
        op.mounts[0].kind = plan::RunMount::Kind::kTmpfs;
      },
  };
  std::set<oci::Digest> keys;
  for (const auto& change : changes) {
    plan::RunOp op = RunExample();
    change(op);
    keys.insert(Key(op));
  }
  EXPECT_EQ(keys.size(), changes.size());
}

TEST(CacheKeyTest, LeavesOutWhatDoesNotChangeTheResult) {
  plan::RunOp proxied = RunExample();
  proxied.proxy_env = {"HTTP_PROXY=http://p"};
  EXPECT_EQ(Key(proxied), Key(RunExample()));

  plan::RunOp one = RunExample(), two = RunExample();
  one.mounts = {CacheMount()};
  two.mounts = {CacheMount()};
  two.mounts[0].id = "two";
  two.mounts[0].sharing = plan::RunMount::Sharing::kLocked;
  EXPECT_EQ(Key(one), Key(two));

  plan::ImageOp elsewhere = ImageExample();
  elsewhere.reference = *oci::ParseReference("mirror.example/base:2");
  elsewhere.manifest.digest = oci::Digest::Of("other manifest");
  EXPECT_EQ(Key(elsewhere), Key(ImageExample()));
}

TEST(CacheKeyTest, ImagesDifferByTheirLayers) {
  plan::ImageOp shorter = ImageExample(), swapped = ImageExample();
  shorter.diff_ids.pop_back();
  std::swap(swapped.diff_ids[0], swapped.diff_ids[1]);
  std::set<oci::Digest> keys = {Key(ImageExample()), Key(shorter),
                                Key(swapped)};
  EXPECT_EQ(keys.size(), 3u);
}

TEST(CacheKeyTest, NoFieldRunsIntoTheNext) {
  plan::MakeDirOp a{"/a", "b"}, b{"/ab", ""};
  EXPECT_NE(Key(a), Key(b));
  plan::RunOp joined = RunExample(), split = RunExample();
  joined.argv = {"a;\nenv=1:b"};
  split.argv = {"a", "env=1:b"};
  EXPECT_NE(Key(joined), Key(split));
}

TEST(ContentKeyTest, CountsWhatIsWrittenAndHow) {
  oci::Digest base = oci::Digest::Of("base"), files = oci::Digest::Of("files");
  std::set<oci::Digest> keys = {ContentKey(CopyExample(), base, files),
                                ContentKey(CopyExample(), base, base),
                                ContentKey(CopyExample(), files, files),
                                ContentKey(CopyExample(), {}, files)};
  for (auto change : std::vector<std::function<void(plan::CopyOp&)>>{
           [](auto& op) { op.destination = "/dst"; },
           [](auto& op) { op.chown = "1"; }, [](auto& op) { op.chmod = "1"; },
           [](auto& op) { op.add = true; }, [](auto& op) { op.unpack = false; },
           [](auto& op) { op.unpack = true; }, [](auto& op) { op.link = true; },
           [](auto& op) { op.parents = true; }}) {
    plan::CopyOp op = CopyExample();
    change(op);
    keys.insert(ContentKey(op, base, files));
  }
  EXPECT_EQ(keys.size(), 12u);
}

TEST(ContentKeyTest, DoesNotCountWhereFilesCameFrom) {
  oci::Digest base = oci::Digest::Of("base"), files = oci::Digest::Of("files");
  plan::CopyOp elsewhere = CopyExample();
  elsewhere.sources[0].pattern = "other";
  elsewhere.sources[0].context = "named";
  elsewhere.excludes = {"*.o"};
  EXPECT_EQ(ContentKey(elsewhere, base, files),
            ContentKey(CopyExample(), base, files));
}

}  // namespace
}  // namespace strake::builder::cache
