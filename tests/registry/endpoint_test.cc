#include "registry/endpoint.h"

#include <gtest/gtest.h>

namespace strake::registry {
namespace {

TEST(EndpointTest, SpeaksVerifiedHttpsWithOrdinaryRegistries) {
  std::vector<Endpoint> endpoints = EndpointsOf("registry.example:5000", {});
  ASSERT_EQ(endpoints.size(), 1u);
  EXPECT_EQ(endpoints[0], (Endpoint{"https", "registry.example:5000", true}));
}

TEST(EndpointTest, FindsDockerHubsRegistry) {
  EXPECT_EQ(PingUrl(EndpointsOf("docker.io", {})[0]),
            "https://registry-1.docker.io/v2/");
}

TEST(EndpointTest, TriesHttpFirstOnLoopback) {
  for (const char* registry : {"localhost:5000", "127.0.0.1:5000", "127.1.2.3",
                               "[::1]:5000", "LOCALHOST"}) {
    std::vector<Endpoint> endpoints = EndpointsOf(registry, {});
    ASSERT_EQ(endpoints.size(), 2u) << registry;
    EXPECT_EQ(endpoints[0].scheme, "http");
    EXPECT_EQ(endpoints[1].scheme, "https");
  }
}

TEST(EndpointTest, DoesNotTakeOtherHostsForLoopback) {
  for (const char* registry :
       {"128.0.0.1", "localhost.example", "127.0.0.1.example", "10.0.0.1:5000",
        "[::2]:5000", "0.0.0.0:5000", "local"}) {
    EXPECT_FALSE(IsLoopback(registry)) << registry;
  }
}

TEST(EndpointTest, TriesHttpsFirstWithListedRegistries) {
  std::vector<std::string> listed = {"http://a.example:5000/", "b.example"};
  EXPECT_EQ(EndpointsOf("a.example:5000", listed).size(), 2u);
  EXPECT_EQ(EndpointsOf("b.example:1", listed).size(), 2u);
  EXPECT_EQ(EndpointsOf("b.example", listed)[0].scheme, "https");
  EXPECT_FALSE(EndpointsOf("b.example", listed)[0].verify_tls);
  EXPECT_EQ(EndpointsOf("a.example:5001", listed).size(), 1u);
  EXPECT_EQ(EndpointsOf("a.example", listed).size(), 1u);
}

TEST(EndpointTest, CanonicalisesWhatPeopleAndFilesWrite) {
  EXPECT_EQ(CanonicalRegistry("https://index.docker.io/v1/"), "docker.io");
  EXPECT_EQ(CanonicalRegistry("docker.io"), "docker.io");
  EXPECT_EQ(CanonicalRegistry("registry-1.docker.io"), "docker.io");
  EXPECT_EQ(CanonicalRegistry("http://Quay.io/v2/"), "quay.io");
  EXPECT_EQ(CanonicalRegistry("localhost:5000"), "localhost:5000");
}

TEST(EndpointTest, EncodesQueryValues) {
  EXPECT_EQ(WithQuery("http://a/b", "digest", "sha256:0f"),
            "http://a/b?digest=sha256%3A0f");
  EXPECT_EQ(WithQuery("http://a/b?x=1", "from", "c/d e"),
            "http://a/b?x=1&from=c%2Fd%20e");
}

TEST(ResolveUrlTest, FollowsRfc3986) {
  struct Case {
    const char* location;
    const char* resolved;
  };
  for (const Case& c : std::initializer_list<Case>{
           {"https://b:1/x", "https://b:1/x"},
           {"//b/x", "http://b/x"},
           {"/v2/x?y=1", "http://a:80/v2/x?y=1"},
           {"x?y=/z", "http://a:80/v2/r/x?y=/z"},
           {"../x", "http://a:80/v2/x"},
           {"./x/../y/", "http://a:80/v2/r/y/"},
           {"../../../x", "http://a:80/x"},
           {"?q", "http://a:80/v2/r/uploads?q"},
           {"", "http://a:80/v2/r/uploads?s=1"},
           {"/x#fragment", "http://a:80/x"},
       }) {
    EXPECT_EQ(ResolveUrl("http://a:80/v2/r/uploads?s=1", c.location),
              c.resolved)
        << c.location;
  }
}

TEST(OriginOfTest, IgnoresCaseDefaultPortAndUser) {
  EXPECT_EQ(OriginOf("HTTPS://Host.Example:443/a?b"), "https://host.example");
  EXPECT_EQ(OriginOf("http://u:p@host:80"), "http://host");
  EXPECT_EQ(OriginOf("http://host:443/"), "http://host:443");
  EXPECT_EQ(OriginOf("https://[::1]:5000/x"), "https://[::1]:5000");
}

}  // namespace
}  // namespace strake::registry
