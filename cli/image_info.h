// Images of the store as JSON and as lines of a table.

#ifndef STRAKE_CLI_IMAGE_INFO_H_
#define STRAKE_CLI_IMAGE_INFO_H_

#include <chrono>
#include <string>
#include <vector>

#include "builder/images.h"
#include "util/result.h"

namespace strake::cli {

// One element of what `docker image inspect` prints: Id, RepoTags,
// RepoDigests, Created, Os, Architecture, Size, Config, RootFS ..., and Layers
// as the manifest has them. An index has Manifests instead of what its images
// have.
//   names  every name of the image
// `kCorrupt` where its documents are not JSON.
Result<std::string> InspectJson(const builder::ImageDocuments& documents,
                                const std::vector<std::string>& names);

struct ImageRow {
  std::string repository;  // as people write it; "<none>" without a name
  std::string tag;         // or "<none>"
  std::string digest;      // of the manifest
  std::string id;          // short form: 12 digits
  std::string full_id;     // "sha256:..."
  std::string created_at;  // RFC 3339, or ""
  std::string created;     // "3 hours ago", or "N/A"
  std::string size;        // "12.3MB"
};
ImageRow MakeImageRow(const builder::StoredImage& image,
                      std::chrono::system_clock::time_point now);

// The row as a JSON object with docker's names: Repository, Tag, ID, Digest,
// CreatedSince, CreatedAt, Size.
std::string RowJson(const ImageRow& row);

// "Less than a second", "5 minutes", "3 weeks": docker's words for a duration.
std::string HumanDuration(std::chrono::seconds duration);

}  // namespace strake::cli

#endif  // STRAKE_CLI_IMAGE_INFO_H_
