#include "tasks/run/masker.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

namespace strake::tasks::run {
namespace {

// `text` through a stream in pieces of `size` bytes.
std::string InPieces(const Secrets& secrets, std::string_view text,
                     size_t size) {
  MaskingStream stream(secrets);
  std::string shown;
  for (size_t at = 0; at < text.size(); at += size) {
    shown += stream.Add(text.substr(at, size));
  }
  return shown + stream.Finish();
}

TEST(MaskerTest, HidesSecretsHoweverTheOutputIsCut) {
  const Secrets secrets({"hunter22", "hunter22-long", "line one\nline two"});
  const std::string text =
      "a hunter22 b hunter22-long c hunter2 line one; line two hunter22-lon";
  const std::string masked = "a *** b *** c hunter2 ***; *** ***-lon";
  EXPECT_EQ(secrets.Mask(text), masked);
  for (size_t size = 1; size <= text.size(); ++size) {
    EXPECT_EQ(InPieces(secrets, text, size), masked) << size;
  }
}

TEST(MaskerTest, KeepsBackOnlyWhatCouldBeASecret) {
  const Secrets secrets({"secret"});
  MaskingStream stream(secrets);
  EXPECT_EQ(stream.Add("plain text\n"), "plain text\n");
  EXPECT_EQ(stream.Add("a sec"), "a ");
  EXPECT_EQ(stream.Add("ond"), "second");
  EXPECT_EQ(stream.Finish(), "");
}

TEST(MaskerTest, DoesNotHideWhatIsTooShort) {
  EXPECT_EQ(Secrets({"a", "", "abc"}).Mask("abc a"), "abc a");
}

}  // namespace
}  // namespace strake::tasks::run
