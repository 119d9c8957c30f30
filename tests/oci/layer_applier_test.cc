#include "oci/layer_applier.h"

#include <gmock/gmock.h>
#include <grp.h>
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <random>

#include "tests/support/expect_result.h"
#include "tests/support/rich_tree.h"
#include "tests/support/scan_tree.h"
#include "tests/support/tar_builder.h"
#include "tests/support/temp_dir.h"

namespace strake::oci {
namespace {

using testing::DescribeTree;
using ::testing::ElementsAre;
using testing::FailsWith;
using ::testing::IsEmpty;
using testing::IsOk;
using testing::TarBuilder;
using testing::TempDir;

Result<LayerApplySummary> Apply(const std::string& tar, const TempDir& root,
                                const LayerApplyOptions& options = {}) {
  MemorySource source(tar);
  return ApplyLayer(source, root.fd(), options);
}

std::vector<std::string> Names(const TempDir& root) {
  std::vector<std::string> names;
  for (const Change& change : testing::ScanTree(root.fd())) {
    names.push_back(change.path);
  }
  return names;
}

struct stat Stat(const TempDir& root, const std::string& name) {
  struct stat info = {};
  EXPECT_EQ(0, ::lstat(root.path(name).c_str(), &info)) << name;
  return info;
}

// --- Escapes ----------------------------------------------------------------

struct Escape {
  const char* name;
  TarBuilder tar;
  const char* message;
};

TEST(LayerApplierTest, RefusesToLeaveTheRoot) {
  const std::vector<Escape> escapes = {
      {"dot dot", TarBuilder().File("../evil"), "\"..\""},
      {"dot dot inside", TarBuilder().File("a/../../evil"), "\"..\""},
      {"dot dot that stays", TarBuilder().Dir("a").File("a/../b"), "\"..\""},
      {"dot dot at the end", TarBuilder().Dir("a/.."), "\"..\""},
      {"absolute name", TarBuilder().File("/evil"), "absolute"},
      {"absolute directory", TarBuilder().Dir("/evil/"), "absolute"},
      {"symlink to the parent",
       TarBuilder().Symlink("up", "..").File("up/evil"),
       "leads out of the root"},
      {"symlink far up",
       TarBuilder()
           .Dir("a")
           .Symlink("a/up", "../../../outside/evil")
           .File("a/up/evil"),
       "leads out of the root"},
      {"absolute symlink",
       TarBuilder().Symlink("abs", "/outside").File("abs/evil"),
       "leads to nothing in the root"},
      {"chain of symlinks",
       TarBuilder()
           .Symlink("one", ".")
           .Symlink("two", "one/..")
           .File("two/evil"),
       "leads out of the root"},
      {"symlinks in a circle",
       TarBuilder().Symlink("a", "b").Symlink("b", "a").File("a/evil"),
       "leads in circles"},
      {"directory through a symlink",
       TarBuilder().Symlink("up", "../outside").Dir("up/evil"),
       "leads out of the root"},
      {"hard link outside", TarBuilder().HardLink("link", "../outside/secret"),
       "\"..\""},
      {"absolute hard link", TarBuilder().HardLink("link", "/outside/secret"),
       "absolute"},
      {"hard link through a symlink",
       TarBuilder().Symlink("up", "../outside").HardLink("link", "up/secret"),
       "leads out of the root"},
      {"hard link to a symlink's target, then written",
       TarBuilder()
           .Symlink("s", "../outside/secret")
           .HardLink("link", "s")
           .File("link/evil"),
       "leads out of the root"},
      {"whiteout outside", TarBuilder().File("../outside/.wh.secret", ""),
       "\"..\""},
      {"whiteout of the parent", TarBuilder().File(".wh...", ""),
       "a whiteout of nothing"},
      {"whiteout of itself", TarBuilder().File("a/.wh..", ""),
       "a whiteout of nothing"},
      {"whiteout of no name", TarBuilder().File(".wh.", ""),
       "a whiteout of nothing"},
      {"whiteout through a symlink",
       TarBuilder().Symlink("up", "../outside").File("up/.wh.secret", ""),
       "leads out of the root"},
      {"opaque through a symlink",
       TarBuilder().Symlink("up", "../outside").File("up/.wh..wh..opq", ""),
       "leads out of the root"},
      {"whiteout as a directory", TarBuilder().File(".wh.x/evil", ""),
       "a whiteout is no directory"},
      {"root as a symlink", TarBuilder().Symlink("./", "/outside"),
       "the root can only be a directory"},
      {"name in a pax header",
       TarBuilder().Pax("path", "../outside/evil").File("harmless"), "\"..\""},
      {"link in a pax header",
       TarBuilder().Pax("linkpath", "../outside/secret").HardLink("l", "l"),
       "\"..\""},
      {"file as a directory", TarBuilder().File("f").File("f/evil"),
       "is no directory"},
  };
  for (const Escape& escape : escapes) {
    for (WhiteoutForm form :
         {WhiteoutForm::kDelete, WhiteoutForm::kOverlayUser}) {
      TempDir place;
      place.Write("outside/secret", "secret");
      place.MakeDir("root");
      UniqueFd root(::open(place.path("root").c_str(), O_RDONLY | O_DIRECTORY));
      std::string tar = escape.tar.Build();
      MemorySource source(tar);
      LayerApplyOptions options;
      options.whiteouts = form;
      auto applied = ApplyLayer(source, root.get(), options);
      EXPECT_TRUE(FailsWith(applied, ErrorCode::kCorrupt, escape.message))
          << escape.name;
      EXPECT_EQ("secret", place.Read("outside/secret")) << escape.name;
      EXPECT_EQ(1u, Stat(place, "outside/secret").st_nlink) << escape.name;
      EXPECT_FALSE(place.Exists("outside/evil")) << escape.name;
      EXPECT_FALSE(place.Exists("evil")) << escape.name;
    }
  }
}

TEST(LayerApplierTest, NeverWritesThroughWhatIsThere) {
  TempDir place;
  place.Write("outside", "secret");
  place.MakeDir("root");
  place.Symlink("../outside", "root/link");
  ASSERT_EQ(0, ::link(place.path("outside").c_str(),
                      place.path("root/hard").c_str()));
  UniqueFd root(::open(place.path("root").c_str(), O_RDONLY | O_DIRECTORY));
  std::string tar =
      TarBuilder().File("link", "new").File("hard", "new").Build();
  MemorySource source(tar);
  ASSERT_TRUE(IsOk(ApplyLayer(source, root.get(), {})));
  EXPECT_EQ("secret", place.Read("outside"));
  EXPECT_EQ("new", place.Read("root/link"));
  EXPECT_EQ("new", place.Read("root/hard"));
}

TEST(LayerApplierTest, FollowsSymlinksThatStayInside) {
  // As in Debian, where /lib is a symlink and packages still say /lib.
  TempDir root;
  root.MakeDir("usr/lib");
  root.MakeDir("run");
  root.MakeDir("var");
  root.Symlink("usr/lib", "lib");
  root.Symlink("/run", "var/run");
  ASSERT_TRUE(IsOk(Apply(
      TarBuilder().Dir("lib/deep").File("lib/deep/a").File("var/run/b").Build(),
      root)));
  EXPECT_TRUE(root.Exists("usr/lib/deep/a"));
  EXPECT_TRUE(root.Exists("run/b"));
  struct stat info = Stat(root, "lib");
  EXPECT_TRUE(S_ISLNK(info.st_mode));
}

TEST(LayerApplierTest, SeesASymlinkThatChangesUnderWay) {
  TempDir root;
  ASSERT_TRUE(IsOk(Apply(TarBuilder()
                             .Dir("a")
                             .Dir("b")
                             .Symlink("s", "a")
                             .File("s/one")
                             .Symlink("s", "b")
                             .File("s/two")
                             .Dir("c")
                             .File("c/three")
                             .Symlink("c", "a")
                             .File("c/four")
                             .Build(),
                         root)));
  EXPECT_THAT(Names(root),
              ElementsAre("a", "a/four", "a/one", "b", "b/two", "c", "s"));
}

// --- Damaged tars -----------------------------------------------------------

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
    EXPECT_TRUE(FailsWith(Apply(damaged.bytes, root), ErrorCode::kCorrupt))
        << damaged.name;
  }
}

