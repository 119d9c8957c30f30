// Harbor: goharbor.io, "Configure Webhook Notifications", in its own format
// and as CloudEvents.

#include <vector>

#include "oci/digest.h"
#include "tasks/trigger/webhook_body.h"
#include "tasks/trigger/webhook_hosts.h"
#include "util/json.h"
#include "util/result_macros.h"
#include "util/strings.h"

namespace strake::tasks::trigger {
namespace {

Result<WebhookEvent> ReadResource(const JsonField& resource) {
  // "registry/project/name:tag", or "@digest" for what has no tag.
  ASSIGN_OR_RETURN(std::string image, resource.At("resource_url").String());
  ASSIGN_OR_RETURN(WebhookEvent event, ImagePush(image));
  ASSIGN_OR_RETURN(std::string text, resource.At("digest").String());
  ASSIGN_OR_RETURN(const oci::Digest digest, oci::Digest::Parse(text));
  event.digest = digest.ToString();
  return event;
}

}  // namespace

Result<WebhookDelivery> ReadHarbor(const WebhookRequest&,
                                   const JsonField& body) {
  ASSIGN_OR_RETURN(std::string type, body.At("type").String());
  bool cloud_event = body.At("specversion").present();
  if (type != (cloud_event ? "harbor.artifact.pushed" : "PUSH_ARTIFACT")) {
    return Ignored("the event is " + GoQuote(type.substr(0, 64)) +
                   ", not the push of an artifact");
  }
  JsonField data = body.At(cloud_event ? "data" : "event_data");
  ASSIGN_OR_RETURN(std::vector<JsonField> resources,
                   data.At("resources").Array());
  ASSIGN_OR_RETURN(std::string author, body.At("operator").StringOr(""));
  ASSIGN_OR_RETURN(std::string id, body.At("id").StringOr(""));
  WebhookDelivery delivery;
  for (const JsonField& resource : resources) {
    ASSIGN_OR_RETURN(WebhookEvent event, ReadResource(resource));
    event.author = author;
    delivery.events.push_back(std::move(event));
  }
  SetDeliveryIds(delivery.events, id);
  if (resources.empty()) delivery.ignored = "it names no artifact";
  return delivery;
}

}  // namespace strake::tasks::trigger
