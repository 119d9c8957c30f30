// The `build:` sections of compose files (compose-spec build.md), and what
// `x-bake:` adds to them.
#include <algorithm>
#include <utility>

#include "builder/bake/bake_file.h"
#include "builder/bake/document.h"
#include "builder/bake/read_field.h"
#include "builder/context/context_url.h"
#include "util/result_macros.h"
#include "util/strings.h"
#include "util/suggest.h"

namespace strake::builder::bake {
namespace {

// Keys of a build section and the fields that they are.
struct ComposeKey {
  std::string_view name;
  std::string_view field;
};
constexpr ComposeKey kKeys[] = {
    {"additional_contexts", "contexts"},
    {"args", "args"},
    {"cache_from", "cache-from"},
    {"cache_to", "cache-to"},
    {"context", "context"},
    {"dockerfile", "dockerfile"},
    {"dockerfile_inline", "dockerfile-inline"},
    {"entitlements", "entitlements"},
    {"extra_hosts", "extra-hosts"},
    {"labels", "labels"},
    {"network", "network"},
    {"no_cache", "no-cache"},
    {"platforms", "platforms"},
    {"pull", "pull"},
    {"secrets", "secret"},
    {"ssh", "ssh"},
    {"tags", "tags"},
    {"target", "target"},
};

// Keys that strake cannot honour, and what can be done without them.
struct RefusedKey {
  std::string_view name;
  std::string_view harmless;  // a value that changes nothing
  std::string_view advice;
};
constexpr RefusedKey kRefusedKeys[] = {
    {"isolation", "default",
     "leave it out; strake bake --isolation says how RUN is isolated"},
    {"privileged", "false",
     "leave it out and write RUN --security=insecure, with \"entitlements: "
     "[security.insecure]\""},
    {"provenance", "false", "leave it out or write false"},
    {"sbom", "false", "leave it out or write false"},
    {"shm_size", "",
     "leave it out; a step that needs more has RUN "
     "--mount=type=tmpfs,target=/dev/shm"},
    {"ulimits", "",
     "leave it out; steps have the limits that strake was started with"},
};

bool IsHarmless(const RefusedKey& key, const std::string& value) {
  if (key.harmless != "false") return value == key.harmless;
  auto flag = ParseFlag(value);
  return flag && !*flag;
}

bool IsRelativeFolder(const std::string& context) {
  return context::KindOfContext(context) == context::ContextKind::kFolder &&
         !context.starts_with('/') && !context.starts_with("target:") &&
         !context.starts_with("service:");
}

class Reader {
 public:
  Reader(const std::string& file, const std::string& folder,
         const Lookup& lookup)
      : file_(file),
        folder_(folder),
        expand_([&lookup](std::string_view text) {
          return InterpolateCompose(text, lookup);
        }),
        read_(file_, expand_) {}

  Result<BakeFile> Read(const Node& root) {
    if (!root.is_map()) return ErrorAt(file_, root, "expected a map");
    if (const Node* include = root.Find("include")) {
      return Error(ErrorCode::kUnsupported,
                   ErrorAt(file_, *include,
                           "include is not supported: name every file with -f")
                       .message());
    }
    secrets_ = root.Find("secrets");
    const Node* services = root.Find("services");
    if (services == nullptr || !services->is_map()) {
      return ErrorAt(file_, root, "there are no services");
    }
    for (size_t i = 0; i < services->items.size(); ++i) {
      RETURN_IF_ERROR(AddService(services->keys[i], services->items[i]));
    }
    return std::move(result_);
  }

