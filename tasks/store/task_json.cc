// The JSON of a task, both ways (acr-tasks section 5.6).

#include <utility>

#include "tasks/store/record_json.h"
#include "tasks/store/task_record.h"
#include "util/result_macros.h"

namespace strake::tasks::store {
namespace {

using nlohmann::ordered_json;

// ---- Out ----------------------------------------------------------------

class Writer {
 public:
  explicit Writer(Secrets secrets) : secrets_(secrets) {}

  ordered_json Task(const TaskRecord& task) const {
    ordered_json value;
    value["name"] = task.name;
    value["status"] = Status(task.enabled);
    value["platform"] = PlatformJson(task.platform);
    value["agentConfiguration"] = {{"cpu", task.cpu}};
    value["timeout"] = task.timeout.count();
    value["step"] = Step(task);
    value["trigger"] = Trigger(task);
    value["credentials"] = Credentials(task);
    value["creationDate"] = run::FormatTime(task.created);
    value["provisioningState"] = "Succeeded";
    value["strake"] = {{"priority", task.priority},
                       {"concurrency", task.concurrency},
                       {"coalesce", task.coalesce},
                       {"cancelSuperseded", task.cancel_superseded}};
    return value;
  }

 private:
  static const char* Status(bool enabled) {
    return enabled ? "Enabled" : "Disabled";
  }
  static ordered_json Text(const std::string& text) {
    return text.empty() ? ordered_json() : ordered_json(text);
  }
  ordered_json Secret(const std::string& text) const {
    return secrets_ == Secrets::kIncluded ? Text(text) : ordered_json();
  }

  ordered_json Values(const std::vector<NamedValue>& values) const {
    ordered_json list = ordered_json::array();
    for (const NamedValue& value : values) {
      list.push_back({{"name", value.name},
                      {"value", value.secret ? Secret(value.value)
                                             : ordered_json(value.value)},
                      {"isSecret", value.secret}});
    }
    return list;
  }

  ordered_json Step(const TaskRecord& task) const {
    ordered_json value;
    if (auto* docker = std::get_if<DockerStep>(&task.step)) {
      value["type"] = "Docker";
      value["imageNames"] = docker->image_names;
      value["isPushEnabled"] = docker->push;
      value["noCache"] = docker->no_cache;
      value["dockerFilePath"] = docker->dockerfile;
      value["target"] = Text(docker->target);
      value["arguments"] = Values(docker->arguments);
    } else if (auto* file = std::get_if<FileStep>(&task.step)) {
      value["type"] = "FileTask";
      value["taskFilePath"] = file->file;
      value["valuesFilePath"] = Text(file->values_file);
      value["values"] = Values(file->values);
    } else if (auto* encoded = std::get_if<EncodedStep>(&task.step)) {
      value["type"] = "EncodedTask";
      value["encodedTaskContent"] = encoded->content;
      value["encodedValuesContent"] = Text(encoded->values_content);
      value["values"] = Values(encoded->values);
    }
    value["contextPath"] = Text(task.context);
    value["contextAccessToken"] = Secret(task.context_token);
    return value;
  }

  static ordered_json Timer(const TimerTrigger& timer) {
    return {
        {"name", timer.name},
        {"schedule", timer.schedule},
        {"status", Status(timer.enabled)},
        {"strake",
         {{"timezone", Text(timer.timezone)}, {"catchUp", timer.catch_up}}}};
  }

  ordered_json Source(const SourceTrigger& source) const {
    ordered_json repository = {{"repositoryUrl", source.repository_url},
                               {"branch", Text(source.branch)},
                               {"sourceControlType", source.provider},
                               {"sourceControlAuthProperties", nullptr}};
    if (!source.token.empty()) {
      repository["sourceControlAuthProperties"] = {
          {"tokenType", "PAT"}, {"token", Secret(source.token)}};
    }
    return {{"name", source.name},
            {"status", Status(source.enabled)},
            {"sourceTriggerEvents", source.events},
            {"sourceRepository", repository},
            {"strake",
             {{"webhookSecret", Secret(source.webhook_secret)},
              {"paths", source.paths},
              {"tags", source.tags},
              {"trustForks", source.trust_forks}}}};
  }

