#include "builder/saved_image.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include <map>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "builder/context/archive_reader.h"
#include "oci/compressor.h"
#include "oci/image_config.h"
#include "oci/manifest.h"
#include "oci/reference.h"
#include "util/byte_stream.h"
#include "util/json.h"
#include "util/result_macros.h"
#include "util/strings.h"
#include "util/unique_fd.h"

namespace strake::builder {
namespace {

constexpr int kMaxLinks = 8;
constexpr size_t kMagicBytes = 6;

// An entry of `manifest.json`.
struct SavedImage {
  std::string config;
  std::vector<std::string> tags;
  std::vector<std::string> layers;
};

std::string FolderOf(const std::string& path) {
  size_t slash = path.rfind('/');
  return slash == std::string::npos ? "" : path.substr(0, slash + 1);
}

// The files of the archive, kept under numbers: their names are anybody's.
class SavedFiles {
 public:
  explicit SavedFiles(const std::string& scratch) : scratch_(scratch) {}

  Status Unpack(int fd) {
    if (::lseek(fd, 0, SEEK_SET) < 0) return ErrnoError("seek");
    FdSource stream(fd);
    ASSIGN_OR_RETURN(context::ArchiveReader reader,
                     context::ArchiveReader::Open(stream));
    while (true) {
      ASSIGN_OR_RETURN(std::optional<context::ArchiveEntry> entry,
                       reader.Next());
      if (!entry) return {};
      RETURN_IF_ERROR(Keep(*entry, reader));
    }
  }

  // Where the content of `name` is; layers that images share are links.
  Result<std::string> Find(std::string name) const {
    for (int links = 0; links < kMaxLinks; ++links) {
      auto file = files_.find(CleanPath(name));
      if (file != files_.end()) return file->second;
      auto link = links_.find(CleanPath(name));
      if (link == links_.end()) break;
      name = link->second;
    }
    return Corrupt("the archive has no file " + GoQuote(name));
  }

 private:
  Status Keep(const context::ArchiveEntry& entry,
              context::ArchiveReader& reader) {
    std::string name = CleanPath(entry.name);
    if (entry.is_hard_link) {
      links_[name] = entry.link_name;
      return {};
    }
    if (!entry.link_name.empty()) {
      links_[name] = FolderOf(name) + entry.link_name;
      return {};
    }
    if (!S_ISREG(entry.metadata.mode)) return {};
    std::string path = scratch_ + "/" + std::to_string(files_.size());
    ASSIGN_OR_RETURN(UniqueFd fd,
                     OpenFile(path.c_str(), O_RDWR | O_CREAT | O_EXCL, 0600));
    RETURN_IF_ERROR(reader.WriteContent(fd.get(), {}));
    files_[name] = path;
    return {};
  }

  const std::string& scratch_;
  std::map<std::string, std::string> files_;
  std::map<std::string, std::string> links_;
};

Result<std::vector<SavedImage>> ReadSavedImages(const SavedFiles& files) {
  auto path = files.Find("manifest.json");
  if (!path) {
    return Corrupt(
        "neither an OCI image layout nor what docker save writes: it has no "
        "manifest.json");
  }
  ASSIGN_OR_RETURN(std::string text, ReadFile(*path));
  auto document = ParseJson(text);
  if (!document) return std::move(document).error().Wrap("manifest.json");
  if (!document->is_array()) return Corrupt("manifest.json: expected a list");
  std::vector<SavedImage> images;
  for (const auto& entry : *document) {
    JsonField field(entry);
    SavedImage image;
    ASSIGN_OR_RETURN(image.config, field.At("Config").String());
    ASSIGN_OR_RETURN(image.tags, field.At("RepoTags").StringsOr({}));
    ASSIGN_OR_RETURN(image.layers, field.At("Layers").StringsOr({}));
    images.push_back(std::move(image));
  }
  return images;
}

// Makes the file a blob of `store`. It may be one already: images share layers.
Result<oci::Descriptor> MakeBlob(const std::string& path,
                                 const oci::BlobStore& store) {
  ASSIGN_OR_RETURN(UniqueFd fd, OpenFile(path.c_str(), O_RDONLY));
  FdSource source(fd.get());
  oci::Hasher hasher;
  oci::Descriptor blob;
  std::vector<std::byte> buffer(kStreamBufferBytes);
  std::vector<std::byte> magic;
  while (true) {
    ASSIGN_OR_RETURN(size_t count, source.Read(buffer));
    if (count == 0) break;
    auto data = std::span<const std::byte>(buffer).first(count);
    if (magic.empty()) {
      magic.assign(data.begin(), data.begin() + std::min(count, kMagicBytes));
    }
    hasher.Update(data);
    blob.size_bytes += count;
  }
  blob.digest = hasher.Finish();
  ASSIGN_OR_RETURN(blob.media_type,
                   oci::LayerMediaType(oci::DetectCompression(magic),
                                       oci::MediaTypeFamily::kOci));
  if (store.Contains(blob.digest)) return blob;
  if (::link(path.c_str(), store.PathOf(blob.digest).c_str()) != 0) {
    return ErrnoError("link " + path);
  }
  return blob;
}

Result<oci::Descriptor> MakeImage(const SavedImage& saved,
                                  const SavedFiles& files,
                                  const oci::BlobStore& store) {
  ASSIGN_OR_RETURN(std::string config_path, files.Find(saved.config));
  ASSIGN_OR_RETURN(std::string config_text, ReadFile(config_path));
  ASSIGN_OR_RETURN(oci::ImageConfig config, oci::ParseImageConfig(config_text));
  if (config.diff_ids.size() != saved.layers.size()) {
    return Corrupt(
        "the configuration has " + std::to_string(config.diff_ids.size()) +
        " layers, the archive " + std::to_string(saved.layers.size()));
  }
  oci::Manifest manifest;
  ASSIGN_OR_RETURN(manifest.config,
                   store.Put(config_text, oci::kMediaTypeConfig));
  for (size_t i = 0; i < saved.layers.size(); ++i) {
    ASSIGN_OR_RETURN(std::string path, files.Find(saved.layers[i]));
    ASSIGN_OR_RETURN(oci::Descriptor layer, MakeBlob(path, store));
    bool plain = layer.media_type == oci::kMediaTypeLayer;
    if (plain && layer.digest != config.diff_ids[i]) {
      return Corrupt("layer " + saved.layers[i] + " has digest " +
                     layer.digest.ToString() + ", its configuration says " +
                     config.diff_ids[i].ToString());
    }
    manifest.layers.push_back(std::move(layer));
  }
  return store.Put(oci::SerializeManifest(manifest), oci::kMediaTypeManifest);
}

}  // namespace

Status UnpackSavedImages(int fd, const std::string& scratch,
                         const oci::ImageLayout& layout) {
  SavedFiles files(scratch);
  RETURN_IF_ERROR(files.Unpack(fd));
  ASSIGN_OR_RETURN(std::vector<SavedImage> saved, ReadSavedImages(files));
  std::vector<oci::NamedImage> images;
  for (const SavedImage& image : saved) {
    ASSIGN_OR_RETURN(oci::Descriptor manifest,
                     MakeImage(image, files, layout.blobs()));
    if (image.tags.empty()) images.push_back({"", manifest});
    for (const std::string& tag : image.tags) {
      ASSIGN_OR_RETURN(oci::Reference name, oci::ParseReference(tag));
      images.push_back({name.ToString(), manifest});
    }
  }
  return layout.TagAll(images);
}

}  // namespace strake::builder
