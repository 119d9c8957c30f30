#include "tasks/file/decode_task.h"

#include <algorithm>
#include <initializer_list>
#include <string_view>
#include <utility>

namespace strake::tasks::file {
namespace {

using std::chrono::seconds;

std::map<std::string, Place> PlacesOf(const YamlNode& map,
                                      const Decoder& decoder) {
  std::map<std::string, Place> places;
  for (size_t i = 0; i < map.keys.size(); ++i) {
    places[map.keys[i]] = decoder.At(map.key_marks[i]);
  }
  return places;
}

std::vector<Network> DecodeNetworks(const YamlNode& root, Decoder& decoder) {
  std::vector<Network> networks;
  for (const YamlNode* node :
       decoder.List(root.Find("networks"), "[]*graph.Network")) {
    Network network;
    network.place = decoder.At(*node);
    if (decoder.IsMap(node, "graph.Network")) {
      decoder.CheckKeys(
          *node, {"name", "driver", "ipv6", "skipCreation", "isDefault"}, {});
      network.name = decoder.String(node->Find("name"));
      network.driver = decoder.String(node->Find("driver"));
      network.ipv6 = decoder.Bool(node->Find("ipv6"));
      network.skip_creation = decoder.Bool(node->Find("skipCreation"));
      network.is_default = decoder.Bool(node->Find("isDefault"));
    }
    networks.push_back(std::move(network));
  }
  return networks;
}

void DecodeVolumes(const YamlNode& root, Decoder& decoder, RawTask& raw) {
  for (const YamlNode* node :
       decoder.List(root.Find("volumes"), "[]*volume.Volume")) {
    Volume volume;
    volume.place = decoder.At(*node);
    const YamlNode* secret = nullptr;
    if (decoder.IsMap(node, "volume.Volume")) {
      decoder.CheckKeys(*node, {"name", "secret"}, {});
      volume.name = decoder.String(node->Find("name"));
      secret = node->Find("secret");
      volume.files = decoder.StringMap(secret);
    }
    raw.volume_has_secret.push_back(secret != nullptr && !secret->is_null());
    raw.task.volumes.push_back(std::move(volume));
  }
}

std::vector<VolumeMount> DecodeMounts(const YamlNode& step, Decoder& decoder) {
  std::vector<VolumeMount> mounts;
  for (const YamlNode* node :
       decoder.List(step.Find("volumeMounts"), "[]*volume.Mount")) {
    VolumeMount mount;
    mount.place = decoder.At(*node);
    if (decoder.IsMap(node, "volume.Mount")) {
      decoder.CheckKeys(*node, {"name", "mountPath"}, {});
      mount.volume = decoder.String(node->Find("name"));
      mount.path = decoder.String(node->Find("mountPath"));
    }
    mounts.push_back(std::move(mount));
  }
  return mounts;
}

StepCache DecodeCache(const YamlNode& node, Decoder& decoder) {
  StepCache cache;
  cache.place = decoder.At(node);
  if (!decoder.IsMap(&node, "a cache")) return cache;
  decoder.CheckKeys(node, {"id", "paths", "key"}, {});
  cache.id = decoder.String(node.Find("id"));
  cache.paths = decoder.Strings(node.Find("paths"));
  const YamlNode* key = node.Find("key");
  if (decoder.IsMap(key, "the key of a cache")) {
    decoder.CheckKeys(*key, {"files"}, {});
    cache.key_files = decoder.Strings(key->Find("files"));
  }
  return cache;
}

// `cache` is a word, and under strake/v1 a list for `cmd` steps.
void DecodeCaches(const YamlNode& node, Decoder& decoder, RawStep& raw) {
  const YamlNode* cache = node.Find("cache");
  if (!decoder.is_strake() || cache == nullptr || !cache->is_list()) {
    raw.cache = decoder.String(cache);
    return;
  }
  for (const YamlNode& item : cache->items) {
    raw.step.caches.push_back(DecodeCache(item, decoder));
  }
}

const std::initializer_list<std::string_view> kStepKeys = {
    "id",
    "cmd",
    "build",
    "push",
    "when",
    "env",
    "entryPoint",
    "workingDirectory",
    "disableWorkingDirectoryOverride",
    "timeout",
    "startDelay",
    "retries",
    "retryDelay",
    "retryOnErrors",
    "repeat",
    "ignoreErrors",
    "detach",
    "keep",
    "pull",
    "cmdDownloadRetries",
    "cmdDownloadRetryDelay",
    "privileged",
    "user",
    "network",
    "isolation",
    "cpus",
    "ports",
    "expose",
    "volumeMounts",
    "cache"};
const std::initializer_list<std::string_view> kStrakeStepKeys = {
    "if", "outputs", "matrix", "exitedWith", "exitedWithout"};

// What means nothing to a step of this kind.
bool IsIgnored(const Step& step, std::string_view key) {
  using Keys = std::initializer_list<std::string_view>;
  static const Keys kOfPush = {"id",          "push",    "when",
                               "startDelay",  "timeout", "ignoreErrors",
                               "volumeMounts"};
  static const Keys kNotOfBuild = {"entryPoint", "pull", "cmdDownloadRetries",
                                   "cmdDownloadRetryDelay"};
  auto has = [&](Keys keys) {
    return std::ranges::find(keys, key) != keys.end();
  };
  if (!has(kStepKeys)) return false;
  if (!step.push.empty()) return !has(kOfPush);
  if (!step.build.empty()) return has(kNotOfBuild);
  return key == "cache" && step.caches.empty();
}

void WarnOfIgnored(const Step& step, Problems& problems) {
  std::string kind = !step.push.empty()    ? "push"
                     : !step.build.empty() ? "build"
                                           : "cmd";
  for (const auto& [key, place] : step.places) {
    if (!IsIgnored(step, key)) continue;
    problems.Warn(place,
                  "\"" + key + "\" is ignored: this is a " + kind + " step");
  }
}

void DecodeRunning(const YamlNode& node, Decoder& decoder, Step& step) {
  step.timeout = seconds(decoder.Int(node.Find("timeout")));
  step.start_delay = seconds(decoder.Int(node.Find("startDelay")));
  step.retries = decoder.Int(node.Find("retries"));
  step.retry_delay = seconds(decoder.Int(node.Find("retryDelay")));
  step.retry_on_errors = decoder.Strings(node.Find("retryOnErrors"));
  step.repeat = decoder.Int(node.Find("repeat"));
  step.ignore_errors = decoder.Bool(node.Find("ignoreErrors"));
  step.detach = decoder.Bool(node.Find("detach"));
  step.keep = decoder.Bool(node.Find("keep"));
  step.pull = decoder.Bool(node.Find("pull"));
  step.download_retries = decoder.Int(node.Find("cmdDownloadRetries"));
  step.download_retry_delay =
      seconds(decoder.Int(node.Find("cmdDownloadRetryDelay")));
}

void DecodeContainer(const YamlNode& node, Decoder& decoder, Step& step) {
  step.env = decoder.Strings(node.Find("env"));
  step.entry_point = decoder.String(node.Find("entryPoint"));
  step.working_directory = decoder.String(node.Find("workingDirectory"));
  step.disable_working_directory_override =
      decoder.Bool(node.Find("disableWorkingDirectoryOverride"));
  step.privileged = decoder.Bool(node.Find("privileged"));
  step.user = decoder.String(node.Find("user"));
  step.network = decoder.String(node.Find("network"));
  step.isolation = decoder.String(node.Find("isolation"));
  step.cpus = decoder.String(node.Find("cpus"));
  step.ports = decoder.Strings(node.Find("ports"));
  step.expose = decoder.Strings(node.Find("expose"));
  step.volume_mounts = DecodeMounts(node, decoder);
}

// Types are checked under every version, as ACR does.
void DecodeBeyond(const YamlNode& node, Decoder& decoder, Step& step) {
  std::vector<int> with = decoder.Ints(node.Find("exitedWith"));
  std::vector<int> without = decoder.Ints(node.Find("exitedWithout"));
  if (!decoder.is_strake()) return;
  step.exited_with = std::move(with);
  step.exited_without = std::move(without);
  step.condition = decoder.String(node.Find("if"));
  step.outputs = decoder.Bool(node.Find("outputs"));
}

RawStep DecodeStep(const YamlNode& node, Decoder& decoder, Problems& problems) {
  RawStep raw;
  Step& step = raw.step;
  step.place = decoder.At(node);
  if (!decoder.IsMap(&node, "graph.Step")) return raw;
  step.places = PlacesOf(node, decoder);
  decoder.CheckKeys(node, kStepKeys, kStrakeStepKeys);
  step.id = decoder.String(node.Find("id"));
  step.cmd = decoder.String(node.Find("cmd"));
  step.build = decoder.String(node.Find("build"));
  step.push = decoder.Strings(node.Find("push"));
  raw.when = decoder.Strings(node.Find("when"));
  DecodeRunning(node, decoder, step);
  DecodeContainer(node, decoder, step);
  DecodeCaches(node, decoder, raw);
  DecodeBeyond(node, decoder, step);
  WarnOfIgnored(step, problems);
  return raw;
}

// Ids that the file does not give count its steps, whatever comes of each.
void DecodeSteps(const YamlNode& root, const RenderString& render,
                 Decoder& decoder, Problems& problems, RawTask& raw) {
  size_t number = 0;
  for (const YamlNode* node :
       decoder.List(root.Find("steps"), "[]*graph.Step")) {
    const std::string generated = "acb_step_" + std::to_string(number);
    for (MatrixStep& one : ExpandMatrix(*node, render, decoder, problems)) {
      RawStep step = DecodeStep(one.node, decoder, problems);
      if (step.step.id.empty()) step.step.id = generated;
      if (!one.values.empty()) step.group = step.step.id;
      step.step.id += one.suffix;
      step.step.matrix = std::move(one.values);
      step.number = number;
      if (decoder.is_strake()) {
        step.references = FindLateReferences(one.node, decoder);
      }
      raw.steps.push_back(std::move(step));
    }
    ++number;
  }
}

}  // namespace

std::vector<Secret> DecodeSecrets(const YamlNode& root, Decoder& decoder) {
  std::vector<Secret> secrets;
  for (const YamlNode* node :
       decoder.List(root.Find("secrets"), "[]*secretmgmt.Secret")) {
    Secret secret;
    secret.place = decoder.At(*node);
    if (decoder.IsMap(node, "secretmgmt.Secret")) {
      decoder.CheckKeys(*node, {"id", "keyvault", "clientID", "aadResourceId"},
                        {"env", "file", "program"});
      secret.id = decoder.String(node->Find("id"));
      secret.keyvault = decoder.String(node->Find("keyvault"));
      secret.client_id = decoder.String(node->Find("clientID"));
      secret.aad_resource_id = decoder.String(node->Find("aadResourceId"));
      if (decoder.is_strake()) {
        secret.environment = decoder.String(node->Find("env"));
        secret.path = decoder.String(node->Find("file"));
        secret.program = decoder.Strings(node->Find("program"));
      }
    }
    secrets.push_back(std::move(secret));
  }
  return secrets;
}

RawTask DecodeTask(const YamlNode& root, const RenderString& render,
                   Decoder& decoder, Problems& problems) {
  RawTask raw;
  if (!decoder.IsMap(&root, "graph.Task")) return raw;
  decoder.CheckKeys(root,
                    {"version", "stepTimeout", "workingDirectory", "env",
                     "secrets", "networks", "volumes", "alias", "steps"},
                    {});
  // Where there are aliases, the block is gone by now.
  for (size_t i = 0; i < root.keys.size(); ++i) {
    if (root.keys[i] != "alias") continue;
    problems.Warn(decoder.At(root.key_marks[i]),
                  "\"alias\" is ignored: there are aliases from \"version: "
                  "v1.1.0\" on");
  }
  raw.places = PlacesOf(root, decoder);
  raw.task.version = decoder.String(root.Find("version"));
  raw.task.step_timeout = seconds(decoder.Int(root.Find("stepTimeout")));
  raw.task.working_directory = decoder.String(root.Find("workingDirectory"));
  raw.env = decoder.Strings(root.Find("env"));
  raw.task.secrets = DecodeSecrets(root, decoder);
  raw.task.networks = DecodeNetworks(root, decoder);
  DecodeVolumes(root, decoder, raw);
  DecodeSteps(root, render, decoder, problems, raw);
  return raw;
}

}  // namespace strake::tasks::file