 private:
  Status AddService(const std::string& service, const Node& node) {
    if (!node.is_map()) return ErrorAt(file_, node, "expected a map");
    const Node* build = node.Find("build");
    if (const Node* extends = node.Find("extends")) {
      return Error(ErrorCode::kUnsupported,
                   ErrorAt(file_, *extends,
                           "extends is not supported: write its build section "
                           "out, or use a YAML anchor")
                       .message());
    }
    if (build == nullptr || build->is_null()) return {};
    // A dot tells a target from its keys (`--set`).
    Target target;
    target.name = ReplaceAll(service, ".", "_");
    target.place = file_ + ":" + std::to_string(build->mark.line);
    target.default_context = folder_.empty() ? "." : CleanPath(folder_);
    RETURN_IF_ERROR(ReadBuild(*build, target));
    if (const Node* image = node.Find("image");
        image != nullptr && !target.lists.contains("tags")) {
      ASSIGN_OR_RETURN(target.lists["tags"], read_.List(*image));
    }
    result_.groups["default"].push_back(target.name);
    result_.targets[target.name] = std::move(target);
    return {};
  }

  Status ReadBuild(const Node& build, Target& target) {
    if (build.is_scalar()) {
      ASSIGN_OR_RETURN(std::string context, read_.Text(build));
      target.values["context"] = InFolder(context);
      return {};
    }
    if (!build.is_map()) return ErrorAt(file_, build, "expected a map");
    const Node* extension = nullptr;
    for (size_t i = 0; i < build.keys.size(); ++i) {
      const std::string& key = build.keys[i];
      if (key == "x-bake") {
        extension = &build.items[i];
      } else if (!key.starts_with("x-")) {
        RETURN_IF_ERROR(ReadKey(key, build.items[i], target));
      }
    }
    if (extension != nullptr) RETURN_IF_ERROR(ReadBake(*extension, target));
    return {};
  }

  Status Refuse(const RefusedKey& key, const Node& node) const {
    if (node.is_null()) return {};
    if (node.is_scalar()) {
      ASSIGN_OR_RETURN(std::string value, read_.Text(node));
      if (IsHarmless(key, value)) return {};
    }
    return Error(ErrorCode::kUnsupported,
                 ErrorAt(file_, node,
                         std::string(key.name) +
                             " is not supported: " + std::string(key.advice))
                     .message());
  }

  Status ReadKey(const std::string& key, const Node& node, Target& target) {
    auto refused = std::ranges::find(kRefusedKeys, key, &RefusedKey::name);
    if (refused != std::end(kRefusedKeys)) return Refuse(*refused, node);
    auto known = std::ranges::find(kKeys, key, &ComposeKey::name);
    if (known == std::end(kKeys)) {
      std::vector<std::string> names;
      for (const ComposeKey& other : kKeys) names.emplace_back(other.name);
      return ErrorAt(file_, node,
                     "unknown key \"" + key + "\" of the build of \"" +
                         target.name + "\"" + DidYouMean(key, names));
    }
    if (node.is_null()) return {};
    if (key == "secrets") return ReadSecrets(node, target);
    if (key == "ssh" && node.is_map()) return ReadSsh(node, target);
    RETURN_IF_ERROR(read_.Read(*FindField(known->field), node, target));
    if (key == "context") {
      std::string& context = target.values["context"];
      context = InFolder(context);
    }
    if (key == "additional_contexts") ResolveContexts(target);
    return {};
  }

  std::string InFolder(const std::string& path) const {
    return IsRelativeFolder(path) ? CleanPath(folder_ + path) : path;
  }

  void ResolveContexts(Target& target) const {
    constexpr std::string_view kService = "service:";
    for (auto& [name, context] : target.maps["contexts"]) {
      if (!context) continue;
      if (context->starts_with(kService)) {
        *context =
            "target:" + ReplaceAll(context->substr(kService.size()), ".", "_");
      } else {
        *context = InFolder(*context);
      }
    }
  }

  // "default", or with a socket: {"id": "/run/agent"}.
  Status ReadSsh(const Node& node, Target& target) {
    ASSIGN_OR_RETURN(auto map, read_.Map(node));
    for (const auto& [id, socket] : map) {
      target.lists["ssh"].push_back(socket ? id + "=" + *socket : id);
    }
    return {};
  }

