#include "cli/environment.h"

#include <pwd.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <utility>

#include "cli/storage_values.h"
#include "registry/credentials.h"
#include "registry/registries_config.h"
#include "registry/traffic_config.h"
#include "util/byte_stream.h"
#include "util/result_macros.h"
#include "util/strings.h"

namespace strake::cli {
namespace {

constexpr uint64_t kConfigLimitBytes = uint64_t{16} << 20;

// The lower-case form first, as curl has it: $HTTP_PROXY alone may have been
// set by a CGI request's "Proxy:" header.
std::string AnyCase(const Environment& environment, std::string_view name) {
  if (auto value = environment.Get(ToLower(name))) return *value;
  return environment.Get(name).value_or("");
}

// $XDG_CONFIG_HOME, else ~/.config. The XDG specification: a relative path
// there is to be ignored.
std::optional<std::string> ConfigHome(const Environment& environment) {
  auto config = environment.Get("XDG_CONFIG_HOME");
  if (config && config->starts_with('/')) return config;
  if (environment.home.empty()) return std::nullopt;
  return environment.home + "/.config";
}

Result<registry::Credentials> ReadLogins(const Environment& environment) {
  constexpr std::string_view kInline = "DOCKER_AUTH_CONFIG";
  registry::Credentials logins;
  if (auto text = environment.Get(kInline)) {
    ASSIGN_OR_RETURN(logins, registry::Credentials::ParseDockerConfig(
                                 *text, "$" + std::string(kInline)));
  }
  for (const std::string& file : LoginFiles(environment)) {
    ASSIGN_OR_RETURN(auto more, registry::LoadDockerConfig(file));
    logins.Append(std::move(more));
  }
  return logins;
}

Result<registry::RegistriesConfig> ReadRegistriesFile(const std::string& path) {
  auto text = ReadFile(path, kConfigLimitBytes);
  if (!text) return std::move(text).error();
  return registry::RegistriesConfig::Parse(*text, path);
}

// The files of `<folder>/registries.conf.d`, in the order of their names.
std::vector<std::string> DropIns(const std::string& folder) {
  std::vector<std::string> files;
  std::error_code error;
  std::filesystem::directory_iterator it(folder + "/registries.conf.d", error);
  for (; !error && it != std::filesystem::directory_iterator();
       it.increment(error)) {
    if (it->path().extension() == ".conf") files.push_back(it->path().string());
  }
  std::ranges::sort(files);
  return files;
}

// Early, and with the option's name.
Status CheckCertificateFlags(const RegistryFlags& flags) {
  auto check = [](const char* option, const std::string& file) -> Status {
    auto text = ReadFile(file, kConfigLimitBytes);
    if (!text) return std::move(text).error().Wrap(option);
    if (text->find("-----BEGIN") != std::string::npos) return {};
    return InvalidArgument(std::string(option) + ": " + file +
                           " is not in PEM form");
  };
  for (const std::string& file : flags.ca_files) {
    RETURN_IF_ERROR(check("--ca-cert", file));
  }
  if (!flags.client_certificate_file.empty()) {
    RETURN_IF_ERROR(check("--client-cert", flags.client_certificate_file));
  }
  if (flags.client_key_file.empty()) return {};
  if (flags.client_certificate_file.empty()) {
    return InvalidArgument("--client-key goes with --client-cert");
  }
  return check("--client-key", flags.client_key_file);
}

// The machine's firmware says who made it; where that cannot be read, it is
// nobody's.
bool IsGoogleMachine() {
  auto product = ReadFile("/sys/class/dmi/id/product_name", 4096);
  return product && Trim(*product).starts_with("Google");
}

}  // namespace

std::optional<std::string> Environment::Get(std::string_view name) const {
  auto found = variables.find(name);
  if (found == variables.end() || found->second.empty()) return std::nullopt;
  return found->second;
}

Environment ReadEnvironment() {
  Environment result;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    if (auto pair = SplitOnce(*entry, '=')) {
      result.variables.emplace(pair->first, pair->second);
    }
  }
  result.user_id = geteuid();
  if (auto home = result.Get("HOME")) {
    result.home = *home;
  } else if (const passwd* user = getpwuid(result.user_id)) {
    result.home = user->pw_dir;
  }
  result.stdin_is_terminal = isatty(STDIN_FILENO) == 1;
  result.stdout_is_terminal = isatty(STDOUT_FILENO) == 1;
  result.stderr_is_terminal = isatty(STDERR_FILENO) == 1;
  return result;
}

Result<std::string> StoreDirectory(const Environment& environment) {
  if (auto directory = environment.Get("STRAKE_HOME")) return *directory;
  if (environment.user_id == 0) return std::string("/var/lib/strake");
  // The XDG specification: a relative path there is to be ignored.
  auto data = environment.Get("XDG_DATA_HOME");
  if (data && data->starts_with('/')) return *data + "/strake";
  if (!environment.home.empty()) {
    return environment.home + "/.local/share/strake";
  }
  return NotFound(
      "no place for the store: set STRAKE_HOME to a folder (neither "
      "XDG_DATA_HOME nor HOME is set, and user " +
      std::to_string(environment.user_id) + " has no home directory)");
}

std::vector<std::string> GitEnvironment(const Environment& environment) {
  std::vector<std::string> variables;
  for (const char* name :
       {"PATH", "HOME", "http_proxy", "https_proxy", "HTTP_PROXY",
        "HTTPS_PROXY", "no_proxy", "NO_PROXY", "GIT_SSL_CAINFO"}) {
    if (auto value = environment.Get(name)) {
      variables.push_back(std::string(name) + "=" + *value);
    }
  }
  return variables;
}

