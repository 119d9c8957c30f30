#include "oci/layer_applier.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/support/apply_tar.h"
#include "tests/support/expect_result.h"
#include "tests/support/rich_tree.h"
#include "tests/support/tar_builder.h"

namespace strake::oci {
namespace {

using testing::ApplyTar;
using ::testing::ElementsAre;
using testing::FailsWith;
using testing::IsOk;
using testing::StatOf;
using testing::TarBuilder;
using testing::TempDir;
using testing::TreePaths;

TEST(LayerApplierTest, ReportsDamage) {
  std::string tar = TarBuilder().File("file", std::string(2000, 'x')).Build();
  struct Case {
    const char* name;
    std::string bytes;
  };
  std::string bad_checksum = tar;
  bad_checksum[0] = 'g';
  for (const Case& damaged : {
           Case{"not a tar", std::string(1024, 'x')},
           Case{"nothing", ""},
           Case{"within a header", tar.substr(0, 300)},
           Case{"within the content", tar.substr(0, 1500)},
           Case{"wrong checksum", bad_checksum},
       }) {
    TempDir root;
    EXPECT_TRUE(FailsWith(ApplyTar(damaged.bytes, root), ErrorCode::kCorrupt))
        << damaged.name;
  }
}

TEST(LayerApplierTest, AppliesAnEmptyLayer) {
  TempDir root;
  auto applied = ApplyTar(std::string(1024, '\0'), root);
  ASSERT_TRUE(IsOk(applied));
  EXPECT_EQ(0u, applied->entries);
}

TEST(LayerApplierTest, AnOutlineHasMetadataAndUsersOnly) {
  TempDir root;
  auto applied = ApplyTar(TarBuilder()
                              .Dir("etc/")
                              .File("etc/passwd", "root:x:0:0::/:/bin/sh\n")
                              .File("etc/hosts", std::string(5000, 'x'))
                              .HardLink("etc/again", "etc/hosts")
                              .File("last", "content")
                              .Build(),
                          root, {.contents = LayerContents::kOutline});
  ASSERT_TRUE(IsOk(applied));
  EXPECT_EQ("root:x:0:0::/:/bin/sh\n", root.Read("etc/passwd"));
  EXPECT_EQ(std::string(5000, '\0'), root.Read("etc/hosts"));
  EXPECT_EQ(2u, StatOf(root, "etc/again").st_nlink);
  EXPECT_EQ(std::string(7, '\0'), root.Read("last"));
}

// kaniko writes the root as "/", and hard links with the path of their target.
TEST(LayerApplierTest, TakesAnAbsoluteNameOfTheRootAndOfALinksTarget) {
  TempDir root;
  auto applied = ApplyTar(TarBuilder()
                              .Dir("/")
                              .File("app/a", "content")
                              .HardLink("app/b", "/app/a")
                              .Build(),
                          root);
  ASSERT_TRUE(IsOk(applied));
  EXPECT_EQ("content", root.Read("app/b"));
  EXPECT_EQ(StatOf(root, "app/a").st_ino, StatOf(root, "app/b").st_ino);
}

TEST(LayerApplierTest, RefusesOwnersThatNoFileCanHave) {
  for (const char* id : {"4294967295", "4294967296", "99999999999999", "-1"}) {
    TempDir root;
    EXPECT_TRUE(
        FailsWith(ApplyTar(TarBuilder().Pax("uid", id).File("f").Build(), root),
                  ErrorCode::kCorrupt, "out of range"))
        << id;
  }
}

class FailingSource final : public ByteSource {
 public:
  Result<size_t> Read(std::span<std::byte>) override {
    return Error(ErrorCode::kUnavailable, "the line broke");
  }
};

TEST(LayerApplierTest, PassesOnTheSourcesError) {
  TempDir root;
  FailingSource source;
  EXPECT_TRUE(FailsWith(ApplyLayer(source, root.fd(), {}),
                        ErrorCode::kUnavailable, "the line broke"));
}

// Reads in pieces of odd sizes and notes whether the end was seen.
class DrippingSource final : public ByteSource {
 public:
  explicit DrippingSource(std::string_view bytes) : bytes_(bytes) {}
  Result<size_t> Read(std::span<std::byte> buffer) override {
    size_t size = std::min({buffer.size(), bytes_.size(), size_t{677}});
    std::copy_n(reinterpret_cast<const std::byte*>(bytes_.data()), size,
                buffer.begin());
    bytes_.remove_prefix(size);
    end_seen |= size == 0;
    return size;
  }
  bool end_seen = false;

