#include "tasks/run/run_record.h"

#include <array>
#include <cstdio>
#include <ctime>
#include <nlohmann/json.hpp>
#include <utility>

#include "util/json.h"
#include "util/result_macros.h"

namespace strake::tasks::run {
namespace {

using nlohmann::json;
using nlohmann::ordered_json;

double Seconds(Time from, Time to) {
  return std::chrono::duration<double>(to - from).count();
}

ordered_json ImageJson(const ImageName& image) {
  ordered_json value;
  value["registry"] = image.registry;
  value["repository"] = image.repository;
  if (!image.tag.empty()) value["tag"] = image.tag;
  value["digest"] = image.digest;
  value["reference"] = image.reference;
  return value;
}

ordered_json DependenciesJson(const ImageDependencies& dependencies) {
  ordered_json value;
  value["image"] = nullptr;
  if (dependencies.image) value["image"] = ImageJson(*dependencies.image);
  value["runtime-dependency"] = ImageJson(dependencies.runtime);
  value["buildtime-dependency"] = nullptr;
  for (const ImageName& image : dependencies.buildtime) {
    value["buildtime-dependency"].push_back(ImageJson(image));
  }
  value["git"] = {{"git-head-revision", dependencies.git_revision}};
  return value;
}

ordered_json AllDependencies(const std::vector<ImageDependencies>& all) {
  ordered_json list = ordered_json::array();
  for (const ImageDependencies& one : all)
    list.push_back(DependenciesJson(one));
  return list;
}

void AddTimes(const std::optional<Time>& started,
              const std::optional<Time>& finished, ordered_json& value) {
  value["startTime"] = nullptr;
  value["finishTime"] = nullptr;
  if (started) value["startTime"] = FormatTime(*started);
  if (!started || !finished) return;
  value["finishTime"] = FormatTime(*finished);
  value["elapsedSeconds"] = Seconds(*started, *finished);
}

ordered_json StepJson(const StepRecord& step) {
  ordered_json value;
  value["id"] = step.id;
  value["kind"] = step.kind;
  value["after"] = step.after;
  value["status"] = StepStateName(step.state);
  AddTimes(step.started, step.finished, value);
  value["attempts"] = step.attempts;
  value["exitCode"] = nullptr;
  if (step.exit_code) value["exitCode"] = *step.exit_code;
  if (!step.error.empty()) value["error"] = step.error;
  if (!step.images.empty()) value["images"] = step.images;
  if (!step.digests.empty()) value["digests"] = step.digests;
  if (!step.outputs.empty()) value["outputs"] = step.outputs;
  value["log"] = step.log;
  return value;
}

// Output of programs gets into messages, in any encoding.
std::string Dump(const ordered_json& value, int indent) {
  return value.dump(indent, ' ', false, json::error_handler_t::replace);
}

}  // namespace

std::string_view StepStateName(StepState state) {
  constexpr std::array<std::string_view, 4> kNames = {"skipped", "inprogress",
                                                      "successful", "failed"};
  return kNames[static_cast<size_t>(state)];
}

std::string_view RunStatusName(RunStatus status) {
  constexpr std::array<std::string_view, 6> kNames = {
      "Running", "Succeeded", "Failed", "Canceled", "Timeout", "Error"};
  return kNames[static_cast<size_t>(status)];
}

std::string FormatTime(Time time) {
  const auto millis =
      std::chrono::floor<std::chrono::milliseconds>(time.time_since_epoch());
  const std::time_t seconds = millis.count() / 1000;
  std::tm parts = {};
  ::gmtime_r(&seconds, &parts);
  std::array<char, 40> text = {};
  const size_t size =
      std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%S", &parts);
  std::snprintf(text.data() + size, text.size() - size, ".%03dZ",
                static_cast<int>(millis.count() % 1000));
  return text.data();
}

std::string FormatRunRecord(const RunRecord& record) {
  ordered_json value;
  value["runId"] = record.id;
  value["task"] = record.task;
  value["file"] = record.file;
  value["status"] = RunStatusName(record.status);
  if (!record.error.empty()) value["runErrorMessage"] = record.error;
  AddTimes(record.started, record.finished, value);
  value["context"] = record.context;
  value["commit"] = record.commit;
  value["branch"] = record.branch;
  value["registry"] = record.registry;
  value["platform"] = record.platform;
  value["network"] = record.network;
  value["steps"] = ordered_json::array();
  for (const StepRecord& step : record.steps) {
    value["steps"].push_back(StepJson(step));
  }
  value["dependencies"] = AllDependencies(record.dependencies);
  return Dump(value, 2) + "\n";
}

std::string FormatDependencies(
    const std::vector<ImageDependencies>& dependencies) {
  return Dump(AllDependencies(dependencies), -1);
}

Result<std::string> MarkAbandoned(std::string_view text,
                                  std::string_view error) {
  RETURN_IF_ERROR(ParseJson(text));
  ordered_json value = ordered_json::parse(text, nullptr, false);
  if (!value.is_object() || value["status"] != "Running") {
    return std::string(text);
  }
  value["status"] = RunStatusName(RunStatus::kError);
  value["runErrorMessage"] = error;
  return Dump(value, 2) + "\n";
}

}  // namespace strake::tasks::run
