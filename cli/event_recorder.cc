#include "cli/event_recorder.h"

#include <vector>

namespace strake::cli {
namespace {

using Kind = builder::ProgressEvent::Kind;

constexpr size_t kTailLines = 20;

void Append(std::deque<std::string>& tail, std::vector<std::string> lines) {
  for (std::string& line : lines) {
    tail.push_back(std::move(line));
    if (tail.size() > kTailLines) tail.pop_front();
  }
}

}  // namespace

void EventRecorder::OnEvent(const builder::ProgressEvent& event) {
  next_.OnEvent(event);
  switch (event.kind) {
    case Kind::kStepStarted:
      steps_[event.step].name = event.name;
      break;
    case Kind::kLog: {
      Step& step = steps_[event.step];
      Append(step.tail, step.log.Add(event.stream, event.text));
      break;
    }
    case Kind::kStepFailed: {
      Step& step = steps_[event.step];
      Append(step.tail, step.log.Finish());
      // The first failure is the cause; what it brings down follows.
      if (failure_.empty() && !step.tail.empty()) {
        failure_ = "------\n > " + step.name + ":\n";
        for (const std::string& line : step.tail) failure_ += line + "\n";
        failure_ += "------\n";
      }
      steps_.erase(event.step);
      break;
    }
    case Kind::kStepDone:
    case Kind::kStepCached:
    case Kind::kStepCancelled:
      steps_.erase(event.step);
      break;
    case Kind::kWarning:
      warnings_.insert(event.text);
      break;
    case Kind::kTransfer:
    case Kind::kPhase:
      break;
  }
}

}  // namespace strake::cli
