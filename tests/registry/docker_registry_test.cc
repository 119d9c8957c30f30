// With other people's tools: Debian's docker-registry as the other side, and
// skopeo as the other client of either server.

#include "tests/support/docker_registry.h"

#include <gtest/gtest.h>

#include <atomic>

#include "oci/image_layout.h"
#include "oci/validate.h"
#include "registry/client.h"
#include "registry/pull.h"
#include "registry/push.h"
#include "registry/server.h"
#include "tests/support/expect_result.h"
#include "tests/support/fault_proxy.h"
#include "tests/support/random_image.h"
#include "tests/support/run_tool.h"
#include "tests/support/temp_dir.h"
#include "util/json.h"

namespace strake::registry {
namespace {

using strake::testing::DockerRegistry;
using strake::testing::DockerRegistryOptions;
using strake::testing::FailsWith;
using strake::testing::FaultProxy;
using strake::testing::HaveTool;
using strake::testing::IsOk;
using strake::testing::MakeRandomImage;
using strake::testing::MakeRandomIndex;
using strake::testing::RandomImage;
using strake::testing::Sh;
using strake::testing::TempDir;

const oci::Platform kAmd64 = {"linux", "amd64", "", "", {}};

#define REQUIRE_TOOL(tool) \
  if (!HaveTool(tool)) GTEST_SKIP() << tool << " is not installed"

oci::Reference Ref(const std::string& text) {
  auto reference = oci::ParseReference(text);
  EXPECT_TRUE(IsOk(reference));
  return *reference;
}

class OtherToolsTest : public ::testing::Test {
 protected:
  oci::BlobStore OpenStore(const std::string& name) {
    auto store = oci::BlobStore::Open(directory_.path(name));
    EXPECT_TRUE(IsOk(store));
    return std::move(store).value();
  }

