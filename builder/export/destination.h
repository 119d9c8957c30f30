// A file being written beside its destination, or what is written as it comes:
// standard output, a FIFO, a device.

#ifndef STRAKE_BUILDER_EXPORT_DESTINATION_H_
#define STRAKE_BUILDER_EXPORT_DESTINATION_H_

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "builder/export/export.h"
#include "util/atomic_file.h"
#include "util/result.h"
#include "util/unique_fd.h"

namespace strake::builder::exporter {

class FileDestination final : public PreparedOutput {
 public:
  // "-" is standard output. A file that is there is replaced as a whole, behind
  // a symlink, too; what is no file (/dev/null, a FIFO) is written to.
  // `kInvalidArgument` where `dest` is a folder or its own folder does not
  // exist.
  //   option  what errors have before `dest`
  static Result<std::unique_ptr<FileDestination>> Open(
      const std::string& dest, std::string_view option = "--output dest=");

  int fd() const { return file_ ? file_->fd() : special_ ? special_.get() : 1; }
  Status Publish() override;

 private:
  FileDestination() = default;
  std::optional<AtomicFile> file_;
  UniqueFd special_;  // not a regular file; neither: standard output
};

}  // namespace strake::builder::exporter

#endif  // STRAKE_BUILDER_EXPORT_DESTINATION_H_
