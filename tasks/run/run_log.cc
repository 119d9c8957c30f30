#include "tasks/run/run_log.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <ctime>
#include <filesystem>
#include <system_error>
#include <utility>

#include "util/result_macros.h"

namespace strake::tasks::run {
namespace {

constexpr int kOwnFile = 0600;

Result<UniqueFd> OpenLog(const std::string& path) {
  UniqueFd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC,
                       kOwnFile));
  if (!file) return ErrnoError("open the log " + path);
  return file;
}

// A log that cannot be written (a full disk) does not end the run: what it
// tells is shown nevertheless.
void WriteAll(const UniqueFd& file, std::string_view text) {
  while (!text.empty()) {
    const ssize_t n = ::write(file.get(), text.data(), text.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return;
    text.remove_prefix(static_cast<size_t>(n));
  }
}

std::string Timestamp() {
  const std::time_t now =
      std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
  std::tm parts = {};
  ::gmtime_r(&now, &parts);
  std::array<char, 32> text = {};
  std::strftime(text.data(), text.size(), "%Y/%m/%d %H:%M:%S ", &parts);
  return text.data();
}

}  // namespace

std::string RunLog::StepName(size_t step, std::string_view id) {
  // An id is part of a file name here, whatever it is made of.
  std::string safe;
  for (char c : id) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                       (c >= '0' && c <= '9') || c == '-' || c == '_';
    safe += plain ? c : '_';
  }
  std::array<char, 16> number = {};
  std::snprintf(number.data(), number.size(), "%03zu-", step);
  return "logs/" + (number.data() + safe.substr(0, 64)) + ".log";
}

Result<std::unique_ptr<RunLog>> RunLog::Open(const std::string& folder,
                                             const RunRecord& record,
                                             const Secrets& secrets,
                                             RunSink* sink) {
  std::unique_ptr<RunLog> log(new RunLog(folder, secrets, sink));
  std::error_code error;
  std::filesystem::create_directories(folder + "/logs", error);
  if (error) return ErrnoError("make " + folder + "/logs", error.value());
  {
    auto state = log->state_.lock();
    ASSIGN_OR_RETURN(state->file, OpenLog(folder + "/run.log"));
    for (const StepRecord& step : record.steps) {
      log->names_.push_back(step.log);
      state->streams.push_back(std::make_unique<Stream>(secrets));
    }
  }
  if (sink != nullptr) sink->OnPlan(record);
  return log;
}

std::string RunLog::StepPath(size_t step) const {
  return folder_ + "/" + names_[step];
}

void RunLog::Line(std::string_view text) {
  Plain(Timestamp() + std::string(text));
}

void RunLog::Plain(std::string_view text) {
  const std::string line = secrets_.Mask(text) + "\n";
  auto state = state_.lock();
  WriteAll(state->file, line);
  if (sink_ != nullptr) sink_->OnLine(line);
}

void RunLog::Show(State& state, size_t step, int stream,
                  const std::string& text) {
  if (text.empty()) return;
  Stream& own = *state.streams[step];
  if (!own.file) {
    if (auto file = OpenLog(StepPath(step))) own.file = *std::move(file);
  }
  if (own.file) WriteAll(own.file, text);
  WriteAll(state.file, text);
  if (sink_ != nullptr) sink_->OnOutput(step, stream, text);
}

void RunLog::Output(size_t step, int stream, std::string_view text) {
  auto state = state_.lock();
  MaskingStream& masked = state->streams[step]->masked[stream == 2 ? 1 : 0];
  Show(*state, step, stream, masked.Add(text));
}

void RunLog::EndOutput(size_t step) {
  auto state = state_.lock();
  for (int stream : {1, 2}) {
    MaskingStream& masked = state->streams[step]->masked[stream - 1];
    Show(*state, step, stream, masked.Finish());
  }
}

void RunLog::Step(size_t step, const StepRecord& record) {
  auto state = state_.lock();
  if (sink_ != nullptr) sink_->OnStep(step, record);
}

}  // namespace strake::tasks::run
