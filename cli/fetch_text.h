// A text from an http(s) address.

#ifndef STRAKE_CLI_FETCH_TEXT_H_
#define STRAKE_CLI_FETCH_TEXT_H_

#include <chrono>
#include <stop_token>
#include <string>

#include "registry/client.h"
#include "util/result.h"

namespace strake::cli {

// GET, without a login, at most 4 MiB, all of it within `timeout`. An answer of
// 300 or more is an error with its text; `kUnavailable` where none came.
Result<std::string> FetchText(const std::string& url,
                              const registry::ClientOptions& options,
                              std::chrono::milliseconds timeout,
                              std::stop_token stop = {});

}  // namespace strake::cli

#endif  // STRAKE_CLI_FETCH_TEXT_H_
