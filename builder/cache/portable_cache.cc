// The form:
//   {"version": 1,
//    "records": [{"key": D, "state": HEX, "parent": HEX, "created": TIME}],
//    "aliases": [{"definition": D, "content": D}],
//    "layers": [{"state": HEX, "form": F, "diffID": D, "uncompressed": N,
//                "digest": D, "size": N, "mediaType": M}],
//    "mounts": [{"name": HEX, "size": N,
//                "pieces": [{"digest": D, "size": N}]}]}
// "mounts" is left out where there are none.
#include "builder/cache/portable_cache.h"

#include <map>
#include <set>
#include <utility>
#include <vector>

#include "oci/media_type.h"
#include "util/json.h"
#include "util/result_macros.h"

namespace strake::builder::cache {
namespace {

using nlohmann::json;

constexpr int64_t kVersion = 1;

Result<oci::Digest> DigestAt(const JsonField& object, std::string_view key) {
  JsonField field = object.At(key);
  ASSIGN_OR_RETURN(std::string text, field.String());
  auto digest = oci::Digest::Parse(text);
  if (!digest) return std::move(digest).error().Wrap(field.path());
  return digest;
}

// Becomes the name of a folder.
Result<std::string> StateAt(const JsonField& object, std::string_view key) {
  JsonField field = object.At(key);
  ASSIGN_OR_RETURN(std::string text, field.String());
  const bool is_hex =
      text.find_first_not_of("0123456789abcdef") == std::string::npos;
  if (!is_hex || text.size() > oci::Digest().Hex().size()) {
    return InvalidArgument(field.path() + ": \"" + text +
                           "\" is no hexadecimal digest");
  }
  return text;
}

Status ReadRecord(const JsonField& entry, PortableCache& cache) {
  ASSIGN_OR_RETURN(oci::Digest key, DigestAt(entry, "key"));
  CacheRecord record;
  ASSIGN_OR_RETURN(record.snapshot, StateAt(entry, "state"));
  ASSIGN_OR_RETURN(record.parent, StateAt(entry, "parent"));
  ASSIGN_OR_RETURN(std::string created, entry.At("created").String());
  ASSIGN_OR_RETURN(record.created, oci::ParseTimestamp(created));
  cache.records[key] = std::move(record);
  return {};
}

Status ReadAlias(const JsonField& entry, PortableCache& cache) {
  ASSIGN_OR_RETURN(oci::Digest definition, DigestAt(entry, "definition"));
  ASSIGN_OR_RETURN(cache.aliases[definition], DigestAt(entry, "content"));
  return {};
}

Status ReadLayer(const JsonField& entry, PortableCache& cache) {
  ASSIGN_OR_RETURN(std::string state, StateAt(entry, "state"));
  ASSIGN_OR_RETURN(std::string form, entry.At("form").String());
  oci::LayerBlob layer;
  ASSIGN_OR_RETURN(layer.diff_id, DigestAt(entry, "diffID"));
  ASSIGN_OR_RETURN(layer.uncompressed_bytes, entry.At("uncompressed").Uint());
  oci::Descriptor& blob = layer.descriptor;
  ASSIGN_OR_RETURN(blob.digest, DigestAt(entry, "digest"));
  ASSIGN_OR_RETURN(blob.size_bytes, entry.At("size").Uint());
  ASSIGN_OR_RETURN(blob.media_type, entry.At("mediaType").String());
  ASSIGN_OR_RETURN(oci::Compression compression,
                   oci::LayerCompression(blob.media_type));
  (void)compression;
  cache.layers[{std::move(state), std::move(form)}] = std::move(layer);
  return {};
}

Status ReadMount(const JsonField& entry, PortableCache& cache) {
  // Becomes the name of a folder.
  ASSIGN_OR_RETURN(std::string name, StateAt(entry, "name"));
  if (name.empty()) return InvalidArgument("a mount without a name");
  PortableMount mount;
  ASSIGN_OR_RETURN(mount.size_bytes, entry.At("size").Uint());
  ASSIGN_OR_RETURN(std::vector<JsonField> pieces, entry.At("pieces").Array());
  for (const JsonField& field : pieces) {
    oci::Descriptor piece;
    piece.media_type = kMediaTypeMountPiece;
    ASSIGN_OR_RETURN(piece.digest, DigestAt(field, "digest"));
    ASSIGN_OR_RETURN(piece.size_bytes, field.At("size").Uint());
    mount.pieces.push_back(std::move(piece));
  }
  cache.mounts[std::move(name)] = std::move(mount);
  return {};
}

json MountJson(const std::string& name, const PortableMount& mount) {
  json pieces = json::array();
  for (const oci::Descriptor& piece : mount.pieces) {
    pieces.push_back(
        {{"digest", piece.digest.ToString()}, {"size", piece.size_bytes}});
  }
  return {{"name", name},
          {"size", mount.size_bytes},
          {"pieces", std::move(pieces)}};
}

Status ReadEach(const JsonField& array, PortableCache& cache,
                Status (*read)(const JsonField&, PortableCache&)) {
  ASSIGN_OR_RETURN(std::vector<JsonField> entries, array.Array());
  for (const JsonField& entry : entries) RETURN_IF_ERROR(read(entry, cache));
  return {};
}

bool IsChainId(const std::string& state) {
  return state.empty() || state.size() == oci::Digest().Hex().size();
}

// A state's name becomes that of a snapshot, which base images look for, too:
// it has to be the chain ID of its layers.
Status CheckStates(PortableCache& cache) {
  std::multimap<std::string, std::string> parents;
  for (const auto& [key, record] : cache.records) {
    parents.insert({record.snapshot, record.parent});
  }
  std::set<std::string> true_states;
  for (const auto& [name, layer] : cache.layers) {
    const std::string& state = name.first;
    const auto [first, last] = parents.equal_range(state);
    for (auto it = first; it != last; ++it) {
      if (!IsChainId(it->second)) continue;
      auto parent = oci::Digest::Parse("sha256:" + it->second);
      const oci::Digest chain =
          oci::ChainId(parent ? *parent : oci::Digest(), layer.diff_id);
      if (chain.Hex() != state) {
        return Corrupt("the state " + state + " of layer " +
                       layer.descriptor.digest.ToString() +
                       " is not its chain ID, which is " + chain.Hex());
      }
      true_states.insert(state);
    }
  }
  std::erase_if(cache.records, [&](const auto& entry) {
    return !true_states.contains(entry.second.snapshot) ||
           !IsChainId(entry.second.parent);
  });
  std::erase_if(cache.layers, [&](const auto& entry) {
    return !true_states.contains(entry.first.first);
  });
  return {};
}

}  // namespace

std::string SerializePortableCache(const PortableCache& cache) {
  json records = json::array();
  for (const auto& [key, record] : cache.records) {
    records.push_back({{"key", key.ToString()},
                       {"state", record.snapshot},
                       {"parent", record.parent},
                       {"created", oci::FormatTimestamp(record.created)}});
  }
  json aliases = json::array();
  for (const auto& [definition, content] : cache.aliases) {
    aliases.push_back({{"definition", definition.ToString()},
                       {"content", content.ToString()}});
  }
  json layers = json::array();
  for (const auto& [name, layer] : cache.layers) {
    layers.push_back({{"state", name.first},
                      {"form", name.second},
                      {"diffID", layer.diff_id.ToString()},
                      {"uncompressed", layer.uncompressed_bytes},
                      {"digest", layer.descriptor.digest.ToString()},
                      {"size", layer.descriptor.size_bytes},
                      {"mediaType", layer.descriptor.media_type}});
  }
  json document = {{"version", kVersion},
                   {"records", std::move(records)},
                   {"aliases", std::move(aliases)},
                   {"layers", std::move(layers)}};
  for (const auto& [name, mount] : cache.mounts) {
    document["mounts"].push_back(MountJson(name, mount));
  }
  return DumpJson(document);
}

Result<PortableCache> ParsePortableCache(std::string_view text) {
  ASSIGN_OR_RETURN(json document, ParseJson(text));
  JsonField root(document);
  ASSIGN_OR_RETURN(int64_t version, root.At("version").Int());
  if (version != kVersion) {
    return Unsupported("a cache of version " + std::to_string(version) +
                       "; this strake reads version " +
                       std::to_string(kVersion));
  }
  PortableCache cache;
  RETURN_IF_ERROR(ReadEach(root.At("records"), cache, ReadRecord));
  RETURN_IF_ERROR(ReadEach(root.At("aliases"), cache, ReadAlias));
  RETURN_IF_ERROR(ReadEach(root.At("layers"), cache, ReadLayer));
  if (root.At("mounts").present()) {
    RETURN_IF_ERROR(ReadEach(root.At("mounts"), cache, ReadMount));
  }
  RETURN_IF_ERROR(CheckStates(cache));
  return cache;
}

}  // namespace strake::builder::cache
