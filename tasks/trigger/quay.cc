// Quay: docs.quay.io, "Repository Notifications", Repository Push.

#include <vector>

#include "tasks/trigger/webhook_body.h"
#include "tasks/trigger/webhook_hosts.h"
#include "util/json.h"
#include "util/result_macros.h"
#include "util/strings.h"

namespace strake::tasks::trigger {
namespace {

// A list of names; older releases sent an object, from each name to an ID that
// is no digest.
Result<std::vector<std::string>> ReadTags(const JsonField& tags) {
  if (!tags.raw().is_object()) return tags.Strings();
  ASSIGN_OR_RETURN(auto map, tags.StringMap());
  std::vector<std::string> names;
  for (const auto& entry : map) names.push_back(entry.first);
  return names;
}

}  // namespace

Result<WebhookDelivery> ReadQuay(const WebhookRequest&, const JsonField& body) {
  if (!body.At("updated_tags").present()) {
    return Ignored("the notification names no updated tags: it is of no push");
  }
  ASSIGN_OR_RETURN(std::string image, body.At("docker_url").String());
  ASSIGN_OR_RETURN(std::vector<std::string> tags,
                   ReadTags(body.At("updated_tags")));
  WebhookDelivery delivery;
  for (const std::string& tag : tags) {
    ASSIGN_OR_RETURN(WebhookEvent event, ImagePush(image + ":" + tag));
    delivery.events.push_back(std::move(event));
  }
  if (tags.empty()) delivery.ignored = "it names no tag";
  return delivery;
}

}  // namespace strake::tasks::trigger
