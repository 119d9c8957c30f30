// Every kind of change, made to all snapshotters: each must see exactly what
// the table says, and all must make the same layer of it.

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <string>
#include <vector>

#include "tests/builder/snapshot/snapshot_testing.h"
#include "util/file_copy.h"
#include "util/tree_walk.h"

namespace strake::builder::snapshot {
namespace {

using Lines = std::vector<std::string>;

constexpr const char* kBase = "ba5e0000";
constexpr const char* kMiddle = "111dd1e0";
constexpr const char* kTop = "70900000";
constexpr const char* kOther = "07be0000";

// What every case starts from, in two layers, so that the upper one hides and
// merges with something. (It must not touch hard links: see the last test.)
constexpr const char* kBaseScript = R"(
  mkdir -p dir/sub empty other
  echo one > dir/file; echo deep > dir/sub/deep; echo two > file
  echo gone > dir/gone; echo x > exec; chmod 755 exec
  ln -s file link; echo hard > hard1; ln hard1 hard2; ln hard1 other/hard3
  mkfifo fifo; : > zero
  find . -exec touch -h -d '2001-02-03 04:05:06.789' {} +
)";
constexpr const char* kMiddleScript = R"(
  rm dir/gone; echo more > dir/middle; chmod 700 empty
  mkdir -p dir/sub/below; echo b > dir/sub/below/file
  find dir empty -exec touch -h -d '2001-02-03 04:05:06.789' {} +
)";

struct Case {
  const char* name;
  const char* script;
  Lines expected;
  bool needs_root = false;
};

// "touch -d" puts back a directory's time where the case is not about it.
#define RESTORE(path) "; touch -h -d '2001-02-03 04:05:06.789' " path

const Case kCases[] = {
    {"Nothing", "true", {}},
    {"Reading", "cat file dir/file > /dev/null; find . > /dev/null", {}},
    {"OpenedForWriting", ": >> file", {}},
    {"AddFile", "echo x > dir/new", {"M dir", "M dir/new"}},
    {"AddFileAtTheTop", "echo x > new", {"M new"}},
    {"AddDirectory", "mkdir -p new/sub", {"M new", "M new/sub"}},
    {"AddAndRemove", "echo x > dir/t; rm dir/t", {"M dir"}},
    {"AddAndRemoveTracelessly", "echo x > dir/t; rm dir/t" RESTORE("dir"), {}},
    {"Append", "echo x >> file", {"M file"}},
    {"Truncate", ": > file", {"M file"}},
    {"SameSizeAndTime", "echo TWO > file" RESTORE("file"), {"M file"}},
    {"SameContentAndTime", "echo two > file" RESTORE("file"), {}},
    {"ReplacedByItsLike", "cp -p file t; mv t file", {}},
    {"ChangeMode", "chmod 600 file", {"M file"}},
    {"ChangeModeAndBack", "chmod 600 file; chmod 644 file", {}},
    {"ChangeOwner", "chown 12:34 file", {"M file"}, true},
    {"ChangeGroupOfLink", "chown -h :34 link", {"M link"}, true},
    {"Touch", "touch file", {"M file"}},
    {"TouchDirectory", "touch dir", {"M dir"}},
    {"ChangeModeOfDirectory", "chmod 711 dir", {"M dir"}},
    {"ChangeModeOfTheRoot", "chmod 711 .", {}},
    {"DeleteFile", "rm dir/file", {"M dir", "D dir/file"}},
    {"DeleteDirectory", "rm -r dir", {"D dir"}},
    {"DeleteEverything",
     "rm -r ./*",
     {"D dir", "D empty", "D exec", "D fifo", "D file", "D hard1", "D hard2",
      "D link", "D other", "D zero"}},
    {"DeleteWhatTheMiddleAdded",
     "rm dir/middle" RESTORE("dir"),
     {"D dir/middle"}},
    {"RecreateWhatTheMiddleDeleted",
     "echo again > dir/gone",
     {"M dir", "M dir/gone"}},
    {"DirectoryToFile", "rm -r dir; echo x > dir", {"M dir"}},
    {"DirectoryToLink", "rm -r dir; ln -s other dir", {"M dir"}},
    {"DirectoryToOtherLikeIt",
     "rm -r empty; cp -a other empty",
     {"M empty", "M empty/hard3"}},
    {"FileToDirectory",
     "rm file; mkdir file; echo x > file/in",
     {"M file", "M file/in"}},
    {"LinkToDirectory", "rm link; mkdir link", {"M link"}},
    {"LinkElsewhere", "ln -sfn other link", {"M link"}},
    {"LinkToFile", "rm link; echo x > link", {"M link"}},
    {"FifoToFile", "rm fifo; : > fifo", {"M fifo"}},
    {"EmptyAnEmptyFile", ": > zero" RESTORE("zero"), {}},
    {"RenameFile", "mv file dir/renamed", {"M dir", "M dir/renamed", "D file"}},
    {"RenameDirectory",
     "mv dir moved",
     {"D dir", "M moved", "M moved/file", "M moved/middle", "M moved/sub",
      "M moved/sub/below", "M moved/sub/below/file", "M moved/sub/deep"}},
    {"SwapFiles", "mv file t; mv exec file; mv t exec", {"M exec", "M file"}},
    {"RecreateDirectoryEmpty",
     "rm -r dir; mkdir dir",
     {"M dir", "D dir/file", "D dir/middle", "D dir/sub"}},
    {"RecreateDirectoryPartly",
     "rm -r dir; mkdir -p dir/sub/new; echo x > dir/sub/x",
     {"M dir", "D dir/file", "D dir/middle", "M dir/sub", "D dir/sub/below",
      "D dir/sub/deep", "M dir/sub/new", "M dir/sub/x"}},
    {"RecreateDirectoryAsItWas", "cp -a dir t; rm -r dir; mv t dir", {}},
    {"RecreateDirectoryAndAFileInIt",
     "cp -p dir/file t; rm -r dir; mkdir dir; mv t dir/file",
     {"M dir", "D dir/middle", "D dir/sub"}},
    {"RecreateDeepDirectory",
     "rm -r dir/sub/below; mkdir dir/sub/below",
     {"M dir/sub", "M dir/sub/below", "D dir/sub/below/file"}},
    {"AddHardLink",
     "ln file dir/linked" RESTORE("dir"),
     {"M dir/linked", "M file"}},
    {"AddTwoNamesOfANewFile",
     "echo x > new1; ln new1 new2",
     {"M new1", "M new2"}},
    {"RemoveHardLink", "rm hard1", {"D hard1"}},
    {"BreakHardLink",
     "cp -p hard2 t; mv t hard2; chmod 600 hard2",
     {"M hard2"}},
    {"MakeDevices",
     "mknod null c 1 3; mknod loop b 7 0",
     {"M loop", "M null"},
     true},
    {"AddAttribute", "", {"M file"}},  // in C++, below
    {"RemoveAttribute", "", {}},       // likewise
    {"AddAttributeToDirectory", "", {"M dir"}},
    {"MakeSocket", "", {}},
    {"FileToSocket", "", {"D file"}},
    {"OddNames",
     "echo x > \"dir/a\nb\"; echo x > \"$(printf 'dir/\\377')\"; "
     "echo x > 'dir/.wh'; echo x > 'dir/ .'" RESTORE("dir"),
     {"M dir/ .", "M dir/.wh", "M dir/a\nb", "M dir/\xff"}},
    {"SortsByComponent",
     "mkdir a; echo x > a/b; echo x > a.b; echo x > a-; mkdir a0",
     {"M a", "M a/b", "M a-", "M a.b", "M a0"}},
    {"SparseFile",
     "truncate -s 50M dir/sparse; echo end >> dir/sparse",
     {"M dir", "M dir/sparse"}},
    {"Unreadable",
     "echo x > secret; chmod 0 secret; mkdir shut; "
     "echo x > shut/in; chmod 0 shut",
     {"M secret", "M shut", "M shut/in"}},
    {"Deep",
     "d=.; for i in $(seq 40); do d=$d/d$i; done; mkdir -p $d; "
     "rm -r d1/d2/d3; echo x > d1/d2/f",
     {"M d1", "M d1/d2", "M d1/d2/f"}},
};

