// `strake registry serve`.

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "cli/command.h"
#include "cli/shared_options.h"
#include "cli/value_flags.h"
#include "registry/endpoint.h"
#include "registry/pull_through.h"
#include "registry/server.h"
#include "util/result_macros.h"
#include "util/strings.h"

namespace strake::cli {
namespace {

class RegistryServeCommand final : public Command {
 public:
  void Declare(OptionSet& options) override {
    options.Value("--listen", listen_, {"ADDRESS:PORT"},
                  "Where to listen (default: 127.0.0.1:5000); port 0: any free "
                  "one");
    options.Value("--root", root_, {"FOLDER", Completes::kFolders},
                  "The folder to serve (default: registry/ in the store)");
    options.Flag("--read-only", read_only_, "Refuse pushes and deletions");
    options.Value("--htpasswd", htpasswd_, {"FILE", Completes::kFiles},
                  "Let in only the users in FILE, as htpasswd -B writes it");
    options.Value("--pull-through", pull_through_, {"URL"},
                  "Be a cache of the registry at URL: fetch from it what is "
                  "not in the folder, and refuse pushes");
    options.Value("--tls-cert", tls_certificate_, {"FILE", Completes::kFiles},
                  "Serve over TLS with the certificate (PEM) in FILE");
    options.Value("--tls-key", tls_key_, {"FILE", Completes::kFiles},
                  "Its key, where that is in another file");
    options.Flag("--allow-remote", allow_remote_,
                 "Listen also where other machines can connect");
    options.Flag("-q,--quiet", quiet_, "Do not log requests");
    DeclareRegistry(options, registry_flags_);
  }

  Status Resolve(const Environment&, std::vector<std::string>) override {
    auto address = ParseListenAddress(listen_);
    if (!address) return std::move(address).error();
    address_ = std::move(*address);
    if (!allow_remote_ && !registry::IsLoopback(listen_)) {
      return InvalidArgument(
          "--listen " + listen_ + " is open to other machines" +
          (tls_certificate_.empty() ? ", over plain HTTP" : "") +
          "; add --allow-remote if that is wanted");
    }
    if (!pull_through_.empty()) {
      RETURN_IF_ERROR(registry::ParseUpstream(pull_through_));
    } else if (registry_flags_ != RegistryFlags()) {
      return InvalidArgument(
          "--ca-cert, --client-cert, --client-key, --insecure-registry and "
          "--limit-rate are about the registry of --pull-through, which is "
          "missing");
    }
    if (tls_certificate_.empty() && !tls_key_.empty()) {
      return InvalidArgument("--tls-key needs --tls-cert");
    }
    return {};
  }

  Result<int> Run(Session& session) override {
    registry::ServerOptions options;
    options.directory = root_;
    if (root_.empty()) {
      ASSIGN_OR_RETURN(std::string store, StoreDirectory(session.environment));
      options.directory = store + "/registry";
    }
    options.address = address_.host;
    options.port = address_.port;
    options.read_only = read_only_;
    if (!pull_through_.empty()) {
      options.pull_through = pull_through_;
      ASSIGN_OR_RETURN(options.upstream,
                       RegistryOptions(session.environment, registry_flags_));
    }
    options.htpasswd_file = htpasswd_;
    options.tls_certificate_file = tls_certificate_;
    options.tls_key_file = tls_key_.empty() ? tls_certificate_ : tls_key_;
    if (!quiet_) {
      options.log = [](const std::string& line) { PrintError(line + "\n"); };
    }
    std::string directory = options.directory;
    ASSIGN_OR_RETURN(auto server, registry::Server::Start(std::move(options)));
    if (!registry::IsLoopback(listen_) && htpasswd_.empty() && !read_only_ &&
        pull_through_.empty()) {
      PrintError("WARNING: everybody who reaches this port can push\n");
    }
    // A program that started us waits for this line, and takes the port from
    // it.
    const char* scheme = tls_certificate_.empty() ? "http://" : "https://";
    RETURN_IF_ERROR(PrintOut("Serving " + directory + " on " + scheme +
                             server->authority() + "\n"));
    session.interrupt.Wait();
    server->Stop();
    return kExitOk;
  }

 private:
  std::string listen_ = "127.0.0.1:5000";
  ListenAddress address_;
  std::string root_;
  std::string htpasswd_;
  std::string pull_through_;
  RegistryFlags registry_flags_;
  std::string tls_certificate_;
  std::string tls_key_;
  bool read_only_ = false;
  bool allow_remote_ = false;
  bool quiet_ = false;
};

}  // namespace

std::unique_ptr<Command> MakeRegistryServeCommand() {
  return std::make_unique<RegistryServeCommand>();
}

}  // namespace strake::cli
