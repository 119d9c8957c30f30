// One row of a table of faults, and the scene that it plays in: one blob, a
// client, a proxy that goes wrong, and a registry behind it, which is Debian's
// docker-registry and then strake's own.

#ifndef STRAKE_TESTS_REGISTRY_FAULT_SCENE_H_
#define STRAKE_TESTS_REGISTRY_FAULT_SCENE_H_

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "registry/client.h"
#include "tests/support/fault_proxy.h"
#include "tests/support/temp_dir.h"

namespace strake::registry {

// What the registry does with what has arrived of a request that was cut.
enum class CutRequests { kKept, kLost };

// Where a row arranges its fault, and looks afterwards.
struct Scene {
  uint16_t registry_port = 0;
  CutRequests cut_requests = CutRequests::kKept;
  std::unique_ptr<testing::FaultProxy> proxy;
  // A second host, where a row needs one.
  std::unique_ptr<testing::FaultProxy> other;
  ClientOptions options;
  std::string content;
  oci::Descriptor blob;
  oci::Reference place;   // through the proxy
  oci::Reference direct;  // without

  BlobOpener Opener() const;
  testing::FaultProxy& StartOther();
  // Gives up what is silent for a moment.
  void LoseNoTime();
  // The proxy asks for tokens, each of which is good for `uses` requests; to
  // those that have one happens what `then` says of answers.
  void GuardWithTokens(int uses, const testing::Fault& then = {});
};

constexpr uint64_t kBlobBytes = 3'000'000;
constexpr uint64_t kTenth = kBlobBytes / 10;

struct FaultRow {
  std::string name;
  std::function<void(Scene&)> arrange;
  // How it ends: empty: well; else with this in the message, and this code.
  std::string message = {};
  ErrorCode code = ErrorCode::kUnavailable;
  // At most so many bytes of the blob move more than once; and so many more
  // where the registry loses what it has of a cut request.
  uint64_t again = 0;
  uint64_t again_if_lost = 0;
  // What else holds afterwards.
  std::function<void(Scene&)> check = {};
};

std::vector<FaultRow> PushFaults();
std::vector<FaultRow> PullFaults();

// A fault that answers `method` of what contains `path` so.
testing::Fault Answer(std::string method, std::string path, int times,
                      int status, std::vector<std::string> fields = {},
                      std::string body = "");

}  // namespace strake::registry

#endif  // STRAKE_TESTS_REGISTRY_FAULT_SCENE_H_