void MakeSocket(int root, const char* name) {
  UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  struct sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  std::string path =
      "/proc/self/fd/" + std::to_string(root) + "/" + std::string(name);
  ASSERT_LT(path.size(), sizeof address.sun_path);
  std::memcpy(address.sun_path, path.c_str(), path.size());
  ASSERT_EQ(0, ::bind(fd.get(), reinterpret_cast<sockaddr*>(&address),
                      sizeof address))
      << std::strerror(errno);
}

// The cases that a shell cannot do.
void ChangeInCpp(std::string_view name, int root) {
  if (name == "AddAttribute") {
    ASSERT_TRUE(SetXattrAt(root, "file", "user.color", "blue"));
  } else if (name == "RemoveAttribute") {
    ASSERT_TRUE(SetXattrAt(root, "file", "user.color", "blue"));
    std::string path = "/proc/self/fd/" + std::to_string(root) + "/file";
    ASSERT_EQ(0, ::removexattr(path.c_str(), "user.color"));
  } else if (name == "AddAttributeToDirectory") {
    ASSERT_TRUE(SetXattrAt(root, "dir", "user.color", "blue"));
  } else if (name == "MakeSocket") {
    MakeSocket(root, "socket");
  } else if (name == "FileToSocket") {
    ASSERT_EQ(0, ::unlinkat(root, "file", 0));
    MakeSocket(root, "file");
  }
}

void MakeBase(SnapshotterUnderTest& snapshots) {
  snapshots.Make(kBase, {}, kBaseScript);
  snapshots.Make(kMiddle, kBase, kMiddleScript);
}

class SnapshotterDiffTest : public ::testing::TestWithParam<Case> {};

INSTANTIATE_TEST_SUITE_P(Change, SnapshotterDiffTest,
                         ::testing::ValuesIn(kCases),
                         [](const auto& info) { return info.param.name; });

