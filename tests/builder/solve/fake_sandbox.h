// A sandbox whose "programs" are functions of the test: no process, no
// privilege. argv[0] names the function; what it writes into the root is what
// the step changed.

#ifndef STRAKE_TESTS_BUILDER_SOLVE_FAKE_SANDBOX_H_
#define STRAKE_TESTS_BUILDER_SOLVE_FAKE_SANDBOX_H_

#include <fstream>
#include <functional>
#include <map>
#include <mutex>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "builder/sandbox/sandbox.h"
#include "util/result.h"

namespace strake::testing {

class FakeSandbox final : public builder::sandbox::Sandbox {
 public:
  using ProcessSpec = builder::sandbox::ProcessSpec;
  using ExitStatus = builder::sandbox::ExitStatus;
  using OutputCallback = builder::sandbox::OutputCallback;
  using Program = std::function<Result<ExitStatus>(
      const ProcessSpec& spec, const OutputCallback& on_output,
      std::stop_token stop)>;

  FakeSandbox() {
    // write PATH TEXT
    programs["write"] = [](const ProcessSpec& spec, const OutputCallback&,
                           std::stop_token) -> Result<ExitStatus> {
      std::ofstream(spec.root.path + spec.argv[1]) << spec.argv[2];
      return ExitStatus{};
    };
    programs["fail"] = [](const ProcessSpec&, const OutputCallback& on_output,
                          std::stop_token) -> Result<ExitStatus> {
      on_output(builder::sandbox::Stream::kStderr, "it broke\n");
      return ExitStatus{3, 0};
    };
  }

  std::string_view name() const override { return "fake"; }

  Result<ExitStatus> Run(const ProcessSpec& spec,
                         const OutputCallback& on_output,
                         std::stop_token stop) override {
    Program program;
    {
      std::lock_guard lock(mutex_);
      std::string command;
      for (const std::string& arg : spec.argv) {
        command += (command.empty() ? "" : " ") + arg;
      }
      ran_.push_back(command);
      auto it = programs.find(spec.argv[0]);
      if (it == programs.end()) return NotFound("no program " + spec.argv[0]);
      program = it->second;
    }
    return program(spec, on_output, std::move(stop));
  }

  // The commands so far, in the order they began; forgets them.
  std::vector<std::string> TakeRan() {
    std::lock_guard lock(mutex_);
    return std::exchange(ran_, {});
  }

  std::map<std::string, Program> programs;

 private:
  std::mutex mutex_;
  std::vector<std::string> ran_;
};

}  // namespace strake::testing

#endif  // STRAKE_TESTS_BUILDER_SOLVE_FAKE_SANDBOX_H_
