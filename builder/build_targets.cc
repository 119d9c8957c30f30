#include "builder/build_targets.h"

#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <set>
#include <thread>
#include <utility>

#include "builder/context/layout_image.h"
#include "builder/solve/shared_steps.h"
#include "builder/store.h"
#include "util/result_macros.h"

namespace strake::builder {
namespace {

// Builds mostly wait for each other's steps and for registries; more of them
// would only show more at once.
constexpr size_t kMostAtOnce = 4;

// Passes the events of several builds on, with ids and names that tell them
// apart.
class JoinedProgress {
 public:
  explicit JoinedProgress(ProgressSink* next) : next_(next) {}

  void Pass(const std::string& target, std::map<uint64_t, uint64_t>& ids,
            ProgressEvent event) {
    std::lock_guard lock(mutex_);
    if (next_ == nullptr) return;
    if (event.step != 0) {
      auto [known, is_new] = ids.emplace(event.step, last_id_ + 1);
      if (is_new) ++last_id_;
      event.step = known->second;
    }
    if (!event.name.empty()) {
      // "[1/2] RUN" and "[internal] load": "[app 1/2] RUN", "[app internal]".
      event.name = event.name.starts_with('[')
                       ? "[" + target + " " + event.name.substr(1)
                       : "[" + target + "] " + event.name;
    }
    next_->OnEvent(event);
  }

 private:
  ProgressSink* next_;
  std::mutex mutex_;
  uint64_t last_id_ = 0;
};

class TargetProgress final : public ProgressSink {
 public:
  TargetProgress(const std::string& target, JoinedProgress& all)
      : target_(target), all_(all) {}
  void OnEvent(const ProgressEvent& event) override {
    all_.Pass(target_, ids_, event);
  }

 private:
  const std::string& target_;
  JoinedProgress& all_;
  std::map<uint64_t, uint64_t> ids_;  // under the lock of `all_`
};

// Of a target that nobody asked for: kept for others, and exported nowhere.
void KeepForOthers(BuildOptions& options) {
  options.tags.clear();
  options.outputs.assign(1, Output());
  options.outputs.front().unlisted = true;
}

class Runner {
 public:
  Runner(std::vector<TargetBuild> targets, ProgressSink* progress,
         std::stop_token stop)
      : targets_(std::move(targets)),
        progress_(progress),
        forward_(std::move(stop), [this] { stop_.request_stop(); }) {
    for (const TargetBuild& target : targets_) {
      for (const auto& [context, used] : target.uses) used_.insert(used);
    }
  }

  Result<std::map<std::string, BuildResult>> Run() {
    if (targets_.empty()) return std::move(results_);
    // Open for as long as targets may use what no list of images names.
    ASSIGN_OR_RETURN(Store store,
                     Store::Open(targets_[0].options.store_directory));
    {
      std::vector<std::jthread> threads;
      for (size_t i = 0; i < std::min(kMostAtOnce, targets_.size()); ++i) {
        threads.emplace_back([this] { Work(); });
      }
    }
    if (failure_) return *std::move(failure_);
    return std::move(results_);
  }

 private:
  // Takes targets in their order, each of which waits for those it uses; these
  // stand before it, and so have been taken.
  void Work() {
    while (true) {
      std::unique_lock lock(mutex_);
      if (next_ == targets_.size() || failure_) return;
      TargetBuild& target = targets_[next_++];
      done_.wait(lock, [&] { return failure_ || HasAllUsed(target); });
      if (failure_) return;
      UseResults(target);
      lock.unlock();
      auto result = BuildOne(target);
      lock.lock();
      Finish(target, std::move(result));
    }
  }

  bool HasAllUsed(const TargetBuild& target) const {
    for (const auto& [context, used] : target.uses) {
      if (!results_.contains(used)) return false;
    }
    return true;
  }

  void UseResults(TargetBuild& target) {
    for (const auto& [context, used] : target.uses) {
      const auto& image = results_.at(used).stored;
      if (!image) continue;
      target.options.named_contexts[context] =
          "docker-image://" +
          context::StoredImageReference(image->digest).ToString();
    }
  }

  Result<BuildResult> BuildOne(TargetBuild& target) {
    TargetProgress progress(target.name, progress_);
    target.options.progress = &progress;
    target.options.stop = stop_.get_token();
    target.options.shared_steps = &shared_;
    if (used_.contains(target.name)) target.options.keep = true;
    if (target.only_used) KeepForOthers(target.options);
    return Build(target.options);
  }

  void Finish(const TargetBuild& target, Result<BuildResult> result) {
    if (result) {
      results_.emplace(target.name, *std::move(result));
    } else if (!failure_) {
      failure_ = std::move(result).error().Wrap("target " + target.name);
      stop_.request_stop();
    }
    done_.notify_all();
  }

  std::vector<TargetBuild> targets_;
  JoinedProgress progress_;
  std::stop_source stop_;
  std::stop_callback<std::function<void()>> forward_;
  solve::SharedSteps shared_;
  std::set<std::string> used_;
  std::mutex mutex_;
  std::condition_variable done_;
  size_t next_ = 0;
  std::map<std::string, BuildResult> results_;
  std::optional<Error> failure_;
};

}  // namespace

Result<std::map<std::string, BuildResult>> BuildTargets(
    std::vector<TargetBuild> targets, ProgressSink* progress,
    std::stop_token stop) {
  return Runner(std::move(targets), progress, std::move(stop)).Run();
}

}  // namespace strake::builder
