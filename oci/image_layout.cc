#include "oci/image_layout.h"

#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "oci/index_entry.h"
#include "util/atomic_file.h"
#include "util/json.h"
#include "util/result_macros.h"

namespace strake::oci {
namespace {

constexpr std::string_view kLayoutVersion = "1.0.0";

std::string LayoutPath(const std::string& directory) {
  return directory + "/oci-layout";
}
std::string IndexPath(const std::string& directory) {
  return directory + "/index.json";
}

bool Exists(const std::string& path) {
  return ::access(path.c_str(), F_OK) == 0;
}

// Names are what a store cannot make again, and they change seldom, so here
// the wait for the disk is worth its price.
Status ReplaceFile(const std::string& path, std::string_view content) {
  AtomicFileOptions options;
  options.sync = true;
  return WriteFileAtomically(path, content, options);
}

// Held while `index.json` is read and replaced.
Result<FileLock> LockLayout(const std::string& directory) {
  std::string folder = directory + "/.strake";
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) return ErrnoError("cannot make " + folder, error.value());
  return FileLock::Acquire(folder + "/index.lock", FileLock::Mode::kExclusive);
}

Status CheckLayoutVersion(const std::string& directory) {
  std::string path = LayoutPath(directory);
  auto text = ReadFile(path, 1 << 20);
  if (!text) {
    if (text.error().code() == ErrorCode::kNotFound) {
      return NotFound(directory +
                      " is not an OCI image layout: it has no oci-layout file");
    }
    return std::move(text).error();
  }
  auto document = ParseJson(*text);
  if (!document) return std::move(document).error().Wrap(path);
  auto version = JsonField(*document).At("imageLayoutVersion").String();
  if (!version) return std::move(version).error().Wrap(path);
  if (*version != kLayoutVersion) {
    return Unsupported(path + ": layout version \"" + *version +
                       "\" is not supported (only 1.0.0 is)");
  }
  return {};
}

Result<Index> ReadIndex(const std::string& directory) {
  std::string path = IndexPath(directory);
  ASSIGN_OR_RETURN(std::string text, ReadFile(path));
  auto index = ParseIndex(text);
  if (!index) return std::move(index).error().Wrap(path);
  return index;
}

std::vector<NamedImage> FromIndex(const Index& index) {
  std::vector<NamedImage> images;
  for (const Descriptor& entry : index.manifests) {
    images.push_back(FromIndexEntry(entry));
  }
  return images;
}

Status CreateFiles(const std::string& directory) {
  ASSIGN_OR_RETURN(FileLock lock, LockLayout(directory));
  if (!Exists(IndexPath(directory))) {
    RETURN_IF_ERROR(ReplaceFile(IndexPath(directory), SerializeIndex({})));
  }
  if (!Exists(LayoutPath(directory))) {
    RETURN_IF_ERROR(ReplaceFile(LayoutPath(directory), kLayoutFile));
  }
  return {};
}

void SetName(std::vector<NamedImage>& images, const NamedImage& image) {
  auto same = [&](const NamedImage& other) {
    if (!image.name.empty()) return other.name == image.name;
    // Without a name, an image needs no second entry.
    return other.name.empty() &&
           other.descriptor.digest == image.descriptor.digest;
  };
  auto it = std::ranges::find_if(images, same);
  if (it == images.end()) {
    images.push_back(image);
  } else {
    *it = image;
    // A foreign layout may hold one name several times.
    images.erase(std::remove_if(it + 1, images.end(), same), images.end());
  }
}

}  // namespace

Result<ImageLayout> ImageLayout::Open(const std::string& directory,
                                      OpenMode mode) {
  if (mode == OpenMode::kMustExist) {
    RETURN_IF_ERROR(CheckLayoutVersion(directory));
  }
  ASSIGN_OR_RETURN(BlobStore blobs, BlobStore::Open(directory));
  if (mode == OpenMode::kCreate) {
    bool complete =
        Exists(LayoutPath(directory)) && Exists(IndexPath(directory));
    if (!complete) RETURN_IF_ERROR(CreateFiles(directory));
    RETURN_IF_ERROR(CheckLayoutVersion(directory));
  }
  return ImageLayout(directory, std::move(blobs));
}

Result<std::vector<NamedImage>> ImageLayout::List() const {
  ASSIGN_OR_RETURN(Index index, ReadIndex(directory_));
  return FromIndex(index);
}

Result<Descriptor> ImageLayout::Find(std::string_view name) const {
  ASSIGN_OR_RETURN(std::vector<NamedImage> images, List());
  auto it = std::ranges::find(images, name, &NamedImage::name);
  if (it != images.end()) return it->descriptor;
  return NotFound("no image " + std::string(name) + " in " + directory_);
}

Status ImageLayout::Tag(std::string_view name, const Descriptor& image) const {
  return TagAll({NamedImage{std::string(name), image}});
}

Status ImageLayout::TagAll(const std::vector<NamedImage>& images) const {
  return Update([&](std::vector<NamedImage>& entries) -> Status {
    for (const NamedImage& image : images) SetName(entries, image);
    return {};
  });
}

Status ImageLayout::Untag(std::string_view name) const {
  return Update([&](std::vector<NamedImage>& entries) -> Status {
    size_t removed = std::erase_if(
        entries, [&](const NamedImage& image) { return image.name == name; });
    if (removed > 0) return {};
    return NotFound("no image " + std::string(name) + " in " + directory_);
  });
}

Status ImageLayout::Update(
    const std::function<Status(std::vector<NamedImage>&)>& change) const {
  ASSIGN_OR_RETURN(FileLock lock, LockLayout(directory_));
  ASSIGN_OR_RETURN(Index index, ReadIndex(directory_));
  std::vector<NamedImage> images = FromIndex(index);
  RETURN_IF_ERROR(change(images));
  index.manifests.clear();
  for (const NamedImage& image : images) {
    index.manifests.push_back(ToIndexEntry(image));
  }
  return ReplaceFile(IndexPath(directory_), SerializeIndex(index));
}

}  // namespace strake::oci
