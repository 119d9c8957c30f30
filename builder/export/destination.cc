#include "builder/export/destination.h"

#include <fcntl.h>

#include <filesystem>
#include <memory>
#include <utility>

#include "util/result_macros.h"

namespace strake::builder::exporter {

Result<std::unique_ptr<FileDestination>> FileDestination::Open(
    const std::string& dest, std::string_view option) {
  const std::string said = std::string(option) + dest;
  std::unique_ptr<FileDestination> made(new FileDestination);
  if (dest == "-") return made;
  std::error_code error;
  const auto there = std::filesystem::status(dest, error);
  if (std::filesystem::is_directory(there)) {
    return InvalidArgument(said + ": is a folder; name a file in it");
  }
  if (std::filesystem::exists(there) &&
      !std::filesystem::is_regular_file(there)) {
    auto opened = OpenFile(dest.c_str(), O_WRONLY);
    if (!opened) return std::move(opened).error().Wrap(said);
    made->special_ = *std::move(opened);
    return made;
  }
  // The name of a link stays one.
  const std::filesystem::path file =
      std::filesystem::is_regular_file(there)
          ? std::filesystem::canonical(dest, error)
          : std::filesystem::path(dest);
  AtomicFileOptions options;
  options.sync = true;
  auto created = AtomicFile::Create(error ? dest : file.string(), options);
  if (!created) {
    return std::move(created).error().Wrap(said);
  }
  made->file_.emplace(*std::move(created));
  return made;
}

Status FileDestination::Publish() { return file_ ? file_->Commit() : Status(); }

}  // namespace strake::builder::exporter
