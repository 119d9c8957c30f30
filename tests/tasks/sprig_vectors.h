// Templates that call sprig's functions, and what they have to give, with TZ
// being UTC.

#ifndef STRAKE_TESTS_TASKS_SPRIG_VECTORS_H_
#define STRAKE_TESTS_TASKS_SPRIG_VECTORS_H_

#include <string>
#include <vector>

namespace strake::tasks::file {

struct SprigVector {
  std::string function;  // the one that this is about
  std::string text;
  std::string expected;
};

const std::vector<SprigVector>& StringVectors();
const std::vector<SprigVector>& WordVectors();
const std::vector<SprigVector>& ListVectors();
const std::vector<SprigVector>& DictVectors();
const std::vector<SprigVector>& MathVectors();
const std::vector<SprigVector>& DefaultVectors();
const std::vector<SprigVector>& EncodingVectors();
const std::vector<SprigVector>& DateVectors();
const std::vector<SprigVector>& RegexVectors();

}  // namespace strake::tasks::file

#endif  // STRAKE_TESTS_TASKS_SPRIG_VECTORS_H_
