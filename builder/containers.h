// Commands in containers, many in one process: what the `cmd` steps of a task
// and `strake run` use. The sandbox is the one that RUN has.
//
//   ContainersOptions options;
//   options.store_directory = "/var/lib/strake";
//   auto containers = Containers::Open(options);
//   ContainerSpec spec;
//   spec.image = "docker.io/library/alpine:3";
//   spec.args = {"echo", "hello"};
//   auto end = (*containers)->Run(spec, {});
//
// Each container gets a root file system of its own, which is thrown away with
// it. What all of one `Containers` share: the store, what is known of its
// images, and the network of the run.

#ifndef STRAKE_BUILDER_CONTAINERS_H_
#define STRAKE_BUILDER_CONTAINERS_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "builder/progress.h"
#include "oci/descriptor.h"
#include "oci/image_config.h"
#include "oci/platform.h"
#include "registry/client.h"
#include "util/result.h"

namespace strake::builder {

// The network that the containers of a run share (`ContainerSpec::kRun`).
enum class RunNetwork {
  // kShared where a program is found that connects it to the outside (pasta,
  // slirp4netns), and works; else kHost.
  kAuto,
  // A network of its own. Where nothing connects it to the outside, the
  // containers reach each other and nobody else. `kUnsupported` from `Open`
  // where no network can be made.
  kShared,
  kHost,  // that of the process that runs strake
  kNone,  // each container has a loopback interface of its own, and no more
};

struct ContainersOptions {
  std::string store_directory;
  std::string snapshotter = "auto";
  std::string isolation = "auto";  // both as in `BuildOptions`
  registry::ClientOptions registry;
  ProgressSink* progress = nullptr;  // of pulls; borrowed
  RunNetwork network = RunNetwork::kAuto;
  // The folders in which pasta and slirp4netns are looked for, as in $PATH.
  std::string path = "/usr/local/bin:/usr/bin:/bin";
};

// When the registry is asked for an image.
enum class PullPolicy {
  kMissing,  // it is neither in the store nor was it pulled in this run
  kAlways,   // what the name means now; layers that are there are kept
  kNever,    // `kNotFound` where the store has none
};

struct ContainerSpec {
  // A reference, or the start of an image ID or digest in the store.
  std::string image;
  // No image: a root made of this machine's programs. /usr, /bin, /sbin, /lib*
  // and what programs need of /etc are there, read-only, /tmp and /run are
  // empty, and nothing else of the machine is to be seen but `binds`.
  // `kUnsupported` where nothing can be bound (isolation chroot).
  bool host_tools = false;
  // Of an image that has several; none: the host's.
  std::optional<oci::Platform> platform;
  PullPolicy pull = PullPolicy::kMissing;

  // Replaces the image's CMD; empty: the image's own.
  std::vector<std::string> args;
  // Replaces the image's ENTRYPOINT, and CMD with it; one empty word clears it.
  std::optional<std::vector<std::string>> entrypoint;
  std::vector<std::string> env;  // "NAME=value", added to the image's
  std::string working_dir;       // made where missing; empty: the image's
  std::string user;              // "user[:group]"; empty: the image's
  std::string hostname;          // empty: the host's
  // Lines for /etc/hosts: {"name", "address"}.
  std::vector<std::pair<std::string, std::string>> extra_hosts;

  enum class Network {
    kRun,   // the one that the run's containers share
    kHost,  // that of the process that runs strake
    kNone,  // a loopback interface of its own
  };
  Network network = Network::kRun;

  struct Bind {
    std::string source;  // absolute path of a file or folder on the host
    std::string target;  // absolute path in the container
    bool read_only = false;
  };
  std::vector<Bind> binds;
  // Secret content: a file in memory, the container's user's own.
  struct File {
    std::string target;
    std::string content;
    uint32_t mode = 0400;
  };
  std::vector<File> files;
  struct Tmpfs {
    std::string target;
    uint64_t size_bytes = 0;  // 0: the kernel's default
  };
  std::vector<Tmpfs> tmpfs;

  // All capabilities and no seccomp filter. `kUnsupported` in isolations that
  // have none to give.
  bool privileged = false;

  // The program's own streams; borrowed. -1: no input, and output goes to
  // `on_output`.
  int stdin_fd = -1;
  int stdout_fd = -1;
  int stderr_fd = -1;
  // Called from the thread of `Run` with what was written to stream 1 or 2, in
  // order within each.
  std::function<void(int stream, std::string_view text)> on_output;
  // Called once, when the program is being executed (not merely prepared), from
  // the thread of `Run`; never where it could not be.
  std::function<void()> on_started;
};

struct ContainerEnd {
  // 0-255, where the program exited by itself; 127 where there is no such
  // program, 126 where it cannot be executed.
  int code = 0;
  int signal = 0;                 // the signal that ended it, or 0
  std::string not_executed = {};  // why, in the last two cases; else empty
  bool ok() const { return code == 0 && signal == 0; }
  // As a shell's $?: 128 + signal.
  int ShellCode() const { return signal != 0 ? 128 + signal : code; }
};

// What a container is made of.
struct ContainerImage {
  oci::Reference reference;
  oci::Descriptor manifest;  // of the platform that was asked for
  oci::ImageConfig config;
};

// A port of the run's network on this machine, until it is dropped: connections
// that are open then are cut.
class PublishedPort {
 public:
  virtual ~PublishedPort() = default;
  // "127.0.0.1:8080": where it is to be reached.
  virtual std::string address() const = 0;
};

struct PublishSpec {
  std::string host_address = "127.0.0.1";
  uint16_t host_port = 0;  // 0: any that is free
  uint16_t container_port = 0;
};

// Thread-safe: any number of containers may run at once. Everything it has
// handed out has to be gone before it is.
class Containers {
 public:
  // `kUnsupported` where nothing can be run, or not as `options` want it.
  // REQUIRES: not as root, `PrepareProcess` was called (build.h).
  static Result<std::unique_ptr<Containers>> Open(
      const ContainersOptions& options);

  virtual ~Containers() = default;

  // Runs a container to its end; all of its processes are gone then. Stopping
  // kills them and returns `kCancelled`.
  // Errors: the container could not be made, or the image not be had.
  virtual Result<ContainerEnd> Run(const ContainerSpec& spec,
                                   std::stop_token stop) = 0;

  // The documents of what `ContainerSpec::image` means.
  virtual Result<ContainerImage> Image(
      const std::string& image, PullPolicy pull,
      const std::optional<oci::Platform>& platform, std::stop_token stop) = 0;
  // The same, with its layers in the store: the next container of it does not
  // ask the registry.
  virtual Result<ContainerImage> Pull(
      const std::string& image, PullPolicy pull,
      const std::optional<oci::Platform>& platform, std::stop_token stop) = 0;

  // For the log: the form of network that containers share, and why: "the
  // host's, as ...", "one for all containers of the run, connected by pasta".
  virtual std::string network_note() const = 0;
  // How processes are isolated: a name of `IsolationNames()`.
  virtual std::string isolation() const = 0;

  // Listens on `host_address`:`host_port` and passes each connection on to
  // `container_port` in the network of the run. Nothing is done where that is
  // the host's and both ports are the same. `kUnavailable`: the port is taken.
  virtual Result<std::unique_ptr<PublishedPort>> Publish(
      const PublishSpec& spec) = 0;
};

}  // namespace strake::builder

#endif  // STRAKE_BUILDER_CONTAINERS_H_