 private:
  std::string_view bytes_;
};

TEST(LayerApplierTest, ReadsTheLayerToItsEnd) {
  std::string tar = TarBuilder().File("f", std::string(5000, 'f')).Build() +
                    std::string(20480, '\0');
  TempDir root;
  DrippingSource source(tar);
  ASSERT_TRUE(IsOk(ApplyLayer(source, root.fd(), {})));
  EXPECT_TRUE(source.end_seen);
  EXPECT_EQ(std::string(5000, 'f'), root.Read("f"));
}

TEST(LayerApplierTest, ReadsTheSignOfATimeThatItsPieceOfTheTarHasCut) {
  for (size_t before : {0, 500, 1000, 3000}) {
    std::string tar = TarBuilder()
                          .File("first", std::string(before, 'x'))
                          .Pax("mtime", "-0.25")
                          .File("f")
                          .Build();
    TempDir root;
    DrippingSource source(tar);
    ASSERT_TRUE(IsOk(ApplyLayer(source, root.fd(), {})));
    EXPECT_EQ(-1, StatOf(root, "f").st_mtim.tv_sec);
    EXPECT_EQ(750'000'000, StatOf(root, "f").st_mtim.tv_nsec);
  }
}

TEST(LayerApplierTest, ReportsAFullDisk) {
  TempDir dir;
  if (::mount("tmpfs", dir.path().c_str(), "tmpfs", 0, "size=1m") != 0) {
    GTEST_SKIP() << "cannot mount a small tmpfs: needs root";
  }
  {
    UniqueFd root(::open(dir.path().c_str(), O_RDONLY | O_DIRECTORY));
    std::string tar =
        TarBuilder().File("big", std::string(2 << 20, 'b')).Build();
    MemorySource source(tar);
    EXPECT_TRUE(FailsWith(ApplyLayer(source, root.get(), {}), ErrorCode::kIo,
                          "No space left on device"));
  }
  EXPECT_EQ(0, ::umount(dir.path().c_str()));
}

TEST(LayerApplierTest, ReplacesEveryKindByEveryOther) {
  auto add = [](TarBuilder& tar, int kind) {
    switch (kind) {
      case 0:
        tar.File("x", "file");
        break;
      case 1:
        tar.Dir("x").File("x/inside");
        break;
      case 2:
        tar.Symlink("x", "target");
        break;
      case 3:
        tar.HardLink("x", "other");
        break;
      case 4:
        tar.Add({.name = "x", .type = '6', .link = {}, .content = {}});
        break;
    }
  };
  for (int before = 0; before < 5; ++before) {
    for (int after = 0; after < 5; ++after) {
      TempDir expected;
      TarBuilder fresh;
      fresh.File("other");
      add(fresh, after);
      ASSERT_TRUE(IsOk(ApplyTar(fresh.Build(), expected)));

      TempDir two_layers;
      TarBuilder lower;
      lower.File("other");
      add(lower, before);
      TarBuilder upper;
      add(upper, after);
      ASSERT_TRUE(IsOk(ApplyTar(lower.Build(), two_layers)));
      ASSERT_TRUE(IsOk(ApplyTar(upper.Build(), two_layers)));
      EXPECT_THAT(TreePaths(two_layers),
                  ::testing::ElementsAreArray(TreePaths(expected)));

      TempDir one_layer;
      add(lower, after);
      ASSERT_TRUE(IsOk(ApplyTar(lower.Build(), one_layer)));
      EXPECT_THAT(TreePaths(one_layer),
                  ::testing::ElementsAreArray(TreePaths(expected)))
          << before << " to " << after;
      EXPECT_EQ(StatOf(expected, "x").st_mode, StatOf(one_layer, "x").st_mode);
    }
  }
}

TEST(LayerApplierTest, ADirectoryOverADirectoryKeepsWhatIsInIt) {
  TempDir root;
  root.Write("d/old", "old");
  ASSERT_TRUE(
      IsOk(ApplyTar(TarBuilder().Dir("d", 0700).File("d/new").Build(), root)));
  EXPECT_THAT(TreePaths(root), ElementsAre("d", "d/new", "d/old"));
  EXPECT_EQ(0700u, StatOf(root, "d").st_mode & 07777);
}

TEST(LayerApplierTest, AHardLinkToItselfIsNothing) {
  TempDir root;
  ASSERT_TRUE(IsOk(ApplyTar(
      TarBuilder().File("f", "kept").HardLink("f", "./f").Build(), root)));
  EXPECT_EQ("kept", root.Read("f"));
}

TEST(LayerApplierTest, AHardLinkMayLeadToALowerLayerWhereThatIsThere) {
  TempDir root;
  root.Write("lower", "l");
  std::string tar = TarBuilder().HardLink("upper", "lower").Build();
  ASSERT_TRUE(IsOk(ApplyTar(tar, root)));
  EXPECT_EQ(2u, StatOf(root, "lower").st_nlink);

  TempDir overlay;
  LayerApplyOptions options;
  options.whiteouts = WhiteoutForm::kOverlayTrusted;
  EXPECT_TRUE(FailsWith(ApplyTar(tar, overlay, options), ErrorCode::kCorrupt,
                        "no such file in the layer"));
}

TEST(LayerApplierTest, RefusesAHardLinkToADirectory) {
  TempDir root;
  EXPECT_TRUE(FailsWith(
      ApplyTar(TarBuilder().Dir("d").HardLink("l", "d").Build(), root),
      ErrorCode::kCorrupt, "is a directory"));
}

TEST(LayerApplierTest, MakesDirectoriesThatTheLayerDoesNotName) {
  TempDir root;
  root.MakeDir("there");
  auto applied = ApplyTar(TarBuilder().File("there/a/b/f").Build(), root);
  ASSERT_TRUE(IsOk(applied));
  EXPECT_THAT(applied->implied_directories,
              ElementsAre("there/a", "there/a/b"));
  struct stat info = StatOf(root, "there/a");
  EXPECT_EQ(0755u, info.st_mode & 07777);
  EXPECT_EQ(1'000'000'000, info.st_mtim.tv_sec);
}

TEST(LayerApplierTest, SetsTheTimesOfDirectoriesLast) {
  TempDir root;
  root.MakeDir("untouched");
  testing::SetMtime(root, "untouched", 12345, 678);
  testing::SetMtime(root, ".", 54321, 0);
  ASSERT_TRUE(IsOk(ApplyTar(TarBuilder()
                                .Dir("d")
                                .Dir("d/e")
                                .File("d/e/f")
                                .File("untouched/g")
                                .File("untouched/.wh.nothing", "")
                                .Build(),
                            root)));
  EXPECT_EQ(1'000'000'000, StatOf(root, "d").st_mtim.tv_sec);
  EXPECT_EQ(1'000'000'000, StatOf(root, "d/e").st_mtim.tv_sec);
  EXPECT_EQ(12345, StatOf(root, "untouched").st_mtim.tv_sec);
  EXPECT_EQ(678, StatOf(root, "untouched").st_mtim.tv_nsec);
  EXPECT_EQ(54321, StatOf(root, ".").st_mtim.tv_sec);
}

TEST(LayerApplierTest, DescribesTheRoot) {
  TempDir root;
  ASSERT_TRUE(
      IsOk(ApplyTar(TarBuilder().Dir("./", 0711).File("./f").Build(), root)));
  EXPECT_EQ(0711u, StatOf(root, ".").st_mode & 07777);
  EXPECT_EQ(1'000'000'000, StatOf(root, ".").st_mtim.tv_sec);
}

TEST(LayerApplierTest, HandlesVeryDeepPaths) {
  // Deeper than descriptors may be open at once.
  std::string path;
  for (int i = 0; i < 300; ++i) path += "d/";
  TempDir root;
  std::string tar = TarBuilder()
                        .Pax("path", path + "f1")
                        .File("x")
                        .File("d/up")
                        .Pax("path", path + "f2")
                        .File("x")
                        .Pax("path", path.substr(0, 400) + "f3")
                        .File("x")
                        .Build();
  ASSERT_TRUE(IsOk(ApplyTar(tar, root)));
  EXPECT_TRUE(root.Exists(path + "f1"));
  EXPECT_TRUE(root.Exists(path + "f2"));
  EXPECT_TRUE(root.Exists(path.substr(0, 400) + "f3"));
  EXPECT_TRUE(root.Exists("d/up"));
}

}  // namespace
}  // namespace strake::oci
