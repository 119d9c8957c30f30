// A file being written beside its destination, or standard output.

#ifndef STRAKE_BUILDER_EXPORT_DESTINATION_H_
#define STRAKE_BUILDER_EXPORT_DESTINATION_H_

#include <optional>
#include <string>

#include "builder/export/export.h"
#include "util/atomic_file.h"
#include "util/result.h"

namespace strake::builder::exporter {

class FileDestination final : public PreparedOutput {
 public:
  // "-" is standard output, which is written as it comes. `kInvalidArgument`
  // where `dest` is a folder or its own folder does not exist.
  static Result<std::unique_ptr<FileDestination>> Open(const std::string& dest);

  int fd() const { return file_ ? file_->fd() : 1; }
  Status Publish() override;

 private:
  explicit FileDestination(std::optional<AtomicFile> file)
      : file_(std::move(file)) {}
  std::optional<AtomicFile> file_;
};

}  // namespace strake::builder::exporter

#endif  // STRAKE_BUILDER_EXPORT_DESTINATION_H_
