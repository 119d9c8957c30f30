#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cerrno>
#include <string>

#include "builder/sandbox/notify/credentials.h"
#include "builder/sandbox/notify/label.h"

namespace strake::builder::sandbox::notify {
namespace {

constexpr uint64_t kBounding = 0xa80425fb;  // Docker's

Credentials Root() { return Credentials::Start(0, 0, {}, kBounding); }
Credentials User(uint32_t id) {
  return Credentials::Start(id, id, {}, kBounding);
}

struct stat File(mode_t mode, uint32_t uid, uint32_t gid) {
  struct stat file {};
  file.st_mode = mode;
  file.st_uid = uid;
  file.st_gid = gid;
  return file;
}

TEST(NotifyCredentialsTest, RootThatSetsItsUidCannotComeBack) {
  Credentials who = Root();
  EXPECT_EQ(who.SetUid(33), 0);
  EXPECT_EQ(who.euid, 33U);
  EXPECT_EQ(who.suid, 33U);
  EXPECT_EQ(who.effective, 0U);
  EXPECT_EQ(who.SetUid(0), -EPERM);
  EXPECT_EQ(who.SetResUid(0, 0, 0), -EPERM);
  EXPECT_EQ(who.SetGroups({0}), -EPERM);
}

TEST(NotifyCredentialsTest, ASavedUidLetsAProcessComeBack) {
  Credentials who = Root();
  EXPECT_EQ(who.SetResUid(kUnchanged, 33, kUnchanged), 0);
  EXPECT_EQ(who.effective, 0U);
  EXPECT_EQ(who.permitted, kBounding);
  EXPECT_EQ(who.SetResUid(kUnchanged, 0, kUnchanged), 0);
  EXPECT_EQ(who.effective, kBounding);
}

TEST(NotifyCredentialsTest, KeepCapsKeepsWhatIsPermitted) {
  Credentials who = Root();
  who.secure_bits = 1U << 4;
  EXPECT_EQ(who.SetResUid(33, 33, 33), 0);
  EXPECT_EQ(who.permitted, kBounding);
  EXPECT_EQ(who.effective, 0U);
  EXPECT_EQ(who.SetCapabilities(kBounding, kBounding, 0), 0);
  EXPECT_TRUE(who.Has(Capability::kSetuid));
}

TEST(NotifyCredentialsTest, FsUidTakesAndGivesRightsOverFiles) {
  Credentials who = Root();
  who.SetFsUid(33);
  EXPECT_FALSE(who.Has(Capability::kDacOverride));
  EXPECT_TRUE(who.Has(Capability::kSetuid));
  who.SetFsUid(0);
  EXPECT_TRUE(who.Has(Capability::kDacOverride));
}

TEST(NotifyCredentialsTest, ASetUserIdProgramRunsAsItsOwner) {
  Credentials who = User(1000);
  EXPECT_TRUE(who.Execute(File(S_IFREG | 04755, 0, 0), ""));
  EXPECT_EQ(who.ruid, 1000U);
  EXPECT_EQ(who.euid, 0U);
  EXPECT_EQ(who.effective, kBounding);
}

TEST(NotifyCredentialsTest, SetGroupIdWithoutExecuteMeansNothing) {
  Credentials who = User(1000);
  EXPECT_FALSE(who.Execute(File(S_IFREG | 02745, 0, 5), ""));
  EXPECT_EQ(who.egid, 1000U);
}

TEST(NotifyCredentialsTest, FileCapabilitiesAreGivenToAUser) {
  Credentials who = User(1000);
  // Version 2, effective, CAP_NET_RAW permitted.
  const unsigned char value[20] = {1, 0, 0, 2, 0, 0x20};
  EXPECT_TRUE(
      who.Execute(File(S_IFREG | 0755, 0, 0),
                  std::string(reinterpret_cast<const char*>(value), 20)));
  EXPECT_EQ(who.effective, uint64_t{1} << 13);
}

TEST(NotifyCredentialsTest, AccessIsByOwnerThenGroupThenOthers) {
  const struct stat file = File(S_IFREG | 0047, 1000, 1000);
  EXPECT_FALSE(MayAccess(User(1000), file, 4));
  Credentials member = Credentials::Start(1, 1, {1000}, kBounding);
  EXPECT_TRUE(MayAccess(member, file, 4));
  EXPECT_FALSE(MayAccess(member, file, 2));
  EXPECT_TRUE(MayAccess(User(2), file, 7));
}

TEST(NotifyCredentialsTest, RootExecutesOnlyWhatSomebodyMay) {
  EXPECT_TRUE(MayAccess(Root(), File(S_IFREG, 1000, 1000), 6));
  EXPECT_FALSE(MayAccess(Root(), File(S_IFREG | 0666, 1000, 1000), 1));
  EXPECT_TRUE(MayAccess(Root(), File(S_IFREG | 0010, 1000, 1000), 1));
  EXPECT_TRUE(MayAccess(Root(), File(S_IFDIR, 1000, 1000), 7));
}

TEST(NotifyCredentialsTest, TheStickyBitProtectsOtherPeoplesFiles) {
  const struct stat directory = File(S_IFDIR | 01777, 0, 0);
  EXPECT_FALSE(MayRemove(User(1), directory, File(S_IFREG, 2, 2)));
  EXPECT_TRUE(MayRemove(User(2), directory, File(S_IFREG, 2, 2)));
  EXPECT_TRUE(MayRemove(Root(), directory, File(S_IFREG, 2, 2)));
}

TEST(NotifyLabelTest, SurvivesPacking) {
  const Label label{.program = 0xabcdef, .credentials = 0x123456, .umask = 077};
  EXPECT_EQ(UnpackLabel(PackLabel(label)), label);
}

TEST(NotifyLabelTest, OrdinaryLimitsAreNoLabels) {
  EXPECT_FALSE(UnpackLabel(0).has_value());
  EXPECT_FALSE(UnpackLabel(200000).has_value());
  EXPECT_FALSE(UnpackLabel(~uint64_t{0}).has_value());
}

}  // namespace
}  // namespace strake::builder::sandbox::notify
