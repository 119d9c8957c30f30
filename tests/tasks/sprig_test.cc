#include "tasks/gotmpl/sprig.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <cstdlib>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "tasks/file/template.h"
#include "tests/tasks/sprig_vectors.h"
#include "util/c_handle.h"
#include "util/strings.h"

namespace strake::tasks::file {
namespace {

using testing::HasSubstr;
using testing::MatchesRegex;

std::string Render(const std::string& text) {
  TemplateOptions options;
  options.environment =
      [](const std::string& name) -> std::optional<std::string> {
    if (name == "TZ") return "UTC";
    if (name == "USER") return "ann";
    return std::nullopt;
  };
  auto rendered = RenderTemplate(text, "{}", options);
  return rendered ? rendered->text : "error: " + rendered.error().message();
}

std::vector<SprigVector> AllVectors() {
  std::vector<SprigVector> all;
  for (const auto* group :
       {&StringVectors(), &WordVectors(), &ListVectors(), &DictVectors(),
        &MathVectors(), &DefaultVectors(), &EncodingVectors(), &DateVectors(),
        &RegexVectors()}) {
    all.insert(all.end(), group->begin(), group->end());
  }
  return all;
}

TEST(SprigTest, EachVectorGivesWhatSprigGives) {
  for (const SprigVector& vector : AllVectors()) {
    EXPECT_EQ(Render(vector.text), vector.expected) << vector.text;
  }
}

// Functions whose results differ from call to call: the tests below look at
// their form.
const std::map<std::string, int>& FormTests() {
  static const std::map<std::string, int> tests = {
      {"randAlpha", 2},     {"randNumeric", 2},
      {"randAlphaNum", 2},  {"randAscii", 2},
      {"shuffle", 2},       {"uuidv4", 2},
      {"genCA", 2},         {"genSelfSignedCert", 2},
      {"genSignedCert", 2}, {"buildCustomCert", 2},
      {"fail", 2},          {"env", 2},
      {"expandenv", 2},     {"getHostByName", 2}};
  return tests;
}

// Go's own functions, which template_test.cc is about.
bool BuiltIn(const std::string& name) {
  static const std::set<std::string> names = {
      "and",    "or",      "not",  "len", "index",    "print",
      "printf", "println", "html", "js",  "urlquery", "call",
      "eq",     "ne",      "lt",   "le",  "gt",       "ge"};
  return names.contains(name);
}

TEST(SprigTest, EachFunctionHasTwoVectors) {
  std::map<std::string, int> counts = FormTests();
  for (const SprigVector& vector : AllVectors()) ++counts[vector.function];
  for (const auto& [name, function] : gotmpl::SprigFunctions()) {
    if (BuiltIn(name)) continue;
    EXPECT_GE(counts[name], 2) << name;
  }
  EXPECT_EQ(counts.size() + 18, gotmpl::SprigFunctions().size())
      << "a vector of a function that there is not";
}

TEST(SprigRandomTest, TextsHaveLengthAndAlphabet) {
  EXPECT_THAT(Render("{{randAlpha 20}}"), MatchesRegex("[A-Za-z]{20}"));
  EXPECT_THAT(Render("{{randAlpha 0}}"), "");
  EXPECT_THAT(Render("{{randNumeric 20}}"), MatchesRegex("[0-9]{20}"));
  EXPECT_THAT(Render("{{randNumeric -1}}"), "");
  EXPECT_THAT(Render("{{randAlphaNum 20}}"), MatchesRegex("[A-Za-z0-9]{20}"));
  EXPECT_NE(Render("{{randAlphaNum 20}}"), Render("{{randAlphaNum 20}}"));
  EXPECT_THAT(Render("{{randAscii 20}}"), MatchesRegex("[ -~]{20}"));
  EXPECT_NE(Render("{{randAscii 20}}"), Render("{{randAscii 20}}"));
}

TEST(SprigRandomTest, ShuffleKeepsTheLetters) {
  EXPECT_EQ(Render("{{shuffle \"hello\" | splitList \"\" | sortAlpha | "
                   "join \"\"}}"),
            "ehllo");
  EXPECT_EQ(Render("{{shuffle \"\"}}{{shuffle \"aaa\"}}"), "aaa");
}

TEST(SprigRandomTest, UuidIsOfVersionFour) {
  const char* form =
      "[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}";
  EXPECT_THAT(Render("{{uuidv4}}"), MatchesRegex(form));
  EXPECT_NE(Render("{{uuidv4}}"), Render("{{uuidv4}}"));
}

TEST(SprigSystemTest, EnvironmentIsTheCallers) {
  EXPECT_EQ(Render("{{env \"USER\"}}{{env \"PATH\"}}"), "ann");
  EXPECT_EQ(Render("{{expandenv \"$USER ${USER}x $$ $\"}}"), "ann annx  $");
  EXPECT_EQ(Render("{{expandenv \"${ $NO-${\"}}"), " -");
}

TEST(SprigSystemTest, HostsAreAsked) {
  EXPECT_EQ(Render("{{getHostByName \"127.0.0.1\"}}"), "127.0.0.1");
  EXPECT_THAT(Render("{{getHostByName \"no-such-host.invalid\"}}"),
              HasSubstr("error calling getHostByName: host "
                        "no-such-host.invalid: "));
}

TEST(SprigErrorTest, SaysWhatCannotBeDone) {
  struct {
    const char* text;
    const char* error;
  } cases[] = {
      {"{{fail \"boom\"}}", "error calling fail: boom"},
      {"{{if true}}{{fail (printf \"%d\" 1)}}{{end}}", "error calling fail: 1"},
      {"{{div 1 0}}", "error calling div: integer divide by zero"},
      {"{{mod 1 0}}", "error calling mod: integer divide by zero"},
      {"{{push \"a\" 1}}", "error calling push: Cannot push on type string"},
      {"{{first 1}}", "error calling first: Cannot find first on type int"},
      {"{{concat 1}}", "error calling concat: Cannot concat type int as list"},
      {"{{slice (list 1) 5}}", "error calling slice: slice index out of"},
      {"{{repeat -1 \"a\"}}", "strings: negative Repeat count"},
      {"{{substr 2 1 \"abc\"}}", "slice bounds out of range [2:1]"},
      {"{{regexFind \"[\" \"a\"}}", "error parsing regexp: missing"},
      {"{{semver \"x\"}}", "error calling semver: Invalid Semantic Version"},
      {"{{semverCompare \"foo\" \"1\"}}", "improper constraint: foo"},
      {"{{semverCompare \"1\" \"foo\"}}", "Invalid Semantic Version"},
      {"{{urlParse \"http://h:x/\"}}", "invalid port \":x\" after host"},
      {"{{urlJoin (dict \"scheme\" 1)}}", "must be of type string, but int"},
      {"{{unixEpoch 5}}", "expected time.Time; got int"},
      {"{{keys (split \",\" \"a\")}}",
       "expected map[string]interface {}; got map[string]string"},
      {"{{decryptAES \"k\" \"AAAA\"}}", "too short"},
      {"{{encryptAES \"k\" \"text\" | decryptAES \"other\"}}", ""},
      {"{{buildCustomCert \"!\" \"\"}}", "unable to decode base64 certificate"},
      {"{{buildCustomCert \"YQ==\" \"YQ==\"}}", "unable to decode certificate"},
      {"{{genSelfSignedCert \"a\" (list \"x\") nil 1}}", "error parsing ip: x"},
      {"{{genSelfSignedCert \"a\" (list 1) nil 1}}", "1 is not a string"},
      {"{{genSignedCert \"a\" nil nil 1 \"ca\"}}",
       "expected sprig.certificate; got string"},
      {"{{(semver \"1.2.3\").No}}", "can't evaluate field No in type"},
      {"{{now.No}}", "can't evaluate field No in type time.Time"},
      {"{{(now).No}}", "can't evaluate field No in type time.Time"},
  };
  for (const auto& test_case : cases) {
    EXPECT_THAT(Render(test_case.text), HasSubstr(test_case.error))
        << test_case.text;
  }
}

using Bio = std::unique_ptr<BIO, FreeWith<BIO_free_all>>;
using X509Ptr = std::unique_ptr<X509, FreeWith<X509_free>>;
using Key = std::unique_ptr<EVP_PKEY, FreeWith<EVP_PKEY_free>>;

X509Ptr ReadCertificate(const std::string& pem) {
  Bio bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  return X509Ptr(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
}

Key ReadKey(const std::string& pem) {
  Bio bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  return Key(PEM_read_bio_PrivateKey(bio.get(), nullptr, nullptr, nullptr));
}

// The pieces that a template put a line "@@" between.
std::vector<std::string> Pieces(const std::string& text) {
  std::vector<std::string> pieces;
  std::string rest = Render(text);
  while (true) {
    size_t at = rest.find("@@\n");
    pieces.push_back(rest.substr(0, at));
    if (at == std::string::npos) return pieces;
    rest.erase(0, at + 3);
  }
}

TEST(SprigCertificateTest, AuthoritySignsWhatVerifies) {
  auto pieces = Pieces(
      "{{$ca := genCA \"my-ca\" 365}}{{$ca.Cert}}@@\n{{$ca.Key}}@@\n"
      "{{$c := genSignedCert \"web\" (list \"10.0.0.1\" \"::1\") "
      "(list \"a.example\" \"b.example\") 30 $ca}}{{$c.Cert}}@@\n{{$c.Key}}");
  ASSERT_EQ(pieces.size(), 4u) << pieces[0];
  X509Ptr authority = ReadCertificate(pieces[0]);
  Key authority_key = ReadKey(pieces[1]);
  X509Ptr certificate = ReadCertificate(pieces[2]);
  Key key = ReadKey(pieces[3]);
  ASSERT_TRUE(authority && authority_key && certificate && key);
  EXPECT_EQ(X509_check_ca(authority.get()), 1);
  EXPECT_EQ(X509_check_ca(certificate.get()), 0);
  EXPECT_EQ(X509_verify(certificate.get(), authority_key.get()), 1);
  EXPECT_EQ(X509_verify(authority.get(), authority_key.get()), 1);
  EXPECT_EQ(X509_check_private_key(certificate.get(), key.get()), 1);
  EXPECT_EQ(X509_check_issued(authority.get(), certificate.get()), X509_V_OK);
  EXPECT_EQ(X509_check_host(certificate.get(), "b.example", 0, 0, nullptr), 1);
  EXPECT_EQ(X509_check_host(certificate.get(), "c.example", 0, 0, nullptr), 0);
  EXPECT_EQ(X509_check_ip_asc(certificate.get(), "10.0.0.1", 0), 1);
  EXPECT_EQ(X509_check_ip_asc(certificate.get(), "::1", 0), 1);
  EXPECT_EQ(X509_get_key_usage(authority.get()) & KU_KEY_CERT_SIGN,
            static_cast<uint32_t>(KU_KEY_CERT_SIGN));
  int days = 0;
  int seconds = 0;
  ASN1_TIME_diff(&days, &seconds, X509_get0_notBefore(certificate.get()),
                 X509_get0_notAfter(certificate.get()));
  EXPECT_EQ(days, 30);
}

TEST(SprigCertificateTest, SelfSignedVerifiesAndIsBuiltAgain) {
  auto pieces = Pieces(
      "{{$c := genSelfSignedCert \"me\" nil (list \"me.example\") 2}}"
      "{{$c.Cert}}@@\n{{$c.Key}}@@\n"
      "{{$d := buildCustomCert (b64enc $c.Cert) (b64enc $c.Key)}}"
      "{{eq $c.Cert $d.Cert}} {{eq $c.Key $d.Key}} {{typeOf $d}}");
  ASSERT_EQ(pieces.size(), 3u) << pieces[0];
  X509Ptr certificate = ReadCertificate(pieces[0]);
  Key key = ReadKey(pieces[1]);
  ASSERT_TRUE(certificate && key);
  EXPECT_EQ(X509_verify(certificate.get(), key.get()), 1);
  EXPECT_EQ(X509_check_host(certificate.get(), "me.example", 0, 0, nullptr), 1);
  EXPECT_EQ(pieces[2], "true true sprig.certificate");
}

TEST(SprigCertificateTest, EcdsaKeyIsOfP256) {
  Key key = ReadKey(Render("{{genPrivateKey \"ecdsa\"}}"));
  ASSERT_TRUE(key);
  EXPECT_EQ(EVP_PKEY_get_base_id(key.get()), EVP_PKEY_EC);
  EXPECT_EQ(EVP_PKEY_get_bits(key.get()), 256);
}

TEST(SprigCertificateTest, LongKeysHaveTheirSizes) {
  for (const char* type : {"", "rsa"}) {
    std::string pem = Render(std::string("{{genPrivateKey \"") + type + "\"}}");
    EXPECT_THAT(pem, HasSubstr("-----BEGIN RSA PRIVATE KEY-----"));
    Key key = ReadKey(pem);
    ASSERT_TRUE(key);
    EXPECT_EQ(EVP_PKEY_get_bits(key.get()), 4096);
  }
  std::string pem = Render("{{genPrivateKey \"dsa\"}}");
  EXPECT_THAT(pem, HasSubstr("-----BEGIN DSA PRIVATE KEY-----"));
  Key key = ReadKey(pem);
  ASSERT_TRUE(key);
  EXPECT_EQ(EVP_PKEY_get_bits(key.get()), 2048);
}

}  // namespace
}  // namespace strake::tasks::file
