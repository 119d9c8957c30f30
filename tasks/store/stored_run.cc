#include "tasks/store/stored_run.h"

#include <array>
#include <utility>

#include "oci/image_config.h"
#include "tasks/store/record_json.h"
#include "util/result_macros.h"
#include "util/strings.h"

namespace strake::tasks::store {
namespace {

using nlohmann::ordered_json;

constexpr std::array<std::string_view, 7> kStates = {
    "Queued", "Running", "Succeeded", "Failed", "Canceled", "Timeout", "Error"};

ordered_json TimeJson(const std::optional<run::Time>& time) {
  return time ? ordered_json(run::FormatTime(*time)) : ordered_json();
}

ordered_json RunJson(const StoredRun& run) {
  ordered_json value;
  value["runId"] = run.id;
  value["status"] = RunStateName(run.state);
  value["runType"] = run.kind;
  value["createTime"] = run::FormatTime(run.created);
  value["startTime"] = TimeJson(run.started);
  value["finishTime"] = TimeJson(run.finished);
  value["lastUpdatedTime"] = run::FormatTime(run.updated);
  value["outputImages"] = ordered_json::array();
  for (const run::ImageName& image : run.images) {
    value["outputImages"].push_back(ImageJson(image));
  }
  value["task"] = run.task.empty() ? ordered_json() : ordered_json(run.task);
  ordered_json cause = CauseJson(run.cause);
  for (const char* key :
       {"imageUpdateTrigger", "sourceTrigger", "timerTrigger"}) {
    value[key] = cause.contains(key) ? cause[key] : ordered_json();
  }
  value["platform"] = PlatformJson(run.platform);
  value["runErrorMessage"] =
      run.error.empty() ? ordered_json() : ordered_json(run.error);
  value["isArchiveEnabled"] = run.archived;
  return value;
}

std::string Dump(const ordered_json& value) {
  return value.dump(2, ' ', false, ordered_json::error_handler_t::replace);
}

}  // namespace

std::string_view RunStateName(RunState state) {
  return kStates[static_cast<size_t>(state)];
}

std::optional<RunState> ParseRunState(std::string_view name) {
  for (size_t i = 0; i < kStates.size(); ++i) {
    if (EqualsIgnoreCase(kStates[i], name)) return static_cast<RunState>(i);
  }
  return std::nullopt;
}

std::string FormatRun(const StoredRun& run) { return Dump(RunJson(run)); }

std::string FormatRuns(const std::vector<StoredRun>& runs) {
  ordered_json all = ordered_json::array();
  for (const StoredRun& run : runs) all.push_back(RunJson(run));
  return Dump(all);
}

ordered_json PlatformJson(const std::string& platform) {
  std::vector<std::string_view> parts = Split(platform, '/');
  auto part = [&](size_t i) {
    return i < parts.size() ? ordered_json(parts[i]) : ordered_json();
  };
  return {{"os", part(0)}, {"architecture", part(1)}, {"variant", part(2)}};
}

ordered_json ImageJson(const run::ImageName& image) {
  ordered_json value;
  value["registry"] = image.registry;
  value["repository"] = image.repository;
  value["tag"] = image.tag;
  value["digest"] = image.digest;
  return value;
}

Result<run::ImageName> ReadImage(const JsonField& field) {
  run::ImageName image;
  ASSIGN_OR_RETURN(image.registry, field.At("registry").StringOr(""));
  ASSIGN_OR_RETURN(image.repository, field.At("repository").StringOr(""));
  ASSIGN_OR_RETURN(image.tag, field.At("tag").StringOr(""));
  ASSIGN_OR_RETURN(image.digest, field.At("digest").StringOr(""));
  return image;
}

Result<run::Time> TimeAt(const JsonField& field) {
  ASSIGN_OR_RETURN(std::string text, field.String());
  ASSIGN_OR_RETURN(auto time, oci::ParseTimestamp(text));
  return std::chrono::time_point_cast<run::Time::duration>(time);
}

}  // namespace strake::tasks::store
