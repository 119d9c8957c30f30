#include "cli/bake_arguments.h"

#include <utility>

#include "builder/context/context_url.h"
#include "util/csv.h"
#include "util/result_macros.h"
#include "util/strings.h"

namespace strake::cli {
namespace {

using builder::bake::Target;

struct Option {
  const char* field;
  const char* option;
};
constexpr Option kValues[] = {
    {"call", "--call"},
    {"network", "--network"},
    {"shm-size", "--shm-size"},
    {"target", "--target"},
};
constexpr Option kLists[] = {
    {"annotations", "--annotation"}, {"attest", "--attest"},
    {"cache-from", "--cache-from"},  {"cache-to", "--cache-to"},
    {"entitlements", "--allow"},     {"no-cache-filter", "--no-cache-filter"},
    {"secret", "--secret"},          {"tags", "--tag"},
    {"ulimits", "--ulimit"},
};

std::string ValueOf(const Target& target, const std::string& field) {
  auto found = target.values.find(field);
  return found == target.values.end() ? "" : found->second;
}

std::vector<std::string> ListOf(const Target& target,
                                const std::string& field) {
  auto found = target.lists.find(field);
  return found == target.lists.end() ? std::vector<std::string>()
                                     : found->second;
}

class Words {
 public:
  void Add(std::string option, std::string value) {
    words_.push_back(std::move(option));
    words_.push_back(std::move(value));
  }
  void Add(std::string word) { words_.push_back(std::move(word)); }
  std::vector<std::string> Take() { return std::move(words_); }

 private:
  std::vector<std::string> words_;
};

void AddMaps(const Target& target, Words& words) {
  struct {
    const char* field;
    const char* option;
    char separator;
  } constexpr kMaps[] = {{"args", "--build-arg", '='},
                         {"contexts", "--build-context", '='},
                         {"extra-hosts", "--add-host", '='},
                         {"labels", "--label", '='}};
  for (const auto& map : kMaps) {
    auto found = target.maps.find(map.field);
    if (found == target.maps.end()) continue;
    for (const auto& [key, value] : found->second) {
      if (value && value->starts_with("target:")) continue;
      words.Add(map.option, value ? key + map.separator + *value : key);
    }
  }
}

// "default", "id=socket", or as `bake --print` has it: "id=x,paths=socket".
Result<std::string> SshWord(const std::string& text) {
  ASSIGN_OR_RETURN(std::vector<std::string> fields, SplitCsv(text));
  std::string id = "default";
  std::vector<std::string> paths;
  for (const std::string& field : fields) {
    auto pair = SplitOnce(field, '=');
    bool is_path = pair && (pair->first == "paths" || pair->first == "path");
    if (!is_path && (!pair || pair->first != "id")) return text;
    if (!is_path) {
      id = pair->second;
      continue;
    }
    for (std::string_view path : Split(pair->second, ',')) {
      if (!path.empty()) paths.emplace_back(path);
    }
  }
  if (paths.size() > 1) {
    return Unsupported("ssh \"" + id + "\": " + Join(paths, ", ") +
                       ": several sockets or keys of one id are not supported: "
                       "load the keys into one agent with ssh-add");
  }
  return paths.empty() ? id : id + "=" + paths[0];
}

void AddDockerfile(const Target& target, const std::string& context,
                   Words& words) {
  std::string file = ValueOf(target, "dockerfile");
  if (file.empty()) return;
  using builder::context::ContextKind;
  bool inside =
      builder::context::KindOfContext(context) == ContextKind::kFolder &&
      context != "-" && !file.starts_with('/');
  words.Add("--file", inside ? CleanPath(context + "/" + file) : file);
}

}  // namespace

Result<std::vector<std::string>> BuildArguments(const Target& target) {
  Words words;
  std::string context = ValueOf(target, "context");
  if (context.empty()) context = ".";
  AddDockerfile(target, context, words);
  for (const Option& value : kValues) {
    std::string text = ValueOf(target, value.field);
    if (!text.empty()) words.Add(value.option, std::move(text));
  }
  AddMaps(target, words);
  for (const Option& list : kLists) {
    for (std::string& item : ListOf(target, list.field)) {
      words.Add(list.option, std::move(item));
    }
  }
  for (const std::string& item : ListOf(target, "ssh")) {
    ASSIGN_OR_RETURN(std::string word, SshWord(item));
    words.Add("--ssh", std::move(word));
  }
  auto platforms = ListOf(target, "platforms");
  if (!platforms.empty()) words.Add("--platform", Join(platforms, ","));
  for (std::string& output : ListOf(target, "output")) {
    // Into Docker's images, which for strake is its store.
    if (output == "type=docker") {
      words.Add("--load");
    } else {
      words.Add("--output", std::move(output));
    }
  }
  if (ValueOf(target, "no-cache") == "true") words.Add("--no-cache");
  if (ValueOf(target, "pull") == "true") words.Add("--pull");
  words.Add(std::move(context));
  return words.Take();
}

}  // namespace strake::cli
