#include "oci/walk.h"

#include <unordered_set>

#include "oci/manifest.h"
#include "util/result_macros.h"

namespace strake::oci {
namespace {

// Digests cannot form a cycle, but an index of indexes can be absurdly deep.
constexpr int kMaxDepth = 32;

class Walker {
 public:
  // `damages`: where errors are noted instead of ending the walk; may be null.
  Walker(const BlobStore& store, std::vector<DamagedWalk::Damage>* damages)
      : store_(store), damages_(damages) {}

  Status Visit(const Descriptor& blob, int depth) {
    if (!seen_.insert(blob.digest).second) return {};
    if (auto visited = VisitParts(blob, depth); !visited) {
      if (damages_ == nullptr) return visited;
      damages_->push_back({blob, std::move(visited).error()});
    }
    found_.push_back(blob);
    return {};
  }

  std::vector<Descriptor> Take() { return std::move(found_); }

 private:
  Status VisitParts(const Descriptor& blob, int depth) {
    if (depth > kMaxDepth) {
      return InvalidArgument("image indexes nested deeper than " +
                             std::to_string(kMaxDepth) + " levels");
    }
    if (IsIndex(blob.media_type)) {
      ASSIGN_OR_RETURN(Index index, ReadDocument(blob, ParseIndex));
      for (const Descriptor& entry : index.manifests) {
        RETURN_IF_ERROR(Visit(entry, depth + 1));
      }
    } else if (IsManifest(blob.media_type)) {
      ASSIGN_OR_RETURN(Manifest manifest, ReadDocument(blob, ParseManifest));
      RETURN_IF_ERROR(Visit(manifest.config, depth + 1));
      for (const Descriptor& layer : manifest.layers) {
        RETURN_IF_ERROR(Visit(layer, depth + 1));
      }
    }
    return {};
  }

  template <typename Document>
  Result<Document> ReadDocument(const Descriptor& blob,
                                Result<Document> (*parse)(std::string_view)) {
    ASSIGN_OR_RETURN(std::string text, store_.Read(blob.digest));
    if (text.size() != blob.size_bytes) {
      Error error = Corrupt(blob.digest.ToString() + " has " +
                            std::to_string(text.size()) + " bytes, but " +
                            std::to_string(blob.size_bytes) + " were promised");
      if (damages_ == nullptr) return error;
      damages_->push_back({blob, std::move(error)});
    }
    auto document = parse(text);
    if (!document) {
      return Corrupt(blob.media_type + " " + blob.digest.ToString() + ": " +
                     document.error().message());
    }
    return document;
  }

  const BlobStore& store_;
  std::vector<DamagedWalk::Damage>* damages_;
  std::unordered_set<Digest> seen_;
  std::vector<Descriptor> found_;
};

}  // namespace

Result<std::vector<Descriptor>> WalkImage(const BlobStore& store,
                                          const Descriptor& root) {
  Walker walker(store, nullptr);
  RETURN_IF_ERROR(walker.Visit(root, 0));
  return walker.Take();
}

DamagedWalk WalkDamagedImage(const BlobStore& store, const Descriptor& root) {
  DamagedWalk walk;
  Walker walker(store, &walk.damages);
  // Every error is among the damages.
  (void)walker.Visit(root, 0).has_value();
  walk.blobs = walker.Take();
  return walk;
}

}  // namespace strake::oci
