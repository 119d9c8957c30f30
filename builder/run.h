// One command in an image: `strake run`, and what a task's `cmd` steps use. The
// sandbox is the one that RUN has.

#ifndef STRAKE_BUILDER_RUN_H_
#define STRAKE_BUILDER_RUN_H_

#include <optional>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "builder/build.h"
#include "builder/progress.h"
#include "registry/client.h"
#include "util/result.h"

namespace strake::builder {

struct RunOptions {
  std::string image;  // a reference: the store first, then its registry
  // Replaces the image's CMD; empty: the image's own.
  std::vector<std::string> args;
  // Replaces the image's ENTRYPOINT; one empty word clears it.
  std::optional<std::vector<std::string>> entrypoint;
  std::vector<std::string> env;  // "NAME=value", added to the image's
  std::string working_dir;       // empty: the image's
  std::string user;              // empty: the image's
  std::string hostname;
  NetworkMode network = NetworkMode::kHost;
  std::vector<std::pair<std::string, std::string>> extra_hosts;
  struct Bind {
    std::string source;  // absolute path on the host
    std::string target;  // absolute path in the root
    bool read_only = false;
  };
  std::vector<Bind> binds;
  bool pull = false;  // ask the registry even if the store has the image
  // The command's own streams; borrowed. -1 for stdin: no input.
  int stdin_fd = -1;
  int stdout_fd = 1;
  int stderr_fd = 2;

  std::string store_directory;
  std::string snapshotter = "auto";
  std::string isolation = "auto";  // as in `BuildOptions`
  registry::ClientOptions registry;
  ProgressSink* progress = nullptr;  // of the pull; borrowed
  std::stop_token stop;              // kills the command
};

// Runs the command on a writable copy of the image's root file system, which is
// thrown away afterwards. Returns its status as a shell shows it (128 +
// signal). Errors: the command could not be started, or the image not be had.
Result<int> Run(const RunOptions& options);

}  // namespace strake::builder

#endif  // STRAKE_BUILDER_RUN_H_
