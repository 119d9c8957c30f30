// Layers that try to leave the root, or are damaged at random.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <random>

#include "oci/layer_applier.h"
#include "tests/support/apply_tar.h"
#include "tests/support/expect_result.h"
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
       "there is no such"},
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
      EXPECT_EQ(1u, StatOf(place, "outside/secret").st_nlink) << escape.name;
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
  ASSERT_TRUE(IsOk(ApplyTar(
      TarBuilder().Dir("lib/deep").File("lib/deep/a").File("var/run/b").Build(),
      root)));
  EXPECT_TRUE(root.Exists("usr/lib/deep/a"));
  EXPECT_TRUE(root.Exists("run/b"));
  struct stat info = StatOf(root, "lib");
  EXPECT_TRUE(S_ISLNK(info.st_mode));
}

TEST(LayerApplierTest, SeesASymlinkThatChangesUnderWay) {
  TempDir root;
  ASSERT_TRUE(IsOk(ApplyTar(TarBuilder()
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
  EXPECT_THAT(TreePaths(root),
              ElementsAre("a", "a/four", "a/one", "b", "b/two", "c", "s"));
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
    ASSERT_THAT(TreePaths(place), ElementsAre("outside", "outside/secret"))
        << i;
    ASSERT_EQ("secret", place.Read("outside/secret")) << i;
  }
}

}  // namespace
}  // namespace strake::oci
