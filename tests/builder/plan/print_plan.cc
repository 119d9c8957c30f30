#include "tests/builder/plan/print_plan.h"

#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "oci/image_config.h"
#include "util/json.h"
#include "util/strings.h"

namespace strake::testing {
namespace {

namespace plan = builder::plan;

// One operation on a line of its own, with the fields that say something.
class Line {
 public:
  explicit Line(std::string text) : text_(std::move(text)) {}

  Line& Text(std::string_view name, std::string_view value) {
    if (!value.empty()) Add(name, GoQuote(value));
    return *this;
  }
  Line& List(std::string_view name, const std::vector<std::string>& values) {
    std::vector<std::string> quoted;
    for (const std::string& value : values) quoted.push_back(GoQuote(value));
    if (!values.empty()) Add(name, "[" + Join(quoted, " ") + "]");
    return *this;
  }
  Line& Number(std::string_view name, uint64_t value, uint64_t usual = 0) {
    if (value != usual) Add(name, std::to_string(value));
    return *this;
  }
  Line& Flag(std::string_view name, bool value) {
    if (value) text_ += " " + std::string(name);
    return *this;
  }
  std::string Take() { return text_ + "\n"; }

 private:
  void Add(std::string_view name, const std::string& value) {
    text_ += " " + std::string(name) + "=" + value;
  }

  std::string text_;
};

std::string Octal(uint32_t mode) {
  char text[16];
  std::snprintf(text, sizeof text, "%04o", mode);
  return text;
}

std::string PrintMount(const plan::RunMount& mount) {
  static const char* const kKinds[] = {"bind", "cache", "tmpfs", "secret",
                                       "ssh"};
  static const char* const kSharing[] = {"shared", "private", "locked"};
  bool has_files = mount.kind == plan::RunMount::Kind::kBind ||
                   mount.kind == plan::RunMount::Kind::kCache;
  Line line("    " + std::string(kKinds[static_cast<int>(mount.kind)]));
  line.Text("target", mount.target).Text("id", mount.id);
  if (has_files) {
    line.Flag(mount.read_only ? "ro" : "rw", true);
    if (mount.from == plan::RunMount::From::kInput) {
      line.Text("input", std::to_string(mount.input));
    } else if (mount.from == plan::RunMount::From::kContext) {
      line.Text("context", mount.context.empty() ? "." : mount.context);
    }
    line.Text("source", mount.source);
  }
  if (mount.kind == plan::RunMount::Kind::kCache) {
    line.Text("sharing", kSharing[static_cast<int>(mount.sharing)]);
  }
  line.Number("size", mount.size_bytes)
      .Flag("required", mount.required)
      .Text("env", mount.env);
  if (mount.mode != 0) line.Text("mode", Octal(mount.mode));
  return line.Number("uid", mount.uid).Number("gid", mount.gid).Take();
}

struct PrintOp {
  std::string operator()(const plan::ScratchOp&) const { return "scratch\n"; }
  std::string operator()(const plan::ImageOp& op) const {
    return Line("image")
        .Text("reference", op.reference.ToString())
        .Text("platform", op.platform.ToString())
        .Take();
  }
  std::string operator()(const plan::RunOp& op) const {
    static const char* const kNetworks[] = {"default", "host", "none"};
    std::string out =
        Line("run")
            .List("argv", op.argv)
            .List("env", op.env)
            .List("proxy", op.proxy_env)
            .Text("cwd", op.cwd)
            .Text("user", op.user)
            .Text("network", kNetworks[static_cast<int>(op.network)])
            .Flag("insecure", op.insecure)
            .Text("hostname", op.hostname)
            .Take();
    for (const plan::RunMount& mount : op.mounts) out += PrintMount(mount);
    for (const auto& script : op.scripts) {
      out += Line("    script")
                 .Text("path", script.path)
                 .Text("content", script.content)
                 .Take();
    }
    return out;
  }
  std::string operator()(const plan::CopyOp& op) const {
    Line head(op.add ? "add" : "copy");
    head.Text("to", op.destination)
        .Text("chown", op.chown)
        .Text("chmod", op.chmod)
        .Flag("link", op.link)
        .Flag("parents", op.parents)
        .List("exclude", op.excludes);
    if (op.unpack) head.Flag(*op.unpack ? "unpack" : "no-unpack", true);
    std::string out = head.Take();
    for (const plan::CopySource& source : op.sources) {
      if (source.kind == plan::CopySource::Kind::kInline) {
        out += Line("    inline")
                   .Text("name", source.name)
                   .Text("content", source.content)
                   .Take();
        continue;
      }
      bool from_context = source.kind == plan::CopySource::Kind::kContext;
      Line line(from_context ? "    context"
                             : "    input " + std::to_string(source.input));
      out += line.Text("name", source.context)
                 .Flag("fetched", source.fetched)
                 .Text("pattern", source.pattern.empty() ? "/" : source.pattern)
                 .Take();
    }
    return out;
  }
  std::string operator()(const plan::MakeDirOp& op) const {
    return Line("mkdir").Text("path", op.path).Text("user", op.user).Take();
  }
  std::string operator()(const plan::FetchOp& op) const {
    return Line("fetch")
        .Text("url", op.url)
        .Text("filename", op.filename)
        .Text("checksum", op.checksum ? op.checksum->ToString() : "")
        .Take();
  }
  std::string operator()(const plan::GitOp& op) const {
    return Line("git")
        .Text("remote", op.source.remote)
        .Text("ref", op.source.ref)
        .Text("subdir", op.source.subdir)
        .Text("checksum", op.source.checksum)
        .Flag("keep-git-dir", op.source.keep_git_dir.value_or(false))
        .Flag("no-submodules", !op.source.submodules)
        .Flag("commit-mtime", op.source.commit_mtime)
        .Take();
  }
  std::string operator()(const plan::MergeOp&) const { return "merge\n"; }
};

}  // namespace

std::string PrintPlan(const plan::BuildGraph& graph) {
  std::string out;
  for (size_t id = 0; id < graph.vertices().size(); ++id) {
    const plan::Vertex& vertex = graph.vertex(id);
    out += std::to_string(id) + ":";
    for (plan::VertexId input : vertex.inputs) {
      out += " " + std::to_string(input);
    }
    out += (vertex.inputs.empty() ? " " : " -> ") +
           std::visit(PrintOp(), vertex.op);
  }
  const plan::TargetImage& image = graph.targets.front();
  out += "layers:";
  for (plan::VertexId layer : image.layers) out += " " + std::to_string(layer);
  out += "\n";
  for (size_t i = image.base_history; i < image.config.history.size(); ++i) {
    const oci::History& entry = image.config.history[i];
    out += entry.empty_layer ? "history (empty): " : "history: ";
    out += entry.created_by + "\n";
  }
  auto document = ParseJson(oci::SerializeImageConfig(image.config));
  if (!document) return out + document.error().message() + "\n";
  std::string author = document->value("author", "");
  if (!author.empty()) out += "author: " + author + "\n";
  for (const auto& [key, value] : (*document)["config"].items()) {
    out += key + ": " + value.dump() + "\n";
  }
  return out;
}

}  // namespace strake::testing
