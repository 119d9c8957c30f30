// Every Dockerfile instruction as a plain struct; `Instruction` holds one of
// them together with where it was written (Dockerfile reference, one section
// per instruction).
//
// Text is unexpanded: variables, and in expanded positions also quotes and
// escapes, are still in it; `expand.h` resolves them. Flags have their quotes
// removed, as the language does before anything else. Value types.

#ifndef STRAKE_DOCKERFILE_INSTRUCTION_H_
#define STRAKE_DOCKERFILE_INSTRUCTION_H_

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "dockerfile/run_mount.h"
#include "dockerfile/source_range.h"

namespace strake::dockerfile {

// A here-document.
struct Heredoc {
  std::string name;     // the delimiter without quotes; COPY's file name
  std::string content;  // the body, every line with its line ending; leading
                        // tabs already removed where `chomp`
  bool expand = true;   // the delimiter was not quoted
  bool chomp = false;   // written `<<-`
  unsigned file_descriptor = 0;  // written `3<<EOF`
  SourceRange range;             // the body and its terminator
  friend bool operator==(const Heredoc&, const Heredoc&) = default;
};

// A command line in shell form (one string for SHELL) or exec form (JSON).
struct CommandLine {
  enum class Form { kShell, kExec };
  Form form = Form::kShell;
  std::string shell;              // kShell: the text, spaces kept
  std::vector<std::string> exec;  // kExec: may be empty, as in `CMD []`
  friend bool operator==(const CommandLine&, const CommandLine&) = default;
};

// A key and its value, unexpanded.
struct KeyValue {
  std::string key;
  std::string value;
  SourceRange range;
  friend bool operator==(const KeyValue&, const KeyValue&) = default;
};

struct From {
  Located base;                     // image, stage or "scratch"
  std::optional<Located> platform;  // --platform
  std::optional<Located> name;      // AS name, as written
  std::string as_keyword;           // "AS" as written; empty without a name
};

struct Run {
  enum class Network { kDefault, kHost, kNone };
  enum class Security { kSandbox, kInsecure };
  struct Mount {
    std::string text;  // what follows `--mount=`; see ParseRunMount
    SourceRange range;
  };
  // `--device=[name=]X[,required]`
  struct Device {
    std::string name;
    bool required = false;
    SourceRange range;
  };
  // A script that is not handed to SHELL as text but must be put into a
  // read-only file of mode 0755, named `name`, in the folder /dev/pipes.
  struct ScriptFile {
    std::string name;
    std::string content;
  };

  CommandLine command;            // as written, without heredoc bodies
  std::vector<Heredoc> heredocs;  // shell form only
  // Shell form: the one argument that SHELL gets. Without heredocs it is
  // `command.shell`; where the command is nothing but a heredoc, the body;
  // where that body begins with "#!", the path "/dev/pipes/<name>" (and
  // `script_file` is set); in all other cases command, bodies and terminators
  // put together again for the shell to read.
  std::string script;
  std::optional<ScriptFile> script_file;

  std::vector<Mount> mounts;  // --mount, in the order written
  Network network = Network::kDefault;
  Security security = Security::kSandbox;
  std::vector<Device> devices;
};

// What COPY and ADD share.
struct CopySources {
  std::vector<Located> sources;   // paths, patterns, URLs; unexpanded
  std::vector<Heredoc> heredocs;  // files given in the Dockerfile itself; they
                                  // come after `sources` in the result
  Located destination;            // unexpanded
  std::optional<Located> chown;   // --chown; unexpanded
  std::optional<Located> chmod;   // --chmod; unexpanded
  bool link = false;              // --link
  std::vector<std::string> exclude;  // --exclude; never expanded
};

struct Copy : CopySources {
  std::optional<Located> from;  // --from; never expanded
  bool parents = false;         // --parents
};

struct Add : CopySources {
  std::optional<bool> keep_git_dir;  // --keep-git-dir
  std::optional<Located> checksum;   // --checksum; unexpanded
  std::optional<bool> unpack;        // --unpack; unset: archives only
};

struct Env {
  std::vector<KeyValue> pairs;
  bool legacy_form = false;  // `ENV key value`
};

struct Label {
  std::vector<KeyValue> pairs;
  bool legacy_form = false;  // `LABEL key value`
};

struct Arg {
  struct Entry {
    std::string key;                   // never expanded
    std::optional<std::string> value;  // unset: `ARG NAME`
    SourceRange range;
    // The comment line above that begins with the key, without the key: what
    // the argument is for. Empty: none.
    std::string doc_comment;
  };
  std::vector<Entry> entries;
};

struct Workdir {
  std::string path;  // the rest of the line, spaces kept
};

struct User {
  std::string user;  // the rest of the line
};

struct Expose {
  // Sorted bytewise; each expands to any number of ports.
  std::vector<Located> ports;
};

struct Volume {
  std::vector<std::string> paths;
};

struct Cmd {
  CommandLine command;
};

struct Entrypoint {
  CommandLine command;
};

struct Healthcheck {
  enum class Kind { kNone, kCommand };
  Kind kind = Kind::kCommand;
  CommandLine command;  // kCommand; shell form means CMD-SHELL
  // Zero: not given, the engine's default.
  std::chrono::nanoseconds interval{};
  std::chrono::nanoseconds timeout{};
  std::chrono::nanoseconds start_period{};
  std::chrono::nanoseconds start_interval{};
  int64_t retries = 0;
};

struct Shell {
  std::vector<std::string> argv;
};

struct Stopsignal {
  std::string signal;
};

struct Onbuild {
  std::string trigger;  // the instruction as written, heredoc bodies appended
};

struct Maintainer {
  std::string name;
};

using InstructionBody =
    std::variant<From, Run, Copy, Add, Env, Arg, Workdir, User, Expose, Volume,
                 Cmd, Entrypoint, Label, Healthcheck, Shell, Stopsignal,
                 Onbuild, Maintainer>;

// A `# check=...` comment directly above one instruction: lints that do not,
// or additionally do, apply to it.
struct InstructionChecks {
  std::vector<std::string> skip;
  bool skip_all = false;
  std::vector<std::string> experimental;
  bool experimental_all = false;
};

struct Instruction {
  SourceRange range;    // keyword to last byte, heredocs included
  std::string keyword;  // as written: "run"
  // The whole instruction, continuation lines joined, without heredoc bodies.
  std::string text;
  std::vector<Located> comments;  // the comment lines directly above, without
                                  // "#" and blanks around
  InstructionChecks checks;
  InstructionBody body;

  // The body as `T`, or null. `instruction.As<Run>()`.
  template <typename T>
  const T* As() const {
    return std::get_if<T>(&body);
  }
};

// The instruction's name in upper case: "RUN".
std::string_view InstructionName(const InstructionBody& body);

}  // namespace strake::dockerfile

#endif  // STRAKE_DOCKERFILE_INSTRUCTION_H_
