// The file's form. Each line is a JSON object with one of:
//   {"key": K, "snapshot": ID, "parent": ID, "created": RFC 3339}
//   {"alias": K, "key": K}
//   {"used": K, "time": RFC 3339}
//   {"snapshot": ID, "form": F, "diff_id": D, "size": N, "uncompressed": N,
//    "digest": D, "media_type": M}
// Unknown members are ignored; a line that does not parse is skipped, since a
// full disk or a killed process may have torn it. When most lines are
// superseded, the file is rewritten under its lock.
#include "builder/cache/cache_index.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <map>
#include <optional>
#include <utility>

#include "builder/cache/portable_cache.h"
#include "util/atomic_file.h"
#include "util/guarded.h"
#include "util/json.h"
#include "util/result_macros.h"
#include "util/strings.h"
#include "util/unique_fd.h"

namespace strake::builder::cache {
namespace {

using nlohmann::json;

constexpr uint64_t kMaxIndexBytes = uint64_t{1} << 30;
// Below this many superseded lines a rewrite is not worth its time.
constexpr size_t kMinGarbageLines = 1000;

struct Tables {
  std::map<oci::Digest, CacheRecord> records;
  std::map<oci::Digest, oci::Digest> aliases;
  std::map<std::pair<std::string, std::string>, oci::LayerBlob> layers;
  std::map<oci::Digest, oci::Timestamp> used;
  size_t size() const {
    return records.size() + aliases.size() + layers.size() + used.size();
  }
};

json RecordLine(const oci::Digest& key, const CacheRecord& record) {
  return {{"key", key.Hex()},
          {"snapshot", record.snapshot},
          {"parent", record.parent},
          {"created", oci::FormatTimestamp(record.created)}};
}

json AliasLine(const oci::Digest& from, const oci::Digest& to) {
  return {{"alias", from.Hex()}, {"key", to.Hex()}};
}

json UsedLine(const oci::Digest& key, oci::Timestamp time) {
  return {{"used", key.Hex()}, {"time", oci::FormatTimestamp(time)}};
}

json LayerLine(std::string_view snapshot, std::string_view form,
               const oci::LayerBlob& layer) {
  return {{"snapshot", std::string(snapshot)},
          {"form", std::string(form)},
          {"diff_id", layer.diff_id.Hex()},
          {"uncompressed", layer.uncompressed_bytes},
          {"digest", layer.descriptor.digest.Hex()},
          {"size", layer.descriptor.size_bytes},
          {"media_type", layer.descriptor.media_type}};
}

Result<oci::Digest> DigestOf(const JsonField& field) {
  ASSIGN_OR_RETURN(std::string hex, field.String());
  return oci::Digest::Parse("sha256:" + hex);
}

Status ReadLine(std::string_view line, Tables& tables) {
  ASSIGN_OR_RETURN(json document, ParseJson(line));
  JsonField root(document);
  if (root.At("alias").present()) {
    ASSIGN_OR_RETURN(oci::Digest from, DigestOf(root.At("alias")));
    ASSIGN_OR_RETURN(tables.aliases[from], DigestOf(root.At("key")));
    return {};
  }
  if (root.At("used").present()) {
    ASSIGN_OR_RETURN(oci::Digest key, DigestOf(root.At("used")));
    ASSIGN_OR_RETURN(std::string time, root.At("time").String());
    ASSIGN_OR_RETURN(tables.used[key], oci::ParseTimestamp(time));
    return {};
  }
  ASSIGN_OR_RETURN(std::string snapshot, root.At("snapshot").String());
  if (root.At("form").present()) {
    ASSIGN_OR_RETURN(std::string form, root.At("form").String());
    oci::LayerBlob layer;
    ASSIGN_OR_RETURN(layer.diff_id, DigestOf(root.At("diff_id")));
    ASSIGN_OR_RETURN(layer.descriptor.digest, DigestOf(root.At("digest")));
    ASSIGN_OR_RETURN(layer.uncompressed_bytes, root.At("uncompressed").Uint());
    ASSIGN_OR_RETURN(layer.descriptor.size_bytes, root.At("size").Uint());
    ASSIGN_OR_RETURN(layer.descriptor.media_type,
                     root.At("media_type").String());
    tables.layers[{std::move(snapshot), std::move(form)}] = std::move(layer);
    return {};
  }
  ASSIGN_OR_RETURN(oci::Digest key, DigestOf(root.At("key")));
  ASSIGN_OR_RETURN(std::string parent, root.At("parent").String());
  ASSIGN_OR_RETURN(std::string created, root.At("created").String());
  ASSIGN_OR_RETURN(oci::Timestamp time, oci::ParseTimestamp(created));
  tables.records[key] = {std::move(snapshot), std::move(parent), time};
  return {};
}

struct LineCount {
  size_t lines = 0;
  size_t damaged = 0;
};

LineCount ReadTables(std::string_view text, Tables& tables) {
  LineCount count;
  for (std::string_view line : Split(text, '\n')) {
    if (line.empty()) continue;
    ++count.lines;
    // A line that says nothing is a lost cache entry, not a failed build.
    if (!ReadLine(line, tables)) ++count.damaged;
  }
  return count;
}

std::string WriteTables(const Tables& tables) {
  std::string text;
  for (const auto& [key, record] : tables.records) {
    text += DumpJson(RecordLine(key, record)) + "\n";
  }
  for (const auto& [from, to] : tables.aliases) {
    text += DumpJson(AliasLine(from, to)) + "\n";
  }
  for (const auto& [name, layer] : tables.layers) {
    text += DumpJson(LayerLine(name.first, name.second, layer)) + "\n";
  }
  for (const auto& [key, time] : tables.used) {
    text += DumpJson(UsedLine(key, time)) + "\n";
  }
  return text;
}

template <typename Map>
std::optional<typename Map::mapped_type> Lookup(
    const Map& map, const typename Map::key_type& key) {
  auto it = map.find(key);
  if (it == map.end()) return {};
  return it->second;
}

// Whether the lock was had; false only with LOCK_NB.
Result<bool> Lock(int fd, int operation) {
  int result;
  do {
    result = ::flock(fd, operation);
  } while (result != 0 && errno == EINTR);
  if (result == 0) return true;
  if (errno == EWOULDBLOCK) return false;
  return ErrnoError("lock the cache index");
}

}  // namespace

struct CacheIndex::State {
  std::string path;
  mutable Guarded<Tables> tables;
  struct Imported {
    std::string name;
    PortableCache cache;
  };
  mutable Guarded<std::vector<Imported>> imported;
  size_t damaged_lines = 0;

