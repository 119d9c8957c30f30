// The ways to run a step, best first, and which of them work here.
//
// Whether one works is found out by a child process that does what the backend
// does; ids, settings and kernel versions decide nothing.

#ifndef STRAKE_BUILDER_SANDBOX_BACKENDS_H_
#define STRAKE_BUILDER_SANDBOX_BACKENDS_H_

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "builder/sandbox/sandbox.h"
#include "builder/sandbox/user_namespace.h"
#include "util/result.h"

namespace strake::builder::sandbox {

struct Backend {
  std::string_view name;  // as `--isolation` has it
  // In which namespace the process has to be.
  NamespaceWish wish = NamespaceWish::kNever;
  // Tries it, as what `EnterUserNamespace(wish)` has made of this process.
  // `kUnsupported` names the step that failed and what the kernel answered;
  // other errors say that nothing could be tried.
  //   scratch  a directory to make others in, for the probe and for runs;
  //            empty: the system's directory for such
  Status (*probe)(const ProcessPrivileges& privileges,
                  const std::string& scratch) = nullptr;
  std::unique_ptr<Sandbox> (*make)(const std::string& scratch) = nullptr;
  std::string_view needs;  // what has to be allowed for it, for people
};

// In the order in which they are chosen; does not contain "none".
std::span<const Backend> Backends();
// Null: there is none of that name.
const Backend* FindBackend(std::string_view name);

// "auto", the names of all backends, and "none".
std::vector<std::string> IsolationNames();
// The namespace that a process has to enter for `isolation`; kAuto for a name
// that is none.
NamespaceWish WishFor(std::string_view isolation);

struct BackendReport {
  std::string name;
  bool works = false;
  // "65536 subordinate ids", or the step that failed, and with what.
  std::string detail;
  std::string needs;
};

// Tries every backend, each in a child of its own that enters the namespace it
// needs; takes some ten milliseconds.
// REQUIRES: one thread, and `EnterUserNamespace` was not called.
std::vector<BackendReport> ProbeBackends(const std::string& scratch = {});

}  // namespace strake::builder::sandbox

#endif  // STRAKE_BUILDER_SANDBOX_BACKENDS_H_
