// Entries in bytewise order, times 0, owned by root: equal images give equal
// archives. Blobs stand in the archive as they are in the store; Docker, podman
// and skopeo look at a layer's bytes to learn how it is compressed.

#include "oci/docker_archive.h"

#include <algorithm>
#include <map>

#include "oci/index_entry.h"
#include "oci/manifest.h"
#include "oci/reference.h"
#include "oci/tar_writer.h"
#include "oci/walk.h"
#include "util/json.h"
#include "util/result_macros.h"

namespace strake::oci {
namespace {

std::string BlobPath(const Digest& digest) {
  return "blobs/sha256/" + digest.Hex();
}

// Writes the files of an archive, which are blobs and small documents.
class ArchiveFiles {
 public:
  ArchiveFiles(const BlobStore& store, const ArchiveOptions& options,
               ByteSink& out)
      : store_(store), options_(options), tar_(out) {}

  void AddDocument(std::string path, std::string content) {
    documents_.emplace(std::move(path), std::move(content));
  }

  Status Write(const std::vector<Descriptor>& blobs) {
    std::map<std::string, const Descriptor*> sorted;
    for (const Descriptor& blob : blobs) {
      sorted.emplace(BlobPath(blob.digest), &blob);
    }
    RETURN_IF_ERROR(WriteDirectory("blobs/"));
    RETURN_IF_ERROR(WriteDirectory("blobs/sha256/"));
    for (const auto& [path, blob] : sorted) {
      RETURN_IF_ERROR(WriteBlob(path, *blob));
    }
    for (const auto& [path, content] : documents_) {
      RETURN_IF_ERROR(Begin(path, content.size()));
      RETURN_IF_ERROR(tar_.WriteContent(content));
      RETURN_IF_ERROR(tar_.EndEntry());
    }
    return tar_.Close();
  }

 private:
  Status Begin(const std::string& path, uint64_t size_bytes) {
    metadata_.mode = S_IFREG | 0644;
    metadata_.size_bytes = size_bytes;
    return BeginEntry(path);
  }

  Status WriteDirectory(const std::string& path) {
    metadata_.mode = S_IFDIR | 0755;
    RETURN_IF_ERROR(BeginEntry(path));
    return tar_.EndEntry();
  }

  Status BeginEntry(const std::string& path) {
    TarEntry entry;
    entry.path = path;
    entry.metadata = &metadata_;
    return tar_.BeginEntry(entry);
  }

  Result<std::unique_ptr<ByteSource>> Open(const Descriptor& blob) const {
    bool elsewhere = options_.open_missing && !store_.Contains(blob.digest);
    return elsewhere ? options_.open_missing(blob) : store_.Open(blob);
  }

  Status WriteBlob(const std::string& path, const Descriptor& blob) {
    ASSIGN_OR_RETURN(std::unique_ptr<ByteSource> source, Open(blob));
    RETURN_IF_ERROR(Begin(path, blob.size_bytes));
    buffer_.resize(kStreamBufferBytes);
    Hasher hasher;
    while (true) {
      ASSIGN_OR_RETURN(
          size_t size,
          source->Read(std::as_writable_bytes(std::span(buffer_))));
      if (size == 0) break;
      std::string_view data = std::string_view(buffer_).substr(0, size);
      if (options_.verify) hasher.Update(std::as_bytes(std::span(data)));
      RETURN_IF_ERROR(tar_.WriteContent(data));
    }
    if (options_.verify && hasher.Finish() != blob.digest) {
      return Corrupt("blob " + blob.digest.ToString() +
                     ": the content has another digest");
    }
    return tar_.EndEntry();
  }

