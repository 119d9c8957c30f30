// What a build, a push or a pull tells while it goes on.

#ifndef STRAKE_BUILDER_PROGRESS_H_
#define STRAKE_BUILDER_PROGRESS_H_

#include <chrono>
#include <cstdint>
#include <string>

namespace strake::builder {

struct ProgressEvent {
  enum class Kind {
    kStepStarted,  // `name`: "[builder 2/5] RUN make"
    kStepCached,   // taken from the cache: started and done in one
    kStepDone,
    kStepFailed,  // `text` is the error
    kStepCancelled,
    kLog,       // `text` is raw output of the step, `stream` 1 or 2
    kTransfer,  // `transfer` changed: bytes of a blob, a file, a phase
    kWarning,   // `text`; `step` may be 0
    kPhase,     // `phase`: a part of the work has ended; of no step
  };
  Kind kind = Kind::kLog;
  uint64_t step = 0;  // identifies a step within one build; from 1
  std::chrono::system_clock::time_point time;
  std::string name;
  std::string text;
  int stream = 0;
  struct Transfer {
    std::string id;  // "sha256:ab12...", "transferring context"
    uint64_t current_bytes = 0;
    uint64_t total_bytes = 0;  // 0: not known
    bool done = false;
  } transfer;
  // For those who want to know what takes the time; nothing for displays.
  struct Phase {
    std::string name;     // "execute": what docs/performance.md lists
    std::string subject;  // the step that it was done for, or what else
    std::chrono::system_clock::time_point began;
  } phase;
};

class ProgressSink {
 public:
  virtual ~ProgressSink() = default;
  // One call at a time, from any thread; must not block for long, and must not
  // call back into the build.
  virtual void OnEvent(const ProgressEvent& event) = 0;
};

}  // namespace strake::builder

#endif  // STRAKE_BUILDER_PROGRESS_H_
