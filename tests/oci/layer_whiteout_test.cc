// Whiteouts, as deletions and as markers for overlay.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

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

void MakeLower(const TempDir& root) {
  root.Write("file", "l");
  root.Write("dir/a", "l");
  root.Write("dir/sub/b", "l");
  root.Symlink("dir", "link");
}

TEST(LayerApplierTest, DeletesWhatAWhiteoutNames) {
  TempDir root;
  MakeLower(root);
  ASSERT_TRUE(IsOk(ApplyTar(TarBuilder()
                                .File(".wh.file", "")
                                .File("dir/.wh.sub", "")
                                .File(".wh.link", "")
                                .File("missing/.wh.x", "")
                                .File("dir/.wh.never-was", "")
                                .Build(),
                            root)));
  EXPECT_THAT(TreePaths(root), ElementsAre("dir", "dir/a"));
}

TEST(LayerApplierTest, AWhiteoutSparesItsOwnLayer) {
  for (bool whiteout_first : {true, false}) {
    TempDir root;
    MakeLower(root);
    TarBuilder tar;
    if (whiteout_first) tar.File(".wh.dir", "").File(".wh.file", "");
    tar.Dir("dir").File("dir/new").File("file", "new");
    if (!whiteout_first) tar.File(".wh.dir", "").File(".wh.file", "");
    ASSERT_TRUE(IsOk(ApplyTar(tar.Build(), root)));
    EXPECT_THAT(TreePaths(root), ElementsAre("dir", "dir/new", "file", "link"));
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
    ASSERT_TRUE(IsOk(ApplyTar(tar.Build(), root)));
    EXPECT_THAT(TreePaths(root),
                ElementsAre("dir", "dir/new", "dir/sub", "dir/sub/deep",
                            "dir/sub/deep/new", "file", "link"))
        << position;
  }
}

TEST(LayerApplierTest, SkipsAufsFiles) {
  TempDir root;
  ASSERT_TRUE(IsOk(ApplyTar(TarBuilder()
                                .File(".wh..wh.aufs", "")
                                .Dir(".wh..wh.plnk")
                                .File(".wh..wh.plnk/12.34")
                                .File("f")
                                .Build(),
                            root)));
  EXPECT_THAT(TreePaths(root), ElementsAre("f"));
}

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
    ASSERT_TRUE(IsOk(ApplyTar(TarBuilder()
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
    EXPECT_TRUE(S_ISCHR(StatOf(root, "gone").st_mode));
    EXPECT_EQ(0u, StatOf(root, "gone").st_rdev);
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
      ApplyTar(TarBuilder()
                   .Add({.name = "d", .type = '3', .link = {}, .content = {}})
                   .Build(),
               root, options),
      ErrorCode::kUnsupported, "0:0"));
  EXPECT_TRUE(FailsWith(
      ApplyTar(TarBuilder().File(".wh..wh..opq", "").Build(), root, options),
      ErrorCode::kUnsupported, "root"));
}

TEST(LayerApplierTest, DoesNotLetALayerSteerOurOverlay) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root for trusted xattrs";
  TempDir root;
  ASSERT_TRUE(IsOk(
      ApplyTar(TarBuilder()
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

}  // namespace
}  // namespace strake::oci
