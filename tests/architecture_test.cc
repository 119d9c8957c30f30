// Holds the include directions of the design:
//
//   cli > tasks > builder > registry > oci > util
//                 builder > dockerfile > util
//
// and, inside `builder`, build > export > solve > ops > plan, cache, context,
// snapshot, sandbox as drawn below. A failure means that a type lives too high
// (move it down) or that a callee asks for too much (pass it a value).

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace strake {
namespace {

namespace fs = std::filesystem;

// The arrows as drawn: "may include". They compose.
using Arrows = std::map<std::string, std::set<std::string>>;
const Arrows kRooms = {
    {"util", {}},
    {"oci", {"util"}},
    {"dockerfile", {"util"}},
    {"registry", {"oci"}},
    {"builder", {"registry", "dockerfile"}},
    {"tasks", {"builder"}},
    {"cli", {"tasks"}},
};
const Arrows kBuilderFolders = {
    {"sandbox", {"util"}},
    {"snapshot", {"oci"}},
    {"context", {"dockerfile", "registry", "oci"}},
    {"plan", {"context", "dockerfile", "oci"}},
    {"cache", {"plan", "registry", "oci"}},
    {"ops", {"plan", "context", "snapshot", "sandbox"}},
    {"solve", {"cache", "ops", "snapshot", "plan"}},
    {"export", {"solve", "registry", "oci"}},
    {"bake", {"context"}},
};

// All that `from` reaches along the arrows of both maps, itself included.
std::set<std::string> Reach(const std::string& from, const Arrows& arrows) {
  std::set<std::string> reached;
  std::vector<std::string> pending = {from};
  while (!pending.empty()) {
    std::string place = pending.back();
    pending.pop_back();
    if (!reached.insert(place).second) continue;
    for (const Arrows* map : {&arrows, &kRooms}) {
      auto found = map->find(place);
      if (found == map->end()) continue;
      pending.insert(pending.end(), found->second.begin(), found->second.end());
    }
  }
  return reached;
}

// Headers at the root of `builder` that its folders may see: values, which
// include nothing of the folders themselves.
const std::set<std::string> kBuilderValues = {
    "builder/progress.h", "builder/output.h", "builder/cache_spec.h",
    "builder/explanation.h", "builder/progress_reporter.h"};

// Of `builder`, what programs and the rooms above may include.
const std::set<std::string> kBuilderApi = {
    "builder/bake/interpolate.h",
    "builder/bake/load_files.h",
    "builder/bake/target.h",
    "builder/build.h",
    "builder/build_metadata.h",
    "builder/build_targets.h",
    "builder/cache_spec.h",
    "builder/check.h",
    "builder/checkout.h",
    "builder/containers.h",
    "builder/context/context_url.h",
    "builder/copy_image.h",
    "builder/doctor.h",
    "builder/explanation.h",
    "builder/fsck.h",
    "builder/image_index.h",
    "builder/image_place.h",
    "builder/images.h",
    "builder/output.h",
    "builder/pack.h",
    "builder/progress.h",
    "builder/prune.h",
    "builder/run.h",
    "builder/sandbox/backends.h",
    "builder/store_usage.h",
};

// Libraries whose headers stay in `.cc` files, so that who includes ours needs
// none of theirs.
const std::vector<std::string> kThirdParty = {
    "archive",   "curl/",      "openssl/", "zstd",    "zlib",
    "isa-l",     "libdeflate", "re2/",     "httplib", "CLI/",
    "nlohmann/", "yaml",       "soci/"};

// Headers that `.cc` files share, and no header includes.
const std::set<std::string> kForSourcesOnly = {
    "util/json.h", "tasks/store/record_json.h", "oci/descriptor_json.h"};

struct Include {
  std::string file;  // "oci/digest.cc"
  int line = 0;
  std::string target;
  bool system = false;  // <...>
};

std::vector<Include> IncludesOf(const fs::path& path, const std::string& name) {
  std::vector<Include> includes;
  std::ifstream in(path);
  std::string text;
  for (int line = 1; std::getline(in, text); ++line) {
    constexpr std::string_view kDirective = "#include ";
    if (!text.starts_with(kDirective)) continue;
    char open = text[kDirective.size()];
    size_t start = kDirective.size() + 1;
    size_t end = text.find(open == '<' ? '>' : '"', start);
    if (end == std::string::npos) continue;
    includes.push_back(
        {name, line, text.substr(start, end - start), open == '<'});
  }
  return includes;
}

// Every `#include` of the rooms, by file and line.
const std::vector<Include>& AllIncludes() {
  static const std::vector<Include> all = [] {
    std::vector<Include> includes;
    fs::path root = STRAKE_SOURCE_DIR;
    for (const auto& [room, allowed] : kRooms) {
      if (!fs::exists(root / room)) continue;
      for (const auto& entry : fs::recursive_directory_iterator(root / room)) {
        auto extension = entry.path().extension();
        if (extension != ".h" && extension != ".cc") continue;
        std::string name = fs::relative(entry.path(), root).string();
        auto found = IncludesOf(entry.path(), name);
        includes.insert(includes.end(), found.begin(), found.end());
      }
    }
    return includes;
  }();
  return all;
}

std::string RoomOf(const std::string& path) {
  return path.substr(0, path.find('/'));
}

// "sandbox" of "builder/sandbox/child.cc", "" of "builder/build.h".
std::string BuilderFolderOf(const std::string& path) {
  size_t start = path.find('/') + 1;
  size_t end = path.find('/', start);
  return end == std::string::npos ? "" : path.substr(start, end - start);
}

std::string Place(const Include& include) {
  return include.file + ":" + std::to_string(include.line) + ": #include \"" +
         include.target + "\"";
}

TEST(ArchitectureTest, FindsTheSources) {
  // Without this, a wrong folder would pass all that follows.
  EXPECT_GT(AllIncludes().size(), 500u);
}

TEST(ArchitectureTest, RoomsIncludeOnlyDownwards) {
  for (const Include& include : AllIncludes()) {
    std::string from = RoomOf(include.file);
    std::string to = RoomOf(include.target);
    if (include.system || !kRooms.contains(to)) continue;
    EXPECT_TRUE(Reach(from, kRooms).contains(to))
        << Place(include) << ": " << from << " may not know " << to;
  }
}

TEST(ArchitectureTest, OwnHeadersAreNamedFromTheRoot) {
  for (const Include& include : AllIncludes()) {
    if (include.system) continue;
    EXPECT_TRUE(kRooms.contains(RoomOf(include.target)))
        << Place(include) << ": no room of that name";
  }
}

TEST(ArchitectureTest, FoldersOfBuilderIncludeOnlyDownwards) {
  for (const Include& include : AllIncludes()) {
    if (include.system || RoomOf(include.file) != "builder") continue;
    std::string from = BuilderFolderOf(include.file);
    if (from.empty()) continue;  // the passes see everything
    ASSERT_TRUE(kBuilderFolders.contains(from))
        << include.file << ": draw the arrows of this folder first";
    bool in_builder = RoomOf(include.target) == "builder";
    std::string to =
        in_builder ? BuilderFolderOf(include.target) : RoomOf(include.target);
    if (kBuilderValues.contains(include.target)) continue;
    EXPECT_TRUE(Reach(from, kBuilderFolders).contains(to))
        << Place(include) << ": builder/" << from << " may not know "
        << (to.empty() ? include.target : to);
  }
}

TEST(ArchitectureTest, RoomsAboveSeeOnlyThePublicHeadersOfBuilder) {
  for (const Include& include : AllIncludes()) {
    std::string from = RoomOf(include.file);
    if (from != "cli" && from != "tasks") continue;
    if (include.system || RoomOf(include.target) != "builder") continue;
    EXPECT_TRUE(kBuilderApi.contains(include.target)) << Place(include);
  }
}

TEST(ArchitectureTest, HeadersHideTheLibrariesBehindThem) {
  for (const Include& include : AllIncludes()) {
    if (!include.file.ends_with(".h")) continue;
    EXPECT_NE(include.target, "util/result_macros.h") << Place(include);
    if (kForSourcesOnly.contains(include.file)) continue;
    EXPECT_FALSE(kForSourcesOnly.contains(include.target)) << Place(include);
    for (const std::string& library : kThirdParty) {
      EXPECT_FALSE(include.target.starts_with(library))
          << Place(include) << ": belongs in the .cc file";
    }
  }
}

}  // namespace
}  // namespace strake
