// What a store remembers of finished vertices: by cache key, the snapshot and
// the layers that came of it.
//
// An append-only file of one JSON record a line (specified in the .cc); the
// last record of a key counts. Any number of threads and processes may use one
// file: records are appended whole, and a torn or foreign line is skipped.

#ifndef STRAKE_BUILDER_CACHE_CACHE_INDEX_H_
#define STRAKE_BUILDER_CACHE_CACHE_INDEX_H_

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "oci/image_config.h"
#include "oci/layer_blob.h"
#include "util/result.h"

namespace strake::builder::cache {

struct PortableCache;

struct CacheRecord {
  std::string snapshot;  // its id; may have been removed since
  // The snapshot that this one was made on, "" for none. A record serves only
  // on top of that very state: a step that was executed anew makes what was
  // built on its old result stale, though the keys are equal.
  std::string parent;
  oci::Timestamp created;  // when the step ran
  friend bool operator==(const CacheRecord&, const CacheRecord&) = default;
};

class CacheIndex {
 public:
  // Opens (or makes) the index file at `path`.
  static Result<CacheIndex> Open(const std::string& path);

  CacheIndex(CacheIndex&&) noexcept;
  CacheIndex& operator=(CacheIndex&&) noexcept;
  ~CacheIndex();

  // The store's own record of `key`.
  std::optional<CacheRecord> Find(const oci::Digest& key) const;
  // That, and those imported.
  std::vector<CacheRecord> FindAll(const oci::Digest& key) const;
  Status Record(const oci::Digest& key, const CacheRecord& record);

  // Remembers that the record of `key` served a build now; to the minute.
  Status Use(const oci::Digest& key);

  // The layer that the changes of `snapshot` gave, in the form `form` names
  // (compression, level, times).
  std::optional<oci::LayerBlob> FindLayer(std::string_view snapshot,
                                          std::string_view form) const;
  struct KnownLayer {
    std::string form;
    oci::LayerBlob blob;
    std::string import;  // the name of the cache it is known from; "": own
  };
  // Those in every form, the store's own first.
  std::vector<KnownLayer> FindLayers(std::string_view snapshot) const;
  // Whether that is the store's own, made or verified here.
  bool HasOwnLayer(std::string_view snapshot, std::string_view form) const;
  Status RecordLayer(std::string_view snapshot, std::string_view form,
                     const oci::LayerBlob& layer);

  // What a copy takes out of other states, by definition key, leads to the
  // digest that these files had last.
  std::optional<oci::Digest> FindAlias(const oci::Digest& definition) const;
  Status RecordAlias(const oci::Digest& definition, const oci::Digest& content);

  // Adds what another store knows, for as long as this index is open. The
  // store's own answers come first.
  //   name  what the user calls it
  void Import(const PortableCache& cache, std::string name = {});
  bool HasImported() const;
  void ForgetImported();

  // All that is known, the store's own, in the order of the keys.
  struct Entry {
    oci::Digest key;
    CacheRecord record;
    oci::Timestamp used;                 // last; when it was made, at the least
    std::vector<oci::LayerBlob> layers;  // of its snapshot, in every form
  };
  std::vector<Entry> Entries() const;
  // Forgets these records with their layers, what was superseded, and lines
  // that say nothing: writes the file anew. Builds that go on know what they
  // know.
  Status Forget(const std::set<oci::Digest>& keys);
  // How many lines of the file say nothing: torn by a process that was killed.
  size_t damaged_lines() const;

 private:
  struct State;
  explicit CacheIndex(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace strake::builder::cache

#endif  // STRAKE_BUILDER_CACHE_CACHE_INDEX_H_
