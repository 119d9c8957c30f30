// An OCI image layout in a tar, unpacked for as long as it is needed. For the
// `.cc` files that pack layers.

#ifndef STRAKE_BUILDER_PACK_ARCHIVE_H_
#define STRAKE_BUILDER_PACK_ARCHIVE_H_

#include <memory>
#include <string>

#include "util/result.h"

namespace strake::builder {

class ArchivedLayout {
 public:
  // Unpacks the archive `fd` (borrowed, read from its beginning) to a folder
  // beside other temporary files; null where it is no archive of a layout: its
  // first entry belongs to none. Errors: kCorrupt, kIo.
  static Result<std::unique_ptr<ArchivedLayout>> Open(int fd);
  ArchivedLayout(const ArchivedLayout&) = delete;
  ArchivedLayout& operator=(const ArchivedLayout&) = delete;
  // Removes the folder.
  ~ArchivedLayout();

  const std::string& path() const { return path_; }

 private:
  explicit ArchivedLayout(std::string path) : path_(std::move(path)) {}
  std::string path_;
};

}  // namespace strake::builder

#endif  // STRAKE_BUILDER_PACK_ARCHIVE_H_
