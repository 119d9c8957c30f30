// What is wrong with a task file, in the order in which it was found.

#ifndef STRAKE_TASKS_FILE_PROBLEMS_H_
#define STRAKE_TASKS_FILE_PROBLEMS_H_

#include <string>
#include <vector>

#include "tasks/file/task.h"
#include "util/result.h"

namespace strake::tasks::file {

enum class Severity { kWarning, kError };

struct Problem {
  Severity severity = Severity::kError;
  Place place;
  std::string message;
};

class Problems {
 public:
  explicit Problems(std::string file) : file_(std::move(file)) {}

  // What was found at the same place already is not recorded again: the steps
  // of a matrix are one step of the file.
  void Add(Place place, std::string message);
  void Warn(Place place, std::string message);
  // Adds an error and returns it: `kInvalidArgument`, "FILE:LINE:COLUMN:
  // message".
  Error Fail(Place place, std::string message);

  // The first error, if there is one.
  Status First() const;
  bool failed() const { return !First(); }
  const std::vector<Problem>& all() const { return problems_; }
  const std::string& file() const { return file_; }

 private:
  void Record(Problem problem);
  Error AsError(const Problem& problem) const;

  std::string file_;
  std::vector<Problem> problems_;
};

}  // namespace strake::tasks::file

#endif  // STRAKE_TASKS_FILE_PROBLEMS_H_