  ordered_json Trigger(const TaskRecord& task) const {
    ordered_json value;
    value["timerTriggers"] = ordered_json::array();
    for (const TimerTrigger& timer : task.timers) {
      value["timerTriggers"].push_back(Timer(timer));
    }
    value["sourceTriggers"] = ordered_json::array();
    for (const SourceTrigger& source : task.sources) {
      value["sourceTriggers"].push_back(Source(source));
    }
    value["baseImageTrigger"] = nullptr;
    if (task.base_image) {
      value["baseImageTrigger"] = {
          {"name", task.base_image->name},
          {"status", Status(task.base_image->enabled)},
          {"baseImageTriggerType", task.base_image->all ? "All" : "Runtime"},
          {"updateTriggerEndpoint", Secret(task.base_image->update_endpoint)},
          {"updateTriggerPayloadType", task.base_image->payload_type}};
    }
    return value;
  }

  ordered_json Credentials(const TaskRecord& task) const {
    ordered_json registries = ordered_json::object();
    for (const Credential& one : task.credentials) {
      registries[one.login_server] = {
          {"userName", {{"type", "Opaque"}, {"value", one.user}}},
          {"password", {{"type", "Opaque"}, {"value", Secret(one.secret)}}}};
    }
    return {{"customRegistries", registries}};
  }

