#include "oci/whiteout.h"

namespace strake::oci {

WhiteoutKind ClassifyName(std::string_view name) {
  if (!name.starts_with(kWhiteoutPrefix)) return WhiteoutKind::kNone;
  if (name == kOpaqueWhiteout) return WhiteoutKind::kOpaque;
  std::string_view target = WhiteoutTarget(name);
  if (target.starts_with(kWhiteoutPrefix)) return WhiteoutKind::kReserved;
  if (target.empty() || target == "." || target == "..") {
    return WhiteoutKind::kInvalid;
  }
  return WhiteoutKind::kDelete;
}

std::string WhiteoutPathFor(std::string_view path) {
  size_t slash = path.rfind('/');
  size_t name = slash == std::string_view::npos ? 0 : slash + 1;
  std::string whiteout(path.substr(0, name));
  whiteout += kWhiteoutPrefix;
  whiteout += path.substr(name);
  return whiteout;
}

}  // namespace strake::oci
