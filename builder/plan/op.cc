#include "builder/plan/op.h"

#include <string_view>

namespace strake::builder::plan {
namespace {

constexpr std::string_view kDefinitionVersion = "strake-op-1";

// Fields as "name=length:bytes;": no two different sequences of fields give the
// same text, whatever bytes they hold.
class Writer {
 public:
  explicit Writer(std::string_view kind) {
    text_ = kDefinitionVersion;
    text_ += ' ';
    text_ += kind;
    text_ += '\n';
  }

  Writer& Field(std::string_view name, std::string_view value) {
    text_ += name;
    text_ += '=';
    text_ += std::to_string(value.size());
    text_ += ':';
    text_ += value;
    text_ += ";\n";
    return *this;
  }
  Writer& Field(std::string_view name, uint64_t value) {
    return Field(name, std::string_view(std::to_string(value)));
  }
  Writer& Field(std::string_view name, bool value) {
    return Field(name, std::string_view(value ? "1" : "0"));
  }
  Writer& Field(std::string_view name, const char* value) {
    return Field(name, std::string_view(value));
  }
  Writer& Field(std::string_view name, const std::string& value) {
    return Field(name, std::string_view(value));
  }
  Writer& Field(std::string_view name, const std::vector<std::string>& values) {
    Field(name, values.size());
    for (const std::string& value : values) Field(name, value);
    return *this;
  }

  std::string Take() { return std::move(text_); }

 private:
  std::string text_;
};

void WriteMount(const RunMount& mount, DefinitionPurpose purpose, Writer& out) {
  out.Field("mount", static_cast<uint64_t>(mount.kind))
      .Field("target", mount.target)
      .Field("read_only", mount.read_only)
      .Field("from", static_cast<uint64_t>(mount.from))
      .Field("context", mount.context)
      .Field("input", mount.input)
      .Field("source", mount.source)
      .Field("size", mount.size_bytes)
      .Field("env", mount.env)
      .Field("mode", uint64_t{mount.mode})
      .Field("uid", uint64_t{mount.uid})
      .Field("gid", uint64_t{mount.gid});
  // A cache mount's content never counts, so neither does which cache it is.
  if (mount.kind != RunMount::Kind::kCache ||
      purpose == DefinitionPurpose::kIdentity) {
    out.Field("id", mount.id)
        .Field("sharing", static_cast<uint64_t>(mount.sharing))
        .Field("required", mount.required);
  }
}

struct Describe {
  DefinitionPurpose purpose;

  std::string operator()(const ScratchOp&) const {
    return Writer("scratch").Take();
  }

  std::string operator()(const ImageOp& op) const {
    Writer out("image");
    if (purpose == DefinitionPurpose::kIdentity) {
      out.Field("reference", op.reference.Name())
          .Field("manifest", op.manifest.digest.ToString());
    }
    for (const oci::Digest& diff_id : op.diff_ids) {
      out.Field("diff_id", diff_id.ToString());
    }
    return out.Take();
  }

  std::string operator()(const RunOp& op) const {
    Writer out("run");
    out.Field("argv", op.argv)
        .Field("env", op.env)
        .Field("cwd", op.cwd)
        .Field("user", op.user)
        .Field("network", static_cast<uint64_t>(op.network))
        .Field("insecure", op.insecure)
        .Field("hostname", op.hostname);
    if (purpose == DefinitionPurpose::kIdentity) {
      out.Field("proxy_env", op.proxy_env);
    }
    for (const auto& [name, address] : op.extra_hosts) {
      out.Field("host", name).Field("address", address);
    }
    for (const RunMount& mount : op.mounts) WriteMount(mount, purpose, out);
    for (const RunOp::Script& script : op.scripts) {
      out.Field("script", script.path).Field("content", script.content);
    }
    return out.Take();
  }

  std::string operator()(const CopyOp& op) const {
    Writer out("copy");
    for (const CopySource& source : op.sources) {
      out.Field("source", static_cast<uint64_t>(source.kind))
          .Field("context", source.context)
          .Field("input", source.input)
          .Field("pattern", source.pattern)
          .Field("name", source.name)
          .Field("content", source.content)
          .Field("fetched", source.fetched);
    }
    out.Field("destination", op.destination)
        .Field("add", op.add)
        .Field("unpack", op.unpack ? (*op.unpack ? "yes" : "no") : "rule")
        .Field("chown", op.chown)
        .Field("chmod", op.chmod)
        .Field("link", op.link)
        .Field("parents", op.parents)
        .Field("excludes", op.excludes);
    if (op.windows) out.Field("windows", op.windows);
    return out.Take();
  }

  std::string operator()(const MakeDirOp& op) const {
    Writer out("mkdir");
    out.Field("path", op.path).Field("user", op.user);
    if (op.windows) out.Field("windows", op.windows);
    return out.Take();
  }

  std::string operator()(const FetchOp& op) const {
    Writer out("fetch");
    // Pinned, the content says all; where it came from does not count.
    if (purpose == DefinitionPurpose::kIdentity) out.Field("url", op.url);
    return out.Field("filename", op.filename)
        .Field("checksum", op.checksum ? op.checksum->ToString() : "")
        .Take();
  }

  std::string operator()(const GitOp& op) const {
    const context::GitSource& source = op.source;
    return Writer("git")
        .Field("remote", source.remote)
        .Field("ref", source.ref)
        .Field("subdir", source.subdir)
        .Field("checksum", source.checksum)
        .Field("keep_git_dir", source.keep_git_dir.value_or(false))
        .Field("submodules", source.submodules)
        .Field("commit_mtime", source.commit_mtime)
        .Take();
  }

  std::string operator()(const MergeOp&) const {
    return Writer("merge").Take();
  }
};

}  // namespace

std::string Definition(const Op& op, DefinitionPurpose purpose) {
  return std::visit(Describe{purpose}, op);
}

}  // namespace strake::builder::plan
