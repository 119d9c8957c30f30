// What is hashed: a sequence of fields, each "<length>:<bytes>,", so that no
// two different sequences give the same bytes.
//
//   "strake-content-1"
//   per source   "source", then per match:
//     "match"    "dir", or "file" and its name at the destination
//     per file   path relative to the match, what it is (below), mode bits,
//                uid, gid, extended attributes in order, "."
//   inline       "inline", name, content
//
// A regular file is "file" and the digest of its content, or "link" and the
// path of an earlier file of the match that it is a hard link of; others are
// "dir", "symlink" and target, "device" and number, or "special". The matched
// directory's own metadata is not copied and does not count.

#include "builder/cache/content_digest.h"

#include <sys/stat.h>

#include <algorithm>
#include <deque>
#include <map>
#include <optional>
#include <thread>
#include <utility>

#include "builder/cache/file_hasher.h"
#include "builder/context/copy_walk.h"
#include "util/result_macros.h"
#include "util/strings.h"

namespace strake::builder::cache {
namespace {

using context::CopyEntry;
using context::CopyMatch;
using context::SourceFile;
using context::SourceTree;

// Files that are open and not hashed yet; text that waits for one of them.
constexpr size_t kMostPending = 64;
constexpr size_t kMostText = size_t{1} << 16;
// More than disks and memory feed.
constexpr unsigned kMostThreads = 8;

FileHasherOptions HasherOptions(const ContentDigestOptions& options) {
  const unsigned processors = std::max(std::thread::hardware_concurrency(), 1U);
  return {.stat_cache = options.stat_cache,
          .on_bytes = options.on_bytes,
          .stop = options.stop,
          .threads = std::min(processors, kMostThreads) - 1};
}

class Digester {
 public:
  Digester(const ContentDigestOptions& options, bool owners_count)
      : options_(options),
        owners_count_(owners_count),
        files_(HasherOptions(options)) {
    Field("strake-content-1");
  }

  void Field(std::string_view value) {
    text_ += std::to_string(value.size());
    text_ += ':';
    text_ += value;
    text_ += ',';
  }
  void Number(uint64_t value) { Field(std::to_string(value)); }

  Status AddMatch(const SourceTree& tree, const CopyMatch& match,
                  const context::CopyFilter& filter) {
    Field("match");
    links_.clear();
    if (match.file.IsDirectory()) {
      Field("dir");
    } else {
      Field("file");
      Field(match.name);
    }
    auto visit = [this](const CopyEntry& entry) { return AddEntry(entry); };
    auto after = [](const CopyEntry&) { return Status(); };
    RETURN_IF_ERROR(
        context::WalkCopy(tree, match, filter, visit, after, options_.stop));
    Field("");
    return {};
  }

  Result<oci::Digest> Finish() {
    RETURN_IF_ERROR(FinishPending(0));
    hasher_.Update(text_);
    return hasher_.Finish();
  }

 private:
  // A file whose digest belongs between the text before and what follows it.
  struct Pending {
    std::string text;
    FileHasher::Ticket file;
    std::string listed;  // in the list of files; "": it is in none
  };

  Status AddEntry(const CopyEntry& entry) {
    const SourceFile& file = entry.file;
    if (entry.path.empty() && file.IsDirectory()) return {};
    Field(entry.path);
    if (file.IsRegular()) {
      RETURN_IF_ERROR(AddContent(entry));
    } else if (file.IsDirectory()) {
      Field(entry.only_parent ? "parent" : "dir");
    } else if (file.IsSymlink()) {
      Field("symlink");
      Field(entry.link_target);
    } else {
      bool is_device = S_ISCHR(file.mode) || S_ISBLK(file.mode);
      Field(is_device ? "device" : "special");
      if (is_device) Number(file.rdev);
    }
    // A symlink's permission bits mean nothing, and differ between systems.
    Number(file.IsSymlink() ? S_IFLNK : file.mode);
    Number(owners_count_ ? file.uid : 0);
    Number(owners_count_ ? file.gid : 0);
    for (const auto& [name, value] : entry.xattrs) {
      Field(name);
      Field(value);
    }
    Field(".");
    if (options_.files != nullptr) {
      options_.files->Add(entry, content_, owners_count_);
    }
    if (text_.size() < kMostText) return FinishPending(kMostPending);
    RETURN_IF_ERROR(FinishPending(0));
    hasher_.Update(std::exchange(text_, {}));
    return {};
  }

