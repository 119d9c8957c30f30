// The folder of a run, below the store:
//
//   runs/last             the number of the last run, in decimal
//   runs/<id>/run.json    the record (run_record.h)
//   runs/<id>/run.log     everything, in order
//   runs/<id>/logs/       the output of each step
//   runs/<id>/lock        held for as long as the run goes on
//   runs/<id>/live/       what is gone with the run: workspace/, home/,
//                         volumes/, sockets
//
// What a killed strake left behind of its runs is cleaned up by the next.

#ifndef STRAKE_TASKS_RUN_RUN_FOLDER_H_
#define STRAKE_TASKS_RUN_RUN_FOLDER_H_

#include <optional>
#include <string>
#include <utility>

#include "util/atomic_file.h"
#include "util/result.h"

namespace strake::tasks::run {

class RunFolder {
 public:
  // A folder for a new run in `store_directory`, with an id of its own: "ca"
  // and the next number in base 36, as ACR's are.
  //   id  in its place; `kInvalidArgument` where that run exists, or where it
  //   is
  //       no word of letters, digits, "-", "_" and "."
  static Result<RunFolder> Make(const std::string& store_directory,
                                const std::string& id = "");
  RunFolder(RunFolder&& other) noexcept
      : id_(std::move(other.id_)),
        path_(std::exchange(other.path_, {})),
        lock_(std::move(other.lock_)) {}
  RunFolder& operator=(RunFolder&&) = delete;
  // Removes what is gone with the run; all of it, where there is no record.
  ~RunFolder();

  const std::string& id() const { return id_; }
  const std::string& path() const { return path_; }
  std::string live() const { return path_ + "/live"; }
  std::string workspace() const { return live() + "/workspace"; }
  std::string home() const { return live() + "/home"; }
  std::string volumes() const { return live() + "/volumes"; }
  std::string sockets() const { return live() + "/sockets"; }
  std::string outputs() const { return live() + "/outputs"; }
  std::string record_path() const { return path_ + "/run.json"; }

 private:
  RunFolder(std::string id, std::string path, FileLock lock)
      : id_(std::move(id)), path_(std::move(path)), lock_(std::move(lock)) {}

  std::string id_;
  std::string path_;  // empty: moved from
  std::optional<FileLock> lock_;
};

// Ends what killed strakes have left of their runs in `store_directory`, and
// forgets all but the newest `kept` runs that have ended. What cannot be
// removed is left for the next time.
void CleanUpRuns(const std::string& store_directory, size_t kept);

}  // namespace strake::tasks::run

#endif  // STRAKE_TASKS_RUN_RUN_FOLDER_H_
