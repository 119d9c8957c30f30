#include "tasks/file/aliases.h"

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "tasks/file/decoder.h"
#include "util/byte_stream.h"
#include "util/result_macros.h"
#include "util/strings.h"
#include "util/yaml.h"

namespace strake::tasks::file {
namespace {

constexpr std::string_view kFirstVersion = "v1.1.0";
constexpr std::string_view kSearch =
    "unable to search/replace aliases in task: ";
constexpr size_t kMaxFileBytes = size_t{4} << 20;

constexpr std::array<std::string_view, 9> kRunAliases = {
    "ID", "SharedVolume", "Registry", "RegistryName", "Date",
    "OS", "Architecture", "Commit",   "Branch"};

constexpr std::array<std::pair<std::string_view, std::string_view>, 5>
    kImageAliases = {{
        {"acr", "mcr.microsoft.com/acr/acr-cli:0.19"},
        {"az", "mcr.microsoft.com/acr/azure-cli:2ff604c"},
        {"bash", "mcr.microsoft.com/acr/bash:2ff604c"},
        {"curl", "mcr.microsoft.com/acr/curl:2ff604c"},
        {"cssc", "mcr.microsoft.com/acr/cssc:2ff604c"},
    }};

bool IsAlphanumeric(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
         (c >= 'A' && c <= 'Z');
}

bool BeginsAliasBlock(std::string_view line) {
  constexpr std::string_view kAlias = "alias";
  if (!line.starts_with(kAlias)) return false;
  return TrimLeft(line.substr(kAlias.size())).starts_with(':');
}

// A key may have an alias of its own in it.
bool BeginsKey(std::string_view line) {
  size_t colon = line.find(':');
  return colon != std::string_view::npos && colon > 0 &&
         TrimLeft(line).size() == line.size();
}

void AddLine(std::string_view line, int source, MappedText& text) {
  if (!text.lines.empty()) text.text += '\n';
  text.text += line;
  text.lines.push_back(source);
}

// How many code points UTF-8 text has.
size_t CodePoints(std::string_view text) {
  return static_cast<size_t>(std::ranges::count_if(text, [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0) != 0x80;
  }));
}

void AddBuiltIns(std::string_view os, Aliases& aliases) {
  for (std::string_view name : kRunAliases) {
    aliases.values.emplace(name, "{{.Run." + std::string(name) + "}}");
  }
  if (os != "linux") return;
  for (const auto& [name, image] : kImageAliases) {
    aliases.values.emplace(name, image);
  }
}

// Reads what a block says, the block's own values first: what is in the map
// already wins.
class Reader {
 public:
  Reader(const Locator& locator, const AliasSources& sources,
         Problems& problems)
      : locator_(locator), sources_(sources), problems_(problems) {}

  Status Read(const MappedText& block, Aliases& aliases) {
    YamlMark failed;
    auto root = ParseYaml(block.text, DuplicateKeys::kKeep, &failed);
    if (!root) {
      return problems_.Fail(locator_.Locate(failed.line, failed.column),
                            Unmarshaling(root.error().message()));
    }
    const YamlNode* alias = root->Find("alias");
    if (alias == nullptr) return {};
    place_ = locator_.Locate(alias->mark.line, alias->mark.column);
    Decoder decoder(locator_, problems_,
                    std::string(kSearch) + "error during alias unmarshaling: ");
    if (!decoder.IsMap(alias, "graph.Alias")) return problems_.First();
    decoder.CheckKeys(*alias, {"src", "values", "directive"}, {});
    const YamlNode* src = alias->Find("src");
    std::vector<std::string> files = decoder.Strings(src);
    Merge(decoder.StringMap(alias->Find("values")), aliases);
    NotePlaces(*alias, decoder);
    std::string directive = decoder.String(alias->Find("directive"));
    RETURN_IF_ERROR(problems_.First());
    if (!directive.empty()) aliases.directive = directive;
    // Of several files the last one wins.
    for (size_t i = files.size(); i-- > 0;) {
      RETURN_IF_ERROR(ReadFrom(files[i], decoder.At(src->items[i]), aliases));
    }
    return {};
  }

  // Of the value of `name`, or else of the block.
  Place PlaceOf(const std::string& name) const {
    auto found = places_.find(name);
    return found == places_.end() ? place_ : found->second;
  }
  Place directive_place() const { return directive_place_; }

 private:
  static std::string Unmarshaling(const std::string& what) {
    return std::string(kSearch) +
           "error during alias unmarshaling: yaml: " + what;
  }

  static void Merge(const std::map<std::string, std::string>& values,
                    Aliases& aliases) {
    aliases.values.insert(values.begin(), values.end());
  }

  void NotePlaces(const YamlNode& alias, const Decoder& decoder) {
    directive_place_ = place_;
    if (const YamlNode* directive = alias.Find("directive")) {
      directive_place_ = decoder.At(*directive);
    }
    const YamlNode* values = alias.Find("values");
    if (values == nullptr) return;
    for (size_t i = 0; i < values->keys.size(); ++i) {
      places_[values->keys[i]] = decoder.At(values->key_marks[i]);
    }
  }

  Result<std::string> TextOf(const std::string& from) {
    if (from.starts_with("http://") || from.starts_with("https://")) {
      if (sources_.fetch) return sources_.fetch(from);
      return Unsupported("addresses are not fetched here");
    }
    std::string path =
        from.starts_with('/') ? from : sources_.directory + "/" + from;
    return ReadFile(path, kMaxFileBytes);
  }

