// One pair of functions for each host: whether a request is from it, and what
// it says. The second is called only where the first agreed.

#ifndef STRAKE_TASKS_TRIGGER_WEBHOOK_HOSTS_H_
#define STRAKE_TASKS_TRIGGER_WEBHOOK_HOSTS_H_

#include "tasks/trigger/webhook.h"
#include "util/result.h"

namespace strake {
class JsonField;
}  // namespace strake

namespace strake::tasks::trigger {

Status CheckGitHub(const WebhookRequest& request,
                   const WebhookOptions& options);
Result<WebhookDelivery> ReadGitHub(const WebhookRequest& request,
                                   const JsonField& body);

Status CheckGitLab(const WebhookRequest& request,
                   const WebhookOptions& options);
Result<WebhookDelivery> ReadGitLab(const WebhookRequest& request,
                                   const JsonField& body);

Status CheckGitea(const WebhookRequest& request, const WebhookOptions& options);
Result<WebhookDelivery> ReadGitea(const WebhookRequest& request,
                                  const JsonField& body);

Status CheckBitbucket(const WebhookRequest& request,
                      const WebhookOptions& options);
Result<WebhookDelivery> ReadBitbucket(const WebhookRequest& request,
                                      const JsonField& body);

Status CheckAzureDevOps(const WebhookRequest& request,
                        const WebhookOptions& options);
Result<WebhookDelivery> ReadAzureDevOps(const WebhookRequest& request,
                                        const JsonField& body);

Status CheckGeneric(const WebhookRequest& request,
                    const WebhookOptions& options);
Result<WebhookDelivery> ReadGeneric(const WebhookRequest& request,
                                    const JsonField& body);

// Of registries that take a header: distribution, Harbor and ACR.
Status CheckRegistry(const WebhookRequest& request,
                     const WebhookOptions& options);
Result<WebhookDelivery> ReadDistribution(const WebhookRequest& request,
                                         const JsonField& body);
Result<WebhookDelivery> ReadAcr(const WebhookRequest& request,
                                const JsonField& body);
Result<WebhookDelivery> ReadHarbor(const WebhookRequest& request,
                                   const JsonField& body);
Result<WebhookDelivery> ReadQuay(const WebhookRequest& request,
                                 const JsonField& body);
Result<WebhookDelivery> ReadDockerHub(const WebhookRequest& request,
                                      const JsonField& body);

}  // namespace strake::tasks::trigger

#endif  // STRAKE_TASKS_TRIGGER_WEBHOOK_HOSTS_H_
