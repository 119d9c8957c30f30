// Notifications of the Docker registry (distribution.github.io,
// "Notifications") and of Azure Container Registry ("webhook reference"), which
// sends one event of the same shape.

#include <vector>

#include "oci/digest.h"
#include "tasks/trigger/webhook_body.h"
#include "tasks/trigger/webhook_hosts.h"
#include "tasks/trigger/webhook_signature.h"
#include "util/json.h"
#include "util/result_macros.h"
#include "util/strings.h"

namespace strake::tasks::trigger {
namespace {

// Blobs are pushed, too; only a manifest makes an image.
bool IsManifest(std::string_view media_type, std::string_view tag) {
  return !tag.empty() ||
         media_type.find("manifest") != std::string_view::npos ||
         media_type.find("image.index") != std::string_view::npos;
}

// Adds what `field` tells to `delivery`, or why it is nothing.
Status ReadEvent(const JsonField& field, WebhookDelivery& delivery) {
  ASSIGN_OR_RETURN(std::string action, field.At("action").String());
  if (action != "push") {
    delivery.ignored = "the action is " + GoQuote(action.substr(0, 64)) +
                       ", not the push of an image";
    return {};
  }
  JsonField target = field.At("target");
  ASSIGN_OR_RETURN(std::string media_type, target.At("mediaType").StringOr(""));
  ASSIGN_OR_RETURN(std::string tag, target.At("tag").StringOr(""));
  if (!IsManifest(media_type, tag)) {
    delivery.ignored = "a blob was pushed, not an image";
    return {};
  }
  ASSIGN_OR_RETURN(std::string host, field.At("request").At("host").String());
  ASSIGN_OR_RETURN(std::string repository, target.At("repository").String());
  ASSIGN_OR_RETURN(std::string text, target.At("digest").String());
  ASSIGN_OR_RETURN(const oci::Digest digest, oci::Digest::Parse(text));
  std::string image = host + "/" + repository;
  if (!tag.empty()) image += ":" + tag;
  ASSIGN_OR_RETURN(WebhookEvent event, ImagePush(image));
  event.digest = digest.ToString();
  ASSIGN_OR_RETURN(std::string id, field.At("id").StringOr(""));
  event.delivery_id = id.substr(0, kMaxDeliveryId);
  ASSIGN_OR_RETURN(event.author, field.At("actor").At("name").StringOr(""));
  delivery.events.push_back(std::move(event));
  return {};
}

}  // namespace

Status CheckRegistry(const WebhookRequest& request,
                     const WebhookOptions& options) {
  return CheckAuthorization(request, options, AuthorizationForms::kAny);
}

Result<WebhookDelivery> ReadDistribution(const WebhookRequest&,
                                         const JsonField& body) {
  WebhookDelivery delivery;
  ASSIGN_OR_RETURN(std::vector<JsonField> events, body.At("events").Array());
  for (const JsonField& event : events) {
    RETURN_IF_ERROR(ReadEvent(event, delivery));
  }
  if (events.empty()) delivery.ignored = "it holds no events";
  return delivery;
}

Result<WebhookDelivery> ReadAcr(const WebhookRequest&, const JsonField& body) {
  WebhookDelivery delivery;
  RETURN_IF_ERROR(ReadEvent(body, delivery));
  return delivery;
}

}  // namespace strake::tasks::trigger
