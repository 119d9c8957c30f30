// What a step's cache key is made of, in words, so that two builds' keys can be
// told apart by more than that they differ.
//
// A table of (kind, name) to a value; kinds are those of `KeyChange`. Two
// steps with equal tables have equal keys, but for what is not listed: files
// beyond the first thousands of a copy.

#ifndef STRAKE_BUILDER_CACHE_INGREDIENTS_H_
#define STRAKE_BUILDER_CACHE_INGREDIENTS_H_

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "builder/context/copy_walk.h"
#include "builder/explanation.h"
#include "builder/plan/build_graph.h"
#include "oci/digest.h"

namespace strake::builder::cache {

using Ingredients = std::map<std::pair<std::string, std::string>, std::string>;

// The files that a copy takes, as they are walked.
class FileList {
 public:
  //   content  of a regular file: its digest; of a hard link: what it links to
  void Add(const context::CopyEntry& entry, std::string_view content,
           bool owners_count);
  // More of the content of the regular file that was added as `tree_path`.
  void AddContent(const std::string& tree_path, std::string_view content);
  void AddTo(Ingredients& ingredients) const;

 private:
  std::map<std::string, std::string> files_;
};

// All but what only the solver knows: keys and files.
Ingredients DescribeOperation(const plan::BuildGraph& graph, plan::VertexId id);
// The state that a step is made on: its key, and what makes it.
void AddParent(const oci::Digest& key, std::string_view text,
               Ingredients& ingredients);
// The files of a copy as a whole; those of a mount.
void AddContent(const oci::Digest& content, Ingredients& ingredients);
void AddMountContent(std::string_view target, const oci::Digest& key,
                     Ingredients& ingredients);

// Sorted by kind and name; a change of single files stands for that of the
// content as a whole.
std::vector<KeyChange> Compare(const Ingredients& before,
                               const Ingredients& after);

}  // namespace strake::builder::cache

#endif  // STRAKE_BUILDER_CACHE_INGREDIENTS_H_
