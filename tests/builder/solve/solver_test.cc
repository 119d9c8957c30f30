#include "builder/solve/solver.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <mutex>
#include <stop_token>
#include <string>
#include <vector>

#include "tests/builder/solve/workshop.h"
#include "tests/support/expect_result.h"

namespace strake::builder::solve {
namespace {

using sandbox::ExitStatus;
using sandbox::OutputCallback;
using sandbox::ProcessSpec;
using ::strake::testing::FailsWith;
using ::strake::testing::GraphMaker;
using ::strake::testing::IsOk;
using ::strake::testing::Workshop;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

constexpr std::chrono::seconds kLong{60};

// Where programs meet: each waits until `expected` are here at once.
class Meeting {
 public:
  explicit Meeting(int expected) : expected_(expected) {}
  // Whether all came.
  bool Wait() {
    std::unique_lock lock(mutex_);
    ++here_;
    arrived_.notify_all();
    return arrived_.wait_for(lock, kLong, [&] { return here_ >= expected_; });
  }

 private:
  const int expected_;
  int here_ = 0;
  std::mutex mutex_;
  std::condition_variable arrived_;
};

// A program that fails unless all others come, too.
auto MakeAFileAndMeet(Meeting& meeting) {
  return [&meeting](const ProcessSpec& spec, const OutputCallback&,
                    std::stop_token) -> Result<ExitStatus> {
    std::ofstream(spec.root.path + spec.argv[1]) << "x";
    return ExitStatus{meeting.Wait() ? 0 : 1, 0};
  };
}

// Waits to be stopped, as a sandbox does.
Result<ExitStatus> WaitForStop(std::stop_token stop) {
  std::mutex mutex;
  std::condition_variable_any changed;
  std::unique_lock lock(mutex);
  changed.wait_for(lock, stop, kLong, [] { return false; });
  if (stop.stop_requested()) return Cancelled("stopped");
  return Internal("nobody stopped this");
}

SolveOptions Jobs(int jobs) {
  SolveOptions options;
  options.jobs = jobs;
  return options;
}

TEST(SolverTest, ExecutesEachVertexOnceAndInputsFirst) {
  Workshop shop;
  GraphMaker maker;
  auto scratch = maker.Scratch();
  auto common = maker.Run(scratch, {"write", "/common", "c"});
  auto left = maker.Run(common, {"write", "/f1", "left"});
  auto right = maker.Run(common, {"write", "/f2", "right"});
  auto both = maker.CopyFrom(common, {left, right}, "/f");
  SolveOptions options = Jobs(4);
  options.need_root = true;
  auto result = shop.Solve(maker.Finish({common, both}), options);
  ASSERT_TRUE(IsOk(result));
  std::vector<std::string> ran = shop.sandbox.TakeRan();
  EXPECT_THAT(ran, UnorderedElementsAre("write /common c", "write /f1 left",
                                        "write /f2 right"));
  EXPECT_EQ(ran.front(), "write /common c");
  EXPECT_EQ(result->executed, 4);
  EXPECT_EQ(result->cached, 0);
  EXPECT_EQ(result->images[0].layers.size(), 2u);
  EXPECT_EQ(shop.Read(result->images[0].root, "/f1"), "left");
  EXPECT_EQ(shop.Read(result->images[0].root, "/f2"), "right");
}

TEST(SolverTest, LooksAtNothingThatTheTargetDoesNotNeed) {
  Workshop shop;
  GraphMaker maker;
  auto scratch = maker.Scratch();
  maker.Run(scratch, {"fail"});
  auto wanted = maker.Run(scratch, {"write", "/x", "x"});
  ASSERT_TRUE(IsOk(shop.Solve(maker.Finish({wanted}))));
  EXPECT_THAT(shop.sandbox.TakeRan(), ElementsAre("write /x x"));
}

TEST(SolverTest, RunsInputsInParallel) {
  Workshop shop;
  Meeting meeting(2);
  shop.sandbox.programs["meet"] = MakeAFileAndMeet(meeting);
  GraphMaker maker;
  auto scratch = maker.Scratch();
  auto left = maker.Run(scratch, {"meet", "/f1"});
  auto right = maker.Run(scratch, {"meet", "/f2"});
  auto both = maker.CopyFrom(scratch, {left, right}, "/f");
  EXPECT_TRUE(IsOk(shop.Solve(maker.Finish({both}), Jobs(2))));
}

TEST(SolverTest, ExecutesTheStagesBehindSeveralCopiesInParallel) {
  Workshop shop;
  Meeting meeting(2);
  shop.sandbox.programs["meet"] = MakeAFileAndMeet(meeting);
  GraphMaker maker;
  auto scratch = maker.Scratch();
  auto left = maker.Run(scratch, {"meet", "/left"});
  auto right = maker.Run(scratch, {"meet", "/right"});
  auto first = maker.CopyFrom(scratch, {left}, "/left");
  auto second = maker.CopyFrom(first, {right}, "/right");
  EXPECT_TRUE(IsOk(shop.Solve(maker.Finish({first, second}), Jobs(2))));
}

TEST(SolverTest, RunsNoMoreThanJobsAtOnce) {
  Workshop shop;
  std::atomic<int> running = 0, most = 0;
  shop.sandbox.programs["count"] = [&](const ProcessSpec& spec,
                                       const OutputCallback&,
                                       std::stop_token) -> Result<ExitStatus> {
    int now = ++running;
    int seen = most;
    while (now > seen && !most.compare_exchange_weak(seen, now)) {
    }
    std::ofstream(spec.root.path + spec.argv[1]) << "x";
    --running;
    return ExitStatus{};
  };
  GraphMaker maker;
  auto scratch = maker.Scratch();
  std::vector<plan::VertexId> sources;
  for (int i = 1; i <= 6; ++i) {
    sources.push_back(maker.Run(scratch, {"count", "/f" + std::to_string(i)}));
  }
  auto all = maker.CopyFrom(scratch, sources, "/f");
  ASSERT_TRUE(IsOk(shop.Solve(maker.Finish({all}), Jobs(1))));
  EXPECT_EQ(most, 1);
}

TEST(SolverTest, AnUnchangedRebuildExecutesNothing) {
  Workshop shop;
  GraphMaker maker;
  shop.dir.Write("context/file", "content");
  auto scratch = maker.Scratch();
  auto copied = maker.CopyFile(scratch, "file");
  auto ran = maker.Run(copied, {"write", "/x", "x"});
  const auto& graph = maker.Finish({copied, ran});
  auto first = shop.Solve(graph);
  ASSERT_TRUE(IsOk(first));
  EXPECT_EQ(first->executed, 2);
  shop.sandbox.TakeRan();

  auto second = shop.Solve(graph);
  ASSERT_TRUE(IsOk(second));
  EXPECT_EQ(second->executed, 0);
  EXPECT_EQ(second->cached, 2);
  EXPECT_THAT(shop.sandbox.TakeRan(), IsEmpty());
  EXPECT_EQ(shop.events.ended["COPY file"], "cached");
  EXPECT_EQ(shop.events.ended["write /x x"], "cached");
  ASSERT_EQ(second->images[0].layers.size(), 2u);
  for (size_t i = 0; i < 2; ++i) {
    EXPECT_EQ(second->images[0].layers[i].blob,
              first->images[0].layers[i].blob);
    EXPECT_EQ(second->images[0].layers[i].created,
              first->images[0].layers[i].created);
  }
}

TEST(SolverTest, ContentOfFilesCountsAndTheirTimesDoNot) {
  Workshop shop;
  GraphMaker maker;
  auto copied = maker.CopyFile(maker.Scratch(), "file");
  auto ran = maker.Run(copied, {"write", "/x", "x"});
  const auto& graph = maker.Finish({copied, ran});
  shop.dir.Write("context/file", "one");
  ASSERT_TRUE(IsOk(shop.Solve(graph)));

  timespec times[2] = {{1, 0}, {1, 0}};
  ASSERT_EQ(::utimensat(shop.dir.fd(), "context/file", times, 0), 0);
  auto touched = shop.Solve(graph);
  ASSERT_TRUE(IsOk(touched));
  EXPECT_EQ(touched->executed, 0);

  shop.dir.Write("context/file", "two");
  auto changed = shop.Solve(graph);
  ASSERT_TRUE(IsOk(changed));
  EXPECT_EQ(changed->executed, 2);

  // What was once built is still known.
  shop.dir.Write("context/file", "one");
  auto back = shop.Solve(graph);
  ASSERT_TRUE(IsOk(back));
  EXPECT_EQ(back->cached, 2);
}

TEST(SolverTest, NoCacheExecutesEverythingAnew) {
  Workshop shop;
  int count = 0;
  shop.sandbox.programs["count"] = [&](const ProcessSpec& spec,
                                       const OutputCallback&,
                                       std::stop_token) -> Result<ExitStatus> {
    std::ofstream(spec.root.path + "/count") << ++count;
    return ExitStatus{};
  };
  GraphMaker maker;
  auto counted = maker.Run(maker.Scratch(), {"count"});
  auto ran = maker.Run(counted, {"write", "/x", "x"});
  const auto& graph = maker.Finish({counted, ran});
  SolveOptions options;
  options.need_root = true;
  ASSERT_TRUE(IsOk(shop.Solve(graph, options)));
  options.no_cache = true;
  auto again = shop.Solve(graph, options);
  ASSERT_TRUE(IsOk(again));
  EXPECT_EQ(again->executed, 2);
  EXPECT_EQ(shop.Read(again->images[0].root, "/count"), "2");
  // The newer result is the one that counts from now on.
  options.no_cache = false;
  auto cached = shop.Solve(graph, options);
  ASSERT_TRUE(IsOk(cached));
  EXPECT_EQ(cached->executed, 0);
  EXPECT_EQ(cached->images[0].root, again->images[0].root);
}

TEST(SolverTest, AStepThatWasExecutedAnewMakesItsChildrenStale) {
  Workshop shop;
  int count = 0;
  shop.sandbox.programs["count"] = [&](const ProcessSpec& spec,
                                       const OutputCallback&,
                                       std::stop_token) -> Result<ExitStatus> {
    std::ofstream(spec.root.path + "/count") << ++count;
    return ExitStatus{};
  };
  GraphMaker whole, part;
  auto counted = whole.Run(whole.Scratch(), {"count"});
  auto child = whole.Run(counted, {"write", "/x", "x"});
  const auto& graph = whole.Finish({counted, child});
  ASSERT_TRUE(IsOk(shop.Solve(graph)));
  SolveOptions options;
  options.no_cache = true;
  ASSERT_TRUE(IsOk(
      shop.Solve(part.Finish({part.Run(part.Scratch(), {"count"})}), options)));
  options.no_cache = false;
  options.need_root = true;
  auto result = shop.Solve(graph, options);
  ASSERT_TRUE(IsOk(result));
  EXPECT_EQ(result->cached, 1);
  EXPECT_EQ(result->executed, 1);
  EXPECT_EQ(shop.Read(result->images[0].root, "/count"), "2");
}

TEST(SolverTest, ACopyIsKeyedByTheFilesThatItTakes) {
  Workshop shop;
  auto solve = [&](const char* version) {
    GraphMaker maker;
    auto scratch = maker.Scratch();
    auto other = maker.Run(scratch, {"write", "/other", version});
    auto built = maker.Run(other, {"write", "/app", "same"});
    auto copied = maker.CopyFrom(scratch, {built}, "/app");
    return shop.Solve(maker.Finish({copied}));
  };
  auto first = solve("1");
  ASSERT_TRUE(IsOk(first));
  EXPECT_EQ(first->executed, 3);
  auto second = solve("2");
  ASSERT_TRUE(IsOk(second));
  EXPECT_EQ(second->executed, 2);
  EXPECT_EQ(shop.events.ended["COPY --from /app"], "cached");
  EXPECT_EQ(second->images[0].layers[0].blob, first->images[0].layers[0].blob);
}

TEST(SolverTest, ACopyThatIsCachedDoesNotNeedItsSource) {
  Workshop shop;
  GraphMaker maker;
  auto scratch = maker.Scratch();
  auto built = maker.Run(scratch, {"write", "/app", "same"});
  auto copied = maker.CopyFrom(scratch, {built}, "/app");
  const auto& graph = maker.Finish({copied});
  ASSERT_TRUE(IsOk(shop.Solve(graph)));
  // The source had no layer: without its snapshot nothing is left of it.
  shop.RemoveSnapshots();
  shop.sandbox.TakeRan();
  auto again = shop.Solve(graph);
  ASSERT_TRUE(IsOk(again));
  EXPECT_THAT(shop.sandbox.TakeRan(), IsEmpty());
  EXPECT_EQ(shop.events.ended["COPY --from /app"], "cached");
}

TEST(SolverTest, ACopyTakesWhatItsSourceMakesThisTime) {
  Workshop shop;
  int count = 0;
  shop.sandbox.programs["count"] = [&](const ProcessSpec& spec,
                                       const OutputCallback&,
                                       std::stop_token) -> Result<ExitStatus> {
    std::ofstream(spec.root.path + "/count") << ++count;
    return ExitStatus{};
  };
  GraphMaker maker;
  auto scratch = maker.Scratch();
  auto counted = maker.Run(scratch, {"count"});
  auto copied = maker.CopyFrom(scratch, {counted}, "/count");
  const auto& graph = maker.Finish({copied});
  SolveOptions options;
  options.need_root = true;
  auto first = shop.Solve(graph, options);
  ASSERT_TRUE(IsOk(first));
  shop.RemoveSnapshots();
  ASSERT_TRUE(
      shop.blobs.Remove(first->images[0].layers[0].blob.descriptor.digest));
  for (int build = 0; build < 2; ++build) {
    auto result = shop.Solve(graph, options);
    ASSERT_TRUE(IsOk(result));
    EXPECT_EQ(shop.Read(result->images[0].root, "/count"), "2");
  }
  EXPECT_EQ(count, 2);
}

TEST(SolverTest, ALinkedCopyDoesNotDependOnWhatIsBelow) {
  Workshop shop;
  shop.dir.Write("context/file", "content");
  auto solve = [&](const char* version, SolveResult& result) {
    GraphMaker maker;
    auto scratch = maker.Scratch();
    auto below = maker.Run(scratch, {"write", "/version", version});
    auto source = maker.Run(scratch, {"write", "/app", "app"});
    auto copied = maker.CopyFrom(scratch, {source}, "/app", true);
    auto merged = maker.Merge(below, copied);
    SolveOptions options;
    options.need_root = true;
    auto solved = shop.Solve(maker.Finish({below, copied}, merged), options);
    ASSERT_TRUE(IsOk(solved));
    result = *std::move(solved);
  };
  SolveResult first, second;
  solve("1", first);
  solve("2", second);
  EXPECT_EQ(shop.events.ended["COPY --from /app"], "cached");
  EXPECT_EQ(second.images[0].layers[1].blob, first.images[0].layers[1].blob);
  EXPECT_EQ(shop.Read(second.images[0].root, "/version"), "2");
  EXPECT_EQ(shop.Read(second.images[0].root, "/app"), "app");
}

TEST(SolverTest, MakesASnapshotAgainFromItsLayer) {
  Workshop shop;
  GraphMaker maker;
  auto one = maker.Run(maker.Scratch(), {"write", "/one", "1"});
  auto two = maker.Run(one, {"write", "/two", "2"});
  const auto& graph = maker.Finish({one, two});
  ASSERT_TRUE(IsOk(shop.Solve(graph)));
  shop.RemoveSnapshots();
  shop.sandbox.TakeRan();
  SolveOptions options;
  options.need_root = true;
  auto result = shop.Solve(graph, options);
  ASSERT_TRUE(IsOk(result));
  EXPECT_EQ(result->executed, 0);
  EXPECT_THAT(shop.sandbox.TakeRan(), IsEmpty());
  EXPECT_EQ(shop.Read(result->images[0].root, "/one"), "1");
  EXPECT_EQ(shop.Read(result->images[0].root, "/two"), "2");
}

// How many states lie in the store as whole trees with this file.
int TreesWith(const Workshop& shop, const std::string& file) {
  int trees = 0;
  const std::string committed = shop.dir.path("snapshots") + "/plain/committed";
  for (const auto& entry : std::filesystem::directory_iterator(committed)) {
    if (std::filesystem::exists(entry.path() / ("fs" + file))) ++trees;
  }
  return trees;
}

TEST(SolverTest, AChainOfStepsLeavesOneTree) {
  Workshop shop;
  const auto build = [&](const std::string& third, bool need_root) {
    GraphMaker maker;
    auto state = maker.Run(maker.Scratch(), {"write", "/one", "1"});
    std::vector<plan::VertexId> layers = {state};
    for (const std::string name : {"two", "three", "four"}) {
      const std::string text = name == "three" ? third : name;
      state = maker.Run(state, {"write", "/" + name, text});
      layers.push_back(state);
    }
    SolveOptions options;
    options.need_root = need_root;
    return shop.Solve(maker.Finish(layers), options);
  };
  auto first = build("3", false);
  ASSERT_TRUE(IsOk(first));
  EXPECT_EQ(first->images[0].layers.size(), 4U);
  EXPECT_EQ(TreesWith(shop, "/one"), 1);
  EXPECT_EQ(TreesWith(shop, "/four"), 1);
  // From the middle, where there is no tree.
  auto second = build("changed", true);
  ASSERT_TRUE(IsOk(second));
  EXPECT_EQ(second->executed, 2);
  for (size_t i = 0; i < 4; ++i) {
    const bool same = second->images[0].layers[i].blob.diff_id ==
                      first->images[0].layers[i].blob.diff_id;
    EXPECT_EQ(same, i < 2) << i;
  }
  EXPECT_EQ(shop.Read(second->images[0].root, "/one"), "1");
  EXPECT_EQ(shop.Read(second->images[0].root, "/two"), "two");
  EXPECT_EQ(shop.Read(second->images[0].root, "/three"), "changed");
  EXPECT_EQ(TreesWith(shop, "/four"), 2) << "of each build the last";
}

TEST(SolverTest, AStateThatTwoAreMadeOfKeepsItsTree) {
  Workshop shop;
  GraphMaker maker;
  auto one = maker.Run(maker.Scratch(), {"write", "/one", "1"});
  auto two = maker.Run(one, {"write", "/two", "2"});
  auto three = maker.Run(one, {"write", "/three", "3"});
  auto four = maker.CopyFrom(two, {three}, "/three");
  const auto& graph = maker.Finish({one, two, four});
  SolveOptions options;
  options.need_root = true;
  auto result = shop.Solve(graph, options);
  ASSERT_TRUE(IsOk(result));
  EXPECT_EQ(TreesWith(shop, "/one"), 3);
  EXPECT_EQ(shop.Read(result->images[0].root, "/three"), "3");
}

TEST(SolverTest, ExecutesWhereNeitherSnapshotNorLayerIsLeft) {
  Workshop shop;
  GraphMaker maker;
  auto one = maker.Run(maker.Scratch(), {"write", "/one", "1"});
  const auto& graph = maker.Finish({one});
  auto first = shop.Solve(graph);
  ASSERT_TRUE(IsOk(first));
  shop.RemoveSnapshots();
  ASSERT_TRUE(
      shop.blobs.Remove(first->images[0].layers[0].blob.descriptor.digest));
  auto again = shop.Solve(graph);
  ASSERT_TRUE(IsOk(again));
  EXPECT_EQ(again->executed, 1);
  EXPECT_TRUE(
      shop.blobs.Contains(again->images[0].layers[0].blob.descriptor.digest));
}

TEST(SolverTest, WritesALayerAgainWithoutExecutingItsStep) {
  Workshop shop;
  GraphMaker maker;
  const auto& graph =
      maker.Finish({maker.Run(maker.Scratch(), {"write", "/one", "1"})});
  auto gzip = shop.Solve(graph);
  ASSERT_TRUE(IsOk(gzip));
  SolveOptions options;
  options.compression.algorithm = oci::Compression::kZstd;
  auto zstd = shop.Solve(graph, options);
  ASSERT_TRUE(IsOk(zstd));
  EXPECT_EQ(zstd->executed, 0);
  EXPECT_EQ(zstd->images[0].layers[0].blob.descriptor.media_type,
            oci::kMediaTypeLayerZstd);
  EXPECT_EQ(zstd->images[0].layers[0].blob.diff_id,
            gzip->images[0].layers[0].blob.diff_id);
}

TEST(SolverTest, WritesNoLayerWhereOnlyTheFilesAreWanted) {
  Workshop shop;
  GraphMaker maker;
  const auto& graph =
      maker.Finish({maker.Run(maker.Scratch(), {"write", "/one", "1"})});
  SolveOptions options;
  options.need_layers = false;
  options.need_root = true;
  auto result = shop.Solve(graph, options);
  ASSERT_TRUE(IsOk(result));
  EXPECT_TRUE(result->images[0].layers.empty());
  EXPECT_EQ(shop.Read(result->images[0].root, "/one"), "1");
  auto blobs = shop.blobs.List();
  ASSERT_TRUE(blobs);
  EXPECT_TRUE(blobs->empty());
}

TEST(SolverTest, AFailureNamesItsVertexAndStopsTheOthers) {
  Workshop shop;
  Meeting meeting(2);
  std::atomic<bool> stopped = false;
  shop.sandbox.programs["wait"] = [&](const ProcessSpec&, const OutputCallback&,
                                      std::stop_token stop) {
    meeting.Wait();
    auto status = WaitForStop(stop);
    stopped = stop.stop_requested();
    return status;
  };
  shop.sandbox.programs["fail-late"] =
      [&](const ProcessSpec&, const OutputCallback& on_output,
          std::stop_token) -> Result<ExitStatus> {
    meeting.Wait();
    on_output(sandbox::Stream::kStderr, "it broke\n");
    return ExitStatus{3, 0};
  };
  GraphMaker maker;
  auto scratch = maker.Scratch();
  auto slow = maker.Run(scratch, {"wait"});
  auto bad = maker.Run(scratch, {"fail-late"});
  auto behind = maker.Run(bad, {"write", "/x", "x"});
  auto both = maker.CopyFrom(scratch, {slow, behind}, "/f");
  auto result = shop.Solve(maker.Finish({both}), Jobs(2));
  EXPECT_TRUE(FailsWith(result, ErrorCode::kCommandFailed, "exit code: 3"));
  ASSERT_TRUE(shop.failure);
  EXPECT_EQ(shop.failure->vertex, bad);
  EXPECT_TRUE(stopped.load());
  EXPECT_EQ(shop.events.ended["fail-late"], "failed");
  EXPECT_EQ(shop.events.ended["wait"], "cancelled");
  EXPECT_FALSE(shop.events.ended.contains("write /x x"));
  EXPECT_EQ(shop.events.log, "it broke\n");
}

TEST(SolverTest, AFailureIsNotCached) {
  Workshop shop;
  GraphMaker maker;
  auto good = maker.Run(maker.Scratch(), {"write", "/x", "x"});
  auto bad = maker.Run(good, {"fail"});
  const auto& graph = maker.Finish({good, bad});
  EXPECT_FALSE(shop.Solve(graph));
  shop.sandbox.TakeRan();
  EXPECT_FALSE(shop.Solve(graph));
  EXPECT_THAT(shop.sandbox.TakeRan(), ElementsAre("fail"));
  EXPECT_EQ(shop.events.ended["write /x x"], "cached");
}

TEST(SolverTest, LeavesNoActiveSnapshotBehindAFailure) {
  Workshop shop;
  GraphMaker maker;
  EXPECT_FALSE(
      shop.Solve(maker.Finish({maker.Run(maker.Scratch(), {"fail"})})));
  auto ids = shop.snapshots->List();
  ASSERT_TRUE(ids);
  // The empty root may be there; nothing of the step is.
  EXPECT_LE(ids->size(), 1u);
}

TEST(SolverTest, AMissingFileFailsTheCopyThatWantsIt) {
  Workshop shop;
  GraphMaker maker;
  auto copied = maker.CopyFile(maker.Scratch(), "missing");
  auto ran = maker.Run(copied, {"write", "/x", "x"});
  auto result = shop.Solve(maker.Finish({copied, ran}));
  EXPECT_TRUE(FailsWith(result, ErrorCode::kNotFound, "\"/missing\""));
  ASSERT_TRUE(shop.failure);
  EXPECT_EQ(shop.failure->vertex, copied);
  EXPECT_THAT(shop.sandbox.TakeRan(), IsEmpty());
}

TEST(SolverTest, EndsWhenItIsAskedTo) {
  Workshop shop;
  std::stop_source source;
  shop.sandbox.programs["wait"] = [&](const ProcessSpec&, const OutputCallback&,
                                      std::stop_token stop) {
    source.request_stop();
    return WaitForStop(stop);
  };
  GraphMaker maker;
  auto waiting = maker.Run(maker.Scratch(), {"wait"});
  auto behind = maker.Run(waiting, {"write", "/x", "x"});
  SolveOptions options;
  options.stop = source.get_token();
  auto result = shop.Solve(maker.Finish({waiting, behind}), options);
  EXPECT_TRUE(FailsWith(result, ErrorCode::kCancelled));
  EXPECT_THAT(shop.sandbox.TakeRan(), ElementsAre("wait"));
}

TEST(SolverTest, DoesNothingWhereItWasStoppedBefore) {
  Workshop shop;
  std::stop_source source;
  source.request_stop();
  GraphMaker maker;
  SolveOptions options;
  options.stop = source.get_token();
  auto result = shop.Solve(
      maker.Finish({maker.Run(maker.Scratch(), {"write", "/x", "x"})}),
      options);
  EXPECT_TRUE(FailsWith(result, ErrorCode::kCancelled));
  EXPECT_THAT(shop.sandbox.TakeRan(), IsEmpty());
}

TEST(SolverTest, LayersAreTheSameWhateverEndsFirst) {
  std::vector<oci::Digest> first;
  for (int jobs : {1, 2, 8}) {
    Workshop shop;
    GraphMaker maker;
    auto scratch = maker.Scratch();
    std::vector<plan::VertexId> sources;
    for (int i = 1; i <= 8; ++i) {
      std::string number = std::to_string(i);
      sources.push_back(maker.Run(scratch, {"write", "/f" + number, number}));
    }
    auto all = maker.CopyFrom(scratch, sources, "/f");
    SolveOptions options = Jobs(jobs);
    options.layers.clamp_mtime = oci::Timestamp();
    auto result = shop.Solve(maker.Finish({all}), options);
    ASSERT_TRUE(IsOk(result));
    std::vector<oci::Digest> layers;
    for (const auto& layer : result->images[0].layers) {
      layers.push_back(layer.blob.diff_id);
    }
    if (first.empty()) first = layers;
    EXPECT_EQ(layers, first) << jobs << " jobs";
  }
}

}  // namespace
}  // namespace strake::builder::solve
