#include "builder/progress_reporter.h"

#include <utility>

namespace strake::builder {

using Kind = ProgressEvent::Kind;

void ProgressReporter::Send(ProgressEvent event) {
  std::lock_guard lock(mutex_);
  Deliver(event);
}

void ProgressReporter::Deliver(ProgressEvent& event) {
  if (sink_ == nullptr) return;
  event.time = std::chrono::system_clock::now();
  sink_->OnEvent(event);
}

// Numbered and told in one, so that steps appear in the order of their numbers.
uint64_t ProgressReporter::SendNumbered(ProgressEvent event) {
  std::lock_guard lock(mutex_);
  event.step = ++last_step_;
  Deliver(event);
  return event.step;
}

uint64_t ProgressReporter::Start(std::string_view name) {
  ProgressEvent event;
  event.kind = Kind::kStepStarted;
  event.name = name;
  return SendNumbered(std::move(event));
}

void ProgressReporter::Cached(std::string_view name) {
  ProgressEvent event;
  event.kind = Kind::kStepCached;
  event.name = name;
  SendNumbered(std::move(event));
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

void ProgressReporter::Phase(ProgressEvent::Phase phase) {
  ProgressEvent event;
  event.kind = Kind::kPhase;
  event.phase = std::move(phase);
  Send(std::move(event));
}

}  // namespace strake::builder
