#include "builder/sandbox/start_error.h"

#include <cerrno>
#include <cstring>

namespace strake::builder::sandbox {
namespace {

Error NeedsSubordinateIds(const ProcessSpec& spec, const std::string& what) {
  return Unsupported(
      what + " (USER " + std::to_string(spec.uid) + ":" +
      std::to_string(spec.gid) +
      ") needs subordinate ids, which this user namespace does not map: give "
      "the user ranges in /etc/subuid and /etc/subgid and install newuidmap "
      "(package uidmap), or run strake as root");
}

Error ExecError(const std::string& program, const std::string& path,
                const ChildReport& report) {
  const std::string what = "execute \"" + program + "\"";
  if (report.step == ChildStep::kExecInterpreter) {
    return NotFound(what + ": " + path +
                    " exists, but the interpreter it names (the program after "
                    "\"#!\", or the dynamic loader) does not");
  }
  switch (report.error) {
    case ENOENT:
      return NotFound(what + (program.find('/') == std::string::npos
                                  ? ": not found in PATH"
                                  : ": no such file"));
    case ENOEXEC:
      return IoError(what + ": exec format error: " + path +
                     " is a program for another architecture, or a script "
                     "without a \"#!\" line");
    default:
      return IoError(what + ": " + path + ": " + std::strerror(report.error));
  }
}

// As shells have it.
constexpr int kNoProgram = 127;
constexpr int kNoExecutable = 126;

}  // namespace

Error StartError(const ProcessSpec& spec,
                 const std::vector<std::string>& candidates,
                 const ChildReport& report) {
  switch (report.step) {
    case ChildStep::kExec:
    case ChildStep::kExecInterpreter: {
      const auto index = static_cast<size_t>(report.index);
      const std::string path =
          index < candidates.size() ? candidates[index] : spec.argv.front();
      Error error = ExecError(spec.argv.front(), path, report);
      if (spec.not_executed != nullptr) {
        *spec.not_executed =
            error.code() == ErrorCode::kNotFound ? kNoProgram : kNoExecutable;
      }
      return error;
    }
    case ChildStep::kEnterCwd:
      return IoError("enter the working directory " + spec.cwd + ": " +
                     std::strerror(report.error));
    case ChildStep::kSetGroups:
      if (report.error == EPERM || report.error == EINVAL) {
        return NeedsSubordinateIds(spec, "setting supplementary groups");
      }
      break;
    case ChildStep::kSetGid:
    case ChildStep::kSetUid:
      if (report.error == EINVAL) {
        return NeedsSubordinateIds(spec, "running as another user");
      }
      break;
    default:
      break;
  }
  return IoError(std::string("set up the sandbox: ") +
                 ChildStepText(report.step) + ": " +
                 std::strerror(report.error));
}

}  // namespace strake::builder::sandbox
