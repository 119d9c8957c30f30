// The four workflows of distribution-spec by our client, with our own registry
// and Debian's docker-registry, open and with logins over TLS.

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "oci/blob_store.h"
#include "registry/client.h"
#include "registry/pull.h"
#include "registry/push.h"
#include "registry/referrers.h"
#include "registry/server.h"
#include "tests/support/docker_registry.h"
#include "tests/support/expect_result.h"
#include "tests/support/random_image.h"
#include "tests/support/run_tool.h"
#include "tests/support/temp_dir.h"

namespace strake::registry {
namespace {

using strake::testing::DockerRegistry;
using strake::testing::DockerRegistryOptions;
using strake::testing::FailsWith;
using strake::testing::HaveTool;
using strake::testing::IsOk;
using strake::testing::MakeRandomImage;
using strake::testing::MakeRandomIndex;
using strake::testing::RandomBytes;
using strake::testing::RandomImage;
using strake::testing::Sh;
using strake::testing::TempDir;

enum class Kind { kServe, kDockerRegistry };
enum class Access { kOpen, kLoginOverTls };

class ClientWorkflowsTest
    : public ::testing::TestWithParam<std::tuple<Kind, Access>> {
 protected:
  void SetUp() override {
    bool secured = std::get<Access>(GetParam()) == Access::kLoginOverTls;
    bool docker = std::get<Kind>(GetParam()) == Kind::kDockerRegistry;
    for (const char* tool : {"docker-registry", "htpasswd", "openssl"}) {
      bool wanted = tool == std::string("docker-registry") ? docker : secured;
      if (wanted && !HaveTool(tool)) {
        GTEST_SKIP() << tool << " is not installed";
      }
    }
    if (secured) MakeSecrets();
    docker ? StartDockerRegistry(secured) : StartServer(secured);
    if (secured) {
      // Loopback to the kernel, but no loopback name to us: verified.
      name_ = "0.0.0.0" + name_.substr(name_.rfind(':'));
      options_.tls.ca_file = directory_.path("cert.pem");
      options_.credentials.Set(name_, {"bob", "secret", ""});
    }
    client_ = std::make_unique<Client>(options_);
    auto store = oci::BlobStore::Open(directory_.path("store"));
    ASSERT_TRUE(IsOk(store));
    store_.emplace(std::move(store).value());
  }

  void MakeSecrets() {
    directory_.Write("users", Sh("htpasswd -Bbn -C 5 bob secret"));
    Sh("cd " + directory_.path() +
       " && openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 "
       "-nodes -keyout key.pem -out cert.pem -days 2 -subj /CN=test "
       "-addext subjectAltName=IP:127.0.0.1,IP:0.0.0.0 2>/dev/null");
  }

  void StartDockerRegistry(bool secured) {
    DockerRegistryOptions options;
    if (secured) {
      options.htpasswd_file = directory_.path("users");
      options.tls_certificate = directory_.path("cert.pem");
      options.tls_key = directory_.path("key.pem");
    }
    docker_ = std::make_unique<DockerRegistry>(options);
    name_ = docker_->authority();
  }

  void StartServer(bool secured) {
    ServerOptions options;
    options.directory = directory_.path("registry");
    options.sync_writes = false;
    if (secured) {
      options.htpasswd_file = directory_.path("users");
      options.tls_certificate_file = directory_.path("cert.pem");
      options.tls_key_file = directory_.path("key.pem");
    }
    auto server = Server::Start(std::move(options));
    ASSERT_TRUE(IsOk(server));
    server_ = std::move(server).value();
    name_ = server_->authority();
  }

  oci::Reference Ref(const std::string& rest) const {
    auto reference = oci::ParseReference(name_ + "/" + rest);
    EXPECT_TRUE(IsOk(reference));
    return *reference;
  }

  oci::BlobStore OpenStore(const std::string& name) {
    auto store = oci::BlobStore::Open(directory_.path(name));
    EXPECT_TRUE(IsOk(store));
    return std::move(store).value();
  }

  // An artifact that refers to `subject`; its bytes.
  std::string PushArtifact(const std::string& repository,
                           const oci::Descriptor& subject,
                           const std::string& type) {
    oci::Manifest manifest;
    manifest.artifact_type = type;
    manifest.config.media_type = oci::kMediaTypeEmptyJson;
    manifest.config.digest = oci::Digest::Of("{}");
    manifest.config.size_bytes = 2;
    manifest.subject = subject;
    auto open = [](uint64_t) -> Result<std::unique_ptr<ByteSource>> {
      return std::unique_ptr<ByteSource>(std::make_unique<MemorySource>("{}"));
    };
    EXPECT_TRUE(
        IsOk(client_->UploadBlob(Ref(repository), manifest.config, open)));
    std::string bytes = oci::SerializeManifest(manifest);
    EXPECT_TRUE(IsOk(PutReferrer(
        *client_, oci::ByDigest(Ref(repository), oci::Digest::Of(bytes)), bytes,
        oci::kMediaTypeManifest)));
    return bytes;
  }

  TempDir directory_;
  std::unique_ptr<DockerRegistry> docker_;
  std::unique_ptr<Server> server_;
  std::string name_;
  ClientOptions options_;
  std::unique_ptr<Client> client_;
  std::optional<oci::BlobStore> store_;
};

TEST_P(ClientWorkflowsTest, Pulls) {
  RandomImage image = MakeRandomImage(*store_, {0, 300'000, 1000});
  const oci::Digest& digest = image.descriptor.digest;
  ASSERT_TRUE(
      IsOk(PushImage(*client_, Ref("a/b:v1"), image.descriptor, *store_)));
  EXPECT_TRUE(IsOk(client_->Ping(name_)));
  for (const std::string& name :
       {std::string("a/b:v1"), "a/b@" + digest.ToString()}) {
    auto resolved = client_->ResolveManifest(Ref(name));
    ASSERT_TRUE(IsOk(resolved));
    EXPECT_EQ(resolved->digest, digest);
    oci::BlobStore theirs = OpenStore("theirs" + name.substr(3, 1));
    auto pulled = PullAll(*client_, Ref(name), theirs);
    ASSERT_TRUE(IsOk(pulled));
    for (const oci::Descriptor& layer : image.manifest.layers) {
      EXPECT_TRUE(theirs.Contains(layer.digest));
    }
  }
  const oci::Descriptor& layer = image.manifest.layers[1];
  EXPECT_TRUE(*client_->HasBlob(Ref("a/b"), layer.digest));
  EXPECT_EQ(client_->StatBlob(Ref("a/b"), layer.digest)->size_bytes, 300'000u);
  MemorySink sink;
  ASSERT_TRUE(IsOk(client_->FetchBlob(Ref("a/b"), layer, sink)));
  EXPECT_EQ(oci::Digest::Of(sink.bytes()), layer.digest);

  oci::Digest absent = oci::Digest::Of("absent");
  EXPECT_FALSE(*client_->HasBlob(Ref("a/b"), absent));
  EXPECT_TRUE(FailsWith(client_->StatBlob(Ref("a/b"), absent),
                        ErrorCode::kNotFound, absent.ToString()));
  EXPECT_FALSE(*client_->HasManifest(Ref("a/b"), absent));
  EXPECT_TRUE(FailsWith(client_->FetchManifest(Ref("a/b:none")),
                        ErrorCode::kNotFound, "a/b:none"));
}

TEST_P(ClientWorkflowsTest, Pushes) {
  RandomImage amd = MakeRandomImage(*store_, {600'000}, 1, "amd64");
  RandomImage arm = MakeRandomImage(*store_, {500'000}, 2, "arm64");
  oci::Descriptor index =
      MakeRandomIndex(*store_, {amd, arm}, {"amd64", "arm64"});
  ASSERT_TRUE(IsOk(PushImage(*client_, Ref("multi:v1"), index, *store_)));
  // Again, in chunks, and by digest alone.
  ClientOptions chunked = options_;
  chunked.upload_chunk_bytes = 100'000;
  Client in_chunks(chunked);
  ASSERT_TRUE(IsOk(PushImage(in_chunks, Ref("chunks"), index, *store_)));
  oci::BlobStore theirs = OpenStore("theirs");
  auto pulled =
      PullAll(*client_, oci::ByDigest(Ref("chunks"), index.digest), theirs);
  ASSERT_TRUE(IsOk(pulled));
  EXPECT_EQ(pulled->digest, index.digest);
  EXPECT_TRUE(theirs.Contains(arm.manifest.layers[0].digest));

  auto mounted =
      client_->MountBlob(Ref("other"), amd.manifest.layers[0].digest, "multi");
  ASSERT_TRUE(IsOk(mounted));
  EXPECT_EQ(*mounted, MountResult::kMounted);
  auto not_mounted =
      client_->MountBlob(Ref("other"), oci::Digest::Of("absent"), "multi");
  ASSERT_TRUE(IsOk(not_mounted));
  EXPECT_EQ(*not_mounted, MountResult::kNotMounted);
  EXPECT_FALSE(IsOk(client_->PutManifest(Ref("empty:v1"),
                                         oci::SerializeManifest(amd.manifest),
                                         oci::kMediaTypeManifest)));
}

TEST_P(ClientWorkflowsTest, Discovers) {
  RandomImage image = MakeRandomImage(*store_, {1000});
  for (const char* name : {"app:v1", "app:v2", "app:v3", "zoo:v1"}) {
    ASSERT_TRUE(
        IsOk(PushImage(*client_, Ref(name), image.descriptor, *store_)));
  }
  EXPECT_EQ(*client_->ListTags(Ref("app")),
            (std::vector<std::string>{"v1", "v2", "v3"}));
  EXPECT_EQ(client_->ListTags(Ref("app"), {.limit = 2})->size(), 2u);
  EXPECT_EQ(*client_->ListRepositories(name_),
            (std::vector<std::string>{"app", "zoo"}));
  EXPECT_EQ(*client_->ListRepositories(name_, {.limit = 1}),
            std::vector<std::string>{"app"});

  const oci::Digest& subject = image.descriptor.digest;
  EXPECT_TRUE(ListReferrers(*client_, Ref("app"), subject)->manifests.empty());
  std::string signature =
      PushArtifact("app", image.descriptor, "application/vnd.test.signature");
  PushArtifact("app", image.descriptor, "application/vnd.test.sbom");
  auto all = ListReferrers(*client_, Ref("app"), subject);
  ASSERT_TRUE(IsOk(all));
  EXPECT_EQ(all->manifests.size(), 2u);
  EXPECT_EQ(all->by_api, server_ != nullptr);
  auto signatures = ListReferrers(*client_, Ref("app"), subject,
                                  "application/vnd.test.signature");
  ASSERT_TRUE(IsOk(signatures));
  ASSERT_EQ(signatures->manifests.size(), 1u);
  EXPECT_EQ(signatures->manifests[0].digest, oci::Digest::Of(signature));

  ASSERT_TRUE(IsOk(DeleteReferrer(
      *client_, oci::ByDigest(Ref("app"), oci::Digest::Of(signature)))));
  EXPECT_EQ(ListReferrers(*client_, Ref("app"), subject)->manifests.size(), 1u);
}

TEST_P(ClientWorkflowsTest, Manages) {
  RandomImage image = MakeRandomImage(*store_, {1000});
  for (const char* name : {"app:v1", "app:v2"}) {
    ASSERT_TRUE(
        IsOk(PushImage(*client_, Ref(name), image.descriptor, *store_)));
  }
  Status tag_deleted = client_->DeleteManifest(Ref("app:v1"));
  if (server_) {
    ASSERT_TRUE(IsOk(tag_deleted));
    EXPECT_EQ(*client_->ListTags(Ref("app")), std::vector<std::string>{"v2"});
  } else if (!tag_deleted) {
    // Debian's version knows deletion by digest alone.
    EXPECT_EQ(tag_deleted.error().code(), ErrorCode::kUnsupported);
  }
  oci::Reference by_digest = oci::ByDigest(Ref("app"), image.descriptor.digest);
  ASSERT_TRUE(IsOk(client_->DeleteManifest(by_digest)));
  EXPECT_FALSE(*client_->HasManifest(Ref("app"), image.descriptor.digest));
  EXPECT_TRUE(
      FailsWith(client_->DeleteManifest(by_digest), ErrorCode::kNotFound));
  const oci::Digest& layer = image.manifest.layers[0].digest;
  ASSERT_TRUE(IsOk(client_->DeleteBlob(Ref("app"), layer)));
  EXPECT_FALSE(*client_->HasBlob(Ref("app"), layer));
}

TEST_P(ClientWorkflowsTest, IsLetInWithItsLoginAndAuthorityOnly) {
  if (std::get<Access>(GetParam()) == Access::kOpen) {
    EXPECT_TRUE(IsOk(Client(ClientOptions()).Ping(name_)));
    return;
  }
  ClientOptions anonymous;
  anonymous.tls.ca_file = options_.tls.ca_file;
  EXPECT_TRUE(FailsWith(Client(anonymous).Ping(name_), ErrorCode::kUnauthorized,
                        name_));
  EXPECT_TRUE(
      FailsWith(client_->CheckLogin(name_, Credential{"bob", "guess", ""}),
                ErrorCode::kUnauthorized, "bob"));
  ClientOptions distrusting;
  distrusting.credentials = options_.credentials;
  EXPECT_TRUE(FailsWith(Client(distrusting).Ping(name_),
                        ErrorCode::kUnavailable, "certificate"));
  // On loopback it is found out that TLS is spoken.
  ClientOptions loopback;
  std::string local = "127.0.0.1" + name_.substr(name_.rfind(':'));
  loopback.credentials.Set(local, {"bob", "secret", ""});
  EXPECT_TRUE(IsOk(Client(loopback).Ping(local)));
}

INSTANTIATE_TEST_SUITE_P(
    Registries, ClientWorkflowsTest,
    ::testing::Combine(::testing::Values(Kind::kServe, Kind::kDockerRegistry),
                       ::testing::Values(Access::kOpen, Access::kLoginOverTls)),
    [](const auto& info) {
      bool serve = std::get<Kind>(info.param) == Kind::kServe;
      bool open = std::get<Access>(info.param) == Access::kOpen;
      return std::string(serve ? "Serve" : "DockerRegistry") +
             (open ? "Open" : "LoginOverTls");
    });

}  // namespace
}  // namespace strake::registry
