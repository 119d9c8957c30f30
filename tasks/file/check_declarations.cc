// Secrets and volumes: what steps refer to.

#include "tasks/file/check_declarations.h"

#include <algorithm>
#include <cctype>
#include <set>

#include "util/strings.h"

namespace strake::tasks::file {
namespace {

bool HasSpace(std::string_view text) {
  return std::ranges::any_of(
      text, [](unsigned char c) { return std::isspace(c) != 0; });
}

// "01234567-89ab-cdef-0123-456789abcdef".
bool IsGuid(std::string_view text) {
  constexpr size_t kLength = 36;
  if (text.size() != kLength) return false;
  for (size_t i = 0; i < kLength; ++i) {
    bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    if (dash ? text[i] != '-'
             : !std::isxdigit(static_cast<unsigned char>(text[i]))) {
      return false;
    }
  }
  return true;
}

// How many of strake's own sources a secret names.
int OwnSources(const Secret& secret) {
  return int{!secret.environment.empty()} + int{!secret.path.empty()} +
         int{!secret.program.empty()};
}

// What is wrong with a secret that has an id; "" for nothing.
std::string WrongWith(const Secret& secret, bool is_strake) {
  if (HasSpace(secret.id)) return "secret ID cannot contain spaces";
  bool from_azure = !secret.keyvault.empty() || !secret.aad_resource_id.empty();
  int sources = OwnSources(secret) + int{from_azure};
  if (is_strake && sources != 1) {
    return "a secret comes from one of env, file, program or keyvault";
  }
  if (sources == 0) {
    return "secret should contain either keyvault property for vault secret, "
           "or msi clientID/aadResourceId for msi authentication";
  }
  if (!secret.client_id.empty() && !IsGuid(secret.client_id)) {
    return "msi client ID is not a valid guid";
  }
  return "";
}

bool IsName(std::string_view text, std::string_view punctuation) {
  return !text.empty() && std::ranges::all_of(text, [&](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 ||
           punctuation.find(c) != std::string_view::npos;
  });
}

std::string WrongWith(const Volume& volume, bool has_secret) {
  if (volume.name.empty()) return "volume name is empty";
  if (!IsName(volume.name, "-_")) {
    return "volume name is not well formed. Only use alphanumeric and - _";
  }
  if (!has_secret) return "currently only support for source type secret";
  if (volume.files.empty()) return "secret is empty";
  for (const auto& [file, value] : volume.files) {
    if (file.empty()) return "secret name provided for value is empty";
    if (!IsName(file, "-_.")) {
      return "file name, " + file +
             ", is not well formed. Only use alphanumeric and - _ .";
    }
  }
  return "";
}

}  // namespace

void CheckSecrets(const std::vector<Secret>& secrets, bool is_strake,
                  Problems& problems) {
  std::set<std::string> ids;
  for (const Secret& secret : secrets) {
    if (secret.id.empty()) {
      problems.Add(secret.place,
                   "secret is missing an ID as well as auto-generated ID");
      continue;
    }
    if (std::string wrong = WrongWith(secret, is_strake); !wrong.empty()) {
      problems.Add(secret.place, "failed to validate secret with ID: " +
                                     secret.id + ": " + wrong);
    }
    if (!ids.insert(secret.id).second) {
      problems.Add(secret.place,
                   "duplicate secret found with ID: " + secret.id);
    }
  }
}

void CheckVolumes(const RawTask& raw, Problems& problems) {
  std::set<std::string> names;
  for (size_t i = 0; i < raw.task.volumes.size(); ++i) {
    const Volume& volume = raw.task.volumes[i];
    std::string wrong = WrongWith(volume, raw.volume_has_secret[i]);
    if (wrong.empty() && !names.insert(volume.name).second) {
      wrong = "volume with duplicate name found";
    }
    if (!wrong.empty()) problems.Add(volume.place, wrong);
    for (const auto& [file, value] : volume.files) {
      if (Base64Decode(value)) continue;
      problems.Warn(volume.place,
                    file +
                        ": failed to decode Base64 value. please make sure "
                        "value provided is Base64 encoded");
    }
  }
}

void CheckMountNames(const RawTask& raw, Problems& problems) {
  auto known = [&](const std::string& name) {
    return std::ranges::find(raw.task.volumes, name, &Volume::name) !=
           raw.task.volumes.end();
  };
  for (const RawStep& step : raw.steps) {
    for (const VolumeMount& mount : step.step.volume_mounts) {
      if (known(mount.volume)) continue;
      problems.Add(mount.place, "mount name, " + mount.volume +
                                    ", does not correspond to a volume");
    }
  }
}

}  // namespace strake::tasks::file