TEST_P(SnapshotterDiffTest, IsWhatTheTableSaysInAll) {
  const Case& test = GetParam();
  if (test.needs_root && TestOwnership() != OwnershipForm::kReal) {
    GTEST_SKIP() << "needs real owners";
  }
  std::vector<std::string> diff_ids;
  for (const char* kind : {"overlay", "plain", "handed"}) {
    SCOPED_TRACE(kind);
    SnapshotterUnderTest snapshots(kind);
    if (!snapshots) {
      EXPECT_STREQ("overlay", kind);
      continue;
    }
    MakeBase(snapshots);
    // The second time, its tree may have been taken over.
    for (const char* id : {kTop, kOther}) {
      snapshots.Make(id, kMiddle, [&](int root) {
        if (*test.script == '\0') return ChangeInCpp(test.name, root);
        RunShell(root, test.script);
      });
      EXPECT_EQ(test.expected, snapshots.Diff(id));
      diff_ids.push_back(snapshots.DiffId(id));
    }
  }
  for (const std::string& diff_id : diff_ids) EXPECT_EQ(diff_ids[0], diff_id);
}

TEST(SnapshotterDiffTest, TheFirstLayersAreEqualToo) {
  SnapshotterUnderTest overlay("overlay"), plain("plain");
  if (!overlay) GTEST_SKIP() << overlay.reason();
  ASSERT_TRUE(plain);
  MakeBase(overlay);
  MakeBase(plain);
  for (const char* id : {kBase, kMiddle}) {
    Lines lines = plain.Diff(id);
    EXPECT_EQ(lines, overlay.Diff(id));
    EXPECT_EQ(plain.DiffId(id), overlay.DiffId(id));
    for (std::string& line : lines) line.erase(0, 2);
    EXPECT_TRUE(std::is_sorted(lines.begin(), lines.end(), PathLess));
  }
}

class SnapshotterMetadataTest : public ::testing::TestWithParam<const char*> {
 protected:
  SnapshotterMetadataTest() : snapshots_(GetParam()) {}
  void SetUp() override {
    if (!snapshots_) GTEST_SKIP() << snapshots_.reason();
  }
  SnapshotterUnderTest snapshots_;
};

INSTANTIATE_TEST_SUITE_P(Kind, SnapshotterMetadataTest,
                         ::testing::Values("overlay", "plain", "handed"),
                         [](const auto& info) { return info.param; });

TEST_P(SnapshotterMetadataTest, IsThatOfTheFile) {
  snapshots_.Make(kBase, {}, "echo 12345 > file; ln -s to link");
  snapshots_.Make(kTop, kBase, [](int root) {
    RunShell(root,
             "chmod 4751 file; ln -sfn elsewhere link; "
             "touch -d '1969-12-31 23:59:58.25 UTC' file");
    ASSERT_TRUE(SetXattrAt(root, "file", "user.a", std::string("\0b", 2)));
  });
  oci::FileMetadata file = snapshots_.Metadata(kTop, "file");
  EXPECT_EQ(0u + S_IFREG + 04751, file.mode);
  EXPECT_EQ(6u, file.size_bytes);
  EXPECT_EQ(std::chrono::milliseconds(-1750), file.mtime);
  EXPECT_EQ((Xattrs{{"user.a", std::string("\0b", 2)}}), file.xattrs);
  EXPECT_EQ(1u, file.link_count);
  oci::FileMetadata link = snapshots_.Metadata(kTop, "link");
  EXPECT_TRUE(S_ISLNK(link.mode));
  EXPECT_EQ("elsewhere", link.link_target);
}

TEST_P(SnapshotterMetadataTest, TellsHardLinks) {
  snapshots_.Make(kBase, {}, "echo x > file");
  snapshots_.Make(kTop, kBase, "ln file a; ln file b");
  oci::FileMetadata a = snapshots_.Metadata(kTop, "a");
  oci::FileMetadata file = snapshots_.Metadata(kTop, "file");
  EXPECT_EQ(3u, a.link_count);
  EXPECT_EQ(a.inode, file.inode);
  EXPECT_EQ(a.device, file.device);
}

TEST_P(SnapshotterMetadataTest, LeavesTheOverlaysMarksOut) {
  snapshots_.Make(kBase, {}, "mkdir dir; echo x > dir/file");
  snapshots_.Make(kTop, kBase, "rm -r dir; mkdir dir; echo y > dir/new");
  EXPECT_TRUE(snapshots_.Metadata(kTop, "dir").xattrs.empty());
}

// An overlay copies one name up, as Docker's does; a directory has one file.
TEST_P(SnapshotterMetadataTest, WritingThroughOneOfTwoLinks) {
  snapshots_.Make(kBase, {}, "echo x > a; ln a b");
  snapshots_.Make(kTop, kBase, "echo y >> a");
  EXPECT_EQ(std::string_view(GetParam()) == "overlay" ? Lines{"M a"}
                                                      : (Lines{"M a", "M b"}),
            snapshots_.Diff(kTop));
}

}  // namespace
}  // namespace strake::builder::snapshot
