#include "tasks/file/problems.h"

#include <utility>

namespace strake::tasks::file {

void Problems::Add(Place place, std::string message) {
  problems_.push_back({Severity::kError, place, std::move(message)});
}

void Problems::Warn(Place place, std::string message) {
  problems_.push_back({Severity::kWarning, place, std::move(message)});
}

Error Problems::Fail(Place place, std::string message) {
  Add(place, std::move(message));
  return AsError(problems_.back());
}

Status Problems::First() const {
  for (const Problem& problem : problems_) {
    if (problem.severity == Severity::kError) return AsError(problem);
  }
  return {};
}

Error Problems::AsError(const Problem& problem) const {
  return InvalidArgument(file_ + ":" + std::to_string(problem.place.line) +
                         ":" + std::to_string(problem.place.column) + ": " +
                         problem.message);
}

}  // namespace strake::tasks::file
