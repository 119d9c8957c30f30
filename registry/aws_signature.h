// AWS Signature Version 4: who sends a request, proved without sending the key
// (AWS's "Create a signed AWS API request").

#ifndef STRAKE_REGISTRY_AWS_SIGNATURE_H_
#define STRAKE_REGISTRY_AWS_SIGNATURE_H_

#include <chrono>
#include <map>
#include <string>
#include <string_view>

namespace strake::registry {

struct AwsKeys {
  std::string access_key_id = {};
  std::string secret_access_key = {};
  std::string session_token = {};  // empty: keys that do not expire
};

struct AwsRequest {
  std::string method = "POST";
  std::string path = "/";  // encoded
  std::string query = "";  // encoded, sorted by name
  std::string region = {};
  std::string service = {};
  // What is sent, names in lower case, with "host".
  std::map<std::string, std::string> headers = {};
  std::string body = {};
};

// Adds to `request.headers` what has to be sent too: x-amz-date, the session
// token, and the signature as "authorization".
void SignAwsRequest(AwsRequest& request, const AwsKeys& keys,
                    std::chrono::system_clock::time_point now);

}  // namespace strake::registry

#endif  // STRAKE_REGISTRY_AWS_SIGNATURE_H_
