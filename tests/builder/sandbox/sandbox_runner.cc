// sandbox_runner ROOT UID:GID[:none] COMMAND...
//
// Does what strake does at its start (enters a user namespace where it must),
// then runs COMMAND in a sandbox on the directory ROOT, "none" without a
// network; in the sandbox that STRAKE_ISOLATION names, or the best one. Says on
// standard error which sandbox that was, and ends with the command's status;
// 125 when it could not be started. A run that has made a device and is to
// begin anew does so at once, on what it left behind. With STRAKE_JOURNAL, the
// journal of ROOT is in that file.

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>
#include <utility>

#include "builder/sandbox/backends.h"
#include "builder/sandbox/probe_sandbox.h"
#include "builder/sandbox/user_namespace.h"
#include "util/ownership_journal.h"

namespace {

int Fail(const strake::Error& error) {
  std::fprintf(stderr, "error: %s: %s\n",
               std::string(ErrorCodeName(error.code())).c_str(),
               error.message().c_str());
  return 125;
}

// One that is not there is empty.
strake::OwnershipJournal ReadJournal(const char* file) {
  std::ifstream in(file);
  std::stringstream text;
  text << in.rdbuf();
  auto journal = strake::OwnershipJournal::Parse(text.str());
  return journal ? *std::move(journal) : strake::OwnershipJournal();
}

}  // namespace

int main(int argc, char** argv) {
  using namespace strake;
  using namespace strake::builder::sandbox;
  if (argc < 4) return 125;
  const char* isolation = std::getenv("STRAKE_ISOLATION");
  if (isolation == nullptr) isolation = "auto";
  const ProcessPrivileges privileges = EnterUserNamespace(WishFor(isolation));
  Result<SandboxChoice> choice = ChooseSandbox(privileges, isolation);
  if (!choice) return Fail(choice.error());
  std::fprintf(stderr, "[%s]\n", choice->reason.c_str());

  ProcessSpec spec;
  spec.root.path = argv[1];
  char* colon = nullptr;
  spec.uid = static_cast<uint32_t>(std::strtoul(argv[2], &colon, 10));
  spec.gid = static_cast<uint32_t>(std::strtoul(colon + 1, &colon, 10));
  if (std::string(colon) == ":none") spec.network = Network::kNone;
  spec.argv.assign(argv + 3, argv + argc);
  spec.env = {"PATH=/bin"};
  const auto print = [](Stream stream, std::string_view text) {
    std::FILE* file = stream == Stream::kStdout ? stdout : stderr;
    std::fwrite(text.data(), 1, text.size(), file);
    std::fflush(file);
  };
  OwnershipJournal journal;
  if (const char* file = std::getenv("STRAKE_JOURNAL")) {
    journal = ReadJournal(file);
    spec.journal = &journal;
  }
  bool made_device = false;
  spec.made_device = &made_device;
  Result<ExitStatus> status = choice->sandbox->Run(spec, print, {});
  if (made_device) {
    std::fprintf(stderr, "[anew]\n");
    spec.devices = ProcessSpec::Devices::kAll;
    status = choice->sandbox->Run(spec, print, {});
  }
  if (!status) return Fail(status.error());
  if (spec.journal != nullptr) {
    std::ofstream(std::getenv("STRAKE_JOURNAL")) << journal.Serialize();
  }
  return status->ShellCode();
}
