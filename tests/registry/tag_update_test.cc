#include "registry/tag_update.h"

#include <gtest/gtest.h>

#include <string>

#include "oci/media_type.h"
#include "tests/support/expect_result.h"
#include "tests/support/fault_proxy.h"
#include "util/guarded.h"

namespace strake::registry {
namespace {

using strake::testing::Fault;
using strake::testing::FaultProxy;
using strake::testing::IsOk;
using strake::testing::SeenRequest;

std::string Document(const std::string& what) {
  return R"({"schemaVersion":2,"mediaType":")" +
         std::string(oci::kMediaTypeIndex) +
         R"(","manifests":[],"annotations":{"what":")" + what + R"("}})";
}

std::string DigestOf(const std::string& what) {
  return oci::Digest::Of(Document(what)).ToString();
}

// A registry with one tag that keeps If-Match and knows no If-None-Match.
// Another writer had seen no tag either, and writes once ours was read.
class HalfConditionalRegistry {
 public:
  HalfConditionalRegistry() : proxy_(0) {
    Fault everything;
    everything.times = -1;
    everything.respond = [this](const SeenRequest& request) {
      return Answer(request);
    };
    proxy_.Add(std::move(everything));
  }
  std::string authority() const { return proxy_.authority(); }

 private:
  std::string Answer(const SeenRequest& request) {
    auto tag = tag_.lock();
    if (request.method == "PUT") {
      const std::string match = request.Header("if-match");
      if (!match.empty() && match != "\"" + DigestOf(*tag) + "\"") {
        return FaultProxy::Response(412);
      }
      *tag = match.empty() ? "mine" : "both";
      return FaultProxy::Response(201);
    }
    if (request.target.find("/manifests/") == std::string::npos) {
      return FaultProxy::Response(200);
    }
    if (tag->empty()) return FaultProxy::Response(404);
    const std::string now = *tag;
    if (now == "mine") *tag = "other";
    return FaultProxy::Response(
        200,
        {"Content-Type: " + std::string(oci::kMediaTypeIndex),
         "Docker-Content-Digest: " + DigestOf(now)},
        Document(now));
  }

  Guarded<std::string> tag_;
  FaultProxy proxy_;
};

TEST(TagUpdateTest, LooksAgainAfterItMadeTheTag) {
  HalfConditionalRegistry registry;
  Client client(ClientOptions{});
  auto change = [](const std::optional<FetchedManifest>& current)
      -> Result<std::optional<TaggedDocument>> {
    const std::string digest =
        current ? current->descriptor.digest.ToString() : "";
    if (digest == DigestOf("mine") || digest == DigestOf("both")) {
      return std::optional<TaggedDocument>();
    }
    return std::optional(TaggedDocument{Document(current ? "both" : "mine"),
                                        std::string(oci::kMediaTypeIndex)});
  };
  auto updated = UpdateTag(
      client, *oci::ParseReference(registry.authority() + "/a/b:v1"), change);
  ASSERT_TRUE(IsOk(updated));
  EXPECT_EQ(updated->digest.ToString(), DigestOf("both"));
}

}  // namespace
}  // namespace strake::registry
