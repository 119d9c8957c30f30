#include "builder/checkout.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>
#include <vector>

#include "builder/context/tree_writer.h"
#include "builder/open_contexts.h"
#include "builder/ops/copy_tree.h"
#include "builder/progress_reporter.h"
#include "builder/store.h"
#include "util/result_macros.h"
#include "util/strings.h"
#include "util/subprocess.h"
#include "util/unique_fd.h"

namespace strake::builder {
namespace {

// At the top of a folder, and what `az acr` leaves out of what it uploads.
constexpr std::array<std::string_view, 7> kVersionControl = {
    ".git", ".gitignore", ".bzr", "bzrignore", ".hg", ".hgignore", ".svn"};

std::vector<std::string> ExcludedNames(const context::BuildContext& folder) {
  std::vector<std::string> names;
  for (std::string_view name : kVersionControl) {
    const context::IgnoreRules* rules = folder.ignore();
    const std::string again = "!" + std::string(name);
    const bool wanted =
        rules != nullptr &&
        std::ranges::any_of(
            rules->matcher.patterns(), [&](const std::string& pattern) {
              return pattern == again || pattern.starts_with(again + "/");
            });
    if (!wanted) names.emplace_back(name);
  }
  return names;
}

// One line of what git says of the folder; "" where it is no repository.
std::string AskGit(const BuildOptions& options,
                   std::vector<std::string> arguments) {
  SubprocessOptions git;
  git.argv = {"git", "-C", options.context.path};
  git.argv.insert(git.argv.end(), arguments.begin(), arguments.end());
  git.env = options.git_environment;
  auto result = RunSubprocess(git, options.stop);
  if (!result || result->exit_status != 0) return "";
  return std::string(Trim(result->stdout_text));
}

Status CopyAll(const context::BuildContext& from,
               const std::vector<std::string>& excluded,
               const BuildOptions& options, const std::string& destination,
               CheckedOut& checked_out) {
  const context::SourceTree tree = from.tree();
  ASSIGN_OR_RETURN(context::CopyFilter filter,
                   context::CopyFilter::Make(excluded, {}));
  ASSIGN_OR_RETURN(context::CopyMatch root, context::MatchPath(tree, ""));
  UniqueFd to(::open(destination.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!to) return ErrnoError("open " + destination);
  // Devices that cannot be made, and owners that cannot be given, are nobody's
  // concern here.
  OwnershipJournal refused;
  context::TreeWriter writer(to.get(), &refused, nullptr);
  ops::CopyRules rules;
  rules.owner = context::FileOwner{::geteuid(), ::getegid()};
  rules.stop = options.stop;
  ASSIGN_OR_RETURN(ops::CopyTreeSummary copied,
                   ops::CopyMatchTo(tree, root, filter, writer, "", rules));
  checked_out.files = copied.files;
  return {};
}

}  // namespace

Result<CheckedOut> CheckOut(const BuildOptions& options,
                            const std::string& destination) {
  ASSIGN_OR_RETURN(Store store, Store::Open(options.store_directory));
  ProgressReporter progress(options.progress);
  registry::Client client(options.registry);
  ASSIGN_OR_RETURN(OpenedContexts opened,
                   OpenContexts(options, store, client, progress));
  if (opened.dockerfile) {
    return InvalidArgument(
        "the context is no archive: a lone Dockerfile holds no task");
  }
  CheckedOut checked_out;
  checked_out.commit = std::move(opened.commit);
  checked_out.branch = std::move(opened.ref);
  const context::BuildContext& from = opened.folders.at("");
  std::vector<std::string> excluded;
  if (options.context.is_folder()) {
    excluded = ExcludedNames(from);
    checked_out.commit = AskGit(options, {"rev-parse", "--verify", "HEAD"});
    checked_out.branch = AskGit(options, {"symbolic-ref", "--short", "HEAD"});
  }
  RETURN_IF_ERROR(CopyAll(from, excluded, options, destination, checked_out));
  return checked_out;
}

}  // namespace strake::builder
