// Certificates that must not be believed: pushes and pulls end before anything
// is sent.

#include <gtest/gtest.h>

#include "registry/client.h"
#include "tests/support/docker_registry.h"
#include "tests/support/expect_result.h"
#include "tests/support/run_tool.h"
#include "tests/support/temp_dir.h"

namespace strake::registry {
namespace {

using strake::testing::DockerRegistry;
using strake::testing::FailsWith;
using strake::testing::HaveTool;
using strake::testing::IsOk;
using strake::testing::Sh;
using strake::testing::TempDir;

struct Certificate {
  const char* name;
  const char* address;  // 0.0.0.0 is loopback to the kernel, and verified by us
  const char* start;
  const char* end;
  bool trusted;
  const char* message;  // empty: it is good
};

constexpr Certificate kCertificates[] = {
    {"Good", "0.0.0.0", "20200101000000Z", "20990101000000Z", true, ""},
    {"UnknownAuthority", "0.0.0.0", "20200101000000Z", "20990101000000Z", false,
     "certificate"},
    {"WrongName", "127.0.0.2", "20200101000000Z", "20990101000000Z", true,
     "target host name '0.0.0.0'"},
    {"Expired", "0.0.0.0", "20200101000000Z", "20210101000000Z", true,
     "certificate has expired"},
    {"NotYetValid", "0.0.0.0", "20980101000000Z", "20990101000000Z", true,
     "certificate is not yet valid"},
};

class TlsFaultsTest : public ::testing::TestWithParam<Certificate> {
 protected:
  // key.pem and a certificate of it, cert.pem, signed by itself.
  void MakeCertificate(const Certificate& certificate) {
    directory_.Write("index", "");
    directory_.Write("ca.conf",
                     "[ca]\ndefault_ca=it\n[it]\ndatabase=index\n"
                     "new_certs_dir=.\nrand_serial=yes\ndefault_md=sha256\n"
                     "policy=any\nx509_extensions=names\n"
                     "[any]\ncommonName=supplied\n"
                     "[names]\nbasicConstraints=CA:true\nsubjectAltName=IP:" +
                         std::string(certificate.address) + "\n");
    Sh("cd " + directory_.path() +
       " && openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 "
       "-nodes -keyout key.pem -out it.csr -subj /CN=test 2>&1 && "
       "openssl ca -batch -selfsign -config ca.conf -keyfile key.pem "
       "-in it.csr -out cert.pem -notext -startdate " +
       certificate.start + " -enddate " + certificate.end + " 2>&1");
  }

  TempDir directory_;
};

TEST_P(TlsFaultsTest, IsToldOfPushesAndPulls) {
  for (const char* tool : {"docker-registry", "openssl"}) {
    if (!HaveTool(tool)) GTEST_SKIP() << tool << " is not installed";
  }
  const Certificate& certificate = GetParam();
  MakeCertificate(certificate);
  DockerRegistry registry({.tls_certificate = directory_.path("cert.pem"),
                           .tls_key = directory_.path("key.pem")});
  ClientOptions options;
  if (certificate.trusted) {
    options.tls.extra_ca_files = {directory_.path("cert.pem")};
  }
  Client client(options);
  std::string content = "some content";
  oci::Descriptor blob;
  blob.digest = oci::Digest::Of(content);
  blob.size_bytes = content.size();
  auto place = *oci::ParseReference(
      "0.0.0.0:" + std::to_string(registry.port()) + "/a/b");
  BlobOpener open =
      [&](uint64_t offset) -> Result<std::unique_ptr<ByteSource>> {
    return std::unique_ptr<ByteSource>(std::make_unique<MemorySource>(
        std::string_view(content).substr(offset)));
  };
  Status pushed = client.UploadBlob(place, blob, open);
  MemorySink sink;
  Status pulled = client.FetchBlob(place, blob, sink);
  for (const Status& outcome : {pushed, pulled}) {
    if (*certificate.message == '\0') {
      EXPECT_TRUE(IsOk(outcome));
      continue;
    }
    EXPECT_TRUE(
        FailsWith(outcome, ErrorCode::kUnavailable, certificate.message));
    EXPECT_TRUE(FailsWith(outcome, ErrorCode::kUnavailable, place.registry));
  }
}

INSTANTIATE_TEST_SUITE_P(Certificates, TlsFaultsTest,
                         ::testing::ValuesIn(kCertificates),
                         [](const auto& info) {
                           return std::string(info.param.name);
                         });

}  // namespace
}  // namespace strake::registry
