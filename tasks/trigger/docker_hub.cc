// Docker Hub: docs.docker.com, "Docker Hub webhooks".

#include "tasks/trigger/webhook_body.h"
#include "tasks/trigger/webhook_hosts.h"
#include "util/json.h"
#include "util/result_macros.h"

namespace strake::tasks::trigger {

Result<WebhookDelivery> ReadDockerHub(const WebhookRequest&,
                                      const JsonField& body) {
  JsonField push = body.At("push_data");
  ASSIGN_OR_RETURN(std::string repository,
                   body.At("repository").At("repo_name").String());
  ASSIGN_OR_RETURN(std::string tag, push.At("tag").String());
  ASSIGN_OR_RETURN(WebhookEvent event,
                   ImagePush("docker.io/" + repository + ":" + tag));
  ASSIGN_OR_RETURN(event.author, push.At("pusher").StringOr(""));
  return WebhookDelivery{{std::move(event)}, "", ""};
}

}  // namespace strake::tasks::trigger
