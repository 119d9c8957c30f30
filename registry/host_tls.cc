#include "registry/host_tls.h"

#include <algorithm>
#include <filesystem>
#include <utility>

#include "util/byte_stream.h"
#include "util/result_macros.h"
#include "util/strings.h"

namespace strake::registry {
namespace {

namespace fs = std::filesystem;

constexpr uint64_t kPemLimitBytes = uint64_t{16} << 20;

// A name that is one folder's: no way out of the `certs.d` it is looked up in.
bool IsFolderName(std::string_view name) {
  return !name.empty() && name != "." && name != ".." &&
         name.find('/') == std::string_view::npos;
}

// The names by which `authority` may have a folder.
std::vector<std::string> FolderNames(std::string_view authority) {
  std::vector<std::string> names = {std::string(authority)};
  if (authority == "registry-1.docker.io") names.push_back("docker.io");
  std::erase_if(names, [](const auto& name) { return !IsFolderName(name); });
  return names;
}

// The files in `folder`, sorted; nothing where there is no such folder, or
// where it is closed to us, as /etc/docker may be to plain users.
Result<std::vector<fs::path>> FilesIn(const fs::path& folder) {
  std::error_code error;
  std::vector<fs::path> files;
  fs::directory_iterator it(folder, error);
  for (; !error && it != fs::directory_iterator(); it.increment(error)) {
    files.push_back(it->path());
  }
  bool absent = error == std::errc::no_such_file_or_directory ||
                error == std::errc::not_a_directory ||
                error == std::errc::permission_denied;
  if (error && !absent) return ErrnoError(folder.string(), error.value());
  std::ranges::sort(files);
  return files;
}

Status AppendPem(const std::string& file, std::string& pem) {
  ASSIGN_OR_RETURN(std::string text, ReadFile(file, kPemLimitBytes));
  if (text.find("-----BEGIN") == std::string::npos) {
    return InvalidArgument(file + ": holds no certificate in PEM form");
  }
  pem += text;
  pem += '\n';
  return {};
}

bool Contains(const std::vector<fs::path>& files, const fs::path& file) {
  return std::ranges::find(files, file) != files.end();
}

Status TakeFolder(const std::vector<fs::path>& files, HostTls& tls) {
  for (const fs::path& file : files) {
    fs::path partner = file;
    if (file.extension() == ".crt") {
      RETURN_IF_ERROR(AppendPem(file.string(), tls.authorities_pem));
    } else if (file.extension() == ".cert") {
      partner.replace_extension(".key");
      if (!Contains(files, partner)) {
        return InvalidArgument(file.string() + ": its key, " +
                               partner.filename().string() + ", is missing" +
                               " (a file of authorities ends in .crt)");
      }
      if (!tls.client_certificate_file.empty()) continue;
      tls.client_certificate_file = file.string();
      tls.client_key_file = partner.string();
    } else if (file.extension() == ".key") {
      partner.replace_extension(".cert");
      if (!Contains(files, partner)) {
        return InvalidArgument(file.string() + ": its certificate, " +
                               partner.filename().string() + ", is missing");
      }
    }
  }
  return {};
}

Status TakeFolders(const std::vector<std::string>& folders,
                   std::string_view authority, HostTls& tls) {
  for (const std::string& folder : folders) {
    for (const std::string& name : FolderNames(authority)) {
      ASSIGN_OR_RETURN(auto files, FilesIn(fs::path(folder) / name));
      if (!files.empty()) return TakeFolder(files, tls);
    }
  }
  return {};
}

}  // namespace

HostTlsTable::HostTlsTable(TlsOptions options, std::string default_ca_file)
    : options_(std::move(options)),
      default_ca_file_(std::move(default_ca_file)) {}

Result<HostTlsTable::Entry> HostTlsTable::For(
    std::string_view authority) const {
  {
    auto known = known_.lock();
    auto it = known->find(authority);
    if (it != known->end()) return it->second;
  }
  HostTls tls;
  RETURN_IF_ERROR(TakeFolders(options_.certificate_folders, authority, tls));
  for (const std::string& file : options_.extra_ca_files) {
    RETURN_IF_ERROR(AppendPem(file, tls.authorities_pem));
  }
  const std::string& bundle =
      options_.ca_file.empty() ? default_ca_file_ : options_.ca_file;
  std::error_code error;
  if (!tls.authorities_pem.empty() && fs::exists(bundle, error)) {
    RETURN_IF_ERROR(AppendPem(bundle, tls.authorities_pem));
  }
  auto entry = std::make_shared<const HostTls>(std::move(tls));
  known_.lock()->emplace(authority, entry);
  return entry;
}

}  // namespace strake::registry
