#include "tasks/file/problems.h"

#include <algorithm>
#include <utility>

namespace strake::tasks::file {

void Problems::Add(Place place, std::string message) {
  Record({Severity::kError, place, std::move(message)});
}

void Problems::Warn(Place place, std::string message) {
  Record({Severity::kWarning, place, std::move(message)});
}

Error Problems::Fail(Place place, std::string message) {
  Add(place, message);
  return AsError({Severity::kError, place, std::move(message)});
}

void Problems::Record(Problem problem) {
  bool known = std::ranges::any_of(problems_, [&](const Problem& other) {
    return other.place.line == problem.place.line &&
           other.place.column == problem.place.column &&
           other.message == problem.message;
  });
  if (!known) problems_.push_back(std::move(problem));
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