  const BlobStore& store_;
  const ArchiveOptions& options_;
  TarWriter tar_;
  FileMetadata metadata_;
  std::map<std::string, std::string> documents_;
  std::string buffer_;
};

std::vector<NamedImage> Named(const Descriptor& image,
                              const std::vector<std::string>& names) {
  std::vector<NamedImage> images;
  for (const std::string& name : names) images.push_back({name, image});
  if (names.empty()) images.push_back({"", image});
  return images;
}

void AddLayoutDocuments(const std::vector<NamedImage>& images,
                        ArchiveFiles& files) {
  Index index;
  for (const NamedImage& image : images) {
    index.manifests.push_back(ToIndexEntry(image));
  }
  files.AddDocument("index.json", SerializeIndex(index));
  files.AddDocument("oci-layout", std::string(kLayoutFile));
}

// The one image that Docker's form can hold. Attestations are left behind.
Result<Descriptor> SingleManifest(const BlobStore& store,
                                  const Descriptor& image) {
  if (!IsIndex(image.media_type)) return image;
  ASSIGN_OR_RETURN(std::string text, store.Read(image.digest));
  ASSIGN_OR_RETURN(Index index, ParseIndex(text));
  std::vector<Descriptor> images;
  for (const Descriptor& entry : index.manifests) {
    bool unknown = entry.platform && entry.platform->os == "unknown";
    if (!unknown) images.push_back(entry);
  }
  if (images.size() == 1) return images[0];
  return Unsupported("Docker's archive form holds one platform, but " +
                     image.digest.ToString() + " is an index of " +
                     std::to_string(images.size()) +
                     ": use type=oci, or build for one platform");
}

// "debian:12", as `docker save` writes it. A name with a digest only has no
// place there.
std::vector<std::string> RepoTags(const std::vector<std::string>& names) {
  std::vector<std::string> tags;
  for (const std::string& name : names) {
    auto reference = ParseReference(name);
    if (!reference) continue;
    Reference tagged = WithDefaultTag(std::move(*reference));
    if (tagged.tag.empty()) continue;
    tagged.digest.reset();
    tags.push_back(tagged.Familiar());
  }
  return tags;
}

Result<std::string> DockerManifest(const BlobStore& store,
                                   const Descriptor& image,
                                   const std::vector<std::string>& names) {
  ASSIGN_OR_RETURN(std::string text, store.Read(image.digest));
  ASSIGN_OR_RETURN(Manifest manifest, ParseManifest(text));
  if (!IsConfig(manifest.config.media_type)) {
    return Unsupported("Docker's archive form holds images, but " +
                       image.digest.ToString() + " has a config of type " +
                       manifest.config.media_type);
  }
  nlohmann::ordered_json entry = nlohmann::ordered_json::object();
  entry["Config"] = BlobPath(manifest.config.digest);
  entry["RepoTags"] = RepoTags(names);
  entry["Layers"] = nlohmann::ordered_json::array();
  for (const Descriptor& layer : manifest.layers) {
    RETURN_IF_ERROR(LayerCompression(layer.media_type));
    entry["Layers"].push_back(BlobPath(layer.digest));
  }
  nlohmann::ordered_json document = nlohmann::ordered_json::array();
  document.push_back(std::move(entry));
  return document.dump(-1, ' ', false,
                       nlohmann::ordered_json::error_handler_t::replace);
}

}  // namespace

Status WriteDockerArchive(const BlobStore& store, const Descriptor& image,
                          const std::vector<std::string>& names, ByteSink& out,
                          const ArchiveOptions& options) {
  ASSIGN_OR_RETURN(Descriptor manifest, SingleManifest(store, image));
  ASSIGN_OR_RETURN(std::string document,
                   DockerManifest(store, manifest, names));
  ASSIGN_OR_RETURN(std::vector<Descriptor> blobs, WalkImage(store, manifest));
  ArchiveFiles files(store, options, out);
  AddLayoutDocuments(Named(manifest, names), files);
  files.AddDocument("manifest.json", std::move(document));
  return files.Write(blobs);
}

Result<std::string> DockerArchiveManifest(
    const BlobStore& store, const Descriptor& image,
    const std::vector<std::string>& names) {
  ASSIGN_OR_RETURN(Descriptor manifest, SingleManifest(store, image));
  return DockerManifest(store, manifest, names);
}

Status WriteOciArchive(const BlobStore& store, const Descriptor& image,
                       const std::vector<std::string>& names, ByteSink& out,
                       const ArchiveOptions& options) {
  return WriteOciImages(store, Named(image, names), out, options);
}

Status WriteOciImages(const BlobStore& store,
                      const std::vector<NamedImage>& images, ByteSink& out,
                      const ArchiveOptions& options) {
  ArchiveFiles files(store, options, out);
  AddLayoutDocuments(images, files);
  std::vector<Descriptor> blobs;
  for (const NamedImage& image : images) {
    ASSIGN_OR_RETURN(std::vector<Descriptor> reached,
                     WalkImage(store, image.descriptor));
    blobs.insert(blobs.end(), reached.begin(), reached.end());
  }
  return files.Write(blobs);
}

}  // namespace strake::oci
