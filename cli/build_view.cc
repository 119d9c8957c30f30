#include "cli/build_view.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "cli/display_text.h"
#include "util/strings.h"

namespace strake::cli {
namespace {

using builder::ProgressEvent;
using Kind = ProgressEvent::Kind;
using Transfer = ProgressEvent::Transfer;

// Rows below one running step.
constexpr size_t kMaxDetails = 6;

// `left`, and `right` at the far end of the line; a line too narrow for both
// loses the end of `left`.
std::string Justify(std::string_view left, std::string_view right,
                    size_t columns) {
  if (right.size() + 8 > columns) {
    return std::string(CutToWidth(left, columns));
  }
  left = CutToWidth(left, columns - right.size() - 1);
  size_t gap = columns - DisplayWidth(left) - right.size();
  return std::string(left) + std::string(gap, ' ') + std::string(right);
}

// "[=====>    ]", for lines that have the room.
std::string Bar(uint64_t current, uint64_t total, size_t cells) {
  size_t filled = total == 0 ? 0 : std::min(current, total) * cells / total;
  std::string bar(filled, '=');
  if (filled < cells) bar += '>';
  bar.resize(cells, ' ');
  return "[" + bar + "]";
}

// A digest is told apart by its first digits.
std::string_view Shorten(std::string_view id) {
  constexpr size_t kDigestLength = 7 + 64;
  return id.starts_with("sha256:") && id.size() == kDigestLength
             ? id.substr(0, 7 + 12)
             : id;
}

struct StageStep {
  std::string_view stage;
  size_t total = 0;
};

// Reads "[builder 2/5] RUN make"; nothing for other names.
std::optional<StageStep> ParseStageStep(std::string_view name) {
  if (!name.starts_with('[')) return std::nullopt;
  std::string_view inside = name.substr(1, name.find(']') - 1);
  size_t blank = inside.rfind(' ');
  std::string_view counts =
      blank == std::string_view::npos ? inside : inside.substr(blank + 1);
  auto pair = SplitOnce(counts, '/');
  if (!pair || !ParseUint(pair->first)) return std::nullopt;
  auto total = ParseUint(pair->second);
  if (!total || *total > 10'000) return std::nullopt;
  return StageStep{inside.substr(0, inside.size() - counts.size()), *total};
}

// How many detail rows each step gets when `wanted` do not all fit `rows`: one
// at a time to each in turn.
std::vector<size_t> ShareRows(const std::vector<size_t>& wanted, size_t rows) {
  std::vector<size_t> given(wanted.size());
  for (bool changed = true; changed && rows > 0;) {
    changed = false;
    for (size_t i = 0; i < wanted.size() && rows > 0; ++i) {
      if (given[i] == wanted[i]) continue;
      ++given[i];
      --rows;
      changed = true;
    }
  }
  return given;
}

}  // namespace

void BuildView::Count(const std::string& name) {
  ++steps_seen_;
  if (auto step = ParseStageStep(name)) {
    auto& count = stages_[std::string(step->stage)];
    ++count.seen;
    count.total = std::max(count.total, step->total);
  }
}

size_t BuildView::ExpectedSteps() const {
  size_t total = steps_seen_;
  for (const auto& [stage, count] : stages_) {
    total += std::max(count.total, count.seen) - count.seen;
  }
  return total;
}

void BuildView::AddTransfer(const ProgressEvent& event, Step& step) {
  const Transfer& transfer = event.transfer;
  auto found = std::ranges::find_if(step.transfers, [&](const Moving& moving) {
    return moving.now.id == transfer.id;
  });
  if (transfer.done) {
    if (found != step.transfers.end()) step.transfers.erase(found);
  } else if (found != step.transfers.end() &&
             transfer.current_bytes >= found->bytes_at_start) {
    found->now = transfer;
    found->updated = event.time;
  } else {
    if (found != step.transfers.end()) step.transfers.erase(found);
    step.transfers.push_back(
        {transfer, event.time, transfer.current_bytes, event.time});
  }
}

std::string BuildView::TransferText(const Moving& moving, size_t columns) {
  const Transfer& transfer = moving.now;
  std::string text = " => => " + std::string(Shorten(transfer.id)) + "  " +
                     HumanBytes(transfer.current_bytes);
  if (transfer.total_bytes == 0) return text;
  text += " / " + HumanBytes(transfer.total_bytes);
  constexpr size_t kBarColumn = 56;
  constexpr size_t kCells = 20;
  constexpr size_t kPaceColumns = 26;
  if (columns < kBarColumn + kCells + 2) return text;
  text.resize(std::max(kBarColumn, text.size() + 1), ' ');
  text += Bar(transfer.current_bytes, transfer.total_bytes, kCells);
  if (columns < kBarColumn + kCells + 2 + kPaceColumns) return text;
  if (transfer.total_bytes <= moving.bytes_at_start) return text;
  return text + " " +
         TransferPace(transfer.current_bytes - moving.bytes_at_start,
                      transfer.total_bytes - moving.bytes_at_start,
                      moving.updated - moving.started);
}

void BuildView::Add(const ProgressEvent& event) {
  if (event.kind == Kind::kPhase) return;
  if (event.kind == Kind::kWarning) {
    Finished warning;
    warning.text = "WARNING: " + PlainLine(event.text);
    warning.kind = ViewLine::Kind::kCancelled;
    warning.has_time = false;
    finished_.push_back(std::move(warning));
    return;
  }
  auto [entry, is_new] = running_.try_emplace(event.step);
  Step& step = entry->second;
  if (is_new) {
    step.name = PlainLine(event.name);
    step.started = event.time;
    Count(step.name);
  }
  Finished ended;
  ended.elapsed = event.time - step.started;
  switch (event.kind) {
    case Kind::kLog:
      for (const std::string& line : step.log.Add(event.stream, event.text)) {
        step.tail.push_back(PlainLine(line));
        if (step.tail.size() > kMaxDetails) step.tail.pop_front();
      }
      return;
    case Kind::kTransfer:
      AddTransfer(event, step);
      return;
    case Kind::kStepStarted:
    case Kind::kWarning:
    case Kind::kPhase:
      return;
    case Kind::kStepCached:
      ended.text = " => CACHED " + step.name;
      break;
    case Kind::kStepDone:
      ended.text = " => " + step.name;
      break;
    case Kind::kStepFailed:
      ended.text = " => ERROR " + step.name;
      ended.kind = ViewLine::Kind::kFailed;
      failed_ = true;
      break;
    case Kind::kStepCancelled:
      ended.text = " => CANCELED " + step.name;
      ended.kind = ViewLine::Kind::kCancelled;
      failed_ = true;
      break;
  }
  ++steps_ended_;
  finished_.push_back(std::move(ended));
  running_.erase(entry);
}

std::vector<ViewLine> BuildView::TakeFinished(size_t columns) {
  std::vector<ViewLine> lines;
  for (const Finished& step : finished_) {
    std::string time = step.has_time ? FormatSeconds(step.elapsed) : "";
    ViewLine line;
    // A warning is there to be read whole: the terminal wraps it.
    line.text = step.has_time ? Justify(step.text, time, columns) : step.text;
    line.kind = step.kind;
    lines.push_back(std::move(line));
  }
  finished_.clear();
  return lines;
}

std::string BuildView::Title(Time now, size_t total) const {
  return "[+] " + verb_ + " " + FormatSeconds(now - started_) + " (" +
         std::to_string(steps_ended_) + "/" + std::to_string(total) + ")";
}

std::vector<ViewLine> BuildView::Closing(Time now, size_t columns) const {
  std::string text = Title(now, failed_ ? ExpectedSteps() : steps_seen_) +
                     (failed_ ? " ERROR" : " FINISHED");
  return {{std::string(CutToWidth(text, columns)), ViewLine::Kind::kTitle}};
}

std::vector<ViewLine> BuildView::Live(Time now, size_t columns,
                                      size_t rows) const {
  std::vector<ViewLine> lines;
  if (rows == 0) return lines;
  lines.push_back(
      {std::string(CutToWidth(Title(now, ExpectedSteps()), columns)),
       ViewLine::Kind::kTitle});
  size_t shown = running_.size();
  if (lines.size() + shown > rows) shown = rows >= 3 ? rows - 2 : 0;
  std::vector<size_t> wanted;
  for (const auto& [id, step] : running_) {
    if (wanted.size() == shown) break;
    wanted.push_back(
        std::min(step.tail.size() + step.transfers.size(), kMaxDetails));
  }
  size_t hidden = running_.size() - shown;
  size_t used = lines.size() + shown + (hidden > 0 ? 1 : 0);
  std::vector<size_t> details =
      ShareRows(wanted, rows > used ? rows - used : 0);

  size_t index = 0;
  for (const auto& [id, step] : running_) {
    if (index == shown) break;
    size_t room = details[index++];
    lines.push_back({Justify(" => " + step.name,
                             FormatSeconds(now - step.started), columns),
                     ViewLine::Kind::kRunning});
    size_t transfers = std::min(room, step.transfers.size());
    for (size_t i = 0; i < transfers; ++i) {
      std::string text = TransferText(step.transfers[i], columns);
      lines.push_back(
          {std::string(CutToWidth(text, columns)), ViewLine::Kind::kDetail});
    }
    size_t logs = std::min(room - transfers, step.tail.size());
    for (size_t i = step.tail.size() - logs; i < step.tail.size(); ++i) {
      std::string text = " => => # " + step.tail[i];
      lines.push_back(
          {std::string(CutToWidth(text, columns)), ViewLine::Kind::kDetail});
    }
  }
  if (hidden > 0 && lines.size() < rows) {
    std::string text = " => and " + std::to_string(hidden) + " more";
    lines.push_back(
        {std::string(CutToWidth(text, columns)), ViewLine::Kind::kRunning});
  }
  return lines;
}

}  // namespace strake::cli
