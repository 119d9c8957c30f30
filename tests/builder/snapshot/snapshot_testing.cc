#include "tests/builder/snapshot/snapshot_testing.h"

#include <fcntl.h>
#include <grp.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>

#include "oci/digest.h"
#include "oci/layer_writer.h"

namespace strake::builder::snapshot {
namespace {

constexpr int kRefused = 77;

bool WriteTo(const char* path, const std::string& text) {
  UniqueFd fd(::open(path, O_WRONLY | O_CLOEXEC));
  return fd && ::write(fd.get(), text.data(), text.size()) ==
                   static_cast<ssize_t>(text.size());
}

bool BecomePlainUser() {
  if (::geteuid() != 0) return true;
  // A process that changed its ids may not write its own id map otherwise.
  return ::setgroups(0, nullptr) == 0 && ::setresgid(1000, 1000, 1000) == 0 &&
         ::setresuid(1000, 1000, 1000) == 0 && ::prctl(PR_SET_DUMPABLE, 1) == 0;
}

bool EnterNamespaces() {
  if (::unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) return false;
  return WriteTo("/proc/self/setgroups", "deny") &&
         WriteTo("/proc/self/uid_map", "0 1000 1") &&
         WriteTo("/proc/self/gid_map", "0 1000 1");
}

// The child's exit status: failures of `body`, or kRefused.
int InChild(bool (*enter)(), const std::function<void()>& body) {
  pid_t pid = ::fork();
  if (pid == 0) {
    if (!BecomePlainUser()) ::_exit(kRefused);
    if (enter != nullptr && !enter()) ::_exit(kRefused);
    body();
    ::fflush(nullptr);
    ::_exit(::testing::Test::HasFailure() ? 1 : 0);
  }
  int status = 0;
  EXPECT_EQ(pid, ::waitpid(pid, &status, 0));
  EXPECT_TRUE(WIFEXITED(status)) << "killed by " << WTERMSIG(status);
  return WEXITSTATUS(status);
}

}  // namespace

void RunShell(int root, const std::string& script) {
  // Not as the working directory from the start: a shell wants a name for it,
  // and a detached mount has none.
  std::string checked = "set -e; cd /proc/self/fd/9\n" + script;
  pid_t pid = ::fork();
  if (pid == 0) {
    ::umask(022);
    if (::dup2(root, 9) != 9 || ::fcntl(9, F_SETFD, 0) != 0) ::_exit(126);
    ::execl("/bin/sh", "sh", "-c", checked.c_str(), nullptr);
    ::_exit(127);
  }
  int status = 0;
  ASSERT_EQ(pid, ::waitpid(pid, &status, 0));
  EXPECT_EQ(0, status) << script;
}

OwnershipForm TestOwnership() {
  const char* form = std::getenv("STRAKE_TEST_OWNERSHIP");
  return form != nullptr && std::string_view(form) == "journal"
             ? OwnershipForm::kJournal
             : OwnershipForm::kReal;
}

SnapshotterUnderTest::SnapshotterUnderTest(std::string_view kind)
    : hands_on_(kind == "handed"), name_(hands_on_ ? "plain" : kind) {
  auto choice = OpenSnapshotter(dir_.path(), name_, TestOwnership());
  if (choice) {
    snapshotter_ = std::move(choice->snapshotter);
    reason_ = choice->reason;
  } else {
    reason_ = choice.error().message();
  }
}

void SnapshotterUnderTest::Make(const SnapshotId& id,
                                const std::optional<SnapshotId>& parent,
                                const std::function<void(int root)>& change) {
  auto active = snapshotter_->Prepare(parent);
  ASSERT_TRUE(active) << active.error().message();
  {
    auto root = snapshotter_->Mount(**active);
    ASSERT_TRUE(root) << root.error().message();
    change(root->fd.get());
  }
  if (hands_on_) (*active)->SetHandedOn();
  auto committed = snapshotter_->Commit(*std::move(active), id);
  ASSERT_TRUE(committed) << committed.error().message();
}

void SnapshotterUnderTest::Make(const SnapshotId& id,
                                const std::optional<SnapshotId>& parent,
                                const std::string& script) {
  Make(id, parent, [&](int root) { RunShell(root, script); });
}

std::vector<std::string> SnapshotterUnderTest::Diff(const SnapshotId& id) {
  std::vector<std::string> lines;
  auto diff = snapshotter_->Diff(id);
  EXPECT_TRUE(diff) << diff.error().message();
  if (!diff) return lines;
  for (const oci::Change& change : diff->changes) {
    EXPECT_NE(oci::ChangeKind::kOpaqueDirectory, change.kind);
    bool deleted = change.kind == oci::ChangeKind::kDeleted;
    lines.push_back((deleted ? "D " : "M ") + change.path);
  }
  return lines;
}

oci::FileMetadata SnapshotterUnderTest::Metadata(const SnapshotId& id,
                                                 std::string_view path) {
  auto diff = snapshotter_->Diff(id);
  EXPECT_TRUE(diff) << diff.error().message();
  if (diff) {
    for (const oci::Change& change : diff->changes) {
      if (change.path == path) return change.metadata;
    }
  }
  ADD_FAILURE() << "no change of " << path;
  return {};
}

std::string SnapshotterUnderTest::DiffId(const SnapshotId& id) {
  auto diff = snapshotter_->Diff(id);
  EXPECT_TRUE(diff) << diff.error().message();
  if (!diff) return "";
  for (oci::Change& change : diff->changes) {
    change.metadata.mtime = std::chrono::nanoseconds(0);
  }
  NullSink nowhere;
  oci::HashingSink sink(nowhere);
  auto summary = oci::WriteLayer(diff->changes, diff->root.get(), sink);
  EXPECT_TRUE(summary) << summary.error().message();
  return sink.digest().ToString();
}

void AsPlainUser(const std::function<void()>& body) {
  EXPECT_EQ(0, InChild(nullptr, body));
}

bool InUserNamespace(const std::function<void()>& body) {
  int status = InChild(&EnterNamespaces, body);
  if (status == kRefused) return false;
  EXPECT_EQ(0, status);
  return true;
}

}  // namespace strake::builder::snapshot
