#include "builder/progress_reporter.h"

#include <utility>

namespace strake::builder {

using Kind = ProgressEvent::Kind;

void ProgressReporter::Send(ProgressEvent event) {
  if (sink_ == nullptr) return;
  std::lock_guard lock(mutex_);
  event.time = std::chrono::system_clock::now();
  sink_->OnEvent(event);
}

uint64_t ProgressReporter::Start(std::string_view name) {
  ProgressEvent event;
  event.kind = Kind::kStepStarted;
  event.name = name;
  {
    std::lock_guard lock(mutex_);
    event.step = ++last_step_;
  }
  uint64_t step = event.step;
  Send(std::move(event));
  return step;
}

void ProgressReporter::Cached(std::string_view name) {
  ProgressEvent event;
  event.kind = Kind::kStepCached;
  event.name = name;
  {
    std::lock_guard lock(mutex_);
    event.step = ++last_step_;
  }
  Send(std::move(event));
}

void ProgressReporter::End(uint64_t step, const Status& status) {
  ProgressEvent event;
  event.step = step;
  if (status) {
    event.kind = Kind::kStepDone;
  } else if (status.error().code() == ErrorCode::kCancelled) {
    event.kind = Kind::kStepCancelled;
  } else {
    event.kind = Kind::kStepFailed;
    event.text = status.error().message();
  }
  Send(std::move(event));
}

void ProgressReporter::Log(uint64_t step, int stream, std::string_view text) {
  ProgressEvent event;
  event.kind = Kind::kLog;
  event.step = step;
  event.stream = stream;
  event.text = text;
  Send(std::move(event));
}

void ProgressReporter::Transfer(uint64_t step,
                                const ProgressEvent::Transfer& transfer) {
  ProgressEvent event;
  event.kind = Kind::kTransfer;
  event.step = step;
  event.transfer = transfer;
  Send(std::move(event));
}

void ProgressReporter::Warning(std::string_view text) {
  ProgressEvent event;
  event.kind = Kind::kWarning;
  event.text = text;
  Send(std::move(event));
}

}  // namespace strake::builder