  Status AddContent(const CopyEntry& entry) {
    if (entry.file.link_count > 1) {
      auto [it, is_first] =
          links_.try_emplace(entry.file.id, std::string(entry.path));
      if (!is_first) {
        Field("link");
        Field(it->second);
        content_ = "link:" + it->second;
        return {};
      }
    }
    Field("file");
    Number(entry.file.size_bytes);
    content_ = kContentPrefix;
    if (std::optional<oci::Digest> known = KnownContent(entry.file)) {
      Field(known->Hex());
      content_ += Shortened(*known);
      return {};
    }
    ASSIGN_OR_RETURN(UniqueFd content, entry.Open());
    std::string path(entry.tree_path);
    Pending pending;
    pending.text = std::exchange(text_, {});
    if (options_.files != nullptr) pending.listed = path;
    pending.file =
        files_.Start(std::move(content), entry.file, std::move(path));
    pending_.push_back(std::move(pending));
    return {};
  }

  std::optional<oci::Digest> KnownContent(const SourceFile& file) const {
    if (file.size_bytes == 0) return oci::Digest::Of("");
    if (options_.stat_cache == nullptr) return std::nullopt;
    return options_.stat_cache->Find(file);
  }

  // Waits until no more than `most` files are pending.
  Status FinishPending(size_t most) {
    while (pending_.size() > most) {
      Pending front = std::move(pending_.front());
      pending_.pop_front();
      ASSIGN_OR_RETURN(oci::Digest digest, files_.Finish(front.file));
      hasher_.Update(front.text);
      std::string rest = std::exchange(text_, {});
      Field(digest.Hex());
      hasher_.Update(std::exchange(text_, std::move(rest)));
      if (!front.listed.empty()) {
        options_.files->AddContent(front.listed, Shortened(digest));
      }
    }
    return {};
  }

  // For the list of files, where it only has to differ.
  static std::string Shortened(const oci::Digest& digest) {
    return digest.Hex().substr(0, 16);
  }
  static constexpr std::string_view kContentPrefix = "file:";

  const ContentDigestOptions& options_;
  const bool owners_count_;
  oci::Hasher hasher_;
  FileHasher files_;
  std::deque<Pending> pending_;
  std::string text_;  // behind the last pending file
  std::map<context::FileId, std::string> links_;
  std::string content_;  // of the regular file that was added last, if known
};

Result<const SourceTree*> TreeOf(const plan::CopySource& source,
                                 const context::CopyInputs& inputs) {
  if (source.kind == plan::CopySource::Kind::kContext) {
    auto it = inputs.contexts.find(source.context);
    if (it != inputs.contexts.end()) return &it->second;
    return Internal("digest of a copy: build context " +
                    GoQuote(source.context) + " was not opened");
  }
  auto it = inputs.inputs.find(source.input);
  if (it != inputs.inputs.end()) return &it->second;
  return Internal("digest of a copy: input " + std::to_string(source.input) +
                  " was not given");
}

}  // namespace

Result<oci::Digest> DigestCopySources(const plan::CopyOp& op,
                                      const context::CopyInputs& inputs,
                                      const ContentDigestOptions& options) {
  Digester digester(options, /*owners_count=*/op.chown.empty());
  for (const plan::CopySource& source : op.sources) {
    if (source.kind == plan::CopySource::Kind::kInline) {
      digester.Field("inline");
      digester.Field(source.name);
      digester.Field(source.content);
      continue;
    }
    digester.Field("source");
    ASSIGN_OR_RETURN(const SourceTree* tree, TreeOf(source, inputs));
    ASSIGN_OR_RETURN(context::CopySelection selection,
                     context::SelectSources(*tree, source.pattern,
                                            {.literal = source.fetched,
                                             .parents = op.parents,
                                             .excludes = op.excludes}));
    for (const CopyMatch& match : selection.matches) {
      RETURN_IF_ERROR(digester.AddMatch(*tree, match, selection.filter));
    }
  }
  return digester.Finish();
}

Result<oci::Digest> DigestTree(const SourceTree& tree, std::string_view path,
                               const ContentDigestOptions& options) {
  Digester digester(options, /*owners_count=*/true);
  ASSIGN_OR_RETURN(CopyMatch match, context::MatchPath(tree, path));
  digester.Field("tree");
  // A mount shows the directory itself, too.
  digester.Number(match.file.mode);
  digester.Number(match.file.uid);
  digester.Number(match.file.gid);
  if (!match.file.IsDirectory()) match.name.clear();
  RETURN_IF_ERROR(digester.AddMatch(tree, match, {}));
  return digester.Finish();
}

}  // namespace strake::builder::cache
