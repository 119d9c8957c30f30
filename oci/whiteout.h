// Deletion markers in layers (image-spec layer.md, "Whiteouts").

#ifndef STRAKE_OCI_WHITEOUT_H_
#define STRAKE_OCI_WHITEOUT_H_

#include <string>
#include <string_view>

namespace strake::oci {

inline constexpr std::string_view kWhiteoutPrefix = ".wh.";
inline constexpr std::string_view kOpaqueWhiteout = ".wh..wh..opq";

enum class WhiteoutKind {
  kNone,      // an ordinary name
  kDelete,    // deletes a sibling of the layers below
  kOpaque,    // deletes all that the layers below have in this directory
  kReserved,  // other names in ".wh..wh." (aufs' own): no part of the image
  kInvalid,   // ".wh." of nothing, of "." or of ".."
};

// What a file name (one path component) means.
WhiteoutKind ClassifyName(std::string_view name);

// The name that a `kDelete` whiteout deletes.
inline std::string_view WhiteoutTarget(std::string_view name) {
  return name.substr(kWhiteoutPrefix.size());
}

// The path of the whiteout for `path`: "a/b" gives "a/.wh.b".
std::string WhiteoutPathFor(std::string_view path);

}  // namespace strake::oci

#endif  // STRAKE_OCI_WHITEOUT_H_
