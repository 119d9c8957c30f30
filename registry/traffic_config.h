// strake's own file of limits, for what registries.conf has no word for:
//
//   [host."registry.example:5000"]
//   max-requests = 2       # at once
//   limit-rate = "10MB"    # a second, both directions together
//   chunk-size = "50MB"    # of one upload request
//
// A host is named as in references; "docker.io" is Docker Hub.

#ifndef STRAKE_REGISTRY_TRAFFIC_CONFIG_H_
#define STRAKE_REGISTRY_TRAFFIC_CONFIG_H_

#include <string_view>

#include "registry/traffic.h"
#include "util/result.h"

namespace strake::registry {

// Reads the text of such a file over `limits`: a host that it names has what it
// says there and nothing else.
//   source  names the text in errors
// Errors: kInvalidArgument for what is no TOML, a table or key that strake does
// not know, a value that makes no sense.
Status ParseTrafficLimits(std::string_view toml, std::string_view source,
                          TrafficLimits& limits);

}  // namespace strake::registry

#endif  // STRAKE_REGISTRY_TRAFFIC_CONFIG_H_
