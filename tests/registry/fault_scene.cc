#include "tests/registry/fault_scene.h"

#include <map>

#include "util/guarded.h"

namespace strake::registry {

using strake::testing::Fault;
using strake::testing::FaultProxy;
using strake::testing::SeenRequest;

BlobOpener Scene::Opener() const {
  return [this](uint64_t offset) -> Result<std::unique_ptr<ByteSource>> {
    return std::unique_ptr<ByteSource>(std::make_unique<MemorySource>(
        std::string_view(content).substr(offset)));
  };
}

FaultProxy& Scene::StartOther() {
  other = std::make_unique<FaultProxy>(registry_port);
  return *other;
}

void Scene::LoseNoTime() {
  options.stall.idle = std::chrono::milliseconds(300);
  options.stall.answer = std::chrono::milliseconds(300);
}

void Scene::GuardWithTokens(int uses, const Fault& then) {
  auto left = std::make_shared<Guarded<std::map<std::string, int>>>();
  std::string challenge = "WWW-Authenticate: Bearer realm=\"http://" +
                          proxy->authority() + "/token\"";
  Fault gate;
  gate.times = -1;
  gate.respond = [=](const SeenRequest& request) -> std::string {
    auto tokens = left->lock();
    if (request.target.starts_with("/token")) {
      std::string token = "token-" + std::to_string(tokens->size());
      (*tokens)["Bearer " + token] = uses;
      // Made by a clock that is years ahead, which is of no importance.
      return FaultProxy::Response(
          200, {},
          R"({"issued_at": "2099-01-01T00:00:00Z", "expires_in": 300, )"
          R"("token": ")" +
              token + "\"}");
    }
    auto token = tokens->find(request.Header("authorization"));
    if (token == tokens->end() || token->second == 0) {
      return FaultProxy::Response(401, {challenge});
    }
    --token->second;
    return then.respond ? then.respond(request) : "";
  };
  gate.edit_head = then.edit_head;
  gate.cut_response_after = then.cut_response_after;
  proxy->Add(std::move(gate));
}

Fault Answer(std::string method, std::string path, int times, int status,
             std::vector<std::string> fields, std::string body) {
  Fault fault;
  fault.method = std::move(method);
  fault.path = std::move(path);
  fault.times = times;
  fault.respond = [=](const SeenRequest&) {
    return FaultProxy::Response(status, fields, body);
  };
  return fault;
}

}  // namespace strake::registry
