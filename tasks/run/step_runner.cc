#include "tasks/run/step_runner.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>

#include "builder/containers.h"
#include "tasks/run/deadline.h"
#include "tasks/run/docker_engine.h"
#include "tasks/run/image_names.h"
#include "tasks/run/path_map.h"
#include "tasks/run/run_line.h"
#include "util/clock.h"
#include "util/result_macros.h"
#include "util/strings.h"

namespace strake::tasks::run {
namespace {

using std::chrono::milliseconds;

// What `retryOnErrors` is looked for in.
constexpr size_t kMostRemembered = size_t{1} << 20;
constexpr int kPushAttempts = 3;
constexpr milliseconds kFirstPushPause{250};

// The output of one attempt, its end at least.
class Memory {
 public:
  void Add(std::string_view text) {
    text_ += text;
    if (text_.size() > 2 * kMostRemembered) {
      text_.erase(0, text_.size() - kMostRemembered);
    }
  }
  bool Holds(const std::vector<std::string>& any) const {
    return std::ranges::any_of(any, [&](const std::string& wanted) {
      return text_.find(wanted) != std::string::npos;
    });
  }
  void Clear() { text_.clear(); }

 private:
  std::string text_;
};

class Runner {
 public:
  Runner(RunSpace& space, size_t index, StepRecord& record,
         std::stop_token stop)
      : space_(space),
        index_(index),
        step_(space.steps[index]),
        record_(record),
        stop_(std::move(stop)) {}

  Status Run() {
    Announce();
    RETURN_IF_ERROR(Delay());
    if (step_.pull) RETURN_IF_ERROR(PullFirst());
    ASSIGN_OR_RETURN(auto deadline, Deadline::Make(step_.timeout, stop_));
    Status done = step_.kind == file::StepKind::kPush
                      ? PushAll(deadline->token())
                      : RepeatAll(deadline->token());
    space_.log.EndOutput(index_);
    if (!done && deadline->passed()) {
      return Error(ErrorCode::kCommandFailed, "timed out");
    }
    return done;
  }

 private:
  void Line(const std::string& text) { space_.log.Line(text); }

  void Announce() {
    Line("Executing step ID: " + step_.id + ". Timeout(sec): " +
         std::to_string(step_.timeout.count()) + ", Working directory: '" +
         step_.working_directory + "', Network: '" + step_.network + "'");
  }

  Status Wait(std::chrono::nanoseconds time, std::stop_token stop) {
    if (SystemClock().Wait(time, std::move(stop))) return {};
    return Cancelled("interrupted");
  }

  Status Delay() {
    if (step_.start_delay.count() <= 0) return {};
    Line("Waiting " + std::to_string(step_.start_delay.count()) +
         " seconds before executing step ID: " + step_.id);
    return Wait(step_.start_delay, stop_);
  }

  // Of the first word of `cmd`, whatever that is.
  Status PullFirst() {
    Line("Step specified pull. Performing an explicit pull...");
    const std::string_view cmd = Trim(step_.cmd);
    const std::string image(cmd.substr(0, cmd.find(' ')));
    ASSIGN_OR_RETURN(builder::Containers * containers, space_.containers.Get());
    for (int attempt = 0;; ++attempt) {
      auto pulled = containers->Pull(image, builder::PullPolicy::kAlways,
                                     space_.settings.platform, stop_);
      if (pulled) return {};
      if (attempt >= step_.download_retries || stop_.stop_requested()) {
        return std::move(pulled).error();
      }
      RETURN_IF_ERROR(Wait(step_.download_retry_delay, stop_));
    }
  }

  // All are carried out, also after one has failed.
  Status RepeatAll(const std::stop_token& stop) {
    std::string errors;
    for (int i = 0; i <= step_.repeat; ++i) {
      Status done = TryAll(stop);
      if (done) continue;
      if (stop.stop_requested()) return done;
      errors += (errors.empty() ? "" : ", ") + done.error().message();
    }
    if (errors.empty()) return {};
    return Error(ErrorCode::kCommandFailed, errors);
  }

  Status TryAll(const std::stop_token& stop) {
    Memory memory;
    for (int retries = step_.retries;; --retries) {
      memory.Clear();
      Line("Launching container with name: " + step_.id);
      Status done = TryOnce(memory, stop);
      if (done) {
        Line("Successfully executed container: " + step_.id);
        return {};
      }
      if (stop.stop_requested()) return done;
      const bool again = retries > 0 && (step_.retry_on_errors.empty() ||
                                         memory.Holds(step_.retry_on_errors));
      if (!again) {
        Line("Container failed during run: " + step_.id +
             ". No retries remaining.");
        return done;
      }
      Line("Container failed during run: " + step_.id + ", waiting " +
           std::to_string(step_.retry_delay.count()) +
           " seconds before retrying...");
      RETURN_IF_ERROR(Wait(step_.retry_delay, stop));
    }
  }

  Status TryOnce(Memory& memory, const std::stop_token& stop) {
    ++record_.attempts;
    const bool remember = !step_.retry_on_errors.empty();
    auto output = [this, &memory, remember](int stream, std::string_view text) {
      if (remember) memory.Add(text);
      space_.log.Output(index_, stream, text);
    };
    auto code = RunLine(space_, index_, output, stop);
    if (!code) {
      if (code.error().code() != ErrorCode::kCancelled) {
        output(2, AsStepsSee(space_, code.error().message()) + "\n");
      }
      return std::move(code).error();
    }
    record_.exit_code = *code;
    return Judge(*code);
  }

  Status Judge(int code) const {
    auto has = [code](const std::vector<int>& codes) {
      return std::ranges::find(codes, code) != codes.end();
    };
    bool good = code == 0;
    if (!step_.exited_with.empty()) good = has(step_.exited_with);
    if (!step_.exited_without.empty()) {
      good = (good || step_.exited_with.empty()) && !has(step_.exited_without);
    }
    if (good) return {};
    return Error(ErrorCode::kCommandFailed,
                 "exit status " + std::to_string(code));
  }

  Status PushAll(const std::stop_token& stop) {
    for (const std::string& image : ImagesToPush(step_.push)) {
      record_.images.push_back(space_.log.Mask(image));
      RETURN_IF_ERROR(PushOne(image, stop));
    }
    return {};
  }

  Status PushOne(const std::string& image, const std::stop_token& stop) {
    milliseconds pause = kFirstPushPause;
    for (int attempt = 1;; ++attempt) {
      Line("Pushing image: " + image + ", attempt " + std::to_string(attempt));
      auto digest = PushReference(space_, image, stop);
      if (digest) {
        record_.digests[space_.log.Mask(image)] = *digest;
        Line("Successfully pushed image: " + image);
        return {};
      }
      space_.log.Output(index_, 2, digest.error().message() + "\n");
      // What else goes wrong does not get better.
      const bool again = digest.error().code() == ErrorCode::kUnavailable;
      if (!again || attempt == kPushAttempts || stop.stop_requested()) {
        return std::move(digest).error();
      }
      RETURN_IF_ERROR(Wait(pause, stop));
      pause *= 2;
    }
  }

  RunSpace& space_;
  size_t index_;
  const file::Step& step_;
  StepRecord& record_;
  std::stop_token stop_;
};

}  // namespace

Status RunStep(RunSpace& space, size_t index, StepRecord& record,
               std::stop_token stop) {
  return Runner(space, index, record, std::move(stop)).Run();
}

}  // namespace strake::tasks::run
