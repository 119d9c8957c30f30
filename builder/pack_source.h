// What `strake pack` makes a layer of.

#ifndef STRAKE_BUILDER_PACK_SOURCE_H_
#define STRAKE_BUILDER_PACK_SOURCE_H_

#include <cstdint>
#include <memory>
#include <string>

#include "util/byte_stream.h"
#include "util/result.h"

namespace strake::builder {

// Gives the same tar every time. Not thread-safe.
class PackSource {
 public:
  virtual ~PackSource() = default;
  // "folder", "blob", "layer 2 of 5"
  virtual std::string description() const = 0;
  // Of the files of a folder, respectively of the blob as it is stored.
  virtual uint64_t input_bytes() const = 0;
  // All of the input is read anew each time, and a folder scanned.
  virtual Status WriteTar(ByteSink& tar) = 0;
};

// Opens `path`: a folder (of files, or an OCI image layout), an archive of an
// OCI image layout, or a tar or layer blob, compressed by gzip or zstd or not.
//   layer  which one of an image's layers, from 1 on, the lowest; 0: the only
//          one. Zero for anything but images.
// An image index stands for its image for this machine.
// Errors: kNotFound; kInvalidArgument: no layer of that number, or none was
// chosen of several; kCorrupt; kIo.
Result<std::unique_ptr<PackSource>> OpenPackSource(const std::string& path,
                                                   int layer);

}  // namespace strake::builder

#endif  // STRAKE_BUILDER_PACK_SOURCE_H_
