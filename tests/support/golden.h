// Directories of input and expected output, tests/testdata/<folder>/<case>.
// STRAKE_UPDATE_GOLDEN=1 writes what is printed now; read the difference before
// committing it.

#ifndef STRAKE_TESTS_SUPPORT_GOLDEN_H_
#define STRAKE_TESTS_SUPPORT_GOLDEN_H_

#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "util/byte_stream.h"

namespace strake::testing {

// The directory of a case.
inline std::string GoldenPath(const std::string& folder,
                              const std::string& name) {
  return STRAKE_SOURCE_DIR "/tests/testdata/" + folder + "/" + name;
}

inline std::vector<std::string> GoldenCases(const std::string& folder) {
  std::vector<std::string> names;
  for (const auto& entry :
       std::filesystem::directory_iterator(GoldenPath(folder, ""))) {
    names.push_back(entry.path().filename());
  }
  std::sort(names.begin(), names.end());
  return names;
}

inline std::string GoldenName(
    const ::testing::TestParamInfo<std::string>& info) {
  std::string name = info.param;
  std::replace_if(
      name.begin(), name.end(),
      [](unsigned char c) { return std::isalnum(c) == 0; }, '_');
  return name;
}

// Compares with the file `expected` of the case in `directory`.
inline void CompareWithGolden(const std::string& directory,
                              const std::string& printed) {
  std::string path = directory + "/expected";
  if (std::getenv("STRAKE_UPDATE_GOLDEN") != nullptr) {
    std::ofstream(path, std::ios::binary) << printed;
    return;
  }
  auto expected = ReadFile(path);
  ASSERT_TRUE(expected) << expected.error().message();
  EXPECT_EQ(printed, *expected);
}

}  // namespace strake::testing

#endif  // STRAKE_TESTS_SUPPORT_GOLDEN_H_
