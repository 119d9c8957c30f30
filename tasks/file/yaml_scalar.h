// What a YAML scalar is to yaml.v2 of Go: the booleans of YAML 1.1, the numbers
// of Go. Pure.

#ifndef STRAKE_TASKS_FILE_YAML_SCALAR_H_
#define STRAKE_TASKS_FILE_YAML_SCALAR_H_

#include <cstdint>

#include "util/yaml.h"

namespace strake::tasks::file {

enum class ScalarType { kNull, kBool, kInt, kFloat, kString };

// Only a plain scalar is anything but a string.
//   scalar  kNull or kScalar
ScalarType TypeOf(const YamlNode& scalar);

// REQUIRES: TypeOf(scalar) is that type
bool BoolOf(const YamlNode& scalar);
int64_t IntOf(const YamlNode& scalar);
double FloatOf(const YamlNode& scalar);

}  // namespace strake::tasks::file

#endif  // STRAKE_TASKS_FILE_YAML_SCALAR_H_
