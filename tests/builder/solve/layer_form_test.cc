#include "builder/solve/layer_form.h"

#include <gtest/gtest.h>

#include <chrono>

namespace strake::builder::solve {
namespace {

std::string Form(oci::Compression algorithm, int level, int64_t clamp = 0) {
  SolveOptions options;
  options.compression.algorithm = algorithm;
  options.compression.level = level;
  if (clamp != 0) {
    options.layers.clamp_mtime = oci::Timestamp(std::chrono::seconds(clamp));
  }
  return LayerForm(options);
}

const std::string kPlain = Form(oci::Compression::kGzip, -1);
const std::string kEarly = Form(oci::Compression::kGzip, -1, 1000);
const std::string kLate = Form(oci::Compression::kGzip, -1, 2000);

TEST(LayerFormTest, TheSameFormIsTakenAsItIs) {
  EXPECT_EQ(UseOfLayer(kPlain, kPlain), LayerUse::kAsItIs);
  EXPECT_EQ(UseOfLayer(kEarly, kEarly), LayerUse::kAsItIs);
}

TEST(LayerFormTest, AnotherCompressionHasTheSameTar) {
  EXPECT_EQ(UseOfLayer(Form(oci::Compression::kZstd, -1), kPlain),
            LayerUse::kSameTar);
  EXPECT_EQ(UseOfLayer(Form(oci::Compression::kGzip, 9), kPlain),
            LayerUse::kSameTar);
  EXPECT_EQ(UseOfLayer(Form(oci::Compression::kZstd, 3, 1000), kEarly),
            LayerUse::kSameTar);
}

TEST(LayerFormTest, TimesCanBeSetBackButNotBroughtBack) {
  EXPECT_EQ(UseOfLayer(kPlain, kLate), LayerUse::kSameFiles);
  EXPECT_EQ(UseOfLayer(kLate, kEarly), LayerUse::kSameFiles);
  EXPECT_EQ(UseOfLayer(kEarly, kLate), LayerUse::kNone);
  EXPECT_EQ(UseOfLayer(kEarly, kPlain), LayerUse::kNone);
}

TEST(LayerFormTest, FormsOfOtherProgramsAreOfNoUse) {
  for (const std::string form :
       {"", "gzip", "1:gzip:-1", "3:gzip:-1", "2:gzip:-1:yesterday"}) {
    EXPECT_EQ(UseOfLayer(form, kPlain), LayerUse::kNone) << form;
  }
}

TEST(LayerFormTest, SaysHowFormsDiffer) {
  EXPECT_EQ(FormDifference(kEarly, kPlain).first,
            "times set back to 1970-01-01T00:16:40Z");
  EXPECT_EQ(FormDifference(kEarly, kPlain).second, "times as they are");
  EXPECT_EQ(FormDifference("1:gzip:-1", kPlain).first, "of another strake");
}

}  // namespace
}  // namespace strake::builder::solve
