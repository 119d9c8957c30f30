#include <gtest/gtest.h>

#include <set>
#include <string>

#include "tasks/store/queue.h"
#include "tasks/store/sightings.h"
#include "tasks/store/task_table.h"
#include "tests/support/run_tool.h"
#include "tests/tasks/store_fixture.h"

namespace strake::tasks::store {
namespace {

using testing::FailsWith;
using testing::IsOk;

TaskRecord WithEverything() {
  TaskRecord task;
  task.name = "build-web";
  task.platform = "linux/arm64/v8";
  task.cpu = 4;
  task.timeout = std::chrono::seconds(120);
  task.context = "https://github.com/Me/web.git#main";
  task.context_token = "topsecret-context";
  DockerStep step;
  step.image_names = {"web:{{.Run.ID}}", "web:latest"};
  step.push = false;
  step.no_cache = true;
  step.dockerfile = "docker/Dockerfile";
  step.target = "final";
  step.arguments = {{"A", "1", false}, {"TOKEN", "topsecret-argument", true}};
  task.step = step;
  task.timers = {{"t1", "0 12 * * Mon-Fri", true, "Europe/Berlin", true},
                 {"t2", "*/5 * * * *", false, "", false}};
  SourceTrigger source;
  source.events = {"commit", "pullrequest"};
  source.repository_url = "https://github.com/Me/web.git";
  source.branch = "main";
  source.token = "topsecret-git";
  source.webhook_secret = "topsecret-hook";
  source.paths = {"src/**"};
  source.tags = {"v*"};
  task.sources = {source};
  BaseImageTrigger base;
  base.all = true;
  base.update_endpoint = "https://x/?topsecret-endpoint";
  task.base_image = base;
  task.credentials = {{"r.example.com", "me", "topsecret-password"}};
  task.priority = 2;
  task.concurrency = 1;
  task.coalesce = true;
  return task;
}

class StoreTaskTest : public StoreTest {
 protected:
  void SetUp() override {
    StoreTest::SetUp();
    if (database_ != nullptr) tasks_.emplace(*database_, *secrets_);
  }
  std::optional<TaskTable> tasks_;
};
STRAKE_WITH_BOTH_DATABASES(StoreTaskTest);

TEST(TaskRecordTest, ComesBackFromItsJson) {
  const std::string json = FormatTask(WithEverything(), Secrets::kIncluded);
  auto back = ParseTask(json);
  ASSERT_TRUE(IsOk(back));
  EXPECT_EQ(FormatTask(*back, Secrets::kIncluded), json);
  EXPECT_EQ(back->sources[0].webhook_secret, "topsecret-hook");
  EXPECT_EQ(back->timeout, std::chrono::seconds(120));
  EXPECT_TRUE(back->base_image->all);
}

TEST(TaskRecordTest, EveryKindOfStepComesBack) {
  TaskRecord task;
  task.name = "t";
  task.step = FileStep{"acb.yaml", "values.yaml", {{"x", "y", false}}};
  auto back = ParseTask(FormatTask(task, Secrets::kIncluded));
  ASSERT_TRUE(IsOk(back));
  EXPECT_EQ(std::get<FileStep>(back->step).values_file, "values.yaml");
  task.step = EncodedStep{"c3RlcHM6Cg==", "", {{"x", "y", true}}};
  back = ParseTask(FormatTask(task, Secrets::kIncluded));
  ASSERT_TRUE(IsOk(back));
  EXPECT_EQ(std::get<EncodedStep>(back->step).content, "c3RlcHM6Cg==");
  EXPECT_TRUE(std::get<EncodedStep>(back->step).values[0].secret);
}

TEST(TaskRecordTest, HasAcrsNames) {
  const std::string json = FormatTask(WithEverything(), Secrets::kLeftOut);
  for (const char* key :
       {"\"agentConfiguration\"", "\"timerTriggers\"", "\"sourceTriggers\"",
        "\"sourceTriggerEvents\"", "\"repositoryUrl\"", "\"baseImageTrigger\"",
        "\"baseImageTriggerType\": \"All\"", "\"customRegistries\"",
        "\"type\": \"Docker\"", "\"isPushEnabled\": false",
        "\"variant\": \"v8\"", "\"provisioningState\": \"Succeeded\""}) {
    EXPECT_NE(json.find(key), std::string::npos) << key;
  }
  EXPECT_EQ(json.find("topsecret"), std::string::npos);
}

TEST(TaskRecordTest, AWrongKeyIsNamed) {
  EXPECT_TRUE(FailsWith(ParseTask(R"({"name": "x", "step": {"type": "Odd"}})"),
                        ErrorCode::kInvalidArgument, "step.type"));
  EXPECT_TRUE(FailsWith(ParseTask(R"({"name": "x", "status": "On"})"),
                        ErrorCode::kInvalidArgument, "status: \"On\""));
}

TEST_P(StoreTaskTest, ATaskIsKeptWithItsSecrets) {
  ASSERT_TRUE(IsOk(tasks_->Create(WithEverything())));
  auto task = tasks_->Get("build-web");
  ASSERT_TRUE(IsOk(task));
  TaskRecord expected = WithEverything();
  expected.created = task->created;
  EXPECT_EQ(FormatTask(*task, Secrets::kIncluded),
            FormatTask(expected, Secrets::kIncluded));
  EXPECT_TRUE(FailsWith(tasks_->Create(WithEverything()),
                        ErrorCode::kInvalidArgument, "already"));
  EXPECT_TRUE(FailsWith(tasks_->Get("x"), ErrorCode::kNotFound, "no task x"));
  TaskRecord odd = WithEverything();
  odd.name = "a b";
  EXPECT_TRUE(FailsWith(tasks_->Create(odd), ErrorCode::kInvalidArgument));
}

TEST_P(StoreTaskTest, NoSecretReachesTheDatabase) {
  ASSERT_TRUE(IsOk(tasks_->Create(WithEverything())));
  Queue queue(*database_, *secrets_);
  NewRun run;
  run.task = "build-web";
  run.request = "topsecret-request";
  ASSERT_TRUE(IsOk(queue.Enqueue(run)));
  run.coalesce = true;
  ASSERT_TRUE(IsOk(queue.Enqueue(run)));
  std::string folder = directory_.path();
  if (GetParam() == Dialect::kPostgres) {
    folder = server_->folder();
    ASSERT_TRUE(IsOk(database_->Read([](Connection& connection) -> Status {
      auto done = connection.Execute("CHECKPOINT");
      return done ? Status() : Status(done.error());
    })));
  }
  if (GetParam() == Dialect::kPostgres) {
    // Its files have long texts compressed.
    std::string dump = server_->Dump("strake");
    EXPECT_NE(dump.find("docker/Dockerfile"), std::string::npos);
    EXPECT_EQ(dump.find("topsecret"), std::string::npos);
  }
  // That what is looked through is what was written.
  EXPECT_NE(testing::Sh("grep -rlF build-web " + folder), "");
  EXPECT_EQ(testing::Sh("grep -rlF topsecret " + folder + " || true"), "");
}

TEST_P(StoreTaskTest, AnotherKeyOpensNothing) {
  ASSERT_TRUE(IsOk(tasks_->Create(WithEverything())));
  auto other = SecretBox::Open(directory_.path("other-key"));
  ASSERT_TRUE(IsOk(other));
  TaskTable tasks(*database_, *other);
  EXPECT_TRUE(FailsWith(tasks.Get("build-web"), ErrorCode::kUnauthorized,
                        "task build-web: "));
  // What needs no secret needs no key.
  EXPECT_TRUE(IsOk(tasks.List()));
}

TEST_P(StoreTaskTest, ATaskIsChangedInOneGo) {
  ASSERT_TRUE(IsOk(tasks_->Create(WithEverything())));
  EXPECT_EQ(tasks_->Watching("github.com/me/web")->size(), 1u);
  ASSERT_TRUE(IsOk(tasks_->Modify("build-web", [](TaskRecord& task) -> Status {
    task.enabled = false;
    task.sources[0].repository_url = "https://example.com:8080/other.git";
    return {};
  })));
  auto task = tasks_->Get("build-web");
  ASSERT_TRUE(IsOk(task));
  EXPECT_FALSE(task->enabled);
  EXPECT_EQ(task->credentials[0].secret, "topsecret-password");
  EXPECT_TRUE(tasks_->Watching("github.com/me/web")->empty());
  EXPECT_EQ(tasks_->Watching("example.com:8080/other")->size(), 1u);
  EXPECT_TRUE(FailsWith(tasks_->Modify("build-web",
                                       [](TaskRecord& task) -> Status {
                                         task.enabled = true;
                                         return InvalidArgument("no");
                                       }),
                        ErrorCode::kInvalidArgument, "no"));
  EXPECT_FALSE(tasks_->Get("build-web")->enabled);
}

TEST_P(StoreTaskTest, TasksAreListedByPages) {
  for (const char* name : {"c", "a", "d", "b", "e"}) {
    TaskRecord task = WithEverything();
    task.name = name;
    ASSERT_TRUE(IsOk(tasks_->Create(task)));
  }
  std::string names, after;
  for (;;) {
    auto page = tasks_->List({after, 2});
    ASSERT_TRUE(IsOk(page));
    if (page->empty()) break;
    for (const TaskRecord& task : *page) {
      names += task.name;
      EXPECT_EQ(task.credentials[0].secret, "");
    }
    after = page->back().name;
  }
  EXPECT_EQ(names, "abcde");
}

TEST_P(StoreTaskTest, ASuccessfulRunTellsWhatItsTaskDependsOn) {
  TaskRecord task = WithEverything();
  ASSERT_TRUE(IsOk(tasks_->Create(task)));
  Queue queue(*database_, *secrets_);
  run::ImageName alpine;
  alpine.registry = "registry.hub.docker.com";
  alpine.repository = "library/alpine";
  alpine.tag = "3.19";
  alpine.digest = "sha256:aa";
  run::ImageName golang = alpine;
  golang.repository = "library/golang";
  auto run = [&](RunState state, std::vector<run::ImageName> buildtime) {
    NewRun queued;
    queued.task = "build-web";
    ASSERT_TRUE(IsOk(queue.Enqueue(queued)));
    auto claimed = queue.Claim("w", std::chrono::seconds(9));
    ASSERT_TRUE(IsOk(claimed));
    Outcome outcome;
    outcome.state = state;
    run::ImageDependencies dependencies;
    dependencies.runtime = alpine;
    dependencies.buildtime = std::move(buildtime);
    outcome.dependencies = {dependencies, dependencies};
    ASSERT_TRUE(IsOk(queue.Finish((*claimed)->lease, outcome)));
  };
  run(RunState::kFailed, {golang});
  EXPECT_TRUE(tasks_->Dependencies("build-web")->empty());
  run(RunState::kSucceeded, {golang});
  auto dependencies = tasks_->Dependencies("build-web");
  ASSERT_TRUE(IsOk(dependencies));
  ASSERT_EQ(dependencies->size(), 2u);
  EXPECT_TRUE(dependencies->at(0).runtime);
  EXPECT_EQ(dependencies->at(0).image.repository, "library/alpine");
  EXPECT_EQ(tasks_->DependingOn(golang, /*runtime_only=*/false)->size(), 1u);
  EXPECT_TRUE(tasks_->DependingOn(golang, /*runtime_only=*/true)->empty());
  EXPECT_EQ(tasks_->DependingOn(alpine, /*runtime_only=*/true)->size(), 1u);
  EXPECT_EQ(tasks_->WatchedImages()->size(), 2u);
  run(RunState::kSucceeded, {});
  EXPECT_EQ(tasks_->WatchedImages()->size(), 1u);
  ASSERT_TRUE(IsOk(tasks_->Remove("build-web")));
  EXPECT_TRUE(tasks_->WatchedImages()->empty());
  EXPECT_TRUE(FailsWith(tasks_->Remove("build-web"), ErrorCode::kNotFound));
}

TEST_P(StoreTaskTest, SightingsAreRemembered) {
  Sightings sightings(*database_);
  ASSERT_TRUE(
      IsOk(sightings.Note("image", "r/web", "1", {"sha256:a", "e", {}})));
  ASSERT_TRUE(
      IsOk(sightings.Note("image", "r/web", "1", {"sha256:b", "f", {}})));
  auto all = sightings.At("image", "r/web");
  ASSERT_TRUE(IsOk(all));
  ASSERT_EQ(all->size(), 1u);
  EXPECT_EQ(all->at("1").value, "sha256:b");
  EXPECT_EQ(all->at("1").validator, "f");
  EXPECT_EQ(all->at("1").seen, clock_.Now());
  ASSERT_TRUE(
      IsOk(sightings.Replace("image", "r/web", {{"2", {"c", "", {}}}})));
  all = sightings.At("image", "r/web");
  ASSERT_TRUE(IsOk(all));
  EXPECT_EQ(all->size(), 1u);
  EXPECT_TRUE(all->contains("2"));
  EXPECT_TRUE(sightings.At("head", "r/web")->empty());
}

}  // namespace
}  // namespace strake::tasks::store
