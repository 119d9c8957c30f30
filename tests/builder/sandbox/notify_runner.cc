// notify_runner [-b WAY] [-j JOURNAL] [-t TOUCHED] [-C DIR] ROOT UID:GID
//     COMMAND...
//
// Built twice: notify_runner runs COMMAND in the directory ROOT by
// `NotifySandbox`, userns_emu_runner by `UsernsEmuSandbox`; with the standard
// streams it has, and ends with its status; 125 when it could not be started.
//   -b  how calls reach the supervisor: notify (the default), trace (as the
//       backend), trace-filter, trace-all
//   -j  a file that holds the ownership journal before and after
//   -C  the working directory inside
//   -t  a file to write the touched paths to, one a line

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <optional>
#include <set>
#include <sstream>
#include <string>

#include "builder/sandbox/notify/notify_sandbox.h"
#ifdef STRAKE_USERNS_EMU
#include "builder/sandbox/notify/userns_emu_sandbox.h"
#include "builder/sandbox/user_namespace.h"
#endif

namespace {

using namespace strake;
using namespace strake::builder::sandbox;

int Fail(const Error& error) {
  std::fprintf(stderr, "error: %s: %s\n",
               std::string(ErrorCodeName(error.code())).c_str(),
               error.message().c_str());
  return 125;
}

Result<OwnershipJournal> LoadJournal(const std::string& path) {
  const std::ifstream file(path);
  if (!file) return OwnershipJournal();
  std::ostringstream text;
  text << file.rdbuf();
  return OwnershipJournal::Parse(text.str());
}

std::optional<notify::CallTransport> TransportNamed(const std::string& name) {
  if (name == "notify") return notify::CallTransport::kListener;
  if (name == "trace") return TracerHere();
  if (name == "trace-filter") return notify::CallTransport::kTracer;
  if (name == "trace-all") return notify::CallTransport::kEagerTracer;
  return std::nullopt;
}

}  // namespace

int main(int argc, char** argv) {
  std::string journal_path;
  std::string touched_path;
  int option = 0;
  std::string cwd = "/";
  std::string way = "notify";
  while ((option = getopt(argc, argv, "+b:j:t:C:")) >= 0) {
    if (option == '?') return 125;
    (option == 'b'   ? way
     : option == 'j' ? journal_path
     : option == 't' ? touched_path
                     : cwd) = optarg;
  }
  argv += optind;
  const auto transport = TransportNamed(way);
  if (argc - optind < 3 || !transport) return 125;

  ProcessSpec spec;
  spec.root.path = argv[0];
  spec.cwd = cwd;
  char* colon = nullptr;
  spec.uid = static_cast<uint32_t>(std::strtoul(argv[1], &colon, 10));
  spec.gid = static_cast<uint32_t>(std::strtoul(colon + 1, nullptr, 10));
  spec.argv.assign(argv + 2, argv + argc - optind);
  spec.env = {
      "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
      "HOME=/root"};
  for (const char* name : {"OFFLINE", "LC_ALL", "SEED"}) {
    if (const char* value = std::getenv(name)) {
      spec.env.push_back(std::string(name) + "=" + value);
    }
  }
  spec.stdin_fd = 0;
  spec.stdout_fd = 1;
  spec.stderr_fd = 2;
  Result<OwnershipJournal> journal = LoadJournal(journal_path);
  if (!journal) return Fail(journal.error());
  spec.journal = &*journal;
  std::optional<std::set<std::string>> touched;
  spec.touched = &touched;

#ifdef STRAKE_USERNS_EMU
  const ProcessPrivileges privileges =
      EnterUserNamespace(NamespaceWish::kSingleId);
  if (privileges.privilege != Privilege::kSingleId) {
    return Fail(Unsupported(privileges.reason));
  }
  UsernsEmuSandbox sandbox;
#else
  NotifySandbox sandbox({.scratch = {}, .transport = *transport});
#endif
  Result<ExitStatus> status = sandbox.Run(spec, {}, {});
  if (!status) return Fail(status.error());
  if (!journal_path.empty()) {
    std::ofstream(journal_path) << journal->Serialize();
  }
  if (!touched_path.empty() && touched) {
    std::ofstream file(touched_path);
    for (const std::string& path : *touched) file << path << "\n";
  }
  return status->ShellCode();
}
