#include "registry/host_tls.h"

#include <gtest/gtest.h>

#include "tests/support/expect_result.h"
#include "tests/support/temp_dir.h"

namespace strake::registry {
namespace {

using strake::testing::FailsWith;
using strake::testing::IsOk;
using strake::testing::TempDir;

constexpr const char* kPem = "-----BEGIN CERTIFICATE-----\n";

class HostTlsTest : public ::testing::Test {
 protected:
  HostTls Find(const std::string& authority, TlsOptions options = {}) {
    options.certificate_folders = {directory_.path("user"),
                                   directory_.path("machine")};
    auto found = HostTlsTable(options, "").For(authority);
    EXPECT_TRUE(IsOk(found));
    return found ? **found : HostTls();
  }
  Error Refusal(const std::string& authority) {
    TlsOptions options;
    options.certificate_folders = {directory_.path("user")};
    return HostTlsTable(options, "").For(authority).error();
  }

  TempDir directory_;
};

TEST_F(HostTlsTest, LeavesHostsWithoutFolderToTheSystem) {
  EXPECT_EQ(Find("a:1").authorities_pem, "");
  EXPECT_EQ(Find("../user").client_certificate_file, "");
}

TEST_F(HostTlsTest, TakesTheFirstFolderOfAHostOnly) {
  directory_.Write("user/a:1/ca.crt", std::string(kPem) + "1");
  directory_.Write("machine/a:1/ca.crt", std::string(kPem) + "2");
  directory_.Write("machine/b/x.crt", std::string(kPem) + "3");
  directory_.Write("machine/b/y.crt", std::string(kPem) + "4");
  EXPECT_EQ(Find("a:1").authorities_pem, std::string(kPem) + "1\n");
  EXPECT_EQ(Find("b").authorities_pem,
            std::string(kPem) + "3\n" + kPem + "4\n");
  EXPECT_EQ(Find("a").authorities_pem, "");
}

TEST_F(HostTlsTest, AddsToTheAuthoritiesThatAreTrustedAnyway) {
  directory_.Write("bundle", std::string(kPem) + "all");
  directory_.Write("user/a/ca.crt", std::string(kPem) + "1");
  TlsOptions options;
  options.ca_file = directory_.path("bundle");
  EXPECT_EQ(Find("a", options).authorities_pem,
            std::string(kPem) + "1\n" + kPem + "all\n");
  EXPECT_EQ(Find("b", options).authorities_pem, "");
}

TEST_F(HostTlsTest, FindsDockerHubByItsNameInReferences) {
  directory_.Write("user/docker.io/ca.crt", kPem);
  EXPECT_NE(Find("registry-1.docker.io").authorities_pem, "");
}

TEST_F(HostTlsTest, PairsCertificatesAndKeysByName) {
  directory_.Write("user/a/client.cert", kPem);
  directory_.Write("user/a/client.key", kPem);
  HostTls tls = Find("a");
  EXPECT_EQ(tls.client_certificate_file, directory_.path("user/a/client.cert"));
  EXPECT_EQ(tls.client_key_file, directory_.path("user/a/client.key"));
  EXPECT_EQ(tls.authorities_pem, "");
}

TEST_F(HostTlsTest, NamesThePartnerThatIsMissing) {
  directory_.Write("user/a/client.cert", kPem);
  EXPECT_TRUE(FailsWith(Result<int>(Refusal("a")), ErrorCode::kInvalidArgument,
                        "client.cert: its key, client.key, is missing"));
  directory_.Write("user/b/client.key", kPem);
  EXPECT_TRUE(FailsWith(Result<int>(Refusal("b")), ErrorCode::kInvalidArgument,
                        "client.key: its certificate, client.cert"));
}

TEST_F(HostTlsTest, RefusesAuthoritiesThatAreNoPem) {
  directory_.Write("user/a/ca.crt", "0\x82");
  EXPECT_TRUE(FailsWith(Result<int>(Refusal("a")), ErrorCode::kInvalidArgument,
                        "ca.crt: holds no certificate in PEM form"));
}

}  // namespace
}  // namespace strake::registry
