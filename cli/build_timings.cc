#include "cli/build_timings.h"

#include <algorithm>
#include <cstdio>

#include "util/strings.h"

namespace strake::cli {
namespace {

using Kind = builder::ProgressEvent::Kind;
using Seconds = std::chrono::duration<double>;

std::string SecondsText(double seconds) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1fs", seconds);
  return text;
}

}  // namespace

void BuildTimings::OnEvent(const builder::ProgressEvent& event) {
  next_.OnEvent(event);
  last_ = std::max(last_, event.time);
  switch (event.kind) {
    case Kind::kStepStarted:
      open_[event.step] = {event.name, event.time, {}};
      break;
    case Kind::kStepCached:
      spans_.push_back({TimeSpan::Kind::kStep, event.name, "cached", event.time,
                        event.time});
      break;
    case Kind::kStepDone:
      EndStep(event, "done");
      break;
    case Kind::kStepFailed:
      EndStep(event, "failed");
      break;
    case Kind::kStepCancelled:
      EndStep(event, "cancelled");
      break;
    case Kind::kTransfer:
      AddTransfer(event);
      break;
    case Kind::kPhase:
      spans_.push_back({TimeSpan::Kind::kPhase, event.phase.name,
                        event.phase.subject, event.phase.began, event.time});
      break;
    case Kind::kLog:
    case Kind::kWarning:
      break;
  }
}

void BuildTimings::EndStep(const builder::ProgressEvent& event,
                           std::string how) {
  auto step = open_.find(event.step);
  if (step == open_.end()) return;
  spans_.push_back({TimeSpan::Kind::kStep, step->second.name, std::move(how),
                    step->second.began, event.time});
  open_.erase(step);
}

void BuildTimings::AddTransfer(const builder::ProgressEvent& event) {
  const builder::ProgressEvent::Transfer& transfer = event.transfer;
  std::map<std::string, Time>& begun = open_[event.step].transfers;
  auto [entry, is_new] = begun.try_emplace(transfer.id, event.time);
  if (!transfer.done) return;
  spans_.push_back({TimeSpan::Kind::kTransfer, transfer.id,
                    std::to_string(transfer.current_bytes) + " bytes",
                    entry->second, event.time});
  begun.erase(entry);
}

std::chrono::duration<double> BuildTimings::total() const {
  return last_ - began_;
}

std::map<std::string, double> BuildTimings::PhaseSeconds() const {
  std::map<std::string, double> phases;
  for (const TimeSpan& span : spans_) {
    if (span.kind != TimeSpan::Kind::kPhase) continue;
    phases[span.name] += Seconds(span.ended - span.began).count();
  }
  return phases;
}

std::string BuildTimings::Summary() const {
  constexpr double kLeastSeconds = 0.05;
  std::vector<std::pair<double, std::string>> longest;
  for (const auto& [name, seconds] : PhaseSeconds()) {
    if (seconds >= kLeastSeconds) longest.emplace_back(-seconds, name);
  }
  if (longest.empty()) return "";
  std::ranges::sort(longest);
  std::vector<std::string> parts;
  for (const auto& [negative, name] : longest) {
    parts.push_back(name + " " + SecondsText(-negative));
  }
  return "time: " + SecondsText(total().count()) + " (" + Join(parts, ", ") +
         ")";
}

}  // namespace strake::cli
