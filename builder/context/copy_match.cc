#include "builder/context/copy_match.h"

#include <fcntl.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "builder/context/path_match.h"
#include "builder/context/source_stat.h"
#include "util/directory.h"
#include "util/result_macros.h"
#include "util/rooted_fs.h"
#include "util/strings.h"
#include "util/suggest.h"

namespace strake::builder::context {
namespace {

// The names in the directory `path`, wanted or not, in order.
Result<std::vector<std::string>> NamesIn(const SourceTree& tree,
                                         std::string_view path) {
  ASSIGN_OR_RETURN(UniqueFd directory,
                   OpenInRoot(tree.root, path, O_RDONLY | O_DIRECTORY));
  ASSIGN_OR_RETURN(std::vector<DirectoryEntry> entries,
                   ListDirectory(directory.get()));
  std::vector<std::string> names;
  names.reserve(entries.size());
  for (DirectoryEntry& entry : entries) names.push_back(std::move(entry.name));
  std::ranges::sort(names);
  return names;
}

// Why `path` is not there, as " (...)", or "".
std::string WhyMissing(const SourceTree& tree, std::string_view path) {
  SourceTree all = tree;
  all.ignore = nullptr;
  if (tree.ignore != nullptr) {
    auto behind = ResolveInTree(all, path);
    if (behind && behind->has_value()) {
      std::string why = tree.ignore->Explain(path);
      if (why.empty()) why = tree.ignore->Explain(**behind);
      if (why.empty()) why = "excluded by " + tree.ignore->file;
      return " (" + why + ")";
    }
  }
  auto itself = StatInRoot(tree.root, path, FollowLast::kNo);
  if (itself && itself->has_value() && S_ISLNK((*itself)->st_mode)) {
    auto target = ReadLinkInRoot(tree.root, path);
    if (target) return " (a symlink to " + GoQuote(*target) + ", which is not)";
  }
  // The first component that is not there, and what is there beside it.
  for (size_t end = 0; end < path.size();) {
    size_t start = end == 0 ? 0 : end + 1;
    end = std::min(path.find('/', start), path.size());
    auto there = ResolveInTree(tree, path.substr(0, end));
    if (there && there->has_value()) continue;
    std::string_view parent = ParentPath(path.substr(0, end));
    auto resolved = ResolveInTree(tree, parent);
    if (!resolved || !resolved->has_value()) return "";
    auto names = NamesIn(tree, **resolved);
    if (!names) return "";
    std::erase_if(*names, [&](const std::string& name) {
      auto found = FindInTree(tree, JoinPath(**resolved, name));
      return !found || !found->has_value();
    });
    auto near = Suggest(path.substr(start, end - start), *names);
    if (!near) return "";
    return " (did you mean " + GoQuote("/" + JoinPath(parent, *near)) + "?)";
  }
  return "";
}

Error SourceNotFound(const SourceTree& tree, std::string_view path) {
  return NotFound(GoQuote("/" + std::string(path)) + ": not found" +
                  WhyMissing(tree, path));
}

// The file that `path` denotes, called `name` at the destination.
Result<CopyMatch> MatchLiteral(const SourceTree& tree, std::string_view path,
                               std::string_view name) {
  ASSIGN_OR_RETURN(std::optional<std::string> resolved,
                   ResolveInTree(tree, path));
  if (!resolved) return SourceNotFound(tree, path);
  ASSIGN_OR_RETURN(std::optional<SourceFile> file, FindInTree(tree, *resolved));
  if (!file) return SourceNotFound(tree, path);
  CopyMatch match;
  match.path = *std::move(resolved);
  match.name = name;
  match.file = *file;
  return match;
}

// Matches the components of a pattern from its first wildcard on.
class WildcardSearch {
 public:
  static Result<std::vector<CopyMatch>> Run(
      const SourceTree& tree, const std::string& base,
      const std::vector<std::string_view>& components) {
    WildcardSearch search(tree);
    for (std::string_view component : components) {
      ASSIGN_OR_RETURN(PathPattern pattern, PathPattern::Compile(component));
      search.patterns_.push_back(std::move(pattern));
    }
    RETURN_IF_ERROR(search.SearchIn(base, 0));
    return std::move(search.matches_);
  }

 private:
  explicit WildcardSearch(const SourceTree& tree) : tree_(tree) {}

  Status SearchIn(const std::string& directory, size_t depth) {
    ASSIGN_OR_RETURN(std::vector<std::string> names, NamesIn(tree_, directory));
    for (const std::string& name : names) {
      if (!patterns_[depth].Matches(name)) continue;
      std::string path = JoinPath(directory, name);
      ASSIGN_OR_RETURN(std::optional<SourceFile> file, FindInTree(tree_, path));
      if (!file) continue;
      if (depth + 1 < patterns_.size()) {
        if (file->IsDirectory()) RETURN_IF_ERROR(SearchIn(path, depth + 1));
        continue;
      }
      CopyMatch match;
      match.path = path;
      match.name = name;
      match.file = *file;
      if (file->IsSymlink()) {
        ASSIGN_OR_RETURN(match, MatchLiteral(tree_, path, name));
      }
      matches_.push_back(std::move(match));
    }
    return {};
  }

  const SourceTree& tree_;
  std::vector<PathPattern> patterns_;
  std::vector<CopyMatch> matches_;
};

}  // namespace

Result<std::vector<CopyMatch>> MatchSources(const SourceTree& tree,
                                            std::string_view pattern) {
  std::vector<std::string_view> components = Split(pattern, '/');
  auto first = std::ranges::find_if(components, HasWildcard);
  if (first == components.end()) {
    ASSIGN_OR_RETURN(CopyMatch match, MatchPath(tree, pattern));
    return std::vector<CopyMatch>{std::move(match)};
  }
  std::string base;
  for (auto it = components.begin(); it != first; ++it) {
    base = JoinPath(base, *it);
  }
  ASSIGN_OR_RETURN(CopyMatch top, MatchPath(tree, base));
  components.erase(components.begin(), first);
  if (!top.file.IsDirectory()) return std::vector<CopyMatch>{};
  return WildcardSearch::Run(tree, top.path, components);
}

Result<CopyMatch> MatchPath(const SourceTree& tree, std::string_view path) {
  return MatchLiteral(tree, path, BaseName(path));
}

Result<ParentsMatch> MatchWithParents(const SourceTree& tree,
                                      std::string_view pattern) {
  auto clean = [](std::string_view path) {
    std::string cleaned = CleanPath("/" + std::string(path));
    return cleaned.substr(1);
  };
  constexpr std::string_view kPivot = "/./";
  std::string top;
  ParentsMatch result;
  size_t pivot = pattern.find(kPivot);
  if (pivot == std::string_view::npos) {
    result.include = clean(pattern);
  } else {
    top = clean(pattern.substr(0, pivot));
    result.include = clean(pattern.substr(pivot + kPivot.size()));
  }
  ASSIGN_OR_RETURN(result.roots, MatchSources(tree, top));
  if (!HasWildcard(top) && !HasWildcard(result.include)) {
    std::string whole = JoinPath(top, result.include);
    ASSIGN_OR_RETURN(std::optional<std::string> resolved,
                     ResolveInTree(tree, whole));
    if (!resolved) return SourceNotFound(tree, whole);
  }
  return result;
}

}  // namespace strake::builder::context
