#include "bench/packing_trees.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <utility>

#include "bench/sample_content.h"
#include "util/byte_stream.h"

namespace strake::bench {
namespace {

constexpr size_t kKibi = 1024;
constexpr size_t kMebi = kKibi * kKibi;

class TreeMaker {
 public:
  explicit TreeMaker(PackingTree& tree) : tree_(tree) {}

  void Directory(const std::string& name) {
    ::mkdirat(tree_.directory.fd(), name.c_str(), 0755);
    Add(name, S_IFDIR | 0755);
  }

  void File(const std::string& path, const std::string& content) {
    UniqueFd fd = Create(path);
    (void)WriteFully(fd.get(), std::as_bytes(std::span(content)));
    Add(path, S_IFREG | 0644).size_bytes = content.size();
  }

  // Of each `period_bytes` the first `data_bytes` are there.
  void SparseFile(const std::string& path, size_t size_bytes,
                  size_t period_bytes, size_t data_bytes) {
    UniqueFd fd = Create(path);
    std::mt19937 random(3);
    for (size_t at = 0; at < size_bytes; at += period_bytes) {
      std::string data = Code(random, data_bytes);
      [[maybe_unused]] ssize_t written =
          ::pwrite(fd.get(), data.data(), data.size(), static_cast<off_t>(at));
    }
    (void)::ftruncate(fd.get(), static_cast<off_t>(size_bytes));
    Add(path, S_IFREG | 0644).size_bytes = size_bytes;
  }

 private:
  UniqueFd Create(const std::string& path) {
    return UniqueFd(::openat(tree_.directory.fd(), path.c_str(),
                             O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
  }

  oci::FileMetadata& Add(const std::string& path, uint32_t mode) {
    oci::Change change;
    change.path = path;
    change.metadata.mode = mode;
    change.metadata.mtime = std::chrono::nanoseconds(1'700'000'000'123'456'789);
    tree_.changes.push_back(std::move(change));
    return tree_.changes.back().metadata;
  }

  PackingTree& tree_;
};

// Sorts as it counts.
std::string Numbered(std::string_view stem, int number) {
  std::string digits = std::to_string(10000 + number);
  return std::string(stem) + digits.substr(1);
}

// The sizes of the files of a Debian root file system.
void MakeSmallFiles(TreeMaker& maker, std::mt19937& random, int part) {
  for (int d = 0; d < 800 / part; ++d) {
    std::string directory = Numbered("dir-", d);
    maker.Directory(directory);
    for (int f = 0; f < 15; ++f) {
      double exponent = std::normal_distribution<double>(8.0, 2.0)(random);
      size_t size = static_cast<size_t>(
          std::min(std::exp(exponent), static_cast<double>(4 * kMebi)));
      maker.File(directory + "/" + Numbered("file-", f),
                 size > 20000 ? Code(random, size) : Words(random, size));
    }
  }
}

using Content = std::string (*)(std::mt19937&, size_t);

void MakeFiles(TreeMaker& maker, std::mt19937& random, int count,
               size_t size_bytes, Content content) {
  for (int i = 0; i < count; ++i) {
    maker.File(Numbered("file-", i), content(random, size_bytes));
  }
}

void Make(TreeKind kind, int part, TreeMaker& maker) {
  std::mt19937 random(7);
  const size_t large = 32 * kMebi / static_cast<size_t>(part);
  switch (kind) {
    case TreeKind::kSmallFiles:
      return MakeSmallFiles(maker, random, part);
    case TreeKind::kLargeFiles:
      MakeFiles(maker, random, 2, large, Code);
      return maker.File("words", Words(random, large));
    case TreeKind::kBinary:
      return MakeFiles(maker, random, 96 / part, kMebi, Code);
    case TreeKind::kText:
      return MakeFiles(maker, random, 768 / part, 128 * kKibi, Words);
    case TreeKind::kSparse:
      return maker.SparseFile("disk", 4 * large, kMebi, 128 * kKibi);
    case TreeKind::kCompressed:
      return MakeFiles(maker, random, 96 / part, kMebi, Noise);
  }
}

}  // namespace

std::string_view NameOf(TreeKind kind) {
  switch (kind) {
    case TreeKind::kSmallFiles:
      return "small_files";
    case TreeKind::kLargeFiles:
      return "large_files";
    case TreeKind::kBinary:
      return "binary";
    case TreeKind::kText:
      return "text";
    case TreeKind::kSparse:
      return "sparse";
    case TreeKind::kCompressed:
      return "compressed";
  }
  return "";
}

const PackingTree& TreeOf(TreeKind kind, int part) {
  static std::map<std::pair<TreeKind, int>, std::unique_ptr<PackingTree>> trees;
  std::unique_ptr<PackingTree>& tree = trees[{kind, part}];
  if (!tree) {
    tree = std::make_unique<PackingTree>();
    TreeMaker maker(*tree);
    Make(kind, part, maker);
  }
  return *tree;
}

}  // namespace strake::bench
