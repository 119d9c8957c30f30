// Private keys and X.509 certificates in PEM form.

#ifndef STRAKE_TASKS_GOTMPL_CERTIFICATE_H_
#define STRAKE_TASKS_GOTMPL_CERTIFICATE_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "tasks/gotmpl/value.h"
#include "util/result.h"

namespace strake::tasks::gotmpl {

// A certificate and its private key; templates read .Cert and .Key.
class Certificate final : public Object {
 public:
  Certificate(std::string certificate, std::string key)
      : certificate_(std::move(certificate)), key_(std::move(key)) {}

  const std::string& certificate() const { return certificate_; }
  const std::string& key() const { return key_; }

  std::string TypeName() const override { return "sprig.certificate"; }
  std::string KindName() const override { return "struct"; }
  std::string Print() const override;
  Result<Value> Member(const std::string& name,
                       const std::vector<Value>& arguments) const override;
  bool Equals(const Object& other) const override;
  Value Json() const override;

 private:
  std::string certificate_;
  std::string key_;
};
using CertificatePtr = std::shared_ptr<const Certificate>;

// A new key of type "rsa" (4096 bits; also ""), "dsa" or "ecdsa" (P-256), in
// its traditional form; "Unknown type X" for any other.
Result<std::string> GeneratePrivateKey(const std::string& type);

struct CertificateRequest {
  std::string common_name;
  std::vector<std::string> addresses;  // IPv4 or IPv6
  std::vector<std::string> names;      // of hosts
  int64_t days = 0;                    // from now on
  bool authority = false;              // may sign others
};

// Makes a key of 2048 bits (RSA) and a certificate for it, signed with
// `signer`'s key; null: with its own. `kInvalidArgument` for what is no
// address, or a signer that cannot be read.
Result<CertificatePtr> GenerateCertificate(const CertificateRequest& request,
                                           const Certificate* signer);

// From base64 of PEM; `kInvalidArgument` where either is none.
Result<CertificatePtr> BuildCertificate(const std::string& certificate,
                                        const std::string& key);

}  // namespace strake::tasks::gotmpl

#endif  // STRAKE_TASKS_GOTMPL_CERTIFICATE_H_
