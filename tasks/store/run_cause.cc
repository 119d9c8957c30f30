#include "tasks/store/run_cause.h"

#include <utility>

#include "tasks/store/record_json.h"
#include "tasks/store/time.h"
#include "util/json.h"
#include "util/result_macros.h"

namespace strake::tasks::store {
namespace {

using nlohmann::ordered_json;

template <typename... Fs>
struct Overloaded : Fs... {
  using Fs::operator()...;
};
template <typename... Fs>
Overloaded(Fs...) -> Overloaded<Fs...>;

ordered_json SourceJson(const SourceCause& cause) {
  ordered_json value;
  value["id"] = cause.id;
  value["eventType"] = cause.event;
  value["commitId"] = cause.commit;
  value["pullRequestId"] = cause.pull_request;
  value["repositoryUrl"] = cause.repository_url;
  value["branchName"] = cause.branch;
  value["providerType"] = cause.provider;
  return value;
}

ordered_json ImageCauseJson(const ImageCause& cause) {
  ordered_json value;
  value["id"] = cause.id;
  value["timestamp"] = run::FormatTime(cause.time);
  value["images"] = ordered_json::array();
  for (const run::ImageName& image : cause.images) {
    value["images"].push_back(ImageJson(image));
  }
  return value;
}

Result<SourceCause> ReadSource(const JsonField& field) {
  SourceCause cause;
  ASSIGN_OR_RETURN(cause.id, field.At("id").StringOr(""));
  ASSIGN_OR_RETURN(cause.event, field.At("eventType").StringOr(""));
  ASSIGN_OR_RETURN(cause.commit, field.At("commitId").StringOr(""));
  ASSIGN_OR_RETURN(cause.pull_request, field.At("pullRequestId").StringOr(""));
  ASSIGN_OR_RETURN(cause.repository_url,
                   field.At("repositoryUrl").StringOr(""));
  ASSIGN_OR_RETURN(cause.branch, field.At("branchName").StringOr(""));
  ASSIGN_OR_RETURN(cause.provider, field.At("providerType").StringOr(""));
  return cause;
}

Result<ImageCause> ReadImages(const JsonField& field) {
  ImageCause cause;
  ASSIGN_OR_RETURN(cause.id, field.At("id").StringOr(""));
  ASSIGN_OR_RETURN(cause.time, TimeAt(field.At("timestamp")));
  ASSIGN_OR_RETURN(std::vector<JsonField> images, field.At("images").Array());
  for (const JsonField& image : images) {
    ASSIGN_OR_RETURN(run::ImageName name, ReadImage(image));
    cause.images.push_back(std::move(name));
  }
  return cause;
}

Result<TimerCause> ReadTimer(const JsonField& field) {
  TimerCause cause;
  ASSIGN_OR_RETURN(cause.timer, field.At("timerTriggerName").StringOr(""));
  ASSIGN_OR_RETURN(cause.occurrence, TimeAt(field.At("scheduleOccurrence")));
  return cause;
}

}  // namespace

std::string_view CauseName(const RunCause& cause) {
  return std::visit(
      Overloaded{[](const ManualCause&) { return "Manual"; },
                 [](const SourceCause& source) {
                   return source.event == "commit" ? "Commit" : "Pull Request";
                 },
                 [](const ImageCause&) { return "Image Update"; },
                 [](const TimerCause&) { return "Timer"; }},
      cause);
}

nlohmann::ordered_json CauseJson(const RunCause& cause) {
  ordered_json value = ordered_json::object();
  std::visit(Overloaded{[](const ManualCause&) {},
                        [&](const SourceCause& source) {
                          value["sourceTrigger"] = SourceJson(source);
                        },
                        [&](const ImageCause& images) {
                          value["imageUpdateTrigger"] = ImageCauseJson(images);
                        },
                        [&](const TimerCause& timer) {
                          value["timerTrigger"] = {
                              {"timerTriggerName", timer.timer},
                              {"scheduleOccurrence",
                               run::FormatTime(timer.occurrence)}};
                        }},
             cause);
  return value;
}

std::string FormatCause(const RunCause& cause) {
  return CauseJson(cause).dump(-1, ' ', false,
                               ordered_json::error_handler_t::replace);
}

Result<RunCause> ParseCause(std::string_view json) {
  ASSIGN_OR_RETURN(nlohmann::json document, ParseJson(json));
  JsonField root(document);
  if (root.At("sourceTrigger").present()) {
    ASSIGN_OR_RETURN(SourceCause cause, ReadSource(root.At("sourceTrigger")));
    return RunCause(std::move(cause));
  }
  if (root.At("imageUpdateTrigger").present()) {
    ASSIGN_OR_RETURN(ImageCause cause,
                     ReadImages(root.At("imageUpdateTrigger")));
    return RunCause(std::move(cause));
  }
  if (root.At("timerTrigger").present()) {
    ASSIGN_OR_RETURN(TimerCause cause, ReadTimer(root.At("timerTrigger")));
    return RunCause(std::move(cause));
  }
  return RunCause(ManualCause());
}

}  // namespace strake::tasks::store
