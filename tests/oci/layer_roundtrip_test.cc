// What we write, we and others read back alike; what others write, we apply.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <locale.h>
#include <unistd.h>

#include <fstream>
#include <random>
#include <thread>

#include "oci/layer_applier.h"
#include "oci/layer_writer.h"
#include "tests/support/expect_result.h"
#include "tests/support/rich_tree.h"
#include "tests/support/run_tool.h"
#include "tests/support/scan_tree.h"
#include "tests/support/temp_dir.h"

namespace strake::oci {
namespace {

using testing::DescribeTree;
using ::testing::ElementsAreArray;
using testing::IsOk;
using testing::ScanTree;
using testing::Sh;
using testing::TempDir;

#define SKIP_UNLESS_ROOT()                                       \
  if (::geteuid() != 0) {                                        \
    GTEST_SKIP() << "needs root for owners, devices and xattrs"; \
  }

std::string WriteTar(const TempDir& tree) {
  MemorySink tar;
  auto written = WriteLayer(ScanTree(tree.fd()), tree.fd(), tar);
  EXPECT_TRUE(IsOk(written));
  return tar.Take();
}

void Apply(const std::string& tar, const TempDir& root) {
  MemorySource source(tar);
  EXPECT_TRUE(IsOk(ApplyLayer(source, root.fd(), {})));
}

std::vector<std::string> Without(std::vector<std::string> lines,
                                 std::string_view part) {
  std::erase_if(lines, [&](const std::string& line) {
    return line.find(part) != std::string::npos;
  });
  return lines;
}

TEST(LayerRoundTripTest, KeepsEverything) {
  SKIP_UNLESS_ROOT();
  TempDir tree;
  testing::MakeRichTree(tree);
  TempDir copy;
  Apply(WriteTar(tree), copy);
  EXPECT_THAT(DescribeTree(copy.fd()),
              ElementsAreArray(DescribeTree(tree.fd())));
}

TEST(LayerRoundTripTest, WritesEqualBytesForEqualTrees) {
  SKIP_UNLESS_ROOT();
  TempDir tree;
  testing::MakeRichTree(tree);
  std::string tar = WriteTar(tree);
  TempDir copy;
  Apply(tar, copy);
  EXPECT_EQ(tar, WriteTar(copy));
}

TEST(LayerRoundTripTest, DoesNotDependOnTheLocale) {
  SKIP_UNLESS_ROOT();
  TempDir tree;
  testing::MakeRichTree(tree);
  std::string tar = WriteTar(tree);
  std::string before = ::setlocale(LC_ALL, nullptr);
  ASSERT_NE(nullptr, ::setlocale(LC_ALL, "C.UTF-8"));
  EXPECT_EQ(tar, WriteTar(tree));
  TempDir copy;
  Apply(tar, copy);
  ::setlocale(LC_ALL, before.c_str());
  EXPECT_THAT(DescribeTree(copy.fd()),
              ElementsAreArray(DescribeTree(tree.fd())));
}

TEST(LayerRoundTripTest, GnuTarReadsWhatWeWrite) {
  SKIP_UNLESS_ROOT();
  TempDir tree;
  testing::MakeRichTree(tree);
  TempDir copy;
  TempDir files;
  files.Write("layer.tar", WriteTar(tree));
  std::string warnings =
      Sh("tar --xattrs --xattrs-include='*' --numeric-owner -C " + copy.path() +
         " -xpf " + files.path("layer.tar") + " 2>&1");
  // GNU tar tells of times before 1970.
  EXPECT_EQ(std::string::npos, warnings.find("unknown")) << warnings;
  EXPECT_THAT(DescribeTree(copy.fd()),
              ElementsAreArray(DescribeTree(tree.fd())));
}

TEST(LayerRoundTripTest, PythonReadsWhatWeWrite) {
  SKIP_UNLESS_ROOT();
  TempDir tree;
  testing::MakeRichTree(tree);
  TempDir files;
  files.Write("layer.tar", WriteTar(tree));
  std::string listing = Sh(R"(python3 - )" + files.path("layer.tar") + R"( <<'X'
import sys, tarfile
for m in tarfile.open(sys.argv[1]):
    name = m.name.encode('utf-8', 'surrogateescape')
    if len(name) < 50:
        print(name, oct(m.mode), m.uid, m.gid, m.type, m.size, m.mtime,
              m.devmajor, m.devminor, m.linkname[:20].encode('utf-8', 'surrogateescape'),
              sorted(k for k in m.pax_headers if k.startswith('SCHILY')))
X)");
  for (const char* line : {
           R"(b'plain' 0o644 0 0 b'0' 6 1700000000.1234567 0 0 b'' [])",
           R"(b'empty' 0o644 0 0 b'0' 0 -1.75 0 0 b'' [])",
           R"(b'bin/setuid' 0o6755 12 34 b'0' 10 -0.5 0 0 b'' [])",
           R"(b'big-ids' 0o644 4000000000 3000000000 b'0' 1 -1000000000)",
           R"(b'dev/big' 0o600 0 0 b'4' 0 )",
           R"(b'not-utf8-\xff\xfe' 0o644 0 0 b'0' 5 )",
           R"(b'hard/one' 0o644 0 0 b'1' 0 )",
           R"(['SCHILY.xattr.security.capability', 'SCHILY.xattr.user.note'])",
           R"( 4095 1048575 )",
       }) {
    EXPECT_NE(std::string::npos, listing.find(line)) << line << "\n" << listing;
  }
}

TEST(LayerRoundTripTest, AppliesWhatGnuTarWrites) {
  SKIP_UNLESS_ROOT();
  TempDir tree;
  testing::MakeRichTree(tree);
  // Sockets, devices' numbers and times are format-dependent: GNU's own format
  // knows whole seconds and no xattrs, ustar no large ids, v7 no devices.
  for (const char* options :
       {"--format=pax --xattrs --xattrs-include='*'",
        "--format=pax --xattrs --xattrs-include='*' -S --sparse-version=0.0",
        "--format=pax --xattrs --xattrs-include='*' -S --sparse-version=0.1",
        "--format=pax --xattrs --xattrs-include='*' -S --sparse-version=1.0"}) {
    TempDir files;
    Sh("tar --numeric-owner --sort=name " + std::string(options) +
       " --pax-option=delete=atime,delete=ctime -C " + tree.path() + " -cf " +
       files.path("layer.tar") + " .");
    TempDir copy;
    Apply(files.Read("layer.tar"), copy);
    EXPECT_THAT(DescribeTree(copy.fd()),
                ElementsAreArray(DescribeTree(tree.fd())))
        << options;
  }
}

TEST(LayerRoundTripTest, AppliesOldGnuAndUstarAndV7) {
  TempDir tree;
  tree.Write("dir/file", "content");
  tree.Write("dir/" + std::string(90, 'a') + "/" + std::string(120, 'b'),
             "gnu");
  tree.Symlink("file", "dir/link");
  tree.Write("sparse", "");
  ASSERT_EQ(0, ::truncate(tree.path("sparse").c_str(), 5 << 20));
  for (const char* options :
       {"--format=gnu -S", "--format=oldgnu -S",
        "--format=ustar --exclude=bbb*", "--format=v7 --exclude=aaa*"}) {
    TempDir files;
    Sh("find " + tree.path() + " -exec touch -h -d @1600000000 {} +");
    Sh("tar " + std::string(options) + " -C " + tree.path() + " -cf " +
       files.path("layer.tar") + " dir sparse");
    TempDir copy;
    Apply(files.Read("layer.tar"), copy);
    std::string excluded =
        std::string(options).find("ustar") != std::string::npos
            ? std::string(120, 'b')
            : std::string(90, 'a');
    auto expected = DescribeTree(tree.fd());
    if (std::string(options).find("exclude") != std::string::npos) {
      expected = Without(expected, excluded);
    }
    EXPECT_THAT(DescribeTree(copy.fd()), ElementsAreArray(expected)) << options;
  }
}

TEST(LayerRoundTripTest, AppliesWhatPythonWrites) {
  SKIP_UNLESS_ROOT();
  TempDir files;
  Sh(R"(python3 - )" + files.path("layer.tar") + R"( <<'X'
import sys, tarfile, io
t = tarfile.open(sys.argv[1], 'w', format=tarfile.PAX_FORMAT)
def add(name, data=b'', **kw):
    i = tarfile.TarInfo(name)
    i.size = len(data)
    for k, v in kw.items(): setattr(i, k, v)
    t.addfile(i, io.BytesIO(data))
add('d', type=tarfile.DIRTYPE, mode=0o711, mtime=1.5)
add('d/gr\u00fc\u00df', b'1', mtime=-0.5)
add('d/e\u0301', b'2', mtime=-1.75)
add(b'd/\xff'.decode('utf-8', 'surrogateescape'), b'3', mtime=0.5, uid=3000000)
add('d/x', b'4', mtime=0, mode=0o4750, uid=5, gid=6,
    pax_headers={'SCHILY.xattr.user.k': 'v'})
add('d/l', type=tarfile.SYMTYPE, linkname='gr\u00fc\u00df', mtime=7)
add('d/h', type=tarfile.LNKTYPE, linkname='d/gr\u00fc\u00df')
t.close()
X)");
  TempDir copy;
  Apply(files.Read("layer.tar"), copy);
  std::vector<std::string> seen;
  for (const Change& change : ScanTree(copy.fd())) {
    const FileMetadata& m = change.metadata;
    std::string line = GoQuote(change.path) + " " +
                       std::to_string(m.mtime.count()) + " " +
                       std::to_string(m.uid) + ":" + std::to_string(m.gid) +
                       " " + std::to_string(m.mode & 07777) + m.link_target;
    for (const auto& [k, v] : m.xattrs) line += " " + k + "=" + v;
    seen.push_back(line);
  }
  EXPECT_THAT(seen, ::testing::ElementsAre(
                        R"("d" 1500000000 0:0 457)",
                        "\"d/e\xcc\x81\" -1750000000 0:0 420",
                        "\"d/gr\xc3\xbc\xc3\x9f\" -500000000 0:0 420",
                        "\"d/h\" -500000000 0:0 420",
                        "\"d/l\" 7000000000 0:0 511gr\xc3\xbc\xc3\x9f",
                        R"("d/x" 0 5:6 2536 user.k=v)",
                        R"("d/\xff" 500000000 3000000:0 420)"))
      << "mtime, owner, mode, link, xattrs";
}

// Keeps the first bytes and counts the rest.
class HeadSink final : public ByteSink {
 public:
  Status Write(std::span<const std::byte> data) override {
    if (head_.size() < 4096) {
      head_.append(reinterpret_cast<const char*>(data.data()),
                   std::min<size_t>(data.size(), 4096));
    }
    size_ += data.size();
    return {};
  }
  const std::string& head() const { return head_; }
  uint64_t size() const { return size_; }