  // A layout folder with one image of gzipped tars, made by tools of others.
  // skopeo checks diff IDs, so the layers must be real.
  RandomImage MakeLayout(const std::string& folder, const std::string& name) {
    auto layout = oci::ImageLayout::Open(directory_.path(folder),
                                         oci::ImageLayout::OpenMode::kCreate);
    EXPECT_TRUE(IsOk(layout));
    RandomImage image = MakeRandomImage(layout->blobs(), {2'000'000, 30'000});
    EXPECT_TRUE(IsOk(layout->Tag(name, image.descriptor)));
    return image;
  }

  TempDir directory_;
  Client client_{ClientOptions()};
};

TEST_F(OtherToolsTest, MovesAnImageThroughDockerRegistry) {
  REQUIRE_TOOL("docker-registry");
  DockerRegistry registry;
  oci::BlobStore ours = OpenStore("ours"), theirs = OpenStore("theirs");
  RandomImage image = MakeRandomImage(ours, {0, 5'000'000, 1000, 20'000});
  std::string name = registry.authority() + "/some/where:v1";
  ASSERT_TRUE(IsOk(PushImage(client_, Ref(name), image.descriptor, ours)));
  ASSERT_TRUE(IsOk(PushImage(client_, Ref(name), image.descriptor, ours)));
  auto pulled = PullImage(client_, Ref(name), kAmd64, theirs);
  ASSERT_TRUE(IsOk(pulled));
  EXPECT_EQ(pulled->descriptor.digest, image.descriptor.digest);
  EXPECT_TRUE(IsOk(oci::ValidateImage(theirs, pulled->descriptor)));
  EXPECT_EQ(*client_.ListTags(Ref(name)), std::vector<std::string>{"v1"});
}

TEST_F(OtherToolsTest, PushesInChunksToDockerRegistry) {
  REQUIRE_TOOL("docker-registry");
  DockerRegistry registry;
  oci::BlobStore store = OpenStore("ours");
  RandomImage image = MakeRandomImage(store, {5'000'000});
  ClientOptions options;
  options.upload_chunk_bytes = 1'000'000;
  Client client(options);
  std::string name = registry.authority() + "/some/where:v1";
  ASSERT_TRUE(IsOk(PushImage(client, Ref(name), image.descriptor, store)));
  oci::BlobStore theirs = OpenStore("theirs");
  EXPECT_TRUE(IsOk(PullImage(client, Ref(name), kAmd64, theirs)));
}

TEST_F(OtherToolsTest, ResumesInterruptedUploadsToDockerRegistry) {
  REQUIRE_TOOL("docker-registry");
  DockerRegistry registry;
  FaultProxy proxy(registry.port());
  proxy.Add(
      {.method = "PUT", .path = "/uploads/", .cut_request_after = 2'000'000});
  proxy.Add({.method = "PATCH", .cut_request_after = 1'000'000});
  oci::BlobStore ours = OpenStore("ours"), theirs = OpenStore("theirs");
  RandomImage image = MakeRandomImage(ours, {8'000'000});
  ClientOptions options;
  options.retry.initial_delay = std::chrono::milliseconds(50);
  Client client(options);
  std::string name = proxy.authority() + "/some/where:v1";
  ASSERT_TRUE(IsOk(PushImage(client, Ref(name), image.descriptor, ours)));
  EXPECT_TRUE(IsOk(PullImage(client, Ref(name), kAmd64, theirs)));
  EXPECT_LE(proxy.forwarded_bytes(), uint64_t{12'000'000});
}

TEST_F(OtherToolsTest, MountsBlobsInDockerRegistry) {
  REQUIRE_TOOL("docker-registry");
  DockerRegistry registry;
  oci::BlobStore store = OpenStore("ours");
  RandomImage image = MakeRandomImage(store, {50'000});
  oci::Reference base = Ref(registry.authority() + "/base:v1");
  ASSERT_TRUE(IsOk(PushImage(client_, base, image.descriptor, store)));
  std::atomic<int> mounted{0};
  PushOptions options;
  options.mount_from = {base};
  options.progress = [&](const TransferProgress& progress) {
    if (progress.action == TransferAction::kMount && progress.done) ++mounted;
  };
  ASSERT_TRUE(IsOk(PushImage(client_, Ref(registry.authority() + "/app:v1"),
                             image.descriptor, store, options)));
  EXPECT_EQ(mounted, 2);
}

TEST_F(OtherToolsTest, SkopeoAcceptsWhatWePushedToDockerRegistry) {
  REQUIRE_TOOL("docker-registry");
  REQUIRE_TOOL("skopeo");
  DockerRegistry registry;
  oci::BlobStore store = OpenStore("ours");
  RandomImage amd = MakeRandomImage(store, {5000}, 1, "amd64");
  RandomImage arm = MakeRandomImage(store, {6000}, 2, "arm64");
  oci::Descriptor index =
      MakeRandomIndex(store, {amd, arm}, {"amd64", "arm64"});
  std::string name = registry.authority() + "/app:multi";
  ASSERT_TRUE(IsOk(PushImage(client_, Ref(name), index, store)));
  std::string seen =
      Sh("skopeo --override-arch arm64 inspect --tls-verify=false "
         "docker://" +
         name);
  auto document = ParseJson(seen);
  ASSERT_TRUE(IsOk(document));
  EXPECT_EQ((*document)["Architecture"], "arm64");
  EXPECT_EQ((*document)["Digest"], index.digest.ToString());
  EXPECT_EQ((*document)["Layers"][0], arm.manifest.layers[0].digest.ToString());
}

TEST_F(OtherToolsTest, PullsWhatSkopeoPushedToDockerRegistry) {
  REQUIRE_TOOL("docker-registry");
  REQUIRE_TOOL("skopeo");
  DockerRegistry registry;
  MakeLayout("layout", "v1");
  std::string name = registry.authority() + "/app";
  Sh("skopeo copy --dest-tls-verify=false oci:" + directory_.path("layout") +
     ":v1 docker://" + name + ":oci");
  Sh("skopeo copy --format v2s2 --dest-tls-verify=false oci:" +
     directory_.path("layout") + ":v1 docker://" + name + ":docker");
  for (const char* tag : {":oci", ":docker"}) {
    oci::BlobStore theirs = OpenStore(std::string("theirs") + tag);
    auto pulled = PullImage(client_, Ref(name + tag), kAmd64, theirs);
    ASSERT_TRUE(IsOk(pulled));
    EXPECT_TRUE(IsOk(oci::ValidateImage(theirs, pulled->descriptor)));
  }
}

TEST_F(OtherToolsTest, LogsInToDockerRegistry) {
  REQUIRE_TOOL("docker-registry");
  REQUIRE_TOOL("htpasswd");
  directory_.Write("users", Sh("htpasswd -Bbn bob secret"));
  DockerRegistry registry({.htpasswd_file = directory_.path("users")});
  std::string authority = registry.authority();
  oci::BlobStore store = OpenStore("ours");
  RandomImage image = MakeRandomImage(store, {1000});
  oci::Reference name = Ref(authority + "/app:v1");
  EXPECT_TRUE(FailsWith(PushImage(client_, name, image.descriptor, store),
                        ErrorCode::kUnauthorized, authority));
  EXPECT_TRUE(
      IsOk(client_.CheckLogin(authority, Credential{"bob", "secret", ""})));
  EXPECT_TRUE(
      FailsWith(client_.CheckLogin(authority, Credential{"bob", "guess", ""}),
                ErrorCode::kUnauthorized, "user \"bob\""));
  ASSERT_TRUE(IsOk(StoreLogin(directory_.path("config.json"), authority,
                              {"bob", "secret", ""})));
  auto credentials = LoadDockerConfig(directory_.path("config.json"));
  ASSERT_TRUE(IsOk(credentials));
  ClientOptions options;
  options.credentials = *credentials;
  Client client(options);
  ASSERT_TRUE(IsOk(PushImage(client, name, image.descriptor, store)));
  EXPECT_TRUE(IsOk(client.FetchManifest(name)));
}

// A certificate for 127.0.0.1 and 0.0.0.0, which is loopback to the kernel but
// no loopback name to us, so that it is verified.
void MakeCertificate(const TempDir& directory) {
  Sh("cd " + directory.path() +
     " && openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 "
     "-nodes -keyout key.pem -out cert.pem -days 2 -subj /CN=test "
     "-addext subjectAltName=IP:127.0.0.1,IP:0.0.0.0 2>/dev/null");
}

// A registry with such a certificate, new in `directory`.
DockerRegistryOptions WithCertificate(const TempDir& directory) {
  MakeCertificate(directory);
  return {.tls_certificate = directory.path("cert.pem"),
          .tls_key = directory.path("key.pem")};
}

TEST_F(OtherToolsTest, VerifiesCertificatesUnlessTold) {
  REQUIRE_TOOL("docker-registry");
  REQUIRE_TOOL("openssl");
  DockerRegistry registry(WithCertificate(directory_));
  std::string name = "0.0.0.0:" + std::to_string(registry.port());
  EXPECT_TRUE(
      FailsWith(client_.Ping(name), ErrorCode::kUnavailable, "certificate"));
  ClientOptions trusting;
  trusting.tls.ca_file = directory_.path("cert.pem");
  EXPECT_TRUE(IsOk(Client(trusting).Ping(name)));
  ClientOptions insecure;
  insecure.insecure_registries = {name};
  EXPECT_TRUE(IsOk(Client(insecure).Ping(name)));
}

TEST_F(OtherToolsTest, FindsTlsOnLoopback) {
  REQUIRE_TOOL("docker-registry");
  REQUIRE_TOOL("openssl");
  DockerRegistry registry(WithCertificate(directory_));
  EXPECT_TRUE(IsOk(client_.Ping(registry.authority())));
}

TEST_F(OtherToolsTest, TrustsTheAuthoritiesOfTheHostsFolder) {
  REQUIRE_TOOL("docker-registry");
  REQUIRE_TOOL("openssl");
  DockerRegistry registry(WithCertificate(directory_));
  std::string name = "0.0.0.0:" + std::to_string(registry.port());
  std::string pem = directory_.Read("cert.pem");
  directory_.Write("certs.d/" + name + "/ca.crt", pem);
  directory_.Write("other.d/0.0.0.0/ca.crt", pem);  // another port's
  ClientOptions options;
  options.tls.certificate_folders = {directory_.path("none.d"),
                                     directory_.path("other.d")};
  EXPECT_TRUE(FailsWith(Client(options).Ping(name), ErrorCode::kUnavailable,
                        "certificate"));
  options.tls.certificate_folders.push_back(directory_.path("certs.d"));
  EXPECT_TRUE(IsOk(Client(options).Ping(name)));
  ClientOptions extra;
  extra.tls.extra_ca_files = {directory_.path("cert.pem")};
  EXPECT_TRUE(IsOk(Client(extra).Ping(name)));
}

TEST_F(OtherToolsTest, ShowsTheClientCertificateThatIsAskedFor) {
  REQUIRE_TOOL("docker-registry");
  REQUIRE_TOOL("openssl");
  // The server's certificate serves as the client's, too, and as its authority.
  std::string certificate = directory_.path("cert.pem");
  std::string key = directory_.path("key.pem");
  DockerRegistryOptions both = WithCertificate(directory_);
  both.tls_client_ca = certificate;
  DockerRegistry registry(both);
  std::string name = "0.0.0.0:" + std::to_string(registry.port());
  ClientOptions options;
  options.retry.max_retries = 0;
  options.tls.extra_ca_files = {certificate};
  EXPECT_TRUE(
      FailsWith(Client(options).Ping(name), ErrorCode::kUnavailable, name));
  EXPECT_TRUE(FailsWith(Client(options).Ping(name), ErrorCode::kUnavailable,
                        "give one with --client-cert"));
  ClientOptions given = options;
  given.tls.client_certificate_file = certificate;
  given.tls.client_key_file = key;
  EXPECT_TRUE(IsOk(Client(given).Ping(name)));
  // One file with both.
  directory_.Write("both.pem",
                   directory_.Read("cert.pem") + directory_.Read("key.pem"));
  given.tls.client_certificate_file = directory_.path("both.pem");
  given.tls.client_key_file = "";
  EXPECT_TRUE(IsOk(Client(given).Ping(name)));
  directory_.Write("certs.d/" + name + "/me.cert", directory_.Read("cert.pem"));
  directory_.Write("certs.d/" + name + "/me.key", directory_.Read("key.pem"));
  options.tls.certificate_folders = {directory_.path("certs.d")};
  EXPECT_TRUE(IsOk(Client(options).Ping(name)));
}

TEST_F(OtherToolsTest, SpeaksPlainHttpWithListedHostsOnly) {
  auto server = Server::Start(
      {.directory = directory_.path("registry"), .sync_writes = false});
  ASSERT_TRUE(IsOk(server));
  std::string name = "0.0.0.0:" + std::to_string((*server)->port());
  ClientOptions options;
  options.retry.max_retries = 0;
  EXPECT_TRUE(FailsWith(Client(options).Ping(name), ErrorCode::kUnavailable));
  options.insecure_registries = {"0.0.0.0"};
  EXPECT_TRUE(IsOk(Client(options).Ping(name)));
}

TEST_F(OtherToolsTest, SkopeoUsesOurServer) {
  REQUIRE_TOOL("skopeo");
  auto server = Server::Start(
      {.directory = directory_.path("registry"), .sync_writes = false});
  ASSERT_TRUE(IsOk(server));
  RandomImage image = MakeLayout("layout", "v1");
  std::string ours = "docker://" + (*server)->authority() + "/some/app";
  Sh("skopeo copy --dest-tls-verify=false oci:" + directory_.path("layout") +
     ":v1 " + ours + ":v1");
  Sh("skopeo copy --dest-tls-verify=false oci:" + directory_.path("layout") +
     ":v1 " + ours + ":again");
  auto seen =
      ParseJson(Sh("skopeo inspect --tls-verify=false " + ours + ":v1"));
  ASSERT_TRUE(IsOk(seen));
  EXPECT_EQ((*seen)["Architecture"], "amd64");
  EXPECT_EQ(DumpJson((*seen)["RepoTags"]), R"(["again","v1"])");
  Sh("skopeo copy --src-tls-verify=false " + ours +
     ":v1 oci:" + directory_.path("back") + ":v1");
  oci::BlobStore back = OpenStore("back");
  EXPECT_TRUE(back.Contains(image.manifest.config.digest));
  Sh("skopeo delete --tls-verify=false " + ours + ":v1");
  EXPECT_TRUE(FailsWith(
      client_.FetchManifest(Ref((*server)->authority() + "/some/app:v1")),
      ErrorCode::kNotFound));

  oci::BlobStore theirs = OpenStore("theirs");
  Sh("skopeo copy --format v2s2 --dest-tls-verify=false oci:" +
     directory_.path("layout") + ":v1 " + ours + ":docker");
  auto pulled =
      PullImage(client_, Ref((*server)->authority() + "/some/app:docker"),
                kAmd64, theirs);
  ASSERT_TRUE(IsOk(pulled));
  EXPECT_EQ(pulled->descriptor.media_type, oci::kDockerMediaTypeManifest);
  EXPECT_TRUE(IsOk(oci::ValidateImage(theirs, pulled->descriptor)));
}

TEST_F(OtherToolsTest, SkopeoLogsInToOurServer) {
  REQUIRE_TOOL("skopeo");
  REQUIRE_TOOL("htpasswd");
  directory_.Write("users", Sh("htpasswd -Bbn bob secret"));
  auto server = Server::Start({.directory = directory_.path("registry"),
                               .sync_writes = false,
                               .htpasswd_file = directory_.path("users")});
  ASSERT_TRUE(IsOk(server));
  MakeLayout("layout", "v1");
  std::string ours = "docker://" + (*server)->authority() + "/app:v1";
  std::string source = "oci:" + directory_.path("layout") + ":v1 ";
  Sh("skopeo copy --dest-creds bob:secret --dest-tls-verify=false " + source +
     ours);
  Sh("! skopeo copy --dest-creds bob:guess --dest-tls-verify=false " + source +
     ours);
}

}  // namespace
}  // namespace strake::registry
