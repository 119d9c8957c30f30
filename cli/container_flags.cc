#include "cli/container_flags.h"

#include <filesystem>
#include <map>
#include <optional>
#include <utility>

#include "cli/value_flags.h"
#include "util/byte_count.h"
#include "util/byte_stream.h"
#include "util/csv.h"
#include "util/result_macros.h"
#include "util/strings.h"
#include "util/suggest.h"

namespace strake::cli {
namespace {

using Fields = std::map<std::string, std::string>;

Error MountError(std::string_view text, std::string_view what) {
  return InvalidArgument("--mount \"" + std::string(text) +
                         "\": " + std::string(what));
}

// By their first names.
Result<Fields> ReadFields(std::string_view text) {
  static const std::map<std::string, std::string, std::less<>> first = {
      {"type", "type"},
      {"source", "source"},
      {"src", "source"},
      {"target", "target"},
      {"destination", "target"},
      {"dst", "target"},
      {"readonly", "readonly"},
      {"ro", "readonly"},
      {"tmpfs-size", "tmpfs-size"}};
  ASSIGN_OR_RETURN(const std::vector<std::string> words, SplitCsv(text));
  Fields fields;
  for (const std::string& word : words) {
    const auto pair = SplitOnce(word, '=');
    const std::string_view key = pair ? pair->first : word;
    const auto known = first.find(key);
    if (known == first.end()) {
      return MountError(text, "unknown key \"" + std::string(key) +
                                  "\"; there are type, source, target, "
                                  "readonly, tmpfs-size");
    }
    fields[known->second] = pair ? std::string(pair->second) : "true";
  }
  return fields;
}

Status AddTmpfs(std::string_view text, Fields& fields,
                builder::ContainerSpec& spec) {
  if (fields.contains("source") || fields.contains("readonly")) {
    return MountError(text, "a tmpfs takes target and tmpfs-size only");
  }
  builder::ContainerSpec::Tmpfs tmpfs;
  tmpfs.target = fields["target"];
  if (fields.contains("tmpfs-size")) {
    const auto size = ParseByteCount(fields["tmpfs-size"]);
    if (!size) return MountError(text, "tmpfs-size is no amount of bytes");
    tmpfs.size_bytes = *size;
  }
  spec.tmpfs.push_back(std::move(tmpfs));
  return {};
}

Status AddBind(std::string_view text, Fields& fields,
               builder::ContainerSpec& spec) {
  if (fields.contains("tmpfs-size")) {
    return MountError(text, "tmpfs-size is for type=tmpfs");
  }
  const std::string& read_only = fields["readonly"];
  builder::ContainerSpec::Bind bind;
  std::error_code error;
  bind.source =
      std::filesystem::absolute(fields["source"], error).lexically_normal();
  if (fields["source"].empty() || error ||
      !std::filesystem::exists(bind.source, error)) {
    return NotFound("--mount \"" + std::string(text) + "\": there is no " +
                    (fields["source"].empty() ? "source" : bind.source));
  }
  bind.target = fields["target"];
  bind.read_only = read_only == "true" || read_only == "1";
  spec.binds.push_back(std::move(bind));
  return {};
}

}  // namespace

Status AddMount(std::string_view text, builder::ContainerSpec& spec) {
  ASSIGN_OR_RETURN(Fields fields, ReadFields(text));
  if (!fields["target"].starts_with('/')) {
    return MountError(text, "target has to be an absolute path");
  }
  if (fields["type"] == "bind") return AddBind(text, fields, spec);
  if (fields["type"] == "tmpfs") return AddTmpfs(text, fields, spec);
  return Unsupported("--mount \"" + std::string(text) +
                     "\": there are type=bind and type=tmpfs");
}

Result<std::vector<std::string>> ReadEnvFile(const std::string& path,
                                             const Environment& environment) {
  constexpr uint64_t kLimit = uint64_t{1} << 20;
  auto text = ReadFile(path, kLimit);
  if (!text) return std::move(text).error().Wrap("--env-file");
  std::vector<std::string> entries;
  for (std::string_view line : Split(*text, '\n')) {
    if (line.ends_with('\r')) line.remove_suffix(1);
    while (line.starts_with(' ') || line.starts_with('\t')) {
      line.remove_prefix(1);
    }
    if (line.empty() || line.starts_with('#')) continue;
    auto pair = ParseEnv(line, environment);
    if (!pair) return std::move(pair).error().Wrap("--env-file " + path);
    if (*pair) entries.push_back((*pair)->first + "=" + (*pair)->second);
  }
  return entries;
}

Status SetNetwork(std::string_view text, builder::ContainersOptions& options,
                  builder::ContainerSpec& spec) {
  options.network = builder::RunNetwork::kHost;
  if (text == "none") {
    spec.network = builder::ContainerSpec::Network::kNone;
  } else if (text == "private") {
    options.network = builder::RunNetwork::kShared;
  } else if (text != "default" && text != "host") {
    return InvalidArgument(
        "--network: unknown network \"" + std::string(text) + "\"" +
        DidYouMean(text, {"default", "host", "private", "none"}) +
        "; there are default, host, private, none");
  }
  return {};
}

}  // namespace strake::cli
