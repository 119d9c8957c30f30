#include "builder/pack_source.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <optional>
#include <utility>
#include <vector>

#include "builder/pack_archive.h"
#include "builder/snapshot/file_metadata.h"
#include "oci/change.h"
#include "oci/compressor.h"
#include "oci/image_layout.h"
#include "oci/layer_writer.h"
#include "oci/manifest.h"
#include "oci/platform.h"
#include "util/result_macros.h"
#include "util/tree_walk.h"
#include "util/unique_fd.h"

namespace strake::builder {
namespace {

Result<std::vector<oci::Change>> AllFiles(int root) {
  std::vector<oci::Change> changes;
  RETURN_IF_ERROR(WalkTree(
      root, {.xattrs = true}, [&](const TreeEntry& entry) -> Result<TreeStep> {
        oci::Change change;
        change.path = entry.path;
        const std::string name(entry.name);
        ASSIGN_OR_RETURN(change.metadata, snapshot::ReadFileMetadata(
                                              entry.directory, name.c_str(),
                                              *entry.stat, entry.xattrs));
        changes.push_back(std::move(change));
        return TreeStep::kContinue;
      }));
  return changes;
}

class FolderSource final : public PackSource {
 public:
  explicit FolderSource(UniqueFd root) : root_(std::move(root)) {}

  Status Measure() {
    ASSIGN_OR_RETURN(std::vector<oci::Change> changes, AllFiles(root_.get()));
    for (const oci::Change& change : changes) {
      const oci::FileMetadata& file = change.metadata;
      if (S_ISREG(file.mode)) input_bytes_ += file.size_bytes;
    }
    return {};
  }
  std::string description() const override { return "folder"; }
  uint64_t input_bytes() const override { return input_bytes_; }
  Status WriteTar(ByteSink& tar) override {
    ASSIGN_OR_RETURN(std::vector<oci::Change> changes, AllFiles(root_.get()));
    RETURN_IF_ERROR(oci::WriteLayer(changes, root_.get(), tar));
    return {};
  }

 private:
  UniqueFd root_;
  uint64_t input_bytes_ = 0;
};

// A tar, compressed or not.
class BlobSource final : public PackSource {
 public:
  BlobSource(UniqueFd fd, std::string description, uint64_t size_bytes,
             std::unique_ptr<ArchivedLayout> archive)
      : archive_(std::move(archive)),
        fd_(std::move(fd)),
        description_(std::move(description)),
        size_bytes_(size_bytes) {}

  std::string description() const override { return description_; }
  uint64_t input_bytes() const override { return size_bytes_; }
  Status WriteTar(ByteSink& tar) override {
    std::array<std::byte, 6> head{};
    ssize_t size = ::pread(fd_.get(), head.data(), head.size(), 0);
    if (size < 0 || ::lseek(fd_.get(), 0, SEEK_SET) < 0) {
      return ErrnoError("read it");
    }
    FdSource blob(fd_.get());
    auto compression = oci::DetectCompression(
        std::span<const std::byte>(head).first(static_cast<size_t>(size)));
    ASSIGN_OR_RETURN(std::unique_ptr<ByteSource> plain,
                     oci::NewDecompressor(compression, blob));
    RETURN_IF_ERROR(CopyAll(*plain, tar));
    return {};
  }

 private:
  std::unique_ptr<ArchivedLayout> archive_;  // of the blob; may be null
  UniqueFd fd_;
  std::string description_;
  uint64_t size_bytes_;
};

Result<oci::Manifest> OnlyImage(const oci::ImageLayout& layout) {
  ASSIGN_OR_RETURN(std::vector<oci::NamedImage> images, layout.List());
  std::optional<oci::Descriptor> only;
  for (const oci::NamedImage& image : images) {
    if (only && only->digest != image.descriptor.digest) {
      return InvalidArgument("there are several images in it");
    }
    only = image.descriptor;
  }
  if (!only) return NotFound("there is no image in it");
  ASSIGN_OR_RETURN(std::string text, layout.blobs().Read(only->digest));
  if (oci::IsIndex(only->media_type)) {
    ASSIGN_OR_RETURN(oci::Index index, oci::ParseIndex(text));
    ASSIGN_OR_RETURN(oci::Descriptor image,
                     oci::SelectPlatform(index, oci::HostPlatform()));
    ASSIGN_OR_RETURN(text, layout.blobs().Read(image.digest));
  }
  return oci::ParseManifest(text);
}

Result<std::unique_ptr<PackSource>> OpenLayer(
    const std::string& folder, int number,
    std::unique_ptr<ArchivedLayout> archive) {
  ASSIGN_OR_RETURN(
      oci::ImageLayout layout,
      oci::ImageLayout::Open(folder, oci::ImageLayout::OpenMode::kMustExist));
  ASSIGN_OR_RETURN(oci::Manifest manifest, OnlyImage(layout));
  const std::string count = std::to_string(manifest.layers.size());
  if (number == 0 && manifest.layers.size() == 1) number = 1;
  if (number < 1 || static_cast<size_t>(number) > manifest.layers.size()) {
    return InvalidArgument("its image has " + count +
                           " layers; choose one of them by its number, from 1 "
                           "on, with --layer");
  }
  const oci::Descriptor& layer =
      manifest.layers[static_cast<size_t>(number) - 1];
  ASSIGN_OR_RETURN(UniqueFd fd, layout.blobs().OpenFd(layer.digest));
  return std::unique_ptr<PackSource>(std::make_unique<BlobSource>(
      std::move(fd), "layer " + std::to_string(number) + " of " + count,
      layer.size_bytes, std::move(archive)));
}

Status RefuseNumber(int layer) {
  if (layer == 0) return {};
  return InvalidArgument("it is no image, and has no layers to choose from");
}

Result<std::unique_ptr<PackSource>> OpenFolder(const std::string& path,
                                               UniqueFd fd, int layer) {
  if (::faccessat(fd.get(), "oci-layout", F_OK, 0) == 0) {
    return OpenLayer(path, layer, nullptr);
  }
  RETURN_IF_ERROR(RefuseNumber(layer));
  auto folder = std::make_unique<FolderSource>(std::move(fd));
  RETURN_IF_ERROR(folder->Measure());
  return std::unique_ptr<PackSource>(std::move(folder));
}

Result<std::unique_ptr<PackSource>> Open(const std::string& path, int layer) {
  ASSIGN_OR_RETURN(UniqueFd fd, OpenFile(path.c_str(), O_RDONLY | O_NONBLOCK));
  struct stat info = {};
  if (::fstat(fd.get(), &info) != 0) return ErrnoError("stat");
  if (S_ISDIR(info.st_mode)) return OpenFolder(path, std::move(fd), layer);
  if (!S_ISREG(info.st_mode)) {
    return InvalidArgument("it is neither a folder nor a regular file");
  }
  ASSIGN_OR_RETURN(std::unique_ptr<ArchivedLayout> archive,
                   ArchivedLayout::Open(fd.get()));
  if (archive) {
    const std::string folder = archive->path();
    return OpenLayer(folder, layer, std::move(archive));
  }
  RETURN_IF_ERROR(RefuseNumber(layer));
  return std::unique_ptr<PackSource>(std::make_unique<BlobSource>(
      std::move(fd), "blob", static_cast<uint64_t>(info.st_size), nullptr));
}

}  // namespace

Result<std::unique_ptr<PackSource>> OpenPackSource(const std::string& path,
                                                   int layer) {
  auto source = Open(path, layer);
  if (source) return source;
  return std::move(source).error().Wrap("cannot pack " + path);
}

}  // namespace strake::builder
