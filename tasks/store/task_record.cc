#include "tasks/store/task_record.h"

#include "util/result_macros.h"

namespace strake::tasks::store {
namespace {

Status Visit(const std::string& place, std::string& value,
             const SecretVisitor& visit) {
  if (value.empty()) return {};
  return visit(place, value);
}

Status VisitValues(const std::string& kind, std::vector<NamedValue>& values,
                   const SecretVisitor& visit) {
  for (NamedValue& value : values) {
    if (!value.secret) continue;
    RETURN_IF_ERROR(Visit(kind + "." + value.name, value.value, visit));
  }
  return {};
}

}  // namespace

Status VisitSecrets(TaskRecord& task, const SecretVisitor& visit) {
  RETURN_IF_ERROR(Visit("contextAccessToken", task.context_token, visit));
  if (auto* docker = std::get_if<DockerStep>(&task.step)) {
    RETURN_IF_ERROR(VisitValues("arguments", docker->arguments, visit));
  } else if (auto* file = std::get_if<FileStep>(&task.step)) {
    RETURN_IF_ERROR(VisitValues("values", file->values, visit));
  } else if (auto* encoded = std::get_if<EncodedStep>(&task.step)) {
    RETURN_IF_ERROR(VisitValues("values", encoded->values, visit));
  }
  for (SourceTrigger& source : task.sources) {
    const std::string place = "sourceTriggers." + source.name;
    RETURN_IF_ERROR(Visit(place + ".token", source.token, visit));
    RETURN_IF_ERROR(
        Visit(place + ".webhookSecret", source.webhook_secret, visit));
  }
  if (task.base_image) {
    RETURN_IF_ERROR(Visit("updateTriggerEndpoint",
                          task.base_image->update_endpoint, visit));
  }
  for (Credential& credential : task.credentials) {
    RETURN_IF_ERROR(Visit("credentials." + credential.login_server,
                          credential.secret, visit));
  }
  return {};
}

}  // namespace strake::tasks::store
