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

#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "builder/context/copy_walk.h"
#include "util/byte_stream.h"
#include "util/result_macros.h"
#include "util/strings.h"

namespace strake::builder::cache {
namespace {

using context::CopyEntry;
using context::CopyMatch;
using context::SourceFile;
using context::SourceTree;

class Digester {
 public:
  Digester(const ContentDigestOptions& options, bool owners_count)
      : options_(options), owners_count_(owners_count), buffer_(1 << 18) {
    Field("strake-content-1");
  }

  void Field(std::string_view value) {
    hasher_.Update(std::to_string(value.size()));
    hasher_.Update(":");
    hasher_.Update(value);
    hasher_.Update(",");
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

  oci::Digest Finish() { return hasher_.Finish(); }

 private:
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
    ASSIGN_OR_RETURN(oci::Digest digest, ContentOf(entry));
    Field("file");
    Number(entry.file.size_bytes);
    Field(digest.Hex());
    content_ = "file:" + digest.Hex().substr(0, 16);
    return {};
  }

  Result<oci::Digest> ContentOf(const CopyEntry& entry) {
    if (entry.file.size_bytes == 0) return oci::Digest::Of("");
    if (options_.stat_cache != nullptr) {
      if (auto known = options_.stat_cache->Find(entry.file)) return *known;
    }
    ASSIGN_OR_RETURN(UniqueFd fd, entry.Open());
    FdSource content(fd.get());
    oci::Hasher hasher;
    while (true) {
      auto count = content.Read(buffer_);
      if (!count) {
        return std::move(count).error().Wrap("read /" +
                                             std::string(entry.tree_path));
      }
      if (*count == 0) break;
      hasher.Update(std::span(buffer_).first(*count));
      if (options_.on_bytes) options_.on_bytes(*count);
    }
    oci::Digest digest = hasher.Finish();
    if (options_.stat_cache != nullptr && IsUnchanged(entry.file, fd.get())) {
      options_.stat_cache->Remember(entry.file, digest);
    }
    return digest;
  }

  // Whether the file is still as it was when it was looked at.
  static bool IsUnchanged(const SourceFile& file, int fd) {
    struct stat st;
    return ::fstat(fd, &st) == 0 && st.st_dev == file.id.device &&
           st.st_ino == file.id.inode &&
           static_cast<uint64_t>(st.st_size) == file.size_bytes &&
           st.st_mtim.tv_sec == file.mtime.tv_sec &&
           st.st_mtim.tv_nsec == file.mtime.tv_nsec &&
           st.st_ctim.tv_sec == file.ctime.tv_sec &&
           st.st_ctim.tv_nsec == file.ctime.tv_nsec;
  }

  const ContentDigestOptions& options_;
  const bool owners_count_;
  oci::Hasher hasher_;
  std::vector<std::byte> buffer_;
  std::map<context::FileId, std::string> links_;
  std::string content_;  // of the regular file that was added last
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
