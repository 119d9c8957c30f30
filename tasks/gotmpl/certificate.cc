#include "tasks/gotmpl/certificate.h"

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/dsa.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>

#include <algorithm>

#include "util/c_handle.h"
#include "util/result_macros.h"
#include "util/strings.h"

namespace strake::tasks::gotmpl {
namespace {

using Bio = std::unique_ptr<BIO, FreeWith<BIO_free_all>>;
using Number = std::unique_ptr<BIGNUM, FreeWith<BN_free>>;
using Key = std::unique_ptr<EVP_PKEY, FreeWith<EVP_PKEY_free>>;
using KeyContext = std::unique_ptr<EVP_PKEY_CTX, FreeWith<EVP_PKEY_CTX_free>>;
using X509Ptr = std::unique_ptr<X509, FreeWith<X509_free>>;
using Extension =
    std::unique_ptr<X509_EXTENSION, FreeWith<X509_EXTENSION_free>>;
using Names = std::unique_ptr<GENERAL_NAMES, FreeWith<GENERAL_NAMES_free>>;
using Address =
    std::unique_ptr<ASN1_OCTET_STRING, FreeWith<ASN1_OCTET_STRING_free>>;

// What OpenSSL has to say, and nothing left of it.
Error OpenSslError(const std::string& what) {
  unsigned long code = ERR_get_error();
  const char* reason = ERR_reason_error_string(code);
  ERR_clear_error();
  return Internal(what + ": " + (reason == nullptr ? "failed" : reason));
}

std::string TextOf(const Bio& bio) {
  char* data = nullptr;
  long size = BIO_get_mem_data(bio.get(), &data);
  return std::string(data, static_cast<size_t>(std::max(size, 0L)));
}

Bio Reading(const std::string& text) {
  return Bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

Result<std::string> PemOfKey(const Key& key) {
  Bio bio(BIO_new(BIO_s_mem()));
  bool good =
      PEM_write_bio_PrivateKey_traditional(bio.get(), key.get(), nullptr,
                                           nullptr, 0, nullptr, nullptr) == 1;
  if (!good) return OpenSslError("writing a private key");
  return TextOf(bio);
}

Result<std::string> PemOfCertificate(const X509Ptr& certificate) {
  Bio bio(BIO_new(BIO_s_mem()));
  if (PEM_write_bio_X509(bio.get(), certificate.get()) != 1) {
    return OpenSslError("writing a certificate");
  }
  return TextOf(bio);
}

Result<Key> ReadKey(const std::string& pem) {
  Bio bio = Reading(pem);
  // No one is asked for a passphrase.
  auto no_passphrase = [](char*, int, int, void*) { return -1; };
  Key key(PEM_read_bio_PrivateKey(bio.get(), nullptr, no_passphrase, nullptr));
  ERR_clear_error();
  if (!key) return InvalidArgument("error parsing private key: it is not PEM");
  return key;
}

Result<X509Ptr> ReadCertificate(const std::string& pem) {
  Bio bio = Reading(pem);
  X509Ptr certificate(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
  ERR_clear_error();
  if (!certificate) return InvalidArgument("unable to decode certificate");
  return certificate;
}

Result<Key> NewRsaKey(unsigned bits) {
  Key key(EVP_RSA_gen(bits));
  if (!key) return OpenSslError("making an RSA key");
  return key;
}

Result<Key> NewEcKey() {
  Key key(EVP_EC_gen("P-256"));
  if (!key) return OpenSslError("making an ECDSA key");
  return key;
}

Result<Key> NewDsaKey() {
  KeyContext context(EVP_PKEY_CTX_new_id(EVP_PKEY_DSA, nullptr));
  EVP_PKEY* parameters = nullptr;
  bool good = EVP_PKEY_paramgen_init(context.get()) == 1 &&
              EVP_PKEY_CTX_set_dsa_paramgen_bits(context.get(), 2048) == 1 &&
              EVP_PKEY_CTX_set_dsa_paramgen_q_bits(context.get(), 256) == 1 &&
              EVP_PKEY_paramgen(context.get(), &parameters) == 1;
  Key owned(parameters);
  if (!good) return OpenSslError("making DSA parameters");
  KeyContext generator(EVP_PKEY_CTX_new(parameters, nullptr));
  EVP_PKEY* key = nullptr;
  good = EVP_PKEY_keygen_init(generator.get()) == 1 &&
         EVP_PKEY_keygen(generator.get(), &key) == 1;
  if (!good) return OpenSslError("making a DSA key");
  return Key(key);
}

// One certificate in the making.
class Maker {
 public:
  Maker(const CertificateRequest& request, Key key)
      : request_(request), key_(std::move(key)), made_(X509_new()) {}

  Result<CertificatePtr> Run(const Certificate* signer) {
    X509Ptr issuer;
    Key issuer_key;
    if (signer != nullptr) {
      ASSIGN_OR_RETURN(issuer, ReadCertificate(signer->certificate()));
      ASSIGN_OR_RETURN(issuer_key, ReadKey(signer->key()));
    }
    X509* parent = issuer ? issuer.get() : made_.get();
    RETURN_IF_ERROR(Fill(parent));
    RETURN_IF_ERROR(Extend(parent));
    EVP_PKEY* signing = issuer_key ? issuer_key.get() : key_.get();
    if (X509_sign(made_.get(), signing, EVP_sha256()) == 0) {
      return OpenSslError("signing a certificate");
    }
    ASSIGN_OR_RETURN(std::string certificate, PemOfCertificate(made_));
    ASSIGN_OR_RETURN(std::string key, PemOfKey(key_));
    return std::make_shared<const Certificate>(std::move(certificate),
                                               std::move(key));
  }

 private:
  Status Fill(X509* parent) {
    Number serial(BN_new());
    X509_NAME* subject = X509_get_subject_name(made_.get());
    const auto* name =
        reinterpret_cast<const unsigned char*>(request_.common_name.data());
    bool good =
        X509_set_version(made_.get(), X509_VERSION_3) == 1 &&
        BN_rand(serial.get(), 128, BN_RAND_TOP_ANY, BN_RAND_BOTTOM_ANY) == 1 &&
        BN_to_ASN1_INTEGER(serial.get(), X509_get_serialNumber(made_.get())) !=
            nullptr &&
        X509_gmtime_adj(X509_getm_notBefore(made_.get()), 0) != nullptr &&
        X509_time_adj_ex(X509_getm_notAfter(made_.get()),
                         static_cast<int>(request_.days), 0,
                         nullptr) != nullptr &&
        X509_NAME_add_entry_by_NID(
            subject, NID_commonName, MBSTRING_UTF8, name,
            static_cast<int>(request_.common_name.size()), -1, 0) == 1 &&
        X509_set_issuer_name(made_.get(), X509_get_subject_name(parent)) == 1 &&
        X509_set_pubkey(made_.get(), key_.get()) == 1;
    if (!good) return OpenSslError("making a certificate");
    return {};
  }

  Status Extend(X509* parent) {
    bool ca = request_.authority;
    std::string usage = "critical,digitalSignature,keyEncipherment";
    if (ca) usage += ",keyCertSign";
    RETURN_IF_ERROR(Add(parent, NID_key_usage, usage));
    RETURN_IF_ERROR(Add(parent, NID_ext_key_usage, "serverAuth,clientAuth"));
    RETURN_IF_ERROR(Add(parent, NID_basic_constraints,
                        ca ? "critical,CA:TRUE" : "critical,CA:FALSE"));
    RETURN_IF_ERROR(Add(parent, NID_subject_key_identifier, "hash"));
    bool identified =
        parent != made_.get() &&
        X509_get_ext_by_NID(parent, NID_subject_key_identifier, -1) >= 0;
    if (identified) {
      RETURN_IF_ERROR(Add(parent, NID_authority_key_identifier, "keyid"));
    }
    return AddNames();
  }

  Status Add(X509* parent, int nid, const std::string& value) {
    X509V3_CTX context;
    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, parent, made_.get(), nullptr, nullptr, 0);
    Extension extension(
        X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str()));
    bool good =
        extension && X509_add_ext(made_.get(), extension.get(), -1) == 1;
    if (!good) return OpenSslError("an extension of a certificate");
    return {};
  }

  // Not by OpenSSL's text form, in which a name could smuggle in others.
  Status AddNames() {
    if (request_.names.empty() && request_.addresses.empty()) return {};
    Names names(GENERAL_NAMES_new());
    for (const std::string& name : request_.names) {
      ASN1_IA5STRING* text = ASN1_IA5STRING_new();
      ASN1_STRING_set(text, name.data(), static_cast<int>(name.size()));
      Append(names, GEN_DNS, text);
    }
    for (const std::string& written : request_.addresses) {
      Address address(a2i_IPADDRESS(written.c_str()));
      ERR_clear_error();
      if (!address) return InvalidArgument("error parsing ip: " + written);
      Append(names, GEN_IPADD, address.release());
    }
    if (X509_add1_ext_i2d(made_.get(), NID_subject_alt_name, names.get(), 0,
                          X509V3_ADD_DEFAULT) != 1) {
      return OpenSslError("the names of a certificate");
    }
    return {};
  }

  // Takes `value`.
  static void Append(const Names& names, int type, void* value) {
    GENERAL_NAME* name = GENERAL_NAME_new();
    GENERAL_NAME_set0_value(name, type, value);
    sk_GENERAL_NAME_push(names.get(), name);
  }

  const CertificateRequest& request_;
  Key key_;
  X509Ptr made_;
};

}  // namespace

std::string Certificate::Print() const {
  return "{" + certificate_ + " " + key_ + "}";
}

Result<Value> Certificate::Member(const std::string& name,
                                  const std::vector<Value>& arguments) const {
  if (!arguments.empty()) {
    return InvalidArgument(name + " is not a method but has arguments");
  }
  if (name == "Cert") return Value(certificate_);
  if (name == "Key") return Value(key_);
  return InvalidArgument("can't evaluate field " + name +
                         " in type sprig.certificate; there are Cert and Key");
}

bool Certificate::Equals(const Object& other) const {
  const auto* certificate = dynamic_cast<const Certificate*>(&other);
  return certificate != nullptr && certificate->certificate_ == certificate_ &&
         certificate->key_ == key_;
}

Value Certificate::Json() const {
  DictPtr dict = MakeDict();
  dict->items()["Cert"] = certificate_;
  dict->items()["Key"] = key_;
  return dict;
}

Result<std::string> GeneratePrivateKey(const std::string& type) {
  Key key;
  if (type.empty() || type == "rsa") {
    ASSIGN_OR_RETURN(key, NewRsaKey(4096));
  } else if (type == "dsa") {
    ASSIGN_OR_RETURN(key, NewDsaKey());
  } else if (type == "ecdsa") {
    ASSIGN_OR_RETURN(key, NewEcKey());
  } else {
    return "Unknown type " + type;
  }
  return PemOfKey(key);
}

Result<CertificatePtr> GenerateCertificate(const CertificateRequest& request,
                                           const Certificate* signer) {
  constexpr int64_t kMostDays = 365 * 8000;  // before the year 9999
  if (request.days < -kMostDays || request.days > kMostDays) {
    return InvalidArgument("a certificate cannot be valid for " +
                           std::to_string(request.days) + " days");
  }
  ASSIGN_OR_RETURN(Key key, NewRsaKey(2048));
  return Maker(request, std::move(key)).Run(signer);
}

Result<CertificatePtr> BuildCertificate(const std::string& certificate,
                                        const std::string& key) {
  auto certificate_pem = Base64Decode(certificate);
  if (!certificate_pem) {
    return InvalidArgument("unable to decode base64 certificate");
  }
  auto key_pem = Base64Decode(key);
  if (!key_pem) return InvalidArgument("unable to decode base64 private key");
  RETURN_IF_ERROR(ReadCertificate(*certificate_pem));
  RETURN_IF_ERROR(ReadKey(*key_pem));
  return std::make_shared<const Certificate>(*std::move(certificate_pem),
                                             *std::move(key_pem));
}

}  // namespace strake::tasks::gotmpl