  Status ReadFrom(const std::string& from, Place place, Aliases& aliases) {
    auto text = TextOf(from);
    if (!text) {
      return problems_.Fail(place, std::string(kSearch) + "\"" + from +
                                       "\": " + text.error().message());
    }
    YamlMark failed;
    auto root = ParseYaml(*text, DuplicateKeys::kKeep, &failed);
    if (!root) {
      return problems_.Fail(
          place, Unmarshaling("line " + std::to_string(failed.line) + " of \"" +
                              from + "\": " + root.error().message()));
    }
    // Its lines are not those of the task file.
    Problems own(from);
    MappedText mapped = WithoutCommentLines("");
    Locator locator("", mapped);
    Decoder decoder(locator, own, "");
    Merge(decoder.StringMap(&*root), aliases);
    if (own.failed()) {
      return problems_.Fail(place, std::string(kSearch) +
                                       "error during alias unmarshaling: \"" +
                                       from + "\": " + own.all()[0].message);
    }
    return {};
  }

  const Locator& locator_;
  const AliasSources& sources_;
  Problems& problems_;
  Place place_{1, 1};
  Place directive_place_{1, 1};
  std::map<std::string, Place> places_;
};

Status Check(const Aliases& aliases, const Reader& reader, Problems& problems) {
  std::string prefix(kSearch);
  if (CodePoints(aliases.directive) != 1) {
    return problems.Fail(reader.directive_place(),
                         prefix +
                             "$ directive can only be overwritten by a single "
                             "character");
  }
  if (IsAlphanumeric(aliases.directive[0])) {
    return problems.Fail(
        reader.directive_place(),
        prefix + "overwritten directives may not be alphanumeric characters");
  }
  for (const auto& [name, value] : aliases.values) {
    if (!name.empty() && std::ranges::all_of(name, IsAlphanumeric)) continue;
    return problems.Fail(
        reader.PlaceOf(name),
        prefix + "alias key names only support alphanumeric characters");
  }
  return {};
}

// Collects text together with the lines that it comes from.
class Writer {
 public:
  explicit Writer(const MappedText& from) : from_(from) {
    text_.lines.push_back(SourceLine(from, 1));
  }

  // What stands in `from` itself.
  void Copy(std::string_view text) {
    for (char c : text) {
      text_.text += c;
      if (c != '\n') continue;
      text_.lines.push_back(SourceLine(from_, ++line_));
    }
  }
  // What stands in the place of a name on the line that is copied now.
  void Insert(std::string_view text) {
    text_.text += text;
    auto added = static_cast<size_t>(std::ranges::count(text, '\n'));
    text_.lines.insert(text_.lines.end(), added, SourceLine(from_, line_));
  }
  MappedText Take() { return std::move(text_); }

 private:
  const MappedText& from_;
  MappedText text_;
  int line_ = 1;  // of `from_`
};

}  // namespace

bool VersionHasAliases(std::string_view version) {
  return version >= kFirstVersion || version == "strake/v1";
}

AliasBlock CutAliasBlock(const MappedText& text) {
  AliasBlock cut;
  bool within = false;
  size_t index = 0;
  for (std::string_view line : Split(text.text, '\n')) {
    within = within ? !BeginsKey(line) : BeginsAliasBlock(line);
    int source = SourceLine(text, static_cast<int>(++index));
    AddLine(line, source, within ? cut.block : cut.rest);
  }
  return cut;
}

Result<Aliases> ReadAliases(const MappedText& block, std::string_view file,
                            const AliasSources& sources, Problems& problems) {
  Aliases aliases;
  Locator locator(file, block);
  Reader reader(locator, sources, problems);
  RETURN_IF_ERROR(reader.Read(block, aliases));
  AddBuiltIns(sources.os, aliases);
  RETURN_IF_ERROR(Check(aliases, reader, problems));
  return aliases;
}

// A name that is not known takes the character behind it along: "$x$b" stays
// as it is, although `b` is known.
MappedText ReplaceAliases(const MappedText& text, const Aliases& aliases) {
  Writer writer(text);
  std::string_view rest = text.text;
  const std::string& directive = aliases.directive;
  while (!rest.empty()) {
    size_t at = std::min(rest.find(directive), rest.size());
    writer.Copy(rest.substr(0, at));
    rest.remove_prefix(at);
    if (rest.empty()) break;
    std::string_view tail = rest.substr(directive.size());
    auto end = std::ranges::find_if_not(tail, IsAlphanumeric);
    auto length = static_cast<size_t>(end - tail.begin());
    auto known = aliases.values.find(tail.substr(0, length));
    if (known != aliases.values.end()) {
      writer.Insert(known->second);
      rest = tail.substr(length);
    } else if (tail.starts_with(directive)) {
      writer.Copy(directive);
      rest = tail.substr(directive.size());
    } else {
      size_t behind = tail.substr(length).starts_with(directive)
                          ? directive.size()
                          : size_t{length < tail.size()};
      writer.Copy(rest.substr(0, directive.size() + length + behind));
      rest = tail.substr(length + behind);
    }
  }
  return writer.Take();
}

std::optional<FirstWord> FindFirstWord(std::string_view command,
                                       const Aliases& aliases) {
  const std::string_view trimmed = Trim(command);
  const size_t end = std::min(trimmed.find(' '), trimmed.size());
  auto known = aliases.values.find(trimmed.substr(0, end));
  if (known == aliases.values.end()) return std::nullopt;
  return FirstWord{known->second, std::string(trimmed.substr(end))};
}

}  // namespace strake::tasks::file
