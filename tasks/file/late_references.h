// What the late templates of a step (strake/v1) read of others: mistakes there
// would show when the step starts, and not before.

#ifndef STRAKE_TASKS_FILE_LATE_REFERENCES_H_
#define STRAKE_TASKS_FILE_LATE_REFERENCES_H_

#include <string>
#include <vector>

#include "tasks/file/decoder.h"
#include "tasks/file/problems.h"
#include "tasks/file/task.h"
#include "util/yaml.h"

namespace strake::tasks::file {

struct LateReferences {
  struct Reference {
    std::string id;
    Place place;
  };
  std::vector<Reference> steps;  // "{{.Steps.ID", "{{index .Steps "ID""
  std::vector<Place> matrix;     // "{{.Matrix"
};

// Those of all strings in a step.
LateReferences FindLateReferences(const YamlNode& step, const Decoder& decoder);

// Warns of steps that are not there or have not ended when the step at `index`
// starts, and of a matrix that it has not.
void CheckLateReferences(const Task& task, size_t index,
                         const LateReferences& references, Problems& problems);

}  // namespace strake::tasks::file

#endif  // STRAKE_TASKS_FILE_LATE_REFERENCES_H_