TEST(LayerApplierTest, AppliesAnEmptyLayer) {
  TempDir root;
  auto applied = Apply(std::string(1024, '\0'), root);
  ASSERT_TRUE(IsOk(applied));
  EXPECT_EQ(0u, applied->entries);
}

TEST(LayerApplierTest, RefusesOwnersThatNoFileCanHave) {
  for (const char* id : {"4294967295", "4294967296", "99999999999999", "-1"}) {
    TempDir root;
    EXPECT_TRUE(
        FailsWith(Apply(TarBuilder().Pax("uid", id).File("f").Build(), root),
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
    EXPECT_EQ(-1, Stat(root, "f").st_mtim.tv_sec);
    EXPECT_EQ(750'000'000, Stat(root, "f").st_mtim.tv_nsec);
  }
}

TEST(LayerApplierTest, SurvivesRandomDamage) {
  std::string sound = TarBuilder()
                          .Dir("d")
                          .File("d/f", std::string(1500, 'f'))
                          .Symlink("s", "../outside")
                          .HardLink("h", "d/f")
                          .Pax("path", "d/" + std::string(200, 'l'))
                          .File("x")
                          .Pax("SCHILY.xattr.user.k", "v")
                          .File("s2")
                          .File("d/.wh.f", "")
                          .File("d/.wh..wh..opq", "")
                          .Build();
  std::mt19937 random(3);
  TempDir place;
  place.Write("outside/secret", "secret");
  for (int i = 0; i < 400; ++i) {
    std::string tar = sound;
    for (unsigned n = 1 + random() % 6; n > 0; --n) {
      // Half of the time a header with its checksum put right.
      size_t at = random() % tar.size();
      tar[at] = static_cast<char>(random());
      size_t block = at / 512 * 512;
      if (random() % 2 == 0 || tar.substr(block + 257, 5) != "ustar") continue;
      std::string header = tar.substr(block, 512);
      header.replace(148, 8, 8, ' ');
      unsigned sum = 0;
      for (char c : header) sum += static_cast<unsigned char>(c);
      char text[16];
      std::snprintf(text, sizeof text, "%06o", sum);
      tar.replace(block + 148, 7, text, 7);
    }
    place.MakeDir("root");
    UniqueFd root(::open(place.path("root").c_str(), O_RDONLY | O_DIRECTORY));
    MemorySource source(tar);
    auto applied = ApplyLayer(source, root.get(), {});
    (void)applied;
    ASSERT_TRUE(IsOk(RemoveAllInRoot(place.fd(), "root")));
    ASSERT_THAT(Names(place), ElementsAre("outside", "outside/secret")) << i;
    ASSERT_EQ("secret", place.Read("outside/secret")) << i;
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

// --- Replacing --------------------------------------------------------------

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
      ASSERT_TRUE(IsOk(Apply(fresh.Build(), expected)));

      TempDir two_layers;
      TarBuilder lower;
      lower.File("other");
      add(lower, before);
      TarBuilder upper;
      add(upper, after);
      ASSERT_TRUE(IsOk(Apply(lower.Build(), two_layers)));
      ASSERT_TRUE(IsOk(Apply(upper.Build(), two_layers)));
      EXPECT_THAT(Names(two_layers),
                  ::testing::ElementsAreArray(Names(expected)));

      TempDir one_layer;
      add(lower, after);
      ASSERT_TRUE(IsOk(Apply(lower.Build(), one_layer)));
      EXPECT_THAT(Names(one_layer),
                  ::testing::ElementsAreArray(Names(expected)))
          << before << " to " << after;
      EXPECT_EQ(Stat(expected, "x").st_mode, Stat(one_layer, "x").st_mode);
    }
  }
}

TEST(LayerApplierTest, ADirectoryOverADirectoryKeepsWhatIsInIt) {
  TempDir root;
  root.Write("d/old", "old");
  ASSERT_TRUE(
      IsOk(Apply(TarBuilder().Dir("d", 0700).File("d/new").Build(), root)));
  EXPECT_THAT(Names(root), ElementsAre("d", "d/new", "d/old"));
  EXPECT_EQ(0700u, Stat(root, "d").st_mode & 07777);
}

TEST(LayerApplierTest, AHardLinkToItselfIsNothing) {
  TempDir root;
  ASSERT_TRUE(IsOk(Apply(
      TarBuilder().File("f", "kept").HardLink("f", "./f").Build(), root)));
  EXPECT_EQ("kept", root.Read("f"));
}

TEST(LayerApplierTest, AHardLinkMayLeadToALowerLayerWhereThatIsThere) {
  TempDir root;
  root.Write("lower", "l");
  std::string tar = TarBuilder().HardLink("upper", "lower").Build();
  ASSERT_TRUE(IsOk(Apply(tar, root)));
  EXPECT_EQ(2u, Stat(root, "lower").st_nlink);

  TempDir overlay;
  LayerApplyOptions options;
  options.whiteouts = WhiteoutForm::kOverlayTrusted;
  EXPECT_TRUE(FailsWith(Apply(tar, overlay, options), ErrorCode::kCorrupt,
                        "no such file in the layer"));
}

TEST(LayerApplierTest, RefusesAHardLinkToADirectory) {
  TempDir root;
  EXPECT_TRUE(
      FailsWith(Apply(TarBuilder().Dir("d").HardLink("l", "d").Build(), root),
                ErrorCode::kCorrupt, "is a directory"));
}

TEST(LayerApplierTest, MakesDirectoriesThatTheLayerDoesNotName) {
  TempDir root;
  root.MakeDir("there");
  auto applied = Apply(TarBuilder().File("there/a/b/f").Build(), root);
  ASSERT_TRUE(IsOk(applied));
  EXPECT_THAT(applied->implied_directories,
              ElementsAre("there/a", "there/a/b"));
  struct stat info = Stat(root, "there/a");
  EXPECT_EQ(0755u, info.st_mode & 07777);
  EXPECT_EQ(1'000'000'000, info.st_mtim.tv_sec);
}

TEST(LayerApplierTest, SetsTheTimesOfDirectoriesLast) {
  TempDir root;
  root.MakeDir("untouched");
  testing::SetMtime(root, "untouched", 12345, 678);
  testing::SetMtime(root, ".", 54321, 0);
  ASSERT_TRUE(IsOk(Apply(TarBuilder()
                             .Dir("d")
                             .Dir("d/e")
                             .File("d/e/f")
                             .File("untouched/g")
                             .File("untouched/.wh.nothing", "")
                             .Build(),
                         root)));
  EXPECT_EQ(1'000'000'000, Stat(root, "d").st_mtim.tv_sec);
  EXPECT_EQ(1'000'000'000, Stat(root, "d/e").st_mtim.tv_sec);
  EXPECT_EQ(12345, Stat(root, "untouched").st_mtim.tv_sec);
  EXPECT_EQ(678, Stat(root, "untouched").st_mtim.tv_nsec);
  EXPECT_EQ(54321, Stat(root, ".").st_mtim.tv_sec);
}

TEST(LayerApplierTest, DescribesTheRoot) {
  TempDir root;
  ASSERT_TRUE(
      IsOk(Apply(TarBuilder().Dir("./", 0711).File("./f").Build(), root)));
  EXPECT_EQ(0711u, Stat(root, ".").st_mode & 07777);
  EXPECT_EQ(1'000'000'000, Stat(root, ".").st_mtim.tv_sec);
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
  ASSERT_TRUE(IsOk(Apply(tar, root)));
  EXPECT_TRUE(root.Exists(path + "f1"));
  EXPECT_TRUE(root.Exists(path + "f2"));
  EXPECT_TRUE(root.Exists(path.substr(0, 400) + "f3"));
  EXPECT_TRUE(root.Exists("d/up"));
}

// --- Whiteouts as deletions -------------------------------------------------

void MakeLower(const TempDir& root) {
  root.Write("file", "l");
  root.Write("dir/a", "l");
  root.Write("dir/sub/b", "l");
  root.Symlink("dir", "link");
}

TEST(LayerApplierTest, DeletesWhatAWhiteoutNames) {
  TempDir root;
  MakeLower(root);
  ASSERT_TRUE(IsOk(Apply(TarBuilder()
                             .File(".wh.file", "")
                             .File("dir/.wh.sub", "")
                             .File(".wh.link", "")
                             .File("missing/.wh.x", "")
                             .File("dir/.wh.never-was", "")
                             .Build(),
                         root)));
  EXPECT_THAT(Names(root), ElementsAre("dir", "dir/a"));
}

TEST(LayerApplierTest, AWhiteoutSparesItsOwnLayer) {
  for (bool whiteout_first : {true, false}) {
    TempDir root;
    MakeLower(root);
    TarBuilder tar;
    if (whiteout_first) tar.File(".wh.dir", "").File(".wh.file", "");
    tar.Dir("dir").File("dir/new").File("file", "new");
    if (!whiteout_first) tar.File(".wh.dir", "").File(".wh.file", "");
    ASSERT_TRUE(IsOk(Apply(tar.Build(), root)));
    EXPECT_THAT(Names(root), ElementsAre("dir", "dir/new", "file", "link"));
    EXPECT_EQ("new", root.Read("file"));
  }
}

TEST(LayerApplierTest, AnOpaqueWhiteoutSparesItsOwnLayerInAnyOrder) {
  for (int position = 0; position < 3; ++position) {
    TempDir root;
    MakeLower(root);
    root.Write("dir/sub/deep/c", "l");
    TarBuilder tar;
    tar.Dir("dir");
    if (position == 0) tar.File("dir/.wh..wh..opq", "");
    tar.File("dir/new");
    if (position == 1) tar.File("dir/.wh..wh..opq", "");
    tar.File("dir/sub/deep/new");
    if (position == 2) tar.File("dir/.wh..wh..opq", "");
    ASSERT_TRUE(IsOk(Apply(tar.Build(), root)));
    EXPECT_THAT(Names(root),
                ElementsAre("dir", "dir/new", "dir/sub", "dir/sub/deep",
                            "dir/sub/deep/new", "file", "link"))
        << position;
  }
}

TEST(LayerApplierTest, SkipsAufsFiles) {
  TempDir root;
  ASSERT_TRUE(IsOk(Apply(TarBuilder()
                             .File(".wh..wh.aufs", "")
                             .Dir(".wh..wh.plnk")
                             .File(".wh..wh.plnk/12.34")
                             .File("f")
                             .Build(),
                         root)));
  EXPECT_THAT(Names(root), ElementsAre("f"));
}

// --- Whiteouts for overlay --------------------------------------------------

std::string Opaque(const TempDir& root, const std::string& name,
                   const char* key) {
  char value[8];
  ssize_t size = ::getxattr(root.path(name).c_str(), key, value, sizeof value);
  return size < 0 ? "" : std::string(value, static_cast<size_t>(size));
}

TEST(LayerApplierTest, LeavesMarkersForOverlay) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root for overlay's markers";
  struct Form {
    WhiteoutForm form;
    const char* key;
  };
  for (const Form& form :
       {Form{WhiteoutForm::kOverlayTrusted, "trusted.overlay.opaque"},
        Form{WhiteoutForm::kOverlayUser, "user.overlay.opaque"}}) {
    LayerApplyOptions options;
    options.whiteouts = form.form;
    TempDir root;
    ASSERT_TRUE(IsOk(Apply(TarBuilder()
                               .File(".wh.gone", "")
                               .Dir("opaque")
                               .File("opaque/.wh..wh..opq", "")
                               .File(".wh.replaced", "")
                               .Dir("replaced")
                               .Dir("late")
                               .File("late/f")
                               .File(".wh.late", "")
                               .File(".wh.file", "")
                               .File("file", "f")
                               .File("file2", "f")
                               .File(".wh.file2", "")
                               .File(".wh.implied", "")
                               .File("implied/f")
                               .Build(),
                           root, options)));
    EXPECT_TRUE(S_ISCHR(Stat(root, "gone").st_mode));
    EXPECT_EQ(0u, Stat(root, "gone").st_rdev);
    for (const char* name : {"opaque", "replaced", "late", "implied"}) {
      EXPECT_EQ("y", Opaque(root, name, form.key)) << name;
    }
    EXPECT_EQ("f", root.Read("file"));
    EXPECT_EQ("f", root.Read("file2"));
    EXPECT_TRUE(root.Exists("late/f"));
  }
}

TEST(LayerApplierTest, RefusesWhatAnOverlayCannotHold) {
  LayerApplyOptions options;
  options.whiteouts = WhiteoutForm::kOverlayTrusted;
  TempDir root;
  EXPECT_TRUE(FailsWith(
      Apply(TarBuilder()
                .Add({.name = "d", .type = '3', .link = {}, .content = {}})
                .Build(),
            root, options),
      ErrorCode::kUnsupported, "0:0"));
  EXPECT_TRUE(FailsWith(
      Apply(TarBuilder().File(".wh..wh..opq", "").Build(), root, options),
      ErrorCode::kUnsupported, "root"));
}

TEST(LayerApplierTest, DoesNotLetALayerSteerOurOverlay) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root for trusted xattrs";
  TempDir root;
  ASSERT_TRUE(
      IsOk(Apply(TarBuilder()
                     .Pax("SCHILY.xattr.trusted.overlay.redirect", "/elsewhere")
                     .Dir("d")
                     .Pax("SCHILY.xattr.user.overlay.opaque", "y")
                     .Dir("e")
                     .Pax("SCHILY.xattr.user.mine", "m")
                     .Dir("f")
                     .Build(),
                 root)));
  EXPECT_EQ("", Opaque(root, "d", "trusted.overlay.redirect"));
  EXPECT_EQ("", Opaque(root, "e", "user.overlay.opaque"));
  EXPECT_EQ("m", Opaque(root, "f", "user.mine"));
}

// --- The journal ------------------------------------------------------------

// Runs `body` in a child process as an ordinary user; its failures are ours.
template <typename Body>
void AsUser(Body body) {
  constexpr unsigned kNobody = 65534;
  std::fflush(nullptr);
  pid_t child = ::fork();
  if (child == 0) {
    if (::setgroups(0, nullptr) != 0 || ::setgid(kNobody) != 0 ||
        ::setuid(kNobody) != 0) {
      ::_exit(99);
    }
    body();
    std::fflush(nullptr);
    ::_exit(::testing::Test::HasFailure() ? 1 : 0);
  }
  int status = 0;
  ASSERT_EQ(child, ::waitpid(child, &status, 0));
  EXPECT_EQ(0, status);
}

TEST(LayerApplierTest, JournalsWhatTheKernelRefuses) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root to become another user";
  TarBuilder tar;
  tar.Add({.name = "owned",
           .type = '0',
           .link = {},
           .content = "o",
           .mode = 04755,
           .uid = 12,
           .gid = 34});
  tar.HardLink("owned-too", "owned");
  tar.Add({.name = "null",
           .type = '3',
           .link = {},
           .content = {},
           .mode = 0666,
           .uid = 0,
           .gid = 0,
           .mtime = 5,
           .major = 1,
           .minor = 3});
  tar.Pax("SCHILY.xattr.security.capability", testing::NetRawCapability());
  tar.Add({.name = "capable",
           .type = '0',
           .link = {},
           .content = "c",
           .mode = 0555,
           .uid = 65534,
           .gid = 65534});
  tar.Add({.name = "closed",
           .type = '5',
           .link = {},
           .content = {},
           .mode = 0,
           .uid = 65534,
           .gid = 65534});
  tar.Add({.name = "closed/mine",
           .type = '0',
           .link = {},
           .content = "m",
           .mode = 0644,
           .uid = 65534,
           .gid = 65534});
  tar.Symlink("link", "owned");
  std::string bytes = tar.Build();
  AsUser([&] {
    TempDir root;
    OwnershipJournal journal;
    LayerApplyOptions options;
    options.journal = &journal;
    EXPECT_TRUE(IsOk(Apply(bytes, root, options)));

    const VirtualMetadata* owned = journal.Find("owned");
    ASSERT_NE(nullptr, owned);
    EXPECT_EQ(S_IFREG | 04755u, owned->mode);
    EXPECT_EQ(12u, owned->uid);
    EXPECT_EQ(34u, owned->gid);
    EXPECT_EQ(0755u, Stat(root, "owned").st_mode & 07777)
        << "must not be set-user-ID to the caller";
    ASSERT_NE(nullptr, journal.Find("owned-too"));
    EXPECT_EQ(*owned, *journal.Find("owned-too"));

    const VirtualMetadata* null = journal.Find("null");
    ASSERT_NE(nullptr, null);
    EXPECT_EQ(S_IFCHR | 0666u, null->mode);
    EXPECT_EQ(makedev(1, 3), null->rdev);
    EXPECT_TRUE(S_ISREG(Stat(root, "null").st_mode));
    EXPECT_EQ(5, Stat(root, "null").st_mtim.tv_sec);

    const VirtualMetadata* capable = journal.Find("capable");
    ASSERT_NE(nullptr, capable);
    EXPECT_EQ(testing::NetRawCapability(),
              capable->xattrs.at("security.capability"));
    EXPECT_EQ(S_IFREG | 0555u, capable->mode);
    EXPECT_EQ(0755u, Stat(root, "capable").st_mode & 07777);

    ASSERT_NE(nullptr, journal.Find("closed"));
    EXPECT_EQ(0u, journal.Find("closed")->mode & 07777);
    EXPECT_EQ(0700u, Stat(root, "closed").st_mode & 07777);
    EXPECT_EQ(nullptr, journal.Find("closed/mine"));
    EXPECT_NE(nullptr, journal.Find("link"));

    // A second layer forgets what it replaces and deletes.
    EXPECT_TRUE(IsOk(Apply(TarBuilder()
                               .Add({.name = "owned",
                                     .type = '0',
                                     .link = {},
                                     .content = "n",
                                     .mode = 0644,
                                     .uid = 65534,
                                     .gid = 65534})
                               .File(".wh.closed", "")
                               .File(".wh.null", "")
                               .Build(),
                           root, options)));
    EXPECT_EQ(nullptr, journal.Find("owned"));
    EXPECT_NE(nullptr, journal.Find("owned-too"));
    EXPECT_EQ(nullptr, journal.Find("closed"));
    EXPECT_EQ(nullptr, journal.Find("null"));
  });
}

TEST(LayerApplierTest, WithoutAJournalARefusalIsAnError) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root to become another user";
  std::string bytes = TarBuilder().File("f").Build();
  AsUser([&] {
    TempDir root;
    EXPECT_TRUE(FailsWith(Apply(bytes, root), ErrorCode::kIo, "owner 0:0"));
  });
}

TEST(LayerApplierTest, RootNeedsNoJournal) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root";
  TempDir root;
  OwnershipJournal journal;
  LayerApplyOptions options;
  options.journal = &journal;
  TarBuilder tar;
  tar.Add({.name = "f",
           .type = '0',
           .link = {},
           .content = "o",
           .mode = 04000,
           .uid = 12,
           .gid = 34});
  tar.Add({.name = "d", .type = '5', .link = {}, .content = {}, .mode = 0});
  ASSERT_TRUE(IsOk(Apply(tar.Build(), root, options)));
  EXPECT_TRUE(journal.empty());
  EXPECT_EQ(04000u, Stat(root, "f").st_mode & 07777);
}

}  // namespace
}  // namespace strake::oci
