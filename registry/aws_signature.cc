#include "registry/aws_signature.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <time.h>

#include <array>
#include <span>
#include <vector>

#include "util/strings.h"

namespace strake::registry {
namespace {

constexpr std::string_view kAlgorithm = "AWS4-HMAC-SHA256";

using Bytes = std::array<unsigned char, 32>;

std::string Hex(const Bytes& bytes) {
  return HexEncode(std::as_bytes(std::span(bytes)));
}

std::string HashHex(std::string_view text) {
  Bytes hash{};
  EVP_Digest(text.data(), text.size(), hash.data(), nullptr, EVP_sha256(),
             nullptr);
  return Hex(hash);
}

Bytes Hmac(std::span<const unsigned char> key, std::string_view text) {
  Bytes mac{};
  unsigned int length = mac.size();
  HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
       reinterpret_cast<const unsigned char*>(text.data()), text.size(),
       mac.data(), &length);
  return mac;
}

std::string BasicIso8601(std::chrono::system_clock::time_point now) {
  time_t seconds = std::chrono::system_clock::to_time_t(now);
  tm parts{};
  ::gmtime_r(&seconds, &parts);
  std::array<char, 32> text{};
  size_t length =
      ::strftime(text.data(), text.size(), "%Y%m%dT%H%M%SZ", &parts);
  return std::string(text.data(), length);
}

Bytes SigningKey(const AwsRequest& request, const AwsKeys& keys,
                 const std::string& day) {
  std::string secret = "AWS4" + keys.secret_access_key;
  Bytes key =
      Hmac(std::span(reinterpret_cast<const unsigned char*>(secret.data()),
                     secret.size()),
           day);
  key = Hmac(key, request.region);
  key = Hmac(key, request.service);
  return Hmac(key, "aws4_request");
}

}  // namespace

void SignAwsRequest(AwsRequest& request, const AwsKeys& keys,
                    std::chrono::system_clock::time_point now) {
  std::string time = BasicIso8601(now);
  std::string day = time.substr(0, 8);
  request.headers["x-amz-date"] = time;
  if (!keys.session_token.empty()) {
    request.headers["x-amz-security-token"] = keys.session_token;
  }
  std::string canonical =
      request.method + "\n" + request.path + "\n" + request.query + "\n";
  std::vector<std::string> names;
  for (const auto& [name, value] : request.headers) {
    canonical += name + ":" + std::string(Trim(value)) + "\n";
    names.push_back(name);
  }
  std::string signed_headers = Join(names, ";");
  canonical += "\n" + signed_headers + "\n" + HashHex(request.body);

  std::string scope =
      day + "/" + request.region + "/" + request.service + "/aws4_request";
  std::string to_sign = std::string(kAlgorithm) + "\n" + time + "\n" + scope +
                        "\n" + HashHex(canonical);
  std::string signature = Hex(Hmac(SigningKey(request, keys, day), to_sign));
  request.headers["authorization"] =
      std::string(kAlgorithm) + " Credential=" + keys.access_key_id + "/" +
      scope + ", SignedHeaders=" + signed_headers + ", Signature=" + signature;
}

}  // namespace strake::registry