  // The file, exclusively locked; nothing where `operation` does not wait and
  // another process has it. A rewrite replaces the file, so what was opened may
  // no longer be what the path names.
  Result<std::optional<UniqueFd>> OpenLocked(int operation) const {
    while (true) {
      ASSIGN_OR_RETURN(
          UniqueFd fd,
          OpenFile(path.c_str(), O_RDWR | O_APPEND | O_CREAT, 0644));
      ASSIGN_OR_RETURN(bool locked, Lock(fd.get(), operation));
      if (!locked) return std::optional<UniqueFd>();
      struct stat opened = {}, named = {};
      if (::fstat(fd.get(), &opened) == 0 &&
          ::stat(path.c_str(), &named) == 0 && opened.st_ino == named.st_ino) {
        return std::optional(std::move(fd));
      }
    }
  }

  // The first that `find` finds, which is given the own tables, then each
  // imported cache.
  template <typename Find>
  auto FindFirst(const Find& find) const {
    auto found = find(*tables.lock());
    if (found) return found;
    auto caches = imported.lock();
    for (const auto& [name, cache] : *caches) {
      found = find(cache);
      if (found) break;
    }
    return found;
  }

  Status Append(const json& line) const {
    std::string text = DumpJson(line) + "\n";
    ASSIGN_OR_RETURN(std::optional<UniqueFd> fd, OpenLocked(LOCK_EX));
    // A line that was torn off must not swallow this one.
    struct stat status = {};
    char last = '\n';
    if (::fstat(fd->get(), &status) == 0 && status.st_size > 0 &&
        ::pread(fd->get(), &last, 1, status.st_size - 1) == 1 && last != '\n') {
      text.insert(0, 1, '\n');
    }
    return WriteFully(fd->get(),
                      std::as_bytes(std::span(text.data(), text.size())));
  }

