// The embedding API: one Dockerfile and one build context in, one image out.
//
//   strake::builder::BuildOptions options;
//   options.context.path = "app/";
//   options.tags = {"registry.example/team/app:1"};
//   options.store_directory = "/var/lib/strake";
//   auto result = strake::builder::Build(options);
//
// Reads no environment variable, prints nothing, never exits. Not as root, call
// `PrepareProcess()` first thing in `main`, while there is one thread.
// `Build` may be called from several threads at once, also with one store.

#ifndef STRAKE_BUILDER_BUILD_H_
#define STRAKE_BUILDER_BUILD_H_

#include <cstdint>
#include <map>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "builder/cache_spec.h"
#include "builder/explanation.h"
#include "builder/output.h"
#include "builder/progress.h"
#include "oci/compressor.h"
#include "oci/descriptor.h"
#include "oci/image_config.h"
#include "oci/platform.h"
#include "oci/reference.h"
#include "registry/client.h"
#include "util/result.h"

namespace strake::builder {

namespace solve {
class SharedSteps;
}

// What this process may do, found out by trying; where it is not root it enters
// a user namespace in which it is. One thread only; later calls return the
// first one's answer. Returns one line for people: "root", "user namespace with
// 65536 subordinate ids", or why neither could be had (`Build` then still does
// what needs no RUN).
//   isolation  as in `BuildOptions`, where that is not to be found out
std::string PrepareProcess(std::string_view isolation = "auto");

// What COPY and ADD read.
struct ContextSource {
  std::string path;    // a folder
  int tar_fd = -1;     // or a tar stream, compressed or not (borrowed)
  std::string remote;  // or what is fetched (builder/context/context_url.h)
  bool is_folder() const { return tar_fd < 0 && remote.empty(); }
};

struct SecretSource {
  std::string id;
  std::string value;
};

enum class NetworkMode { kHost, kNone };

struct BuildOptions {
  ContextSource context;
  // More contexts by name (`--build-context`), of every kind that
  // builder/context/context_url.h tells of. They come before stages and images
  // of their names.
  std::map<std::string, std::string> named_contexts;

  // The Dockerfile: its text, or else its path; both empty: `Dockerfile` (or
  // `Containerfile`) in the context.
  std::optional<std::string> dockerfile_text;
  std::string dockerfile_path;

  std::string target;  // stage name or index; empty: the last
  std::vector<std::pair<std::string, std::string>> build_args;
  std::map<std::string, std::string> labels;
  // Empty: the host's. Several make an image index, in their order.
  std::vector<oci::Platform> platforms;

  std::vector<std::string> tags;        // references for the result
  std::vector<Output> outputs;          // empty: the store, under `tags`
  std::vector<Annotation> annotations;  // of all outputs that are images

  bool squash = false;    // one layer on top of the base's
  bool no_cache = false;  // execute every step
  // Execute every step of these stages (name or index).
  std::vector<std::string> no_cache_stages;
  // What earlier builds elsewhere left: tried in order, after the store's own.
  // One that is not there, damaged, or of another program is a warning.
  std::vector<CacheImport> cache_from;
  std::vector<CacheExport> cache_to;
  bool explain = false;  // say in each executed step's log why it is
  bool pull = false;     // ask registries also for bases that are in the store
  NetworkMode network = NetworkMode::kHost;  // of RUN with the default network
  std::vector<std::pair<std::string, std::string>> extra_hosts;
  std::vector<SecretSource> secrets;  // for RUN --mount=type=secret
  // "NAME=value": what git needs to fetch sources (PATH, HOME, proxies).
  std::vector<std::string> git_environment;
  std::map<std::string, std::string> ssh_sockets;  // id to agent socket
  bool allow_insecure = false;                     // RUN --security=insecure

  std::string store_directory;       // an OCI image layout and its caches
  std::string snapshotter = "auto";  // "overlay", "plain"
  // How RUN is isolated: a backend's name (builder/sandbox/backends.h), which
  // has to work here; "auto": the best one that does. `PrepareProcess` has to
  // know it, too.
  std::string isolation = "auto";
  oci::CompressionOptions compression;
  // Later times are set back to this one: image and history times always, file
  // times where `rewrite_timestamp` is set. Overridden by the build argument.
  std::optional<int64_t> source_date_epoch;
  bool rewrite_timestamp = false;  // as in the outputs
  int jobs = 0;  // steps at once; 0: one a CPU, but four at the least

  // For builds that others use (build_targets.h): the image is put into the
  // store beside the outputs, as `BuildResult::stored`, but into no list: it is
  // there for as long as somebody has the store open. And what they have in
  // common is carried out once (borrowed; null: nothing is).
  bool keep = false;
  solve::SharedSteps* shared_steps = nullptr;

  registry::ClientOptions registry;  // credentials, insecure hosts
  ProgressSink* progress = nullptr;  // borrowed; one call at a time
  std::stop_token stop;              // honoured between and inside steps
};

// An image that a build read: the base of a stage that the target needs, or
// what `COPY --from` and `RUN --mount=from` name.
struct ImageDependency {
  oci::Reference reference;
  oci::Digest digest;    // of the manifest or index that it named
  bool runtime = false;  // the target is built on it

  friend bool operator==(const ImageDependency&,
                         const ImageDependency&) = default;
};

struct BuildResult {
  // The manifest or index, which is in the store unless it was pushed only, and
  // the image ID, which an index has not; as the first output that is an image
  // has them. Nothing where all outputs are files (`type=local`, `type=tar`).
  std::optional<oci::Descriptor> image;
  std::optional<oci::Digest> config;
  std::optional<oci::Descriptor> stored;  // with `keep`
  std::vector<std::string> names;         // under which it was stored or pushed
  std::vector<ImageDependency> dependencies;  // each once, by reference
  int steps_executed = 0;
  int steps_cached = 0;
  // Why the steps that were executed were; in the order of the Dockerfile.
  std::vector<Explanation> explanations;
  // Lint findings, as buildx prints them: "Rule: message (line 3)".
  std::vector<std::string> warnings;
};

// Builds and sends the result to every output, or to none: a failure leaves no
// output half-written. Errors: `kInvalidArgument` (Dockerfile or options; the
// message holds every finding with file, line and source), `kCommandFailed` (a
// RUN step), `kCancelled`, and what registries and the disk answer.
Result<BuildResult> Build(const BuildOptions& options);

}  // namespace strake::builder

#endif  // STRAKE_BUILDER_BUILD_H_
