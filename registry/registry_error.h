// From a registry's refusal to an `Error` (distribution-spec, "Error Codes").

#ifndef STRAKE_REGISTRY_REGISTRY_ERROR_H_
#define STRAKE_REGISTRY_REGISTRY_ERROR_H_

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "registry/http_client.h"
#include "util/result.h"

namespace strake::registry {

// How long to wait before asking again: what the answer says in `Retry-After`,
// or in the headers of Docker Hub where a quota is used up; nothing where it
// says nothing. `now` counts where the answer is not dated.
std::optional<std::chrono::seconds> RetryAfterOf(
    const HttpResponse& response, std::chrono::system_clock::time_point now =
                                      std::chrono::system_clock::now());

// "404 Not Found: MANIFEST_UNKNOWN: manifest unknown": the status, and what
// the error document (or else the first line of the body) says; of a quota that
// is used up also how long it lasts. What we sent of secrets is masked.
std::string DescribeAnswer(const HttpResponse& response);

// The error that an answer other than the hoped-for means. `what` names the
// attempt: "push of blob sha256:... to host/repository".
//   404 kNotFound; 401 and 403 kUnauthorized; 405 and 501 kUnsupported; 408,
//   429 and 5xx kUnavailable; DIGEST_INVALID kCorrupt; any other
//   kInvalidArgument
Error AnswerError(std::string_view what, const HttpResponse& response);

}  // namespace strake::registry

#endif  // STRAKE_REGISTRY_REGISTRY_ERROR_H_
