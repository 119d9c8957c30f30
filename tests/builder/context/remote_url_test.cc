#include "builder/context/remote_url.h"

#include <gtest/gtest.h>

namespace strake::builder::context {
namespace {

TEST(RemoteUrlTest, ShowsNoSecrets) {
  EXPECT_EQ(WithoutSecrets("https://me:pass@h:1/a/b.tar?token=t#x"),
            "https://xxxxx@h:1/a/b.tar");
  EXPECT_EQ(WithoutSecrets("https://h/a"), "https://h/a");
  // What a repository's query says is no secret.
  EXPECT_EQ(WithoutSecrets("https://t@h/a.git?ref=v1"),
            "https://xxxxx@h/a.git?ref=v1");
}

TEST(RemoteUrlTest, ShowsNoSecretsInText) {
  EXPECT_EQ(
      TextWithoutSecrets("ADD --x=1 https://u:p@h/a?t=1 http://h/b?t /in"),
      "ADD --x=1 https://xxxxx@h/a http://h/b /in");
  EXPECT_EQ(TextWithoutSecrets(R"(ADD ["https://u:p@h/a?t=[1]","/in"])"),
            R"(ADD ["https://xxxxx@h/a","/in"])");
  EXPECT_EQ(TextWithoutSecrets("COPY a b"), "COPY a b");
  EXPECT_EQ(TextWithoutSecrets("://"), "://");
}

}  // namespace
}  // namespace strake::builder::context
