#include "tasks/run/container_table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace strake::tasks::run {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

// Containers without processes: the image says how one goes.
class FakeContainers final : public builder::Containers {
 public:
  Result<builder::ContainerEnd> Run(const builder::ContainerSpec& spec,
                                    std::stop_token stop) override {
    if (spec.image == "broken") return NotFound("no such program");
    spec.on_started();
    if (spec.image == "exit3") return builder::ContainerEnd{.code = 3};
    std::mutex mutex;
    std::condition_variable_any never;
    std::unique_lock lock(mutex);
    never.wait(lock, stop, [] { return false; });
    return Cancelled("killed");
  }
  Result<builder::ContainerImage> Image(const std::string&, builder::PullPolicy,
                                        const std::optional<oci::Platform>&,
                                        std::stop_token) override {
    return NotFound("no image");
  }
  Result<builder::ContainerImage> Pull(const std::string&, builder::PullPolicy,
                                       const std::optional<oci::Platform>&,
                                       std::stop_token) override {
    return NotFound("no image");
  }
  std::string network_note() const override { return "none"; }
  std::string isolation() const override { return "fake"; }
  Result<std::unique_ptr<builder::PublishedPort>> Publish(
      const builder::PublishSpec& spec) override {
    class Port final : public builder::PublishedPort {
     public:
      explicit Port(std::atomic<int>& open) : open_(open) { ++open_; }
      ~Port() override { --open_; }
      std::string address() const override { return "127.0.0.1:1"; }

     private:
      std::atomic<int>& open_;
    };
    if (spec.host_port == 1) return IoError("the port is taken");
    std::unique_ptr<builder::PublishedPort> port =
        std::make_unique<Port>(open_ports);
    return port;
  }

  static std::atomic<int> open_ports;
};

std::atomic<int> FakeContainers::open_ports = 0;

class ContainerTableTest : public testing::Test {
 protected:
  static ContainerRequest Request(const std::string& name,
                                  const std::string& image) {
    ContainerRequest request;
    request.name = name;
    request.spec.image = image;
    return request;
  }

  LazyContainers containers_{
      []() -> Result<std::unique_ptr<builder::Containers>> {
        return std::unique_ptr<builder::Containers>(
            std::make_unique<FakeContainers>());
      }};
  ContainerTable table_{containers_};
};

TEST_F(ContainerTableTest, RunsToTheEndAndForgets) {
  auto end = table_.Run(Request("a", "exit3"), {});
  ASSERT_TRUE(end);
  EXPECT_EQ(end->ShellCode(), 3);
  EXPECT_THAT(table_.List(), IsEmpty());
  ContainerRequest kept = Request("a", "exit3");
  kept.remove = false;
  ASSERT_TRUE(table_.Run(std::move(kept), {}));
  EXPECT_EQ(table_.Find("a")->exit_code, 3);
  EXPECT_TRUE(table_.Remove("a", false));
  EXPECT_EQ(table_.Find("a").error().message(), "No such container: a");
}

TEST_F(ContainerTableTest, StartsAndStops) {
  auto id = table_.Start(Request("service", "endless"), {});
  ASSERT_TRUE(id) << id.error().message();
  EXPECT_THAT(*id, SizeIs(64));
  EXPECT_EQ(table_.Find(id->substr(0, 12))->name, "service");
  EXPECT_EQ(table_.Find("service")->state, ContainerInfo::State::kRunning);
  EXPECT_FALSE(table_.Remove("service", false));
  EXPECT_TRUE(table_.Stop("service"));
  EXPECT_EQ(*table_.Wait("service", {}), 137);
  EXPECT_TRUE(table_.Stop("service"));
}

TEST_F(ContainerTableTest, ANameIsTakenUntilItsContainerHasEnded) {
  ASSERT_TRUE(table_.Start(Request("a", "endless"), {}));
  auto second = table_.Start(Request("a", "endless"), {});
  ASSERT_FALSE(second);
  EXPECT_THAT(second.error().message(), HasSubstr("already in use"));
  ASSERT_TRUE(table_.Stop("a"));
  EXPECT_TRUE(table_.Start(Request("a", "endless"), {}));
}

TEST_F(ContainerTableTest, WhatCannotStartSaysWhyAndIsForgotten) {
  auto id = table_.Start(Request("a", "broken"), {});
  ASSERT_FALSE(id);
  EXPECT_EQ(id.error().message(), "no such program");
  EXPECT_FALSE(table_.Run(Request("a", "broken"), {}));
  EXPECT_THAT(table_.List(), IsEmpty());
}

TEST_F(ContainerTableTest, PortsAreOpenForAsLongAsTheContainerRuns) {
  ContainerRequest request = Request("a", "endless");
  request.ports = {{.host_port = 80, .container_port = 80}};
  ASSERT_TRUE(table_.Start(std::move(request), {}));
  EXPECT_EQ(FakeContainers::open_ports, 1);
  ASSERT_TRUE(table_.Stop("a"));
  EXPECT_EQ(FakeContainers::open_ports, 0);
  ContainerRequest taken = Request("b", "endless");
  taken.ports = {{.host_port = 80, .container_port = 80},
                 {.host_port = 1, .container_port = 80}};
  auto refused = table_.Start(std::move(taken), {});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().message(), "the port is taken");
  EXPECT_EQ(FakeContainers::open_ports, 0);
}

TEST_F(ContainerTableTest, WhoWaitsCanBeInterrupted) {
  std::stop_source source;
  std::jthread stopper([&] { source.request_stop(); });
  auto end = table_.Run(Request("a", "endless"), source.get_token());
  ASSERT_FALSE(end);
  EXPECT_EQ(end.error().code(), ErrorCode::kCancelled);
}

TEST_F(ContainerTableTest, ManyAtOnceAreAllStopped) {
  std::vector<std::jthread> threads;
  for (int i = 0; i < 16; ++i) {
    threads.emplace_back([this, i] {
      const std::string name = "c" + std::to_string(i);
      ASSERT_TRUE(table_.Start(Request(name, "endless"), {}));
      if (i % 2 == 0) {
        EXPECT_TRUE(table_.Stop(name));
      }
      (void)table_.List();
    });
  }
  threads.clear();
  EXPECT_THAT(table_.List(), SizeIs(16));
  table_.StopAll();
  EXPECT_THAT(table_.List(), IsEmpty());
}

TEST_F(ContainerTableTest, CanBeListedWhileContainersComeAndGo) {
  std::vector<std::jthread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([this, i] {
      for (int j = 0; j < 2000; ++j) {
        (void)table_.Run(Request("c" + std::to_string(i), "exit3"), {});
        for (const ContainerInfo& info : table_.List()) {
          EXPECT_EQ(info.image, "exit3");
        }
      }
    });
  }
  threads.clear();
  EXPECT_THAT(table_.List(), IsEmpty());
}

}  // namespace
}  // namespace strake::tasks::run