  // Each names one of the secrets at the end of the file.
  Status ReadSecrets(const Node& node, Target& target) {
    if (!node.is_list()) return ErrorAt(file_, node, "expected a list");
    for (const Node& item : node.items) {
      const Node* source = item.is_map() ? item.Find("source") : &item;
      if (source == nullptr) return ErrorAt(file_, item, "source is missing");
      ASSIGN_OR_RETURN(std::string name, read_.Text(*source));
      std::string id = name;
      if (const Node* renamed = item.Find("target")) {
        ASSIGN_OR_RETURN(id, read_.Text(*renamed));
      }
      ASSIGN_OR_RETURN(std::string where, SecretSource(name, item));
      target.lists["secret"].push_back("id=" + id + "," + where);
    }
    return {};
  }

  Result<std::string> SecretSource(const std::string& name, const Node& at) {
    const Node* secret = secrets_ == nullptr ? nullptr : secrets_->Find(name);
    if (secret == nullptr) {
      return ErrorAt(file_, at, "there is no secret \"" + name + "\"");
    }
    if (const Node* file = secret->Find("file")) {
      ASSIGN_OR_RETURN(std::string path, read_.Text(*file));
      return "type=file,src=" + (path.starts_with('/') ? path : folder_ + path);
    }
    if (const Node* variable = secret->Find("environment")) {
      ASSIGN_OR_RETURN(std::string from, read_.Text(*variable));
      return "type=env,env=" + from;
    }
    return ErrorAt(
        file_, *secret,
        "the secret \"" + name + "\" is neither a file nor of the environment");
  }

  // Fields of bake under the names that they have there.
  Status ReadBake(const Node& node, Target& target) {
    if (!node.is_map()) return ErrorAt(file_, node, "expected a map");
    Target more;
    for (size_t i = 0; i < node.keys.size(); ++i) {
      const std::string& key = node.keys[i];
      const Field* field = FindField(key);
      if (field == nullptr) {
        std::vector<std::string> names;
        for (const Field& other : Fields()) names.emplace_back(other.name);
        return ErrorAt(
            file_, node.items[i],
            "unknown key \"" + key + "\" of x-bake" + DidYouMean(key, names));
      }
      RETURN_IF_ERROR(read_.Read(*field, node.items[i], more));
    }
    // Tags and platforms are added to what the build section says.
    for (auto& [name, list] : more.lists) {
      auto& all = target.lists[name];
      for (std::string& item : list) {
        if (std::ranges::find(all, item) == all.end()) all.push_back(item);
      }
    }
    more.lists.clear();
    MergeTarget(more, target);
    return {};
  }

  const std::string& file_;
  const std::string& folder_;
  const FieldReader::Expand expand_;
  const FieldReader read_;
  const Node* secrets_ = nullptr;
  BakeFile result_;
};

}  // namespace

Result<BakeFile> ParseCompose(std::string_view text, const std::string& file,
                              const std::string& folder, const Lookup& lookup) {
  ASSIGN_OR_RETURN(Node root, ParseYaml(text, file));
  return Reader(file, folder, lookup).Read(root);
}

std::map<std::string, std::string> ParseEnvFile(std::string_view text) {
  std::map<std::string, std::string> variables;
  for (std::string_view line : Split(text, '\n')) {
    line = Trim(line);
    if (line.starts_with("export ")) line = TrimLeft(line.substr(7));
    auto pair = SplitOnce(line, '=');
    if (line.starts_with('#') || !pair) continue;
    std::string_view value = Trim(pair->second);
    bool quoted = value.size() >= 2 && (value[0] == '"' || value[0] == '\'') &&
                  value.back() == value[0];
    if (quoted) {
      value = value.substr(1, value.size() - 2);
    } else if (size_t comment = value.find(" #");
               comment != std::string_view::npos) {
      value = Trim(value.substr(0, comment));
    }
    variables[std::string(Trim(pair->first))] = value;
  }
  return variables;
}

}  // namespace strake::builder::bake
