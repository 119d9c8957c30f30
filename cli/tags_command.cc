// `strake tags` and `strake catalog`.

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "cli/registry_command.h"
#include "cli/shared_options.h"
#include "cli/value_flags.h"
#include "registry/endpoint.h"
#include "util/json.h"
#include "util/result_macros.h"
#include "util/strings.h"

namespace strake::cli {
namespace {

constexpr int kMostNames = 1'000'000'000;

// A list of names, one a line.
class NamesCommand : public RegistryCommand {
 protected:
  void DeclareNames(OptionSet& options) {
    options.Value("--limit", limit_text_, {"N"},
                  "Not more than so many (default: all)");
    DeclareFormat(options, format_);
    DeclareRegistryOptions(options);
  }
  Status ResolveNames() {
    if (limit_text_.empty()) return {};
    ASSIGN_OR_RETURN(int limit, ParseCount("--limit", limit_text_, kMostNames));
    if (limit == 0) return InvalidArgument("--limit 0 leaves nothing");
    list_.limit = static_cast<size_t>(limit);
    return {};
  }
  // `names` as the API has them, or a line each.
  Status Print(nlohmann::json document, const char* member,
               const std::vector<std::string>& names) const {
    if (format_ == "json") {
      document[member] = names;
      return PrintOut(DumpJsonPretty(document) + "\n");
    }
    std::string text;
    for (const std::string& name : names) text += name + "\n";
    return PrintOut(text);
  }

  registry::ListOptions list_;

 private:
  std::string limit_text_;
  std::string format_ = "text";
};

class TagsCommand final : public NamesCommand {
 public:
  void Declare(OptionSet& options) override {
    options.SetArguments({"REPOSITORY", 1, 1});
    DeclareNames(options);
  }
  Status Resolve(const Environment&,
                 std::vector<std::string> arguments) override {
    ASSIGN_OR_RETURN(repository_, ParseRepository(arguments[0]));
    return ResolveNames();
  }

 private:
  Status Ask(const registry::Client& client, std::stop_token stop) override {
    ASSIGN_OR_RETURN(auto tags, client.ListTags(repository_, list_, stop));
    return Print({{"name", repository_.repository}}, "tags", tags);
  }

  oci::Reference repository_;
};

class CatalogCommand final : public NamesCommand {
 public:
  void Declare(OptionSet& options) override {
    options.SetArguments({"REGISTRY", 1, 1});
    DeclareNames(options);
  }
  Status Resolve(const Environment&,
                 std::vector<std::string> arguments) override {
    registry_ = registry::CanonicalRegistry(arguments[0]);
    if (registry_.find('/') != std::string::npos) {
      return InvalidArgument(GoQuote(arguments[0]) +
                             ": give a registry, without a repository");
    }
    return ResolveNames();
  }

 private:
  Status Ask(const registry::Client& client, std::stop_token stop) override {
    ASSIGN_OR_RETURN(auto names,
                     client.ListRepositories(registry_, list_, stop));
    return Print(nlohmann::json::object(), "repositories", names);
  }

  std::string registry_;
};

}  // namespace

std::unique_ptr<Command> MakeTagsCommand() {
  return std::make_unique<TagsCommand>();
}

std::unique_ptr<Command> MakeCatalogCommand() {
  return std::make_unique<CatalogCommand>();
}

}  // namespace strake::cli
