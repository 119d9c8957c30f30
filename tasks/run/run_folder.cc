#include "tasks/run/run_folder.h"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string_view>
#include <system_error>
#include <vector>

#include "tasks/run/run_id.h"
#include "tasks/run/run_record.h"
#include "util/result_macros.h"
#include "util/rooted_fs.h"
#include "util/strings.h"

namespace strake::tasks::run {
namespace {

namespace fs = std::filesystem;

constexpr size_t kLongestId = 128;

std::string RunsIn(const std::string& store) { return store + "/runs"; }

std::string ReadText(const std::string& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

// A folder that only its owner can look into: logs and workspaces may tell of
// what is nobody else's business.
Status MakeOwnFolder(const std::string& path) {
  std::error_code error;
  fs::create_directories(path, error);
  if (error) return ErrnoError("make the folder " + path, error.value());
  fs::permissions(path, fs::perms::owner_all, error);
  if (error) return ErrnoError("make " + path + " private", error.value());
  return {};
}

// A number that no other run in this store gets.
Result<uint64_t> NextNumber(const std::string& runs) {
  ASSIGN_OR_RETURN(
      FileLock lock,
      FileLock::Acquire(runs + "/lock", FileLock::Mode::kExclusive));
  const std::string path = runs + "/last";
  const uint64_t number = ParseUint(Trim(ReadText(path))).value_or(0) + 1;
  RETURN_IF_ERROR(WriteFileAtomically(path, std::to_string(number) + "\n"));
  return number;
}

bool IsRunId(std::string_view id) {
  const bool word = std::ranges::all_of(id, [](unsigned char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
  });
  return word && !id.empty() && id.size() <= kLongestId && id[0] != '.' &&
         id != "last" && id != "lock";
}

// Makes the folder of a run; false where there is one.
Result<bool> MakeNew(const std::string& path) {
  if (::mkdir(path.c_str(), 0700) == 0) return true;
  if (errno == EEXIST) return false;
  return ErrnoError("make the folder " + path);
}

// Makes the folder of a new run, and returns its id.
Result<std::string> MakeRun(const std::string& runs, const std::string& id) {
  if (id.empty()) {
    while (true) {
      ASSIGN_OR_RETURN(uint64_t number, NextNumber(runs));
      std::string next = RunId(number);
      ASSIGN_OR_RETURN(bool made, MakeNew(runs + "/" + next));
      if (made) return next;
    }
  }
  if (!IsRunId(id)) {
    return InvalidArgument("run id \"" + id + "\": expected at most " +
                           std::to_string(kLongestId) +
                           " letters, digits, \"-\", \"_\" and \".\", with no "
                           "\".\" first");
  }
  ASSIGN_OR_RETURN(bool made, MakeNew(runs + "/" + id));
  if (!made) {
    return InvalidArgument("run " + id + " exists: " + runs + "/" + id);
  }
  return id;
}

struct EndedRun {
  std::string path;
  fs::file_time_type written;
};

// Whether the run in `path` has ended; what it left is put in order.
bool EndRun(const std::string& path) {
  auto lock = FileLock::TryAcquire(path + "/lock", FileLock::Mode::kExclusive);
  if (!lock || !*lock) return false;
  (void)RemoveAllAtPath(path + "/live");
  const std::string record = path + "/run.json";
  const std::string text = ReadText(record);
  auto marked = MarkAbandoned(text, "strake was killed during the run");
  if (marked && *marked != text) (void)WriteFileAtomically(record, *marked);
  return true;
}

}  // namespace

Result<RunFolder> RunFolder::Make(const std::string& store_directory,
                                  const std::string& wanted) {
  const std::string runs = RunsIn(store_directory);
  RETURN_IF_ERROR(MakeOwnFolder(runs));
  ASSIGN_OR_RETURN(std::string id, MakeRun(runs, wanted));
  const std::string path = runs + "/" + id;
  ASSIGN_OR_RETURN(
      FileLock lock,
      FileLock::Acquire(path + "/lock", FileLock::Mode::kExclusive));
  RunFolder folder(std::move(id), path, std::move(lock));
  for (const std::string& inner :
       {folder.workspace(), folder.home(), folder.volumes(), folder.sockets(),
        folder.outputs()}) {
    RETURN_IF_ERROR(MakeOwnFolder(inner));
    // Steps may run as any user; only the way here is barred for others.
    if (::chmod(inner.c_str(), inner == folder.sockets() ? 0755 : 0777) != 0) {
      return ErrnoError("open " + inner + " for the steps");
    }
  }
  return folder;
}

RunFolder::~RunFolder() {
  if (path_.empty()) return;
  (void)RemoveAllAtPath(live());
  // A run that never began leaves nothing to look at.
  std::error_code ignored;
  if (!fs::exists(record_path(), ignored)) (void)RemoveAllAtPath(path_);
}

void CleanUpRuns(const std::string& store_directory, size_t kept) {
  std::vector<EndedRun> ended;
  std::error_code error;
  for (fs::directory_iterator it(RunsIn(store_directory), error), end;
       !error && it != end; it.increment(error)) {
    std::error_code ignored;
    if (!it->is_directory(ignored) || !EndRun(it->path().string())) continue;
    ended.push_back({it->path().string(), it->last_write_time(ignored)});
  }
  std::ranges::sort(ended, std::ranges::greater(), &EndedRun::written);
  for (size_t i = kept; i < ended.size(); ++i) {
    (void)RemoveAllAtPath(ended[i].path);
  }
}

}  // namespace strake::tasks::run