Result<std::string> DockerConfigPath(const Environment& environment) {
  if (auto file = environment.Get("REGISTRY_AUTH_FILE")) return *file;
  if (auto folder = environment.Get("DOCKER_CONFIG")) {
    return *folder + "/config.json";
  }
  if (!environment.home.empty()) {
    return environment.home + "/.docker/config.json";
  }
  return NotFound(
      "no place for registry logins: set DOCKER_CONFIG to a folder (HOME is "
      "not set, and user " +
      std::to_string(environment.user_id) + " has no home directory)");
}

std::vector<std::string> LoginFiles(const Environment& environment) {
  if (auto file = environment.Get("REGISTRY_AUTH_FILE")) return {*file};
  std::vector<std::string> files;
  // Who has no home directory has no logins there either.
  if (auto path = DockerConfigPath(environment)) files.push_back(*path);
  if (auto runtime = environment.Get("XDG_RUNTIME_DIR")) {
    files.push_back(*runtime + "/containers/auth.json");
  }
  if (auto config = ConfigHome(environment)) {
    files.push_back(*config + "/containers/auth.json");
  }
  return files;
}

std::vector<std::string> CertificateFolders(const Environment& environment) {
  std::vector<std::string> folders;
  if (auto config = ConfigHome(environment)) {
    folders.push_back(*config + "/containers/certs.d");
  }
  if (!environment.home.empty()) {
    folders.push_back(environment.home + "/.docker/certs.d");
  }
  folders.push_back("/etc/containers/certs.d");
  folders.push_back("/etc/docker/certs.d");
  return folders;
}

Result<registry::RegistriesConfig> ReadRegistriesConfig(
    const Environment& environment) {
  if (auto file = environment.Get("CONTAINERS_REGISTRIES_CONF")) {
    return ReadRegistriesFile(*file);
  }
  std::vector<std::string> folders = {"/etc/containers"};
  if (auto config = ConfigHome(environment)) {
    folders.push_back(*config + "/containers");
  }
  registry::RegistriesConfig result;
  // The user's file replaces the machine's; files beside them add to either.
  for (auto it = folders.rbegin(); it != folders.rend(); ++it) {
    auto main = ReadRegistriesFile(*it + "/registries.conf");
    if (!main && main.error().code() == ErrorCode::kNotFound) continue;
    if (!main) return main;
    result = std::move(main).value();
    break;
  }
  for (const std::string& folder : folders) {
    for (const std::string& file : DropIns(folder)) {
      ASSIGN_OR_RETURN(auto more, ReadRegistriesFile(file));
      result.Override(std::move(more));
    }
  }
  return result;
}

Result<registry::TrafficLimits> ReadTrafficLimits(
    const Environment& environment) {
  std::vector<std::string> files = {"/etc/strake/registries.toml"};
  if (auto config = ConfigHome(environment)) {
    files.push_back(*config + "/strake/registries.toml");
  }
  registry::TrafficLimits limits;
  for (const std::string& file : files) {
    auto text = ReadFile(file, kConfigLimitBytes);
    if (!text && text.error().code() == ErrorCode::kNotFound) continue;
    if (!text) return std::move(text).error();
    RETURN_IF_ERROR(registry::ParseTrafficLimits(*text, file, limits));
  }
  return limits;
}

Result<std::optional<int64_t>> SourceDateEpoch(const Environment& environment) {
  auto text = environment.Get("SOURCE_DATE_EPOCH");
  if (!text) return std::optional<int64_t>();
  auto seconds = ParseInt(*text);
  if (!seconds || *seconds < 0) {
    return InvalidArgument("SOURCE_DATE_EPOCH=" + *text +
                           ": expected seconds since 1970");
  }
  return std::optional<int64_t>(*seconds);
}

Result<registry::ClientOptions> RegistryOptions(const Environment& environment,
                                                const RegistryFlags& flags) {
  RETURN_IF_ERROR(CheckCertificateFlags(flags));
  registry::ClientOptions options;
  ASSIGN_OR_RETURN(options.credentials, ReadLogins(environment));
  options.insecure_registries = flags.insecure_registries;
  options.tls.extra_ca_files = flags.ca_files;
  options.tls.client_certificate_file = flags.client_certificate_file;
  options.tls.client_key_file = flags.client_key_file;
  options.user_agent = "strake/" STRAKE_VERSION;
  ASSIGN_OR_RETURN(options.registries, ReadRegistriesConfig(environment));
  ASSIGN_OR_RETURN(registry::TrafficLimits limits,
                   ReadTrafficLimits(environment));
  if (!flags.limit_rate.empty()) {
    ASSIGN_OR_RETURN(limits.bytes_per_second,
                     ParseBytes("--limit-rate", flags.limit_rate));
  }
  options.traffic = std::make_shared<registry::Traffic>(std::move(limits));
  options.cloud_logins.variables = environment.variables;
  options.cloud_logins.on_google_machine = IsGoogleMachine();
  options.tls.certificate_folders = CertificateFolders(environment);
  options.tls.ca_file = environment.Get("SSL_CERT_FILE").value_or("");
  options.proxy.http = AnyCase(environment, "HTTP_PROXY");
  options.proxy.https = AnyCase(environment, "HTTPS_PROXY");
  options.proxy.no_proxy = AnyCase(environment, "NO_PROXY");
  return options;
}

}  // namespace strake::cli
