// The values' forms, beside plain text:
//   file     "MODE OWNER ATTRIBUTES CONTENT": octal mode, "UID:GID", a short
//            digest or "-", then "file:DIGEST", "link:PATH", "dir",
//            "symlink:TARGET", "device:N" or "special"
//   base     "REFERENCE@MANIFEST CHAIN ID": the last word counts
//   parent   "KEY TEXT": the first word counts
#include "builder/cache/ingredients.h"

#include <sys/stat.h>

#include <algorithm>
#include <optional>
#include <tuple>

#include "builder/context/source_tree.h"
#include "util/strings.h"

namespace strake::builder::cache {
namespace {

using plan::RunMount;

// More would make a build slower that only wants to remember them.
constexpr size_t kMostFiles = 5000;
constexpr size_t kMostShown = 100;

std::string Short(const oci::Digest& digest) {
  return digest.Hex().substr(0, 16);
}

std::string ShortOf(std::string_view text) {
  return Short(oci::Digest::Of(text));
}

// For people: the beginning of a long value.
std::string Cut(std::string_view value) {
  if (value.size() <= kMostShown) return std::string(value);
  return std::string(value.substr(0, kMostShown)) + "...";
}

std::string TypeAndContent(const context::CopyEntry& entry,
                           std::string_view content) {
  const context::SourceFile& file = entry.file;
  if (file.IsRegular()) return std::string(content);
  if (file.IsDirectory()) return entry.only_parent ? "parent" : "dir";
  if (file.IsSymlink()) return "symlink:" + entry.link_target;
  const bool is_device = S_ISCHR(file.mode) || S_ISBLK(file.mode);
  return is_device ? "device:" + std::to_string(file.rdev) : "special";
}

std::string Octal(uint32_t mode) {
  std::string digits;
  for (uint32_t rest = mode & 07777; rest > 0; rest >>= 3) {
    digits.insert(0, 1, static_cast<char>('0' + (rest & 7)));
  }
  return "0" + digits;
}

std::string Attributes(const context::CopyEntry& entry) {
  if (entry.xattrs.empty()) return "-";
  std::string text;
  for (const auto& [name, value] : entry.xattrs) {
    text += std::to_string(name.size()) + ":" + std::string(name);
    text += std::to_string(value.size()) + ":" + std::string(value);
  }
  return ShortOf(text);
}

// The value's words, the last of which is the rest.
std::vector<std::string_view> Words(std::string_view value, size_t count) {
  std::vector<std::string_view> words;
  while (words.size() + 1 < count) {
    const size_t space = value.find(' ');
    if (space == std::string_view::npos) break;
    words.push_back(value.substr(0, space));
    value.remove_prefix(space + 1);
  }
  words.push_back(value);
  return words;
}

std::string MountText(const RunMount& mount) {
  static constexpr std::string_view kKinds[] = {"bind", "cache", "tmpfs",
                                                "secret", "ssh"};
  std::string text =
      "type=" + std::string(kKinds[static_cast<int>(mount.kind)]);
  if (mount.kind == RunMount::Kind::kBind) text += ",source=" + mount.source;
  if (mount.read_only) text += ",ro";
  if (!mount.context.empty()) text += ",from=" + mount.context;
  if (mount.size_bytes != 0) {
    text += ",size=" + std::to_string(mount.size_bytes);
  }
  if (!mount.env.empty()) text += ",env=" + mount.env;
  const bool has_id = mount.kind == RunMount::Kind::kSecret ||
                      mount.kind == RunMount::Kind::kSsh;
  if (has_id) text += ",id=" + mount.id;
  if (mount.required) text += ",required";
  text += ",mode=" + Octal(mount.mode) + ",uid=" + std::to_string(mount.uid) +
          ",gid=" + std::to_string(mount.gid);
  return text;
}

class Describer {
 public:
  Describer(const plan::Vertex& vertex, Ingredients& out)
      : vertex_(vertex), out_(out) {}

