#include "builder/sandbox/backends.h"

#include <array>
#include <utility>

#include "builder/sandbox/ask_child.h"
#include "builder/sandbox/chroot_sandbox.h"
#include "builder/sandbox/namespace_sandbox.h"
#include "builder/sandbox/notify/mapped_sandbox.h"
#include "builder/sandbox/notify/notify_sandbox.h"
#include "builder/sandbox/notify/userns_emu_sandbox.h"
#include "builder/sandbox/probe_namespaces.h"
#include "util/result_macros.h"

namespace strake::builder::sandbox {
namespace {

// A backend of namespaces works for the one `privilege` that it is about.
template <Privilege kPrivilege>
Status ProbeNamespaceSandbox(const ProcessPrivileges& privileges,
                             const std::string&) {
  if (privileges.privilege != kPrivilege) {
    return Unsupported(privileges.reason);
  }
  return ProbeNamespaces();
}

constexpr char kOverlayRoot[] = "overlay-root";
constexpr char kUsernsSingle[] = "userns-single";

template <const char* kName>
std::unique_ptr<Sandbox> MakeNamespaceSandbox(const std::string&) {
  return std::make_unique<NamespaceSandbox>(kName);
}

std::unique_ptr<Sandbox> MakeMappedSandbox(const std::string&) {
  return std::make_unique<MappedSandbox>();
}

Status ProbeEmulatingNamespace(const ProcessPrivileges& privileges,
                               const std::string& scratch) {
  RETURN_IF_ERROR(
      ProbeNamespaceSandbox<Privilege::kSingleId>(privileges, scratch));
  return ProbeUsernsEmu(scratch);
}

std::unique_ptr<Sandbox> MakeUsernsEmuSandbox(const std::string&) {
  return std::make_unique<UsernsEmuSandbox>();
}

Status ProbeNotifySandbox(const ProcessPrivileges&,
                          const std::string& scratch) {
  return ProbeNotify(scratch);
}

std::unique_ptr<Sandbox> MakeNotifySandbox(const std::string& scratch) {
  return std::make_unique<NotifySandbox>(
      NotifySandboxOptions{.scratch = scratch});
}

Status ProbeTraceSandbox(const ProcessPrivileges&, const std::string& scratch) {
  return ProbeTrace(scratch);
}

std::unique_ptr<Sandbox> MakeTraceSandbox(const std::string& scratch) {
  return std::make_unique<NotifySandbox>(
      NotifySandboxOptions{.scratch = scratch, .transport = TracerHere()});
}

Status ProbeChrootSandbox(const ProcessPrivileges&,
                          const std::string& scratch) {
  return ProbeChroot(scratch);
}

std::unique_ptr<Sandbox> MakeChrootSandbox(const std::string&) {
  return std::make_unique<ChrootSandbox>();
}

constexpr std::array kBackends = {
    Backend{kOverlayRoot, NamespaceWish::kNever,
            ProbeNamespaceSandbox<Privilege::kRoot>,
            MakeNamespaceSandbox<kOverlayRoot>,
            "root with CAP_SYS_ADMIN; in a container: --privileged, or that "
            "capability and a seccomp profile that permits mount"},
    Backend{"userns-map", NamespaceWish::kMapped,
            ProbeNamespaceSandbox<Privilege::kMapped>, MakeMappedSandbox,
            "user namespaces (sysctl user.max_user_namespaces; Ubuntu: "
            "kernel.apparmor_restrict_unprivileged_userns=0; in a container: a "
            "seccomp profile that permits unshare and mount), newuidmap "
            "(package uidmap) without no_new_privs, and ranges in /etc/subuid "
            "and /etc/subgid"},
    Backend{"userns-emu", NamespaceWish::kSingleId, ProbeEmulatingNamespace,
            MakeUsernsEmuSandbox,
            "user namespaces (as for userns-map), Linux 5.19, and no other "
            "supervisor around it"},
    Backend{kUsernsSingle, NamespaceWish::kSingleId,
            ProbeNamespaceSandbox<Privilege::kSingleId>,
            MakeNamespaceSandbox<kUsernsSingle>,
            "user namespaces (as for userns-map); steps can then run as root "
            "only"},
    Backend{"notify", NamespaceWish::kNever, ProbeNotifySandbox,
            MakeNotifySandbox,
            "Linux 5.19, a seccomp profile that permits seccomp, ptrace and "
            "process_vm_readv (as Docker's default does), and no other "
            "supervisor around it"},
    Backend{"chroot", NamespaceWish::kNever, ProbeChrootSandbox,
            MakeChrootSandbox,
            "root with the capabilities SYS_CHROOT, CHOWN, MKNOD, SETUID and "
            "SETGID, as in a default container"},
    Backend{"trace", NamespaceWish::kNever, ProbeTraceSandbox, MakeTraceSandbox,
            "a seccomp profile that permits seccomp, ptrace and "
            "process_vm_readv (as Docker's default does)"},
};

// What a child of ours says: 'y' or 'n', and the detail.
std::string TryBackend(const Backend& backend, const std::string& scratch) {
  const ProcessPrivileges privileges = EnterUserNamespace(backend.wish);
  Status tried = backend.probe(privileges, scratch);
  if (!tried) return "n" + tried.error().message();
  return "y" + (backend.wish == NamespaceWish::kNever ? std::string()
                                                      : privileges.reason);
}

}  // namespace

std::span<const Backend> Backends() { return kBackends; }

const Backend* FindBackend(std::string_view name) {
  for (const Backend& backend : kBackends) {
    if (backend.name == name) return &backend;
  }
  return nullptr;
}

std::vector<std::string> IsolationNames() {
  std::vector<std::string> names = {"auto"};
  for (const Backend& backend : kBackends) names.emplace_back(backend.name);
  names.emplace_back("none");
  return names;
}

NamespaceWish WishFor(std::string_view isolation) {
  if (isolation == "none") return NamespaceWish::kNever;
  const Backend* backend = FindBackend(isolation);
  return backend != nullptr ? backend->wish : NamespaceWish::kAuto;
}

std::vector<BackendReport> ProbeBackends(const std::string& scratch) {
  std::vector<BackendReport> reports;
  for (const Backend& backend : kBackends) {
    BackendReport report;
    report.name = backend.name;
    report.needs = backend.needs;
    Result<std::string> text =
        AskChild([&] { return TryBackend(backend, scratch); });
    report.works = text && text->starts_with('y');
    report.detail = text ? text->substr(1) : text.error().message();
    reports.push_back(std::move(report));
  }
  return reports;
}

}  // namespace strake::builder::sandbox
