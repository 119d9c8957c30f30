// An OCI image layout in a tar, unpacked for as long as it is needed. For the
// `.cc` files that pack layers or copy images.

#ifndef STRAKE_BUILDER_PACK_ARCHIVE_H_
#define STRAKE_BUILDER_PACK_ARCHIVE_H_

#include <memory>
#include <string>
#include <utility>

#include "util/result.h"
#include "util/temporary_folder.h"

namespace strake::builder {

class ArchivedLayout {
 public:
  // Unpacks the archive `fd` (borrowed, read from its beginning) to a folder
  // beside other temporary files; null where it is no archive of a layout: its
  // first entry belongs to none. Errors: kCorrupt, kIo.
  static Result<std::unique_ptr<ArchivedLayout>> Open(int fd);

  const std::string& path() const { return folder_.path(); }

 private:
  explicit ArchivedLayout(TemporaryFolder folder)
      : folder_(std::move(folder)) {}
  TemporaryFolder folder_;
};

}  // namespace strake::builder

#endif  // STRAKE_BUILDER_PACK_ARCHIVE_H_