  void operator()(const plan::RunOp& op) {
    std::string command;
    for (const std::string& word : op.argv) {
      const bool is_plain =
          !word.empty() && word.find_first_of(" \t\n\"") == std::string::npos;
      command += command.empty() ? "" : " ";
      command += is_plain ? word : GoQuote(word);
    }
    Set("command", "", command);
    for (const std::string& variable : op.env) {
      auto pair = SplitOnce(variable, '=');
      if (!pair) continue;
      const bool is_argument =
          std::ranges::find(vertex_.arguments, pair->first) !=
          vertex_.arguments.end();
      Set(is_argument ? "argument" : "environment", pair->first, pair->second);
    }
    Set("workdir", "", op.cwd);
    Set("user", "", op.user.empty() ? "root" : op.user);
    static constexpr std::string_view kNetworks[] = {"default", "host", "none"};
    Set("network", "", kNetworks[static_cast<int>(op.network)]);
    Set("security", "", op.insecure ? "insecure" : "sandbox");
    Set("hostname", "", op.hostname);
    for (const auto& [name, address] : op.extra_hosts)
      Set("host", name, address);
    for (const RunMount& mount : op.mounts) {
      Set("mount", mount.target.empty() ? mount.env : mount.target,
          MountText(mount));
    }
    for (const plan::RunOp::Script& script : op.scripts) {
      Set("heredoc", script.path, ShortOf(script.content));
    }
  }

  void operator()(const plan::CopyOp& op) {
    Set("destination", "", op.destination);
    Set("chown", "", op.chown);
    Set("chmod", "", op.chmod);
    Set("option", "ADD", op.add ? "true" : "false");
    if (op.unpack) Set("option", "unpack", *op.unpack ? "true" : "false");
    Set("option", "link", op.link ? "true" : "false");
    Set("option", "parents", op.parents ? "true" : "false");
    for (const plan::CopySource& source : op.sources) {
      if (source.kind != plan::CopySource::Kind::kInline) continue;
      Set("heredoc", source.name, ShortOf(source.content));
    }
  }

  void operator()(const plan::MakeDirOp& op) {
    Set("workdir", "", op.path);
    Set("user", "", op.user.empty() ? "root" : op.user);
  }

  template <typename Other>
  void operator()(const Other&) {}

 private:
  void Set(std::string_view kind, std::string_view name,
           std::string_view value) {
    // Long values are known by their digest, and shown by their beginning.
    std::string kept = Cut(value);
    if (kept.size() != value.size()) kept += " (" + ShortOf(value) + ")";
    out_[{std::string(kind), std::string(name)}] = std::move(kept);
  }