  Secrets secrets_;
};

// ---- In -----------------------------------------------------------------

Result<bool> EnabledAt(const JsonField& field) {
  ASSIGN_OR_RETURN(std::string status, field.StringOr("Enabled"));
  if (status == "Enabled") return true;
  if (status == "Disabled") return false;
  return InvalidArgument(field.path() + ": \"" + status +
                         "\" is neither Enabled nor Disabled");
}

Result<std::vector<JsonField>> ElementsOf(const JsonField& field) {
  if (!field.present()) return std::vector<JsonField>();
  return field.Array();
}

Result<std::vector<NamedValue>> ReadValues(const JsonField& field) {
  std::vector<NamedValue> values;
  ASSIGN_OR_RETURN(std::vector<JsonField> elements, ElementsOf(field));
  for (const JsonField& element : elements) {
    NamedValue value;
    ASSIGN_OR_RETURN(value.name, element.At("name").String());
    ASSIGN_OR_RETURN(value.value, element.At("value").StringOr(""));
    ASSIGN_OR_RETURN(value.secret, element.At("isSecret").BoolOr(false));
    values.push_back(std::move(value));
  }
  return values;
}

Result<DockerStep> ReadDocker(const JsonField& field) {
  DockerStep step;
  ASSIGN_OR_RETURN(step.image_names, field.At("imageNames").StringsOr({}));
  ASSIGN_OR_RETURN(step.push, field.At("isPushEnabled").BoolOr(true));
  ASSIGN_OR_RETURN(step.no_cache, field.At("noCache").BoolOr(false));
  ASSIGN_OR_RETURN(step.dockerfile,
                   field.At("dockerFilePath").StringOr("Dockerfile"));
  ASSIGN_OR_RETURN(step.target, field.At("target").StringOr(""));
  ASSIGN_OR_RETURN(step.arguments, ReadValues(field.At("arguments")));
  return step;
}

Result<FileStep> ReadFileStep(const JsonField& field) {
  FileStep step;
  ASSIGN_OR_RETURN(step.file, field.At("taskFilePath").String());
  ASSIGN_OR_RETURN(step.values_file, field.At("valuesFilePath").StringOr(""));
  ASSIGN_OR_RETURN(step.values, ReadValues(field.At("values")));
  return step;
}

Result<EncodedStep> ReadEncoded(const JsonField& field) {
  EncodedStep step;
  ASSIGN_OR_RETURN(step.content, field.At("encodedTaskContent").String());
  ASSIGN_OR_RETURN(step.values_content,
                   field.At("encodedValuesContent").StringOr(""));
  ASSIGN_OR_RETURN(step.values, ReadValues(field.At("values")));
  return step;
}

Status ReadStep(const JsonField& field, TaskRecord& task) {
  ASSIGN_OR_RETURN(task.context, field.At("contextPath").StringOr(""));
  ASSIGN_OR_RETURN(task.context_token,
                   field.At("contextAccessToken").StringOr(""));
  ASSIGN_OR_RETURN(std::string type, field.At("type").String());
  if (type == "Docker") {
    ASSIGN_OR_RETURN(task.step, ReadDocker(field));
  } else if (type == "FileTask") {
    ASSIGN_OR_RETURN(task.step, ReadFileStep(field));
  } else if (type == "EncodedTask") {
    ASSIGN_OR_RETURN(task.step, ReadEncoded(field));
  } else {
    return InvalidArgument(field.At("type").path() + ": \"" + type +
                           "\" is none of Docker, FileTask, EncodedTask");
  }
  return {};
}

Result<TimerTrigger> ReadTimer(const JsonField& field) {
  TimerTrigger timer;
  ASSIGN_OR_RETURN(timer.name, field.At("name").String());
  ASSIGN_OR_RETURN(timer.schedule, field.At("schedule").String());
  ASSIGN_OR_RETURN(timer.enabled, EnabledAt(field.At("status")));
  JsonField own = field.At("strake");
  ASSIGN_OR_RETURN(timer.timezone, own.At("timezone").StringOr(""));
  ASSIGN_OR_RETURN(timer.catch_up, own.At("catchUp").BoolOr(false));
  return timer;
}

Result<SourceTrigger> ReadSource(const JsonField& field) {
  SourceTrigger source;
  ASSIGN_OR_RETURN(source.name, field.At("name").StringOr(source.name));
  ASSIGN_OR_RETURN(source.enabled, EnabledAt(field.At("status")));
  ASSIGN_OR_RETURN(source.events,
                   field.At("sourceTriggerEvents").StringsOr(source.events));
  JsonField repository = field.At("sourceRepository");
  ASSIGN_OR_RETURN(source.repository_url,
                   repository.At("repositoryUrl").String());
  ASSIGN_OR_RETURN(source.branch, repository.At("branch").StringOr(""));
  ASSIGN_OR_RETURN(
      source.provider,
      repository.At("sourceControlType").StringOr(source.provider));
  ASSIGN_OR_RETURN(
      source.token,
      repository.At("sourceControlAuthProperties").At("token").StringOr(""));
  JsonField own = field.At("strake");
  ASSIGN_OR_RETURN(source.webhook_secret, own.At("webhookSecret").StringOr(""));
  ASSIGN_OR_RETURN(source.paths, own.At("paths").StringsOr({}));
  ASSIGN_OR_RETURN(source.tags, own.At("tags").StringsOr({}));
  ASSIGN_OR_RETURN(source.trust_forks, own.At("trustForks").BoolOr(false));
  return source;
}

Result<BaseImageTrigger> ReadBaseImage(const JsonField& field) {
  BaseImageTrigger trigger;
  ASSIGN_OR_RETURN(trigger.name, field.At("name").StringOr(trigger.name));
  ASSIGN_OR_RETURN(trigger.enabled, EnabledAt(field.At("status")));
  ASSIGN_OR_RETURN(std::string type,
                   field.At("baseImageTriggerType").StringOr("Runtime"));
  if (type != "All" && type != "Runtime") {
    return InvalidArgument(field.path() + ".baseImageTriggerType: \"" + type +
                           "\" is neither All nor Runtime");
  }
  trigger.all = type == "All";
  ASSIGN_OR_RETURN(trigger.update_endpoint,
                   field.At("updateTriggerEndpoint").StringOr(""));
  ASSIGN_OR_RETURN(
      trigger.payload_type,
      field.At("updateTriggerPayloadType").StringOr(trigger.payload_type));
  return trigger;
}

Status ReadTriggers(const JsonField& field, TaskRecord& task) {
  ASSIGN_OR_RETURN(std::vector<JsonField> timers,
                   ElementsOf(field.At("timerTriggers")));
  for (const JsonField& timer : timers) {
    ASSIGN_OR_RETURN(TimerTrigger one, ReadTimer(timer));
    task.timers.push_back(std::move(one));
  }
  ASSIGN_OR_RETURN(std::vector<JsonField> sources,
                   ElementsOf(field.At("sourceTriggers")));
  for (const JsonField& source : sources) {
    ASSIGN_OR_RETURN(SourceTrigger one, ReadSource(source));
    task.sources.push_back(std::move(one));
  }
  if (!field.At("baseImageTrigger").present()) return {};
  ASSIGN_OR_RETURN(task.base_image,
                   ReadBaseImage(field.At("baseImageTrigger")));
  return {};
}

Status ReadCredentials(const JsonField& field, TaskRecord& task) {
  JsonField registries = field.At("customRegistries");
  if (!registries.present()) return {};
  if (!registries.raw().is_object()) {
    return InvalidArgument(registries.path() + ": expected an object");
  }
  for (const auto& [server, unused] : registries.raw().items()) {
    Credential one;
    one.login_server = server;
    JsonField registry = registries.At(server);
    ASSIGN_OR_RETURN(one.user,
                     registry.At("userName").At("value").StringOr(""));
    ASSIGN_OR_RETURN(one.secret,
                     registry.At("password").At("value").StringOr(""));
    task.credentials.push_back(std::move(one));
  }
  return {};
}

Result<std::string> ReadPlatform(const JsonField& field) {
  ASSIGN_OR_RETURN(std::string os, field.At("os").StringOr("linux"));
  ASSIGN_OR_RETURN(std::string architecture,
                   field.At("architecture").StringOr("amd64"));
  ASSIGN_OR_RETURN(std::string variant, field.At("variant").StringOr(""));
  return os + "/" + architecture + (variant.empty() ? "" : "/" + variant);
}

std::string Dump(const ordered_json& value) {
  return value.dump(2, ' ', false, ordered_json::error_handler_t::replace);
}

}  // namespace

std::string FormatTask(const TaskRecord& task, Secrets secrets) {
  return Dump(Writer(secrets).Task(task));
}

std::string FormatTasks(const std::vector<TaskRecord>& tasks, Secrets secrets) {
  ordered_json all = ordered_json::array();
  for (const TaskRecord& task : tasks) {
    all.push_back(Writer(secrets).Task(task));
  }
  return Dump(all);
}

Result<TaskRecord> ParseTask(std::string_view json) {
  ASSIGN_OR_RETURN(nlohmann::json document, ParseJson(json));
  JsonField root(document);
  TaskRecord task;
  ASSIGN_OR_RETURN(task.name, root.At("name").String());
  ASSIGN_OR_RETURN(task.enabled, EnabledAt(root.At("status")));
  ASSIGN_OR_RETURN(task.platform, ReadPlatform(root.At("platform")));
  ASSIGN_OR_RETURN(task.cpu,
                   root.At("agentConfiguration").At("cpu").IntOr(task.cpu));
  ASSIGN_OR_RETURN(int64_t timeout,
                   root.At("timeout").IntOr(task.timeout.count()));
  task.timeout = std::chrono::seconds(timeout);
  RETURN_IF_ERROR(ReadStep(root.At("step"), task));
  RETURN_IF_ERROR(ReadTriggers(root.At("trigger"), task));
  RETURN_IF_ERROR(ReadCredentials(root.At("credentials"), task));
  if (root.At("creationDate").present()) {
    ASSIGN_OR_RETURN(task.created, TimeAt(root.At("creationDate")));
  }
  JsonField own = root.At("strake");
  ASSIGN_OR_RETURN(task.priority, own.At("priority").IntOr(0));
  ASSIGN_OR_RETURN(task.concurrency, own.At("concurrency").IntOr(0));
  ASSIGN_OR_RETURN(task.coalesce, own.At("coalesce").BoolOr(false));
  ASSIGN_OR_RETURN(task.cancel_superseded,
                   own.At("cancelSuperseded").BoolOr(false));
  return task;
}

}  // namespace strake::tasks::store
