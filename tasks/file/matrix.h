// `matrix:` of strake/v1: one step in the file, one for each combination of
// values in the task. Pure.

#ifndef STRAKE_TASKS_FILE_MATRIX_H_
#define STRAKE_TASKS_FILE_MATRIX_H_

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "tasks/file/decoder.h"
#include "tasks/file/problems.h"
#include "util/result.h"
#include "util/yaml.h"

namespace strake::tasks::file {

using MatrixValues = std::map<std::string, std::string>;

// Renders a string of a step with `.Matrix`.
using RenderString = std::function<Result<std::string>(
    const std::string& text, const MatrixValues& matrix)>;

struct MatrixStep {
  YamlNode node;  // without `matrix`, its strings rendered
  MatrixValues values;
  std::string suffix;  // of its id: "-arm64-12"
};

// One step for each combination of the lists in `step`'s `matrix`, the first
// list slowest, in the order of the file; `step` alone where it has none.
//   problems  gets what is wrong with the matrix
std::vector<MatrixStep> ExpandMatrix(const YamlNode& step,
                                     const RenderString& render,
                                     Decoder& decoder, Problems& problems);

}  // namespace strake::tasks::file

#endif  // STRAKE_TASKS_FILE_MATRIX_H_
