#include "builder/sandbox/probe_sandbox.h"

#include <utility>
#include <vector>

#include "builder/sandbox/backends.h"
#include "util/result_macros.h"
#include "util/strings.h"

namespace strake::builder::sandbox {
namespace {

// Where no process can be run.
class NoSandbox final : public Sandbox {
 public:
  explicit NoSandbox(std::string reason) : reason_(std::move(reason)) {}

  std::string_view name() const override { return "none"; }
  Result<ExitStatus> Run(const ProcessSpec&, const OutputCallback&,
                         std::stop_token) override {
    return Unsupported("no process can be run here: " + reason_ +
                       ". \"strake doctor\" says what would have to be "
                       "allowed");
  }

 private:
  std::string reason_;
};

SandboxChoice None(const std::string& reason) {
  return {.sandbox = std::make_unique<NoSandbox>(reason),
          .reason = "none: " + reason};
}

// Who is in a namespace already is there for the one backend that wanted it;
// the others may still work in it.
bool Fits(const Backend& backend, const ProcessPrivileges& privileges) {
  switch (backend.wish) {
    case NamespaceWish::kMapped:
      return privileges.privilege == Privilege::kMapped;
    case NamespaceWish::kSingleId:
      return privileges.privilege == Privilege::kSingleId;
    case NamespaceWish::kAuto:
    case NamespaceWish::kNever:
      return true;
  }
  return true;
}

}  // namespace

SandboxChoice ProbeSandbox(const ProcessPrivileges& privileges,
                           const std::string& scratch) {
  std::vector<std::string> reasons = {privileges.reason};
  for (const Backend& backend : Backends()) {
    if (!Fits(backend, privileges)) continue;
    Status tried = backend.probe(privileges, scratch);
    if (tried) {
      return {.sandbox = backend.make(scratch),
              .reason = std::string(backend.name) + ": " + Join(reasons, "; ")};
    }
    // That it is not root was said before.
    if (tried.error().message() != privileges.reason) {
      reasons.push_back(std::string(backend.name) + ": " +
                        tried.error().message());
    }
  }
  return None(Join(reasons, "; "));
}

Result<SandboxChoice> ChooseSandbox(const ProcessPrivileges& privileges,
                                    std::string_view isolation,
                                    const std::string& scratch) {
  if (isolation == "auto") return ProbeSandbox(privileges, scratch);
  if (isolation == "none") return None("isolation \"none\" was asked for");
  const Backend* backend = FindBackend(isolation);
  if (backend == nullptr) {
    return InvalidArgument("isolation \"" + std::string(isolation) +
                           "\": expected one of " +
                           Join(IsolationNames(), ", "));
  }
  if (Status tried = backend->probe(privileges, scratch); !tried) {
    if (tried.error().code() != ErrorCode::kUnsupported) {
      return std::move(tried).error().Wrap("try isolation " +
                                           std::string(isolation));
    }
    return Unsupported("isolation " + std::string(isolation) +
                       " is impossible here: " + tried.error().message() +
                       ". It needs " + std::string(backend->needs));
  }
  return SandboxChoice{.sandbox = backend->make(scratch),
                       .reason = std::string(isolation) + ": asked for"};
}

}  // namespace strake::builder::sandbox
