#include "cli/task_view.h"

#include <algorithm>

#include "cli/display_text.h"
#include "util/strings.h"

namespace strake::cli {
namespace {

using tasks::run::StepRecord;
using tasks::run::StepState;

constexpr size_t kMostTailLines = 20;
constexpr size_t kMostPaneLines = 8;
constexpr size_t kWidestId = 32;

bool IsWaiting(const StepRecord& step) {
  return step.state == StepState::kSkipped && !step.started;
}

std::string_view MarkOf(const StepRecord& step) {
  switch (step.state) {
    case StepState::kInProgress:
      return "●";
    case StepState::kSuccessful:
      return step.error.empty() ? "✔" : "!";
    case StepState::kFailed:
      return "✘";
    case StepState::kSkipped:
      break;
  }
  return IsWaiting(step) ? "○" : "–";
}

ViewLine::Kind KindOf(const StepRecord& step) {
  switch (step.state) {
    case StepState::kInProgress:
      return ViewLine::Kind::kRunning;
    case StepState::kSuccessful:
      return ViewLine::Kind::kDone;
    case StepState::kFailed:
      return ViewLine::Kind::kFailed;
    case StepState::kSkipped:
      break;
  }
  return ViewLine::Kind::kDetail;
}

std::string PadTo(std::string text, size_t width) {
  const size_t have = DisplayWidth(text);
  if (have < width) text.append(width - have, ' ');
  return text;
}

ViewLine Cut(const std::string& text, size_t columns, ViewLine::Kind kind) {
  return {std::string(CutToWidth(text, columns)), kind};
}

}  // namespace

void TaskView::Begin(const tasks::run::RunRecord& record) {
  run_id_ = record.id;
  started_ = record.started;
  steps_ = std::vector<Step>(record.steps.size());
  for (size_t i = 0; i < steps_.size(); ++i) {
    steps_[i].record = record.steps[i];
    id_width_ = std::max(id_width_, DisplayWidth(record.steps[i].id));
  }
  id_width_ = std::min(id_width_, kWidestId);
}

void TaskView::AddOutput(size_t step, int stream, std::string_view text) {
  if (step >= steps_.size()) return;
  Step& own = steps_[step];
  for (const std::string& line : own.log.Add(stream, text)) {
    own.tail.push_back(PlainLine(line));
    if (own.tail.size() > kMostTailLines) own.tail.pop_front();
  }
}

void TaskView::SetStep(size_t step, const StepRecord& record) {
  if (step < steps_.size()) steps_[step].record = record;
}

void TaskView::AddLine(std::string_view text) {
  lines_.push_back(PlainLine(text));
}

bool TaskView::idle() const {
  return std::ranges::none_of(steps_, [](const Step& step) {
    return step.record.state == StepState::kInProgress;
  });
}

std::string TaskView::Title(Time now) const {
  const auto ended = std::ranges::count_if(steps_, [](const Step& step) {
    return step.record.finished.has_value();
  });
  return "[+] Running " + run_id_ + " " + FormatSeconds(now - started_) + " (" +
         std::to_string(ended) + "/" + std::to_string(steps_.size()) + ")";
}

ViewLine TaskView::StepLine(const Step& step, Time now, size_t columns) const {
  const StepRecord& record = step.record;
  std::string text = " " + std::string(MarkOf(record)) + " " +
                     PadTo(record.id, id_width_) + "  ";
  if (record.started && record.state != StepState::kSkipped) {
    text += FormatSeconds(record.finished.value_or(now) - *record.started);
    if (record.attempts > 1) {
      text += "  attempt " + std::to_string(record.attempts);
    }
    if (!record.error.empty()) text += "  " + PlainLine(record.error);
  } else if (IsWaiting(record)) {
    text +=
        record.after.empty() ? "waits" : "after " + Join(record.after, ", ");
  } else {
    text += "skipped";
  }
  return Cut(text, columns, KindOf(record));
}

void TaskView::AddPane(const Step& step, size_t columns, size_t lines,
                       std::vector<ViewLine>& out) const {
  const size_t count = std::min(lines, step.tail.size());
  for (size_t i = step.tail.size() - count; i < step.tail.size(); ++i) {
    out.push_back(
        Cut("   │ " + step.tail[i], columns, ViewLine::Kind::kDetail));
  }
}

std::vector<ViewLine> TaskView::TakeFinished(size_t columns) {
  std::vector<ViewLine> taken;
  for (const std::string& line : lines_) {
    taken.push_back(Cut(line, columns, ViewLine::Kind::kDetail));
  }
  lines_.clear();
  return taken;
}

std::vector<ViewLine> TaskView::Live(Time now, size_t columns,
                                     size_t rows) const {
  std::vector<ViewLine> lines = {
      Cut(Title(now), columns, ViewLine::Kind::kTitle)};
  std::vector<const Step*> running;
  for (const Step& step : steps_) {
    if (step.record.state == StepState::kInProgress) running.push_back(&step);
  }
  const bool whole = steps_.size() + 1 <= rows;
  // A line is for what is only counted.
  const size_t shown =
      whole ? steps_.size()
            : std::min(running.size(), rows > 2 ? rows - 2 : size_t{0});
  const size_t spare = rows > shown + 2 ? rows - shown - 2 : 0;
  const size_t pane =
      running.empty() ? 0 : std::min(kMostPaneLines, spare / running.size());
  if (whole) {
    for (const Step& step : steps_) {
      lines.push_back(StepLine(step, now, columns));
      if (step.record.state == StepState::kInProgress) {
        AddPane(step, columns, pane, lines);
      }
    }
    return lines;
  }
  for (size_t i = 0; i < shown; ++i) {
    lines.push_back(StepLine(*running[i], now, columns));
    AddPane(*running[i], columns, pane, lines);
  }
  const size_t others = steps_.size() - shown;
  lines.push_back(Cut(" … " + std::to_string(others) + " other steps", columns,
                      ViewLine::Kind::kDetail));
  return lines;
}

std::vector<ViewLine> TaskView::Closing(Time now, size_t columns) const {
  std::vector<ViewLine> lines = {
      Cut(Title(now), columns, ViewLine::Kind::kTitle)};
  for (const Step& step : steps_) {
    lines.push_back(StepLine(step, now, columns));
    if (step.record.state == StepState::kFailed) {
      AddPane(step, columns, kMostTailLines, lines);
    }
  }
  return lines;
}

}  // namespace strake::cli