 private:
  std::string head_;
  uint64_t size_ = 0;
};

TEST(LayerRoundTripTest, HoldsFilesBeyond8GiB) {
  TempDir tree;
  tree.Write("huge", "begin");
  const uint64_t size = (uint64_t{8} << 30) + 12345;
  ASSERT_EQ(0, ::truncate(tree.path("huge").c_str(), static_cast<off_t>(size)));
  HeadSink sink;
  auto written = WriteLayer(ScanTree(tree.fd()), tree.fd(), sink);
  ASSERT_TRUE(IsOk(written));
  EXPECT_EQ(size, written->content_bytes);
  EXPECT_NE(std::string::npos, sink.head().find(" size=8589946937\n"));
  EXPECT_EQ(3 * 512 + (size + 511) / 512 * 512 + 1024, sink.size());
}

TEST(LayerRoundTripTest, GnuTarReadsFilesBeyond8GiB) {
  TempDir tree;
  // With a name that libarchive is not trusted with.
  tree.Write("hug\xc3\xa9", "begin");
  ASSERT_EQ(0, ::truncate(tree.path("hug\xc3\xa9").c_str(),
                          (off_t{8} << 30) + 12345));
  tree.Write("zz", "after");
  TempDir files;
  Sh("mkfifo " + files.path("pipe"));
  std::string listing;
  std::jthread reader(
      [&] { listing = Sh("tar --numeric-owner -tvf " + files.path("pipe")); });
  auto fd = OpenFile(files.path("pipe").c_str(), O_WRONLY);
  ASSERT_TRUE(IsOk(fd));
  {
    FdSink sink(std::move(*fd));
    EXPECT_TRUE(IsOk(WriteLayer(ScanTree(tree.fd()), tree.fd(), sink)));
  }
  reader.join();
  EXPECT_NE(std::string::npos, listing.find("8589946937")) << listing;
  EXPECT_NE(std::string::npos, listing.find("zz")) << listing;
}

TEST(LayerRoundTripTest, AppliesSparseFilesBeyond8GiB) {
  TempDir tree;
  tree.Write("huge", "begin");
  ASSERT_EQ(0, ::truncate(tree.path("huge").c_str(), off_t{9} << 30));
  for (const char* format : {"gnu", "pax"}) {
    TempDir files;
    Sh("tar -S --format=" + std::string(format) + " -C " + tree.path() +
       " -cf " + files.path("layer.tar") + " huge");
    TempDir copy;
    Apply(files.Read("layer.tar"), copy);
    struct stat info;
    ASSERT_EQ(0, ::stat(copy.path("huge").c_str(), &info));
    EXPECT_EQ(off_t{9} << 30, info.st_size);
    EXPECT_LT(info.st_blocks, 1000) << "holes were filled";
  }
}

// Trees of random shape and content, over and over.
TEST(LayerRoundTripTest, KeepsRandomTrees) {
  SKIP_UNLESS_ROOT();
  for (unsigned seed = 0; seed < 25; ++seed) {
    std::mt19937 random(seed);
    auto below = [&](unsigned limit) { return random() % limit; };
    TempDir tree;
    std::vector<std::string> directories = {""};
    std::vector<std::string> files;
    for (int i = 0; i < 60; ++i) {
      std::string name;
      for (unsigned n = 1 + below(below(8) == 0 ? 200 : 12); n > 0; --n) {
        char c = static_cast<char>(1 + below(255));
        name += c == '/' ? '_' : c;
      }
      if (name == "." || name == ".." || name.starts_with(".wh.")) continue;
      std::string path = directories[below(directories.size())];
      path += (path.empty() ? "" : "/") + name;
      if (tree.Exists(path) || path.size() > 2000) continue;
      switch (below(6)) {
        case 0:
        case 1:
          tree.MakeDir(path);
          directories.push_back(path);
          break;
        case 2:
          tree.Symlink(name + name, path);
          break;
        case 3:
          if (!files.empty()) {
            ::link(tree.path(files[below(files.size())]).c_str(),
                   tree.path(path).c_str());
            break;
          }
          [[fallthrough]];
        default:
          tree.Write(path, std::string(below(3) * 511 + below(3), 'c'));
          ::chmod(tree.path(path).c_str(), below(010000));
          files.push_back(path);
      }
      ::lchown(tree.path(path).c_str(), below(70000), below(70000));
      if (below(4) == 0) {
        ::lsetxattr(tree.path(path).c_str(), "user.r", name.data(), name.size(),
                    0);
      }
      testing::SetMtime(tree, path, static_cast<int>(random()) / 2,
                        below(2) * below(1'000'000'000));
    }
    for (const std::string& path : directories) {
      if (!path.empty()) testing::SetMtime(tree, path, 1000 + below(9), 77);
    }
    TempDir copy;
    std::string tar = WriteTar(tree);
    Apply(tar, copy);
    ASSERT_THAT(DescribeTree(copy.fd()),
                ElementsAreArray(DescribeTree(tree.fd())))
        << "seed " << seed;
    // Over itself: every entry replaces one.
    Apply(tar, copy);
    ASSERT_THAT(DescribeTree(copy.fd()),
                ElementsAreArray(DescribeTree(tree.fd())))
        << "seed " << seed;
  }
}

}  // namespace
}  // namespace strake::oci
