// YAML to the properties of a task and its steps, as the file has them: no rule
// is checked yet but that of types, and no default filled in.

#ifndef STRAKE_TASKS_FILE_DECODE_TASK_H_
#define STRAKE_TASKS_FILE_DECODE_TASK_H_

#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include "tasks/file/decoder.h"
#include "tasks/file/late_references.h"
#include "tasks/file/matrix.h"
#include "tasks/file/task.h"
#include "util/yaml.h"

namespace strake::tasks::file {

struct RawStep {
  // With the values of the file: counts may be negative, `env` is the step's
  // own, `after` empty.
  Step step;
  std::vector<std::string> when;
  std::string cache;  // the word; caches of `cmd` steps are in `step`
  size_t number = 0;  // of the step in the file that it comes from, from 0
  std::string group;  // the id of the step with the `matrix:`; empty: none
  LateReferences references;
};

struct RawTask {
  Task task;  // `steps` is empty
  std::vector<std::string> env;
  std::vector<RawStep> steps;
  std::map<std::string, Place> places;  // of the properties at the top
  std::vector<bool> volume_has_secret;  // for each of the volumes
};

// Records what is wrong with `problems`, and goes on.
RawTask DecodeTask(const YamlNode& root, const RenderString& render,
                   Decoder& decoder, Problems& problems);

// Only what has to be known before the values of secrets are.
std::vector<Secret> DecodeSecrets(const YamlNode& root, Decoder& decoder);

}  // namespace strake::tasks::file

#endif  // STRAKE_TASKS_FILE_DECODE_TASK_H_
