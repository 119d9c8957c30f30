// Operations: what the vertices of a build graph do, as plain, hashable data.
// Every variable is expanded, every image pinned to a digest. Nothing here
// reads a file or knows how it is carried out.

#ifndef STRAKE_BUILDER_PLAN_OP_H_
#define STRAKE_BUILDER_PLAN_OP_H_

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "builder/context/remote_url.h"
#include "oci/descriptor.h"
#include "oci/platform.h"
#include "oci/reference.h"

namespace strake::builder::plan {

// An empty root file system.
struct ScratchOp {};

// The root file system of a base image.
struct ImageOp {
  oci::Reference reference;  // as written; where the layers come from
  oci::Descriptor manifest;
  oci::Platform platform;
  std::vector<oci::Descriptor> layers;  // lowest first
  std::vector<oci::Digest> diff_ids;    // of `layers`
};

// Inputs: [0] the state to run in; others as `RunMount::input` says.
struct RunMount {
  enum class Kind { kBind, kCache, kTmpfs, kSecret, kSsh };
  // Where a bind or cache mount's content comes from.
  enum class From { kNothing, kContext, kInput };
  enum class Sharing { kShared, kPrivate, kLocked };
  Kind kind = Kind::kBind;
  std::string target;  // absolute; may be empty for a secret with `env` only
  bool read_only = true;
  From from = From::kContext;
  std::string context;  // kContext: the named context, "" for the main one
  size_t input = 0;     // kInput: index into the vertex's inputs
  std::string source = "/";
  std::string id;  // cache, secret, ssh
  Sharing sharing = Sharing::kShared;
  uint64_t size_bytes = 0;
  bool required = false;
  std::string env;  // secret: variable that holds the value
  uint32_t mode = 0;
  uint32_t uid = 0;
  uint32_t gid = 0;
};

struct RunOp {
  enum class Network { kDefault, kHost, kNone };
  std::vector<std::string> argv;
  std::vector<std::string> env;        // part of the cache key
  std::vector<std::string> proxy_env;  // given to the process, not keyed
  std::string cwd;
  std::string user;  // as USER wrote it; empty: root
  Network network = Network::kDefault;
  bool insecure = false;
  std::vector<RunMount> mounts;
  std::string hostname;
  std::vector<std::pair<std::string, std::string>> extra_hosts;
  // A heredoc script: appears at this path, read-only, with this content.
  struct Script {
    std::string path;
    std::string content;
  };
  std::vector<Script> scripts;
};

// One source of a COPY or ADD, in the order written.
struct CopySource {
  enum class Kind { kContext, kInput, kInline };
  Kind kind = Kind::kContext;
  std::string context;  // kContext: the named context, "" for the main one
  size_t input = 0;     // kInput: index into the vertex's inputs
  // A cleaned path or pattern relative to the source's root, without leading
  // "/" ("" is the root). Wildcards are active for kContext and kInput. With
  // `--parents` it may hold the pivot "/./".
  std::string pattern;
  // kInline: a heredoc's name and content.
  std::string name;
  std::string content;
  // A file fetched by ADD from a URL: `pattern` names it in the input.
  bool fetched = false;
};

// Inputs: [0] the state to copy onto; others as `CopySource::input` says.
// With `link`, input [0] is absent and the result is a layer of its own.
struct CopyOp {
  std::vector<CopySource> sources;
  std::string destination;  // absolute, cleaned; a trailing "/" is kept
  bool add = false;         // ADD: archives are extracted
  // ADD --unpack: extract (or not) whatever the source is; unset: the rule.
  std::optional<bool> unpack;
  std::string chown;  // as written after expansion; empty: none
  std::string chmod;  // likewise
  bool link = false;
  bool parents = false;
  std::vector<std::string> excludes;
  bool windows = false;  // its layer is one for Windows
};

// WORKDIR: the directory and its parents, owned by `user`. Input [0].
struct MakeDirOp {
  std::string path;
  std::string user;
  bool windows = false;  // as in `CopyOp`
};

// ADD from a URL: one file, called `filename`, in an otherwise empty state.
struct FetchOp {
  std::string url;
  std::string filename;
  std::optional<oci::Digest> checksum;
};

// ADD from git: the tree of one commit. No inputs.
struct GitOp {
  context::GitSource source;
};

// COPY --link: the layer of input [1], made on its own, on top of input [0].
struct MergeOp {};

using Op = std::variant<ScratchOp, ImageOp, RunOp, CopyOp, MakeDirOp, FetchOp,
                        GitOp, MergeOp>;

// Two operations that give equal text do the same thing.
//   kIdentity  tells apart all that differs in effect: vertices with equal
//              text and equal inputs are one vertex
//   kCacheKey  leaves out what does not change the result: proxies, the ids of
//              cache mounts, where a base image came from. Stable across
//              machines and users; a change of the form changes the version
//              that the text begins with.
enum class DefinitionPurpose { kIdentity, kCacheKey };
std::string Definition(const Op& op, DefinitionPurpose purpose);

}  // namespace strake::builder::plan

#endif  // STRAKE_BUILDER_PLAN_OP_H_
