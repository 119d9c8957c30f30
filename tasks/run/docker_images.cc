// `docker pull`, `push`, `tag`, `images`, `rmi`, `inspect`: images in strake's
// store, and the containers of the run.

#include <array>
#include <nlohmann/json.hpp>
#include <utility>

#include "builder/images.h"
#include "oci/platform.h"
#include "oci/reference.h"
#include "tasks/run/docker_commands.h"
#include "tasks/run/flags.h"
#include "tasks/run/format_json.h"
#include "util/json.h"
#include "util/result_macros.h"
#include "util/strings.h"

namespace strake::tasks::run {
namespace {

using nlohmann::json;
using Takes = Flag::Takes;

constexpr std::array kPullFlags = {
    Flag{"platform"},
    Flag{"quiet", 'q', Takes::kNothing},
};
constexpr std::array kPushFlags = {
    Flag{"all-tags", 'a', Takes::kNothing},
    Flag{"quiet", 'q', Takes::kNothing},
};
constexpr std::array kImagesFlags = {
    Flag{"all", 'a', Takes::kNothing},
    Flag{"format"},
    Flag{"no-trunc", 0, Takes::kNothing},
    Flag{"quiet", 'q', Takes::kNothing},
};
constexpr std::array kRemoveFlags = {
    Flag{"force", 'f', Takes::kNothing},
};
constexpr std::array kInspectFlags = {
    Flag{"format", 'f'},
    Flag{"type"},
};

Result<ParsedFlags> ParseImages(const std::string& command,
                                std::span<const Flag> known, Words words,
                                size_t least = 1) {
  ASSIGN_OR_RETURN(ParsedFlags flags,
                   ParseFlags(command, known, FlagsEnd::kNever, words));
  if (flags.arguments().size() < least) {
    return InvalidArgument(command + ": requires at least " +
                           std::to_string(least) +
                           (least == 1 ? " argument" : " arguments"));
  }
  return flags;
}

builder::TransferOptions Transfers(RunSpace& space, std::stop_token stop) {
  builder::TransferOptions options;
  options.store_directory = space.settings.store_directory;
  options.registry = space.RegistryOptions();
  options.platform = space.settings.platform;
  options.stop = std::move(stop);
  return options;
}

json InspectContainer(const ContainerInfo& info) {
  const bool running = info.state == ContainerInfo::State::kRunning;
  const bool ended = info.state == ContainerInfo::State::kExited;
  json value;
  value["Id"] = info.id;
  value["Name"] = "/" + info.name;
  value["Created"] = FormatTime(info.created);
  value["Args"] = info.args;
  value["Image"] = info.image;
  value["State"] = {{"Status", running ? "running"
                               : ended ? "exited"
                                       : "created"},
                    {"Running", running},
                    {"ExitCode", info.exit_code},
                    {"Error", info.error}};
  value["Config"] = {{"Image", info.image}, {"Cmd", info.args}};
  value["LogPath"] = info.log;
  value["NetworkSettings"] = {{"IPAddress", "127.0.0.1"}};
  return value;
}

json InspectStored(const builder::ImageDocuments& documents) {
  json config = json::parse(documents.config, nullptr, false);
  json value;
  value["Id"] = documents.image.config.ToString();
  value["RepoTags"] = json::array({documents.image.name});
  value["Digest"] = documents.image.descriptor.digest.ToString();
  value["RepoDigests"] = json::array();
  if (auto reference = oci::ParseReference(documents.image.name)) {
    value["RepoDigests"].push_back(
        reference->Name() + "@" + documents.image.descriptor.digest.ToString());
  }
  value["Size"] = documents.image.size_bytes;
  if (!config.is_object()) return value;
  value["Architecture"] = config.value("architecture", "");
  value["Os"] = config.value("os", "");
  value["Created"] = config.value("created", "");
  value["Config"] = config.value("config", json::object());
  return value;
}

Result<json> InspectOne(RunSpace& space, const std::string& name,
                        const std::string& type) {
  if (type.empty() || type == "container") {
    auto container = space.table.Find(name);
    if (container) return InspectContainer(*container);
    if (type == "container") return std::move(container).error();
  }
  auto documents = builder::InspectImage(space.settings.store_directory, name);
  if (!documents) return NotFound("No such object: " + name);
  return InspectStored(*documents);
}

// The names in the store that are of these repositories.
Result<std::vector<std::string>> AllTags(
    const RunSpace& space, const std::vector<std::string>& repositories) {
  ASSIGN_OR_RETURN(auto images,
                   builder::ListImages(space.settings.store_directory));
  std::vector<std::string> names;
  for (const std::string& repository : repositories) {
    ASSIGN_OR_RETURN(oci::Reference wanted, oci::ParseReference(repository));
    if (!wanted.tag.empty() || wanted.digest) {
      return InvalidArgument("docker push: " + repository +
                             ": --all-tags goes with a name without a tag");
    }
    const size_t before = names.size();
    for (const builder::StoredImage& image : images) {
      auto reference = oci::ParseReference(image.name);
      if (reference && !reference->digest &&
          reference->Name() == wanted.Name()) {
        names.push_back(image.name);
      }
    }
    if (names.size() == before) {
      return NotFound("docker push: there is no image of " + repository +
                      " in the store");
    }
  }
  return names;
}

json ListedImage(const builder::StoredImage& image, const std::string& id) {
  json value = {{"ID", id},
                {"Repository", "<none>"},
                {"Tag", "<none>"},
                {"Digest", image.descriptor.digest.ToString()},
                {"Size", HumanBytes(image.size_bytes)}};
  auto reference = oci::ParseReference(image.name);
  if (!reference) return value;
  value["Repository"] = reference->Name();
  if (!reference->tag.empty()) value["Tag"] = reference->tag;
  return value;
}

}  // namespace

Result<std::string> PushReference(RunSpace& space, const std::string& reference,
                                  std::stop_token stop) {
  ASSIGN_OR_RETURN(oci::Reference parsed, oci::ParseReference(reference));
  const std::string full = oci::WithDefaultTag(std::move(parsed)).ToString();
  ASSIGN_OR_RETURN(oci::Descriptor pushed,
                   builder::PushImage(full, Transfers(space, std::move(stop))));
  const std::string digest = pushed.digest.ToString();
  (*space.pushed.lock())[full] = digest;
  return digest;
}

Result<int> DockerPull(RunSpace& space, const Invocation& invocation,
                       Words words, std::stop_token stop) {
  ASSIGN_OR_RETURN(ParsedFlags flags,
                   ParseImages("docker pull", kPullFlags, words));
  builder::TransferOptions options = Transfers(space, stop);
  if (flags.Has("platform")) {
    ASSIGN_OR_RETURN(options.platform,
                     oci::ParsePlatform(flags.Last("platform")));
  }
  for (const std::string& name : flags.arguments()) {
    ASSIGN_OR_RETURN(builder::StoredImage image,
                     builder::PullImage(name, options));
    invocation.streams.Out("Digest: " + image.descriptor.digest.ToString() +
                           "\n" + image.name + "\n");
  }
  return 0;
}

Result<int> DockerPush(RunSpace& space, const Invocation& invocation,
                       Words words, std::stop_token stop) {
  ASSIGN_OR_RETURN(ParsedFlags flags,
                   ParseImages("docker push", kPushFlags, words));
  std::vector<std::string> names = flags.arguments();
  if (flags.On("all-tags")) {
    ASSIGN_OR_RETURN(names, AllTags(space, names));
  }
  for (const std::string& name : names) {
    ASSIGN_OR_RETURN(std::string digest, PushReference(space, name, stop));
    invocation.streams.Out(name + ": digest: " + digest + "\n");
  }
  return 0;
}

Result<int> DockerTag(RunSpace& space, const Invocation&, Words words,
                      std::stop_token) {
  ASSIGN_OR_RETURN(ParsedFlags flags, ParseImages("docker tag", {}, words, 2));
  if (flags.arguments().size() != 2) {
    return InvalidArgument("docker tag: requires exactly 2 arguments");
  }
  RETURN_IF_ERROR(builder::TagImage(space.settings.store_directory,
                                    flags.arguments()[0],
                                    flags.arguments()[1]));
  return 0;
}

Result<int> DockerImages(RunSpace& space, const Invocation& invocation,
                         Words words, std::stop_token) {
  ASSIGN_OR_RETURN(ParsedFlags flags, ParseFlags("docker images", kImagesFlags,
                                                 FlagsEnd::kNever, words));
  ASSIGN_OR_RETURN(auto images,
                   builder::ListImages(space.settings.store_directory));
  const bool quiet = flags.On("quiet");
  if (!quiet && !flags.Has("format")) {
    invocation.streams.Out("IMAGE ID       SIZE      NAME\n");
  }
  for (const builder::StoredImage& image : images) {
    if (!flags.arguments().empty() &&
        image.name.find(flags.arguments()[0]) == std::string::npos) {
      continue;
    }
    const std::string digest = image.config.empty()
                                   ? image.descriptor.digest.ToString()
                                   : image.config.ToString();
    const std::string id = flags.On("no-trunc") ? digest : digest.substr(7, 12);
    if (flags.Has("format")) {
      ASSIGN_OR_RETURN(
          std::string line,
          FormatJson(flags.Last("format"), DumpJson(ListedImage(image, id))));
      invocation.streams.Out(line + "\n");
      continue;
    }
    invocation.streams.Out(quiet ? id + "\n"
                                 : id + "   " + HumanBytes(image.size_bytes) +
                                       "   " + image.name + "\n");
  }
  return 0;
}

Result<int> DockerRemoveImage(RunSpace& space, const Invocation& invocation,
                              Words words, std::stop_token) {
  ASSIGN_OR_RETURN(ParsedFlags flags,
                   ParseImages("docker rmi", kRemoveFlags, words));
  for (const std::string& name : flags.arguments()) {
    ASSIGN_OR_RETURN(builder::RemovedImage removed,
                     builder::RemoveImage(space.settings.store_directory, name,
                                          flags.On("force")));
    for (const std::string& gone : removed.names) {
      invocation.streams.Out("Untagged: " + gone + "\n");
    }
  }
  return 0;
}

Result<int> DockerInspect(RunSpace& space, const Invocation& invocation,
                          Words words, std::stop_token) {
  ASSIGN_OR_RETURN(ParsedFlags flags,
                   ParseImages("docker inspect", kInspectFlags, words));
  json all = json::array();
  for (const std::string& name : flags.arguments()) {
    ASSIGN_OR_RETURN(json one, InspectOne(space, name, flags.Last("type")));
    all.push_back(std::move(one));
  }
  if (!flags.Has("format")) {
    invocation.streams.Out(DumpJsonPretty(all) + "\n");
    return 0;
  }
  for (const json& one : all) {
    ASSIGN_OR_RETURN(std::string text,
                     FormatJson(flags.Last("format"), DumpJson(one)));
    invocation.streams.Out(text + "\n");
  }
  return 0;
}

}  // namespace strake::tasks::run
