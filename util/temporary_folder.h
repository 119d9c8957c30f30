// A folder beside other temporary files ($TMPDIR), gone with its owner.

#ifndef STRAKE_UTIL_TEMPORARY_FOLDER_H_
#define STRAKE_UTIL_TEMPORARY_FOLDER_H_

#include <string>
#include <string_view>
#include <utility>

#include "util/result.h"

namespace strake {

class TemporaryFolder {
 public:
  // Makes "<prefix>XXXXXX", for this user alone. `kIo` where $TMPDIR is none.
  //   what  what it is for, in errors: "to unpack an archive in"
  static Result<TemporaryFolder> Make(std::string_view prefix,
                                      std::string_view what);
  TemporaryFolder(TemporaryFolder&& other) noexcept
      : path_(std::exchange(other.path_, {})) {}
  TemporaryFolder& operator=(TemporaryFolder&&) = delete;
  ~TemporaryFolder();

  const std::string& path() const { return path_; }

 private:
  explicit TemporaryFolder(std::string path) : path_(std::move(path)) {}
  std::string path_;  // empty: moved from
};

}  // namespace strake

#endif  // STRAKE_UTIL_TEMPORARY_FOLDER_H_