  // Replaces the file by one without superseded lines, unless another process
  // is using it.
  Status Compact() const {
    ASSIGN_OR_RETURN(std::optional<UniqueFd> fd, OpenLocked(LOCK_EX | LOCK_NB));
    if (!fd) return {};
    ASSIGN_OR_RETURN(std::string text, ReadFile(path, kMaxIndexBytes));
    Tables fresh;
    ReadTables(text, fresh);
    text = WriteTables(fresh);
    return WriteFileAtomically(path, text);
  }
};

CacheIndex::CacheIndex(std::unique_ptr<State> state)
    : state_(std::move(state)) {}
CacheIndex::CacheIndex(CacheIndex&&) noexcept = default;
CacheIndex& CacheIndex::operator=(CacheIndex&&) noexcept = default;
CacheIndex::~CacheIndex() = default;

Result<CacheIndex> CacheIndex::Open(const std::string& path) {
  auto state = std::make_unique<State>();
  state->path = path;
  auto text = ReadFile(path, kMaxIndexBytes);
  if (!text && text.error().code() != ErrorCode::kNotFound) {
    return std::move(text).error().Wrap("read the cache index");
  }
  if (text) {
    auto tables = state->tables.lock();
    const LineCount read = ReadTables(*text, *tables);
    state->damaged_lines = read.damaged;
    size_t garbage = read.lines - std::min(read.lines, tables->size());
    if (garbage > kMinGarbageLines && garbage > tables->size()) {
      // It would only have been smaller.
      static_cast<void>(state->Compact().has_value());
    }
  }
  return CacheIndex(std::move(state));
}

std::optional<CacheRecord> CacheIndex::Find(const oci::Digest& key) const {
  return Lookup(state_->tables.lock()->records, key);
}

std::vector<CacheRecord> CacheIndex::FindAll(const oci::Digest& key) const {
  std::vector<CacheRecord> records;
  if (auto own = Find(key)) records.push_back(*std::move(own));
  auto imported = state_->imported.lock();
  for (const auto& [name, cache] : *imported) {
    if (auto record = Lookup(cache.records, key)) {
      records.push_back(*std::move(record));
    }
  }
  return records;
}

Status CacheIndex::Record(const oci::Digest& key, const CacheRecord& record) {
  state_->tables.lock()->records[key] = record;
  return state_->Append(RecordLine(key, record));
}

std::optional<oci::LayerBlob> CacheIndex::FindLayer(
    std::string_view snapshot, std::string_view form) const {
  const std::pair<std::string, std::string> name = {std::string(snapshot),
                                                    std::string(form)};
  return state_->FindFirst(
      [&](const auto& known) { return Lookup(known.layers, name); });
}

std::vector<CacheIndex::KnownLayer> CacheIndex::FindLayers(
    std::string_view snapshot) const {
  std::vector<KnownLayer> known;
  auto add = [&](const auto& layers, const std::string& import) {
    auto it = layers.lower_bound({std::string(snapshot), ""});
    for (; it != layers.end() && it->first.first == snapshot; ++it) {
      known.push_back({it->first.second, it->second, import});
    }
  };
  add(state_->tables.lock()->layers, "");
  auto imported = state_->imported.lock();
  for (const auto& [name, cache] : *imported) add(cache.layers, name);
  return known;
}

bool CacheIndex::HasOwnLayer(std::string_view snapshot,
                             std::string_view form) const {
  return state_->tables.lock()->layers.contains(
      {std::string(snapshot), std::string(form)});
}

Status CacheIndex::RecordLayer(std::string_view snapshot, std::string_view form,
                               const oci::LayerBlob& layer) {
  state_->tables.lock()->layers[{std::string(snapshot), std::string(form)}] =
      layer;
  return state_->Append(LayerLine(snapshot, form, layer));
}

std::optional<oci::Digest> CacheIndex::FindAlias(
    const oci::Digest& definition) const {
  return state_->FindFirst(
      [&](const auto& known) { return Lookup(known.aliases, definition); });
}

Status CacheIndex::RecordAlias(const oci::Digest& definition,
                               const oci::Digest& content) {
  {
    auto tables = state_->tables.lock();
    auto [it, is_new] = tables->aliases.insert({definition, content});
    if (!is_new && it->second == content) return {};
    it->second = content;
  }
  return state_->Append(AliasLine(definition, content));
}

Status CacheIndex::Use(const oci::Digest& key) {
  constexpr std::chrono::minutes kPrecision{1};
  const oci::Timestamp now = std::chrono::floor<std::chrono::seconds>(
      std::chrono::system_clock::now());
  {
    auto tables = state_->tables.lock();
    oci::Timestamp& used = tables->used[key];
    if (now - used < kPrecision) return {};
    used = now;
  }
  return state_->Append(UsedLine(key, now));
}

std::vector<CacheIndex::Entry> CacheIndex::Entries() const {
  auto tables = state_->tables.lock();
  std::vector<Entry> entries;
  for (const auto& [key, record] : tables->records) {
    Entry entry{key, record, record.created, {}};
    auto used = tables->used.find(key);
    if (used != tables->used.end()) {
      entry.used = std::max(entry.used, used->second);
    }
    auto layer = tables->layers.lower_bound({record.snapshot, ""});
    for (;
         layer != tables->layers.end() && layer->first.first == record.snapshot;
         ++layer) {
      entry.layers.push_back(layer->second);
    }
    entries.push_back(std::move(entry));
  }
  return entries;
}

Status CacheIndex::Forget(const std::set<oci::Digest>& keys) {
  ASSIGN_OR_RETURN(std::optional<UniqueFd> fd, state_->OpenLocked(LOCK_EX));
  ASSIGN_OR_RETURN(std::string text, ReadFile(state_->path, kMaxIndexBytes));
  Tables fresh;
  ReadTables(text, fresh);
  for (const oci::Digest& key : keys) {
    fresh.records.erase(key);
    fresh.used.erase(key);
  }
  std::set<std::string> snapshots;
  for (const auto& [key, record] : fresh.records) {
    snapshots.insert(record.snapshot);
  }
  std::erase_if(fresh.layers, [&](const auto& layer) {
    return !snapshots.contains(layer.first.first);
  });
  std::erase_if(fresh.used, [&](const auto& used) {
    return !fresh.records.contains(used.first);
  });
  if (fresh.records.empty()) fresh.aliases.clear();
  RETURN_IF_ERROR(WriteFileAtomically(state_->path, WriteTables(fresh)));
  *state_->tables.lock() = std::move(fresh);
  state_->damaged_lines = 0;
  return {};
}

size_t CacheIndex::damaged_lines() const { return state_->damaged_lines; }

void CacheIndex::Import(const PortableCache& cache, std::string name) {
  state_->imported.lock()->push_back({std::move(name), cache});
}

bool CacheIndex::HasImported() const {
  return !state_->imported.lock()->empty();
}

void CacheIndex::ForgetImported() { state_->imported.lock()->clear(); }

}  // namespace strake::builder::cache
