#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tasks/trigger/repository_url.h"
#include "tasks/trigger/webhook.h"
#include "tests/support/expect_result.h"
#include "tests/support/golden.h"
#include "util/strings.h"

namespace strake::tasks::trigger {
namespace {

using testing::FailsWith;
using testing::IsOk;

constexpr std::string_view kSecret = "correct horse battery";
// When those that carry a time were signed.
constexpr std::chrono::sys_seconds kNow{std::chrono::seconds(1790000000)};

std::string Print(const WebhookEvent& event) {
  std::string text = std::string(EventKindName(event.kind)) + "\n";
  auto line = [&](std::string_view name, const std::string& value) {
    if (value.empty()) return;
    text += "  " + std::string(name) + ": " + value + "\n";
  };
  line("id", event.delivery_id);
  line("author", event.author);
  for (const std::string& repository : event.repositories) {
    line("repository", repository);
  }
  line("ref", event.ref);
  line("branch", event.branch);
  line("tag", event.tag);
  line("commit", event.commit);
  line("before", event.commit_before);
  if (event.pull_request != 0) {
    line("pull request", std::to_string(event.pull_request));
    line("head", event.head_branch);
    line("fork", event.from_fork ? "yes" : "no");
  }
  if (event.changed_paths) line("paths", Join(*event.changed_paths, " "));
  if (event.kind == EventKind::kImagePush) {
    line("image", event.registry + "/" + event.repository);
    line("digest", event.digest);
  }
  return text;
}

std::string Print(const Result<WebhookDelivery>& delivery) {
  if (!delivery) {
    return std::string(ErrorCodeName(delivery.error().code())) + ": " +
           delivery.error().message() + "\n";
  }
  std::string text;
  for (const WebhookEvent& event : delivery->events) text += Print(event);
  if (!delivery->sender_id.empty()) {
    text += "sender: " + delivery->sender_id + "\n";
  }
  if (!delivery->ignored.empty()) {
    text += "ignored: " + delivery->ignored + "\n";
  }
  return text;
}

struct Case {
  WebhookRequest request;
  WebhookOptions options;
  std::string body;
};

// `headers` has lines "Name: value"; ":secret" and ":url-secret" are what is
// set here and what the address held.
void Read(const std::string& folder, Case& read) {
  auto body = ReadFile(folder + "/body.json");
  auto headers = ReadFile(folder + "/headers");
  ASSERT_TRUE(IsOk(body));
  ASSERT_TRUE(IsOk(headers));
  read.body = *body;
  read.request.body = read.body;
  read.options.secret = kSecret;
  read.options.now = kNow;
  for (std::string_view line : Split(*headers, '\n')) {
    size_t colon = line.find(':', 1);
    if (colon == std::string_view::npos) continue;
    std::string name(line.substr(0, colon));
    std::string value(Trim(line.substr(colon + 1)));
    if (name == ":secret") {
      read.options.secret = value;
    } else if (name == ":url-secret") {
      read.request.url_secret = value;
    } else {
      read.request.headers[name] = value;
    }
  }
}

std::vector<std::string> Cases() {
  std::vector<std::string> cases;
  for (const std::string& host : testing::GoldenCases("webhooks")) {
    for (const std::string& name : testing::GoldenCases("webhooks/" + host)) {
      cases.push_back(std::string(host).append("/").append(name));
    }
  }
  return cases;
}

class WebhookVectorTest : public ::testing::TestWithParam<std::string> {};

TEST_P(WebhookVectorTest, IsCheckedAndRead) {
  std::string folder = testing::GoldenPath("webhooks", GetParam());
  Case read;
  Read(folder, read);
  auto parts = SplitOnce(GetParam(), '/');
  auto host = ParseWebhookHost(parts->first);
  ASSERT_TRUE(IsOk(host));
  read.request.host = *host;
  auto delivery = ReceiveWebhook(read.request, read.options);
  std::string printed = Print(delivery);
  EXPECT_EQ(printed.find(kSecret), std::string::npos);
  testing::CompareWithGolden(folder, printed);
  if (parts->second.starts_with("forged")) {
    EXPECT_TRUE(FailsWith(delivery, ErrorCode::kUnauthorized));
  }
  if (!delivery) return;
  // Nothing of it is taken where the secret is another, or none.
  read.options.secret = "whsec_AAAA";
  EXPECT_TRUE(FailsWith(ReceiveWebhook(read.request, read.options),
                        ErrorCode::kUnauthorized));
  read.options.secret = "";
  read.request.url_secret = "";
  EXPECT_TRUE(FailsWith(ReceiveWebhook(read.request, read.options),
                        ErrorCode::kUnauthorized, "no secret is set"));
}

INSTANTIATE_TEST_SUITE_P(Hosts, WebhookVectorTest, ::testing::ValuesIn(Cases()),
                         testing::GoldenName);

// Each single bit of the body and of the signature counts.
TEST(WebhookTest, RefusesAnyChangeOfASignedBody) {
  Case read;
  Read(testing::GoldenPath("webhooks", "github/ping"), read);
  read.request.host = WebhookHost::kGitHub;
  ASSERT_TRUE(IsOk(ReceiveWebhook(read.request, read.options)));
  for (size_t i = 0; i < read.body.size(); ++i) {
    std::string changed = read.body;
    changed[i] = static_cast<char>(changed[i] ^ 1);
    read.request.body = changed;
    EXPECT_TRUE(FailsWith(ReceiveWebhook(read.request, read.options),
                          ErrorCode::kUnauthorized));
  }
  read.request.body = read.body;
  std::string& signature = read.request.headers["x-hub-signature-256"];
  for (size_t i = 0; i < signature.size(); ++i) {
    signature[i] = static_cast<char>(signature[i] ^ 1);
    EXPECT_TRUE(FailsWith(ReceiveWebhook(read.request, read.options),
                          ErrorCode::kUnauthorized));
    signature[i] = static_cast<char>(signature[i] ^ 1);
  }
}

TEST(WebhookTest, ReadsNothingBeforeTheCheck) {
  WebhookRequest request;
  request.body = "{ not json";
  WebhookOptions options;
  options.secret = kSecret;
  for (std::string_view host :
       {"github", "gitlab", "gitea", "bitbucket", "azure-devops", "generic",
        "distribution", "harbor", "acr", "quay", "dockerhub"}) {
    request.host = *ParseWebhookHost(host);
    EXPECT_TRUE(FailsWith(ReceiveWebhook(request, options),
                          ErrorCode::kUnauthorized,
                          "webhook of " + std::string(host)));
  }
}

TEST(WebhookTest, LimitsTheBody) {
  Case read;
  Read(testing::GoldenPath("webhooks", "github/ping"), read);
  read.request.host = WebhookHost::kGitHub;
  read.options.max_body_bytes = read.body.size();
  EXPECT_TRUE(IsOk(ReceiveWebhook(read.request, read.options)));
  --read.options.max_body_bytes;
  EXPECT_TRUE(FailsWith(ReceiveWebhook(read.request, read.options),
                        ErrorCode::kInvalidArgument, "more than the limit"));
}

TEST(WebhookTest, NamesTheHostsThatThereAre) {
  EXPECT_TRUE(FailsWith(ParseWebhookHost("sourceforge"),
                        ErrorCode::kInvalidArgument, "azure-devops"));
  EXPECT_EQ(WebhookHostName(WebhookHost::kDockerHub), "dockerhub");
}

TEST(RepositoryUrlTest, FormsOfOneRepositoryAreEqual) {
  const std::vector<std::vector<std::string>> kSame = {
      {"github.com/octo/web", "https://github.com/Octo/Web.git",
       "https://token@github.com/octo/web/", "git@github.com:octo/web.git",
       "ssh://git@github.com/octo/web", "ssh://git@github.com:22/octo/web.git",
       "ssh://git@ssh.github.com:443/octo/web.git",
       "git://github.com/octo/web.git", "HTTPS://GitHub.com:443/octo/web",
       "https://github.com/octo/web.git#main:folder",
       "https://github.com/octo/web?ref=main", "www.github.com:octo/web"},
      {"dev.azure.com/fab/my project/_git/web",
       "https://fab@dev.azure.com/fab/My%20Project/_git/web",
       "git@ssh.dev.azure.com:v3/fab/My%20Project/web",
       "https://fab.visualstudio.com/My%20Project/_git/web",
       "https://fab.visualstudio.com/DefaultCollection/My%20Project/_git/web"},
      {"dev.azure.com/fab/web/_git/web", "https://dev.azure.com/fab/_git/web"},
      {"git.example.org:3000/a/b", "http://git.example.org:3000/a/b.git"},
      {"file:/srv/Git/x", "file:///srv/Git/x.git"},
  };
  for (const auto& forms : kSame) {
    for (size_t i = 1; i < forms.size(); ++i) {
      auto canonical = CanonicalRepository(forms[i]);
      ASSERT_TRUE(IsOk(canonical)) << forms[i];
      EXPECT_EQ(*canonical, forms[0]) << forms[i];
    }
  }
}

TEST(RepositoryUrlTest, RefusesWhatNamesNoRepositoryWithoutShowingIt) {
  for (const char* text : {"", ".", "folder/x", "/srv/git/x", "https://host",
                           "https:///x", "https://user:hidden@", "./a:b"}) {
    auto canonical = CanonicalRepository(text);
    EXPECT_TRUE(FailsWith(canonical, ErrorCode::kInvalidArgument)) << text;
    if (canonical) continue;
    EXPECT_EQ(canonical.error().message().find("hidden"), std::string::npos);
  }
}

}  // namespace
}  // namespace strake::tasks::trigger
