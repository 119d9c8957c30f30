// Image indexes made of images that are in registries: what `strake index`
// does, so that each platform can be built and pushed by a job of its own.

#ifndef STRAKE_BUILDER_IMAGE_INDEX_H_
#define STRAKE_BUILDER_IMAGE_INDEX_H_

#include <map>
#include <stop_token>
#include <string>
#include <vector>

#include "builder/progress.h"
#include "oci/descriptor.h"
#include "oci/platform.h"
#include "registry/client.h"
#include "util/result.h"

namespace strake::builder {

struct IndexOptions {
  registry::ClientOptions registry;
  // Of the index, and of the entries that are added.
  std::map<std::string, std::string> annotations;
  std::map<std::string, std::string> entry_annotations;
  // What an image is to be for, by the reference it is named by, where its
  // configuration does not say so; empty fields: as that says.
  std::map<std::string, oci::Platform> platforms;
  ProgressSink* progress = nullptr;  // borrowed
  std::stop_token stop;
};

// Makes `name` the index of `sources`, in their order, whatever it was before.
//   sources  references of images or indexes (whose entries are taken), or
//            digests, "sha256:...", in the repository of `name`. What is in
//            another repository is copied there.
// The platform of an image is that of its configuration. Errors:
// `kInvalidArgument` where two images have the same platform; those of the
// registry client.
Result<oci::Descriptor> CreateIndex(const std::string& name,
                                    const std::vector<std::string>& sources,
                                    const IndexOptions& options);

// Adds `sources` to the index `name`, which need not exist; an image takes the
// place of the one that the index has for its platform. Entries are kept in
// order of their platforms, so that it does not matter which job comes first.
// Several may append at once (`registry::UpdateTag`).
Result<oci::Descriptor> AppendToIndex(const std::string& name,
                                      const std::vector<std::string>& sources,
                                      const IndexOptions& options);

}  // namespace strake::builder

#endif  // STRAKE_BUILDER_IMAGE_INDEX_H_
