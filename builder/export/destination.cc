#include "builder/export/destination.h"

#include <filesystem>
#include <memory>
#include <utility>

#include "util/result_macros.h"

namespace strake::builder::exporter {

Result<std::unique_ptr<FileDestination>> FileDestination::Open(
    const std::string& dest) {
  std::optional<AtomicFile> file;
  if (dest != "-") {
    std::error_code error;
    if (std::filesystem::is_directory(dest, error)) {
      return InvalidArgument("--output dest=" + dest +
                             ": is a folder; name a file in it");
    }
    AtomicFileOptions options;
    options.sync = true;
    auto created = AtomicFile::Create(dest, options);
    if (!created) {
      return std::move(created).error().Wrap("--output dest=" + dest);
    }
    file.emplace(*std::move(created));
  }
  return std::unique_ptr<FileDestination>(new FileDestination(std::move(file)));
}

Status FileDestination::Publish() { return file_ ? file_->Commit() : Status(); }

}  // namespace strake::builder::exporter
