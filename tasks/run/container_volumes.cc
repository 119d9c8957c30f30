#include "tasks/run/container_volumes.h"

#include <sys/stat.h>

#include <cctype>
#include <cerrno>
#include <string_view>
#include <utility>
#include <vector>

#include "tasks/run/path_map.h"
#include "tasks/run/step_cache.h"
#include "util/byte_count.h"
#include "util/result_macros.h"
#include "util/strings.h"

namespace strake::tasks::run {
namespace {

class Adder {
 public:
  Adder(const RunSpace& space, const ParsedFlags& flags,
        const Invocation& invocation, const file::Step* step,
        ContainerRequest& request)
      : space_(space),
        flags_(flags),
        invocation_(invocation),
        step_(step),
        request_(request),
        spec_(request.spec) {}

  Status Add() {
    if (step_ != nullptr) {
      spec_.binds.push_back(
          {space_.folder.workspace(), std::string(kWorkspace), false});
      spec_.binds.push_back({space_.folder.home(), std::string(kHome), false});
      for (const file::VolumeMount& mount : step_->volume_mounts) {
        RETURN_IF_ERROR(AddVolume(mount.volume, mount.path, false));
      }
      RETURN_IF_ERROR(AddCaches());
    }
    for (const std::string& text : flags_.All("volume")) {
      RETURN_IF_ERROR(AddVolumeFlag(text));
    }
    for (const std::string& text : flags_.All("mount")) {
      RETURN_IF_ERROR(AddMountFlag(text));
    }
    for (const std::string& text : flags_.All("tmpfs")) {
      RETURN_IF_ERROR(AddTmpfsFlag(text));
    }
    return {};
  }

 private:
  Status AddCaches() {
    ASSIGN_OR_RETURN(OpenedCaches caches,
                     OpenStepCaches(*step_, space_.settings.task_name,
                                    space_.folder.workspace(),
                                    space_.settings.store_directory));
    spec_.binds.insert(spec_.binds.end(), caches.binds.begin(),
                       caches.binds.end());
    request_.locks = std::move(caches.locks);
    return {};
  }

  Status AddVolumeFlag(const std::string& text) {
    const std::vector<std::string_view> parts = Split(text, ':');
    if (parts.size() < 2 || parts.size() > 3 || parts[0].empty() ||
        !parts[1].starts_with('/')) {
      return InvalidArgument("docker run: --volume " + text +
                             ": expected SOURCE:/TARGET[:ro]");
    }
    const bool read_only =
        parts.size() == 3 && (parts[2] == "ro" || parts[2].starts_with("ro,"));
    return AddVolume(std::string(parts[0]), std::string(parts[1]), read_only);
  }

  // What a mount cannot be given here is an error; what all have is not.
  Status AddTmpfsFlag(const std::string& text) {
    const auto parts = SplitOnce(text, ':');
    builder::ContainerSpec::Tmpfs tmpfs;
    tmpfs.target = parts ? parts->first : std::string_view(text);
    for (std::string_view option :
         Split(parts ? parts->second : std::string_view(), ',')) {
      if (option.empty() || option == "rw" || option == "nodev") continue;
      const auto size = SplitOnce(option, '=');
      if (!size || size->first != "size") {
        return Unsupported("docker run: --tmpfs " + text + ": option \"" +
                           std::string(option) +
                           "\" cannot be had; expected TARGET[:size=BYTES]");
      }
      std::string amount(size->second);
      // As docker and the kernel have it: a lone letter is of 1024.
      if (!amount.empty() && std::isalpha(amount.back())) amount += "i";
      const auto bytes = ParseByteCount(amount);
      if (!bytes) {
        return InvalidArgument("docker run: --tmpfs " + text +
                               ": size is no amount of bytes");
      }
      tmpfs.size_bytes = *bytes;
    }
    spec_.tmpfs.push_back(std::move(tmpfs));
    return {};
  }

