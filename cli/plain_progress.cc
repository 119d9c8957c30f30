#include "cli/plain_progress.h"

#include <cstdio>
#include <span>
#include <vector>

#include "cli/display_text.h"
#include "util/byte_stream.h"
#include "util/strings.h"

namespace strake::cli {
namespace {

using builder::ProgressEvent;
using Kind = ProgressEvent::Kind;

// A log is read afterwards: it needs to show that a transfer moves, no more.
constexpr std::chrono::seconds kTransferInterval{5};

std::string Prefix(int number) { return "#" + std::to_string(number) + " "; }

void AddLog(const std::string& prefix, std::chrono::system_clock::duration at,
            const std::vector<std::string>& lines, std::string& out) {
  char seconds[32];
  std::snprintf(seconds, sizeof seconds, "%.3f ",
                std::chrono::duration<double>(at).count());
  for (const std::string& line : lines) {
    out += prefix + seconds + line + "\n";
  }
}

std::string FirstLine(const std::string& text) {
  return text.substr(0, text.find('\n'));
}

}  // namespace

PlainProgress::PlainProgress(int fd)
    : PlainProgress([fd](std::string_view text) {
        [[maybe_unused]] Status written =
            WriteFully(fd, std::as_bytes(std::span(text)));
      }) {}

PlainProgress::Step& PlainProgress::FindStep(const ProgressEvent& event,
                                             std::string& out) {
  auto [entry, is_new] = steps_.try_emplace(event.step);
  Step& step = entry->second;
  if (is_new) {
    step.number = static_cast<int>(steps_.size());
    step.started = event.time;
    out += Prefix(step.number) + event.name + "\n";
  }
  return step;
}

void PlainProgress::AddTransfer(Step& step, const ProgressEvent& event,
                                std::string& out) {
  const auto& transfer = event.transfer;
  Moving first = {event.time, transfer.current_bytes, event.time};
  Moving& moving = step.transfers.try_emplace(transfer.id, first).first->second;
  // One that began again is measured anew.
  if (transfer.current_bytes < moving.bytes_at_start) moving = first;
  bool due = event.time - moving.written >= kTransferInterval;
  if (!transfer.done && !due) return;
  moving.written = event.time;
  out += Prefix(step.number) + transfer.id;
  if (transfer.current_bytes > 0 || transfer.total_bytes > 0) {
    out += " " + HumanBytes(transfer.current_bytes);
  }
  if (transfer.total_bytes > 0) {
    out += " / " + HumanBytes(transfer.total_bytes);
  }
  out += " " + FormatSeconds(event.time - step.started);
  std::string pace;
  if (!transfer.done && transfer.total_bytes > moving.bytes_at_start) {
    pace = TransferPace(transfer.current_bytes - moving.bytes_at_start,
                        transfer.total_bytes - moving.bytes_at_start,
                        event.time - moving.started);
  }
  if (!pace.empty()) out += " (" + pace + ")";
  out += transfer.done ? " done\n" : "\n";
}

void PlainProgress::OnEvent(const ProgressEvent& event) {
  if (event.kind == Kind::kPhase) return;
  std::string out;
  if (event.kind == Kind::kWarning) {
    auto found = steps_.find(event.step);
    if (found != steps_.end()) out = Prefix(found->second.number);
    out += "WARNING: " + event.text + "\n";
  } else {
    Step& step = FindStep(event, out);
    std::string prefix = Prefix(step.number);
    auto elapsed = event.time - step.started;
    if (event.kind != Kind::kLog && event.kind != Kind::kTransfer) {
      AddLog(prefix, elapsed, step.log.Finish(), out);
    }
    switch (event.kind) {
      case Kind::kStepCached:
        out += prefix + "CACHED\n\n";
        break;
      case Kind::kStepDone:
        out += prefix + "DONE " + FormatSeconds(elapsed) + "\n\n";
        break;
      case Kind::kStepFailed:
        out += prefix + "ERROR: " + FirstLine(event.text) + "\n\n";
        break;
      case Kind::kStepCancelled:
        out += prefix + "CANCELED\n\n";
        break;
      case Kind::kLog:
        AddLog(prefix, elapsed, step.log.Add(event.stream, event.text), out);
        break;
      case Kind::kTransfer:
        AddTransfer(step, event, out);
        break;
      case Kind::kStepStarted:
      case Kind::kWarning:
      case Kind::kPhase:
        break;
    }
  }
  if (out.empty()) return;
  write_(out);
}

}  // namespace strake::cli
