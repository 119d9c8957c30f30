#include "builder/cache/portable_cache.h"

#include <gtest/gtest.h>

#include <chrono>
#include <string>

#include "builder/cache/cache_index.h"
#include "tests/support/expect_result.h"
#include "tests/support/temp_dir.h"
#include "util/strings.h"

namespace strake::builder::cache {
namespace {

using ::strake::testing::FailsWith;
using ::strake::testing::IsOk;
using ::strake::testing::TempDir;

std::string State(const std::string& name) {
  return oci::Digest::Of(name).Hex();
}

std::string ChainOfTwo() {
  return oci::ChainId(oci::Digest::Of("one"), oci::Digest::Of("two")).Hex();
}

PortableCache Small() {
  PortableCache cache;
  CacheRecord record;
  record.snapshot = State("one");  // the diff ID of the lowest layer
  record.created =
      oci::Timestamp(std::chrono::nanoseconds(1234567890123456789));
  cache.records[oci::Digest::Of("key")] = record;
  record.parent = record.snapshot;
  record.snapshot = ChainOfTwo();
  cache.records[oci::Digest::Of("key 2")] = record;
  cache.aliases[oci::Digest::Of("copy")] = oci::Digest::Of("files");
  oci::LayerBlob layer;
  layer.descriptor.media_type = "application/vnd.oci.image.layer.v1.tar+gzip";
  layer.descriptor.digest = oci::Digest::Of("blob");
  layer.descriptor.size_bytes = 5'000'000'000;
  layer.diff_id = oci::Digest::Of("one");
  layer.uncompressed_bytes = 9'000'000'000;
  cache.layers[{State("one"), "gzip:6"}] = layer;
  layer.diff_id = oci::Digest::Of("two");
  cache.layers[{ChainOfTwo(), "gzip:6"}] = layer;
  PortableMount mount;
  mount.size_bytes = 5'000'000;
  layer.descriptor.media_type = kMediaTypeMountPiece;
  mount.pieces = {layer.descriptor};
  cache.mounts[State("mount").substr(0, 32)] = mount;
  return cache;
}

TEST(PortableCacheTest, IsReadAsItWasWritten) {
  auto read = ParsePortableCache(SerializePortableCache(Small()));
  ASSERT_TRUE(IsOk(read));
  EXPECT_EQ(*read, Small());
  EXPECT_TRUE(IsOk(ParsePortableCache(SerializePortableCache({}))));
}

TEST(PortableCacheTest, RefusesWhatIsDamaged) {
  const std::string good = SerializePortableCache(Small());
  for (size_t length = 0; length < good.size(); length += 37) {
    EXPECT_FALSE(ParsePortableCache(good.substr(0, length))) << length;
  }
  EXPECT_TRUE(FailsWith(
      ParsePortableCache(ReplaceAll(good, "\"version\":1", "\"version\":2")),
      ErrorCode::kUnsupported, "version 2"));
  EXPECT_TRUE(
      FailsWith(ParsePortableCache(ReplaceAll(good, ChainOfTwo(), "../../etc")),
                ErrorCode::kInvalidArgument, "records["));
  EXPECT_TRUE(FailsWith(
      ParsePortableCache(ReplaceAll(good, "layer.v1.tar+gzip", "config")),
      ErrorCode::kUnsupported));
  EXPECT_TRUE(FailsWith(ParsePortableCache("{\"version\":1}"),
                        ErrorCode::kInvalidArgument, "records"));
}

TEST(PortableCacheTest, RefusesAStateThatIsNotItsChainId) {
  // Such a snapshot would be taken for a base image's.
  const std::string good = SerializePortableCache(Small());
  EXPECT_TRUE(FailsWith(
      ParsePortableCache(ReplaceAll(good, ChainOfTwo(), State("a base"))),
      ErrorCode::kCorrupt, "chain ID"));
  PortableCache false_layer = Small();
  false_layer.layers[{ChainOfTwo(), "gzip:6"}].diff_id = oci::Digest::Of("x");
  EXPECT_TRUE(FailsWith(ParsePortableCache(SerializePortableCache(false_layer)),
                        ErrorCode::kCorrupt, "chain ID"));
}

TEST(PortableCacheTest, LeavesOutWhatCannotBeToldToBeTrue) {
  PortableCache cache = Small();
  CacheRecord bare;
  bare.snapshot = State("a state that some store has");
  cache.records[oci::Digest::Of("bare")] = bare;
  CacheRecord on_nothing = cache.records[oci::Digest::Of("key 2")];
  on_nothing.parent = "abcd";
  cache.records[oci::Digest::Of("on nothing")] = on_nothing;
  cache.layers[{State("orphan"), "gzip:6"}] =
      cache.layers[{State("one"), "gzip:6"}];
  auto read = ParsePortableCache(SerializePortableCache(cache));
  ASSERT_TRUE(IsOk(read));
  EXPECT_EQ(*read, Small());
}

TEST(PortableCacheTest, AnswersAfterTheStoresOwn) {
  TempDir dir;
  auto index = CacheIndex::Open(dir.path("index"));
  ASSERT_TRUE(IsOk(index));
  CacheRecord own;
  own.snapshot = "own";
  const oci::Digest key = oci::Digest::Of("key");
  ASSERT_TRUE(IsOk(index->Record(key, own)));
  index->Import(Small());
  auto records = index->FindAll(key);
  ASSERT_EQ(2u, records.size());
  EXPECT_EQ("own", records[0].snapshot);
  EXPECT_EQ(State("one"), records[1].snapshot);
  EXPECT_FALSE(index->Find(oci::Digest::Of("key 2")));
  EXPECT_EQ(oci::Digest::Of("files"),
            index->FindAlias(oci::Digest::Of("copy")));
  EXPECT_TRUE(index->FindLayer(State("one"), "gzip:6"));
  EXPECT_FALSE(index->FindLayer(State("one"), "zstd:3"));

  index->ForgetImported();
  EXPECT_EQ(1u, index->FindAll(key).size());
  EXPECT_FALSE(index->FindLayer(State("one"), "gzip:6"));
  // Nothing of it was written.
  auto again = CacheIndex::Open(dir.path("index"));
  ASSERT_TRUE(IsOk(again));
  EXPECT_FALSE(again->FindAlias(oci::Digest::Of("copy")));
}

}  // namespace
}  // namespace strake::builder::cache