  Status AddMountFlag(const std::string& text) {
    std::string type = "volume", source, target;
    bool read_only = false;
    for (std::string_view field : Split(text, ',')) {
      const auto parts = SplitOnce(field, '=');
      const std::string_view key = parts ? parts->first : field;
      const std::string value(parts ? parts->second : "true");
      if (key == "type") {
        type = value;
      } else if (key == "source" || key == "src") {
        source = value;
      } else if (key == "target" || key == "destination" || key == "dst") {
        target = value;
      } else if (key == "readonly" || key == "ro") {
        read_only = value != "false" && value != "0";
      } else {
        return InvalidArgument("docker run: --mount " + text +
                               ": unknown key \"" + std::string(key) + "\"");
      }
    }
    if (target.empty() || (type != "tmpfs" && source.empty())) {
      return InvalidArgument("docker run: --mount " + text +
                             ": expected type=, source= and target=");
    }
    if (type == "tmpfs") {
      spec_.tmpfs.push_back({target, 0});
      return {};
    }
    return AddVolume(source, target, read_only);
  }

  //   source  a path, as the caller sees it, or a volume's name
  Status AddVolume(const std::string& source, const std::string& target,
                   bool read_only) {
    if (source.ends_with("docker.sock")) {
      return Unsupported(
          "docker run: --volume " + source +
          ": strake has no engine and so no socket; `cmd: docker ...` and "
          "`docker` in a `bash` step are built in");
    }
    if (source[0] == '/' || source[0] == '.') {
      ASSIGN_OR_RETURN(
          std::string host,
          HostPath(space_, AbsolutePath(invocation_.directory, source),
                   "--volume"));
      spec_.binds.push_back({std::move(host), target, read_only});
      return {};
    }
    if (source == space_.shared_volume) {
      spec_.binds.push_back({space_.folder.workspace(), target, read_only});
      return {};
    }
    for (const file::Volume& volume : space_.task.volumes) {
      if (volume.name == source) return AddSecretVolume(volume, target);
    }
    const std::string host = space_.folder.volumes() + "/" + source;
    if (source.find('/') != std::string::npos ||
        (::mkdir(host.c_str(), 0777) != 0 && errno != EEXIST)) {
      return InvalidArgument("volume \"" + source + "\": not a good name");
    }
    ::chmod(host.c_str(), 0777);
    spec_.binds.push_back({host, target, read_only});
    return {};
  }

  Status AddSecretVolume(const file::Volume& volume,
                         const std::string& target) {
    for (const auto& [name, encoded] : volume.files) {
      ASSIGN_OR_RETURN(std::string content, SecretContent(volume, name));
      spec_.files.push_back(
          {CleanPath(target + "/" + name), std::move(content), 0444});
    }
    return {};
  }

  const RunSpace& space_;
  const ParsedFlags& flags_;
  const Invocation& invocation_;
  const file::Step* step_;
  ContainerRequest& request_;
  builder::ContainerSpec& spec_;
};

}  // namespace

Status AddVolumes(const RunSpace& space, const ParsedFlags& flags,
                  const Invocation& invocation, const file::Step* step,
                  ContainerRequest& request) {
  return Adder(space, flags, invocation, step, request).Add();
}

Result<std::string> SecretContent(const file::Volume& volume,
                                  const std::string& name) {
  auto content = Base64Decode(volume.files.at(name));
  if (!content) {
    return InvalidArgument(
        "volume " + volume.name + ", file " + name +
        ": failed to decode Base64 value. please make sure value provided is "
        "Base64 encoded");
  }
  // As ACR's engine writes it.
  return *content + "\n";
}

Result<std::optional<std::string>> ReadMountedFile(const file::Task& task,
                                                   const file::Step& step,
                                                   const std::string& path) {
  for (const file::VolumeMount& mount : step.volume_mounts) {
    for (const file::Volume& volume : task.volumes) {
      if (volume.name != mount.volume) continue;
      for (const auto& [name, encoded] : volume.files) {
        if (CleanPath(mount.path + "/" + name) != path) continue;
        ASSIGN_OR_RETURN(std::string content, SecretContent(volume, name));
        return std::optional(std::move(content));
      }
    }
  }
  return std::optional<std::string>();
}

}  // namespace strake::tasks::run