  const plan::Vertex& vertex_;
  Ingredients& out_;
};

// What of a file is not what it was.
std::vector<KeyChange> CompareFiles(const std::string& path,
                                    std::string_view before,
                                    std::string_view after) {
  static constexpr std::string_view kAspects[] = {"mode", "owner",
                                                  "attributes"};
  const auto old_words = Words(before, 4), new_words = Words(after, 4);
  std::vector<KeyChange> changes;
  if (old_words.size() != 4 || new_words.size() != 4) {
    return {{"file", path, "changed", "", ""}};
  }
  const std::string_view old_type =
      old_words[3].substr(0, old_words[3].find(':'));
  const std::string_view new_type =
      new_words[3].substr(0, new_words[3].find(':'));
  if (old_type != new_type) {
    return {
        {"file", path, "type", std::string(old_type), std::string(new_type)}};
  }
  if (old_words[3] != new_words[3]) {
    KeyChange change{"file", path, "content", "", ""};
    if (new_type != "file") {
      change.before = Cut(old_words[3]);
      change.after = Cut(new_words[3]);
    }
    changes.push_back(std::move(change));
  }
  for (size_t i = 0; i < 3; ++i) {
    if (old_words[i] == new_words[i]) continue;
    changes.push_back({"file", path, std::string(kAspects[i]),
                       std::string(old_words[i]), std::string(new_words[i])});
  }
  return changes;
}

// One entry that is in both tables, with different values.
std::vector<KeyChange> CompareEntries(const std::string& kind,
                                      const std::string& name,
                                      const std::string& before,
                                      const std::string& after) {
  if (kind == "file") return CompareFiles(name, before, after);
  if (kind == "base") {
    const auto old_words = Words(before, 2), new_words = Words(after, 2);
    if (old_words.back() == new_words.back()) return {};
    return {{kind, name, "changed", std::string(old_words[0]),
             std::string(new_words[0])}};
  }
  if (kind == "parent") {
    const auto old_words = Words(before, 2), new_words = Words(after, 2);
    if (old_words[0] == new_words[0]) return {};
    const bool other = old_words.back() != new_words.back();
    return {{kind, std::string(new_words.back()), "changed",
             other ? std::string(old_words.back()) : "",
             other ? std::string(new_words.back()) : ""}};
  }
  if (kind == "content" || kind == "heredoc") {
    return {{kind, name, "changed", "", ""}};
  }
  return {{kind, name, "changed", before, after}};
}

bool IsOfFile(const KeyChange& change) { return change.kind == "file"; }

bool HasFiles(const Ingredients& ingredients) {
  auto it = ingredients.lower_bound({"file", ""});
  return it != ingredients.end() && it->first.first == "file";
}

}  // namespace

void FileList::Add(const context::CopyEntry& entry, std::string_view content,
                   bool owners_count) {
  if (files_.size() >= kMostFiles) return;
  std::string value = Octal(entry.file.mode) + " ";
  value += owners_count ? std::to_string(entry.file.uid) + ":" +
                              std::to_string(entry.file.gid)
                        : "-";
  value += " " + Attributes(entry) + " " + TypeAndContent(entry, content);
  files_.emplace(entry.tree_path, std::move(value));
}

void FileList::AddContent(const std::string& tree_path,
                          std::string_view content) {
  auto file = files_.find(tree_path);
  if (file != files_.end()) file->second += content;
}

void FileList::AddTo(Ingredients& ingredients) const {
  for (const auto& [path, value] : files_) {
    ingredients[{"file", path}] = value;
  }
}

Ingredients DescribeOperation(const plan::BuildGraph& graph,
                              plan::VertexId id) {
  Ingredients ingredients;
  const plan::Vertex& vertex = graph.vertex(id);
  std::visit(Describer(vertex, ingredients), vertex.op);
  if (vertex.inputs.empty()) return ingredients;
  const plan::Vertex& below = graph.vertex(vertex.inputs[0]);
  if (const auto* image = std::get_if<plan::ImageOp>(&below.op)) {
    oci::Digest chain;
    for (const oci::Digest& diff_id : image->diff_ids) {
      chain = oci::ChainId(chain, diff_id);
    }
    ingredients[{"base", ""}] = image->reference.Name() + "@" +
                                image->manifest.digest.ToString() + " " +
                                chain.Hex();
  } else if (std::holds_alternative<plan::ScratchOp>(below.op)) {
    ingredients[{"base", ""}] = "scratch -";
  }
  return ingredients;
}

void AddParent(const oci::Digest& key, std::string_view text,
               Ingredients& ingredients) {
  ingredients[{"parent", ""}] = Short(key) + " " + Cut(text);
}

void AddContent(const oci::Digest& content, Ingredients& ingredients) {
  ingredients[{"content", ""}] = Short(content);
}

void AddMountContent(std::string_view target, const oci::Digest& key,
                     Ingredients& ingredients) {
  ingredients[{"content", "mount " + std::string(target)}] = Short(key);
}

std::vector<KeyChange> Compare(const Ingredients& before,
                               const Ingredients& after) {
  std::vector<KeyChange> changes;
  for (const auto& [name, value] : before) {
    auto it = after.find(name);
    if (it == after.end()) {
      changes.push_back({name.first, name.second, "removed", "", ""});
    } else if (it->second != value) {
      for (KeyChange& change :
           CompareEntries(name.first, name.second, value, it->second)) {
        changes.push_back(std::move(change));
      }
    }
  }
  for (const auto& [name, value] : after) {
    if (before.contains(name)) continue;
    changes.push_back({name.first, name.second, "added", "", ""});
  }
  std::ranges::sort(changes, {}, [](const KeyChange& change) {
    return std::tie(change.kind, change.name, change.change);
  });
  // Where the files of either are not known one by one, they are as a whole.
  const bool lists = HasFiles(before) && HasFiles(after);
  const bool has_files = lists && std::ranges::any_of(changes, IsOfFile);
  std::erase_if(changes, [&](const KeyChange& change) {
    if (IsOfFile(change)) return !lists;
    return has_files && change.kind == "content" && change.name.empty();
  });
  return changes;
}

}  // namespace strake::builder::cache
