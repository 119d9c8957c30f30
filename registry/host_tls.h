// Whom we trust and who we are, for each host: certificates in the folders of
// docker's and podman's convention (containers-certs.d(5)):
//
//   certs.d/HOST[:PORT]/*.crt      authorities, beside those of the system
//   certs.d/HOST[:PORT]/NAME.cert  our certificate, with its key NAME.key
//
// All files are PEM.

#ifndef STRAKE_REGISTRY_HOST_TLS_H_
#define STRAKE_REGISTRY_HOST_TLS_H_

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "util/guarded.h"
#include "util/result.h"

namespace strake::registry {

struct TlsOptions {
  // Bundle of the authorities to trust; empty: the system's.
  std::string ca_file = {};
  // Further files of authorities to trust, for all hosts.
  std::vector<std::string> extra_ca_files = {};
  // `certs.d` folders; the first that has a folder for a host counts for it.
  // None of them need exist.
  std::vector<std::string> certificate_folders = {};
  // Shown to registries and their token services that ask, and that have no
  // certificate of their own in the folders; never to where they redirect.
  std::string client_certificate_file = {};
  // Empty: the key is in the certificate's file.
  std::string client_key_file = {};
};

// What holds for one host.
struct HostTls {
  // Every authority to trust; empty: `TlsOptions::ca_file` or the system's.
  std::string authorities_pem = {};
  // Empty: none for this host.
  std::string client_certificate_file = {};
  std::string client_key_file = {};
};

// Looks into the folders when a host is asked for first. Thread-safe.
class HostTlsTable {
 public:
  // default_ca_file  what the TLS library trusts by itself; may be empty
  HostTlsTable(TlsOptions options, std::string default_ca_file);

  const TlsOptions& options() const { return options_; }

  // authority  "host" or "host:port", as in the URL; Docker Hub's registry
  //            also finds the folder "docker.io"
  // Errors: kInvalidArgument for a NAME.cert without its NAME.key and the other
  // way around; those of reading files.
  Result<std::shared_ptr<const HostTls>> For(std::string_view authority) const;

 private:
  using Entry = std::shared_ptr<const HostTls>;

  const TlsOptions options_;
  const std::string default_ca_file_;
  mutable Guarded<std::map<std::string, Entry, std::less<>>> known_;
};

}  // namespace strake::registry

#endif  // STRAKE_REGISTRY_HOST_TLS_H_
