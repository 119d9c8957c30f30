#include "oci/convert_layer.h"

#include <unistd.h>

#include <array>
#include <memory>
#include <string>
#include <utility>

#include "oci/estargz.h"
#include "util/result_macros.h"

namespace strake::oci {
namespace {

// By the bytes, as everywhere: the media type may lie.
Result<Compression> DetectLayerCompression(const Descriptor& layer,
                                           const BlobStore& store) {
  ASSIGN_OR_RETURN(UniqueFd fd, store.OpenFd(layer.digest));
  std::array<std::byte, 6> head{};
  ssize_t size = ::pread(fd.get(), head.data(), head.size(), 0);
  if (size < 0) return ErrnoError("read it");
  return DetectCompression(
      std::span<const std::byte>(head).first(static_cast<size_t>(size)));
}

Status Convert(ByteSource& tar, const LayerForm& form, ByteSink& out,
               LayerBlob& layer) {
  if (form.estargz) {
    ASSIGN_OR_RETURN(EstargzSummary summary,
                     WriteEstargz(tar, form.compression.level,
                                  form.compression.threads, out));
    DescribeEstargz(summary, layer);
    return {};
  }
  ASSIGN_OR_RETURN(std::unique_ptr<ByteSink> compressor,
                   NewCompressor(form.compression, out));
  HashingSink hashing(*compressor);
  RETURN_IF_ERROR(CopyAll(tar, hashing));
  RETURN_IF_ERROR(compressor->Finish());
  layer.uncompressed_bytes = hashing.size_bytes();
  layer.diff_id = hashing.digest();
  return {};
}

Result<LayerBlob> ConvertBlob(const Descriptor& layer, const LayerForm& form,
                              const BlobStore& store) {
  RETURN_IF_ERROR(LayerCompression(layer.media_type));
  LayerBlob converted;
  ASSIGN_OR_RETURN(
      converted.descriptor.media_type,
      LayerMediaType(form.compression.algorithm, MediaTypeFamily::kOci));
  ASSIGN_OR_RETURN(Compression compression,
                   DetectLayerCompression(layer, store));
  ASSIGN_OR_RETURN(std::unique_ptr<ByteSource> blob, store.Open(layer));
  ASSIGN_OR_RETURN(std::unique_ptr<ByteSource> tar,
                   NewDecompressor(compression, *blob));
  ASSIGN_OR_RETURN(std::unique_ptr<BlobWriter> writer, store.Create());
  RETURN_IF_ERROR(Convert(*tar, form, *writer, converted));
  ASSIGN_OR_RETURN(BlobInfo info, writer->Commit());
  converted.descriptor.digest = info.digest;
  converted.descriptor.size_bytes = info.size_bytes;
  return converted;
}

}  // namespace

void DescribeEstargz(const EstargzSummary& summary, LayerBlob& layer) {
  layer.diff_id = summary.diff_id;
  layer.uncompressed_bytes = summary.uncompressed_bytes;
  auto& annotations = layer.descriptor.annotations;
  annotations[std::string(kEstargzTocDigest)] = summary.toc_digest.ToString();
  annotations[std::string(kEstargzUncompressedSize)] =
      std::to_string(summary.uncompressed_bytes);
}

Result<LayerBlob> ConvertLayer(const Descriptor& layer, const LayerForm& form,
                               const BlobStore& store) {
  auto converted = ConvertBlob(layer, form, store);
  if (converted) return converted;
  return std::move(converted).error().Wrap("cannot convert layer " +
                                           layer.digest.ToString());
}

}  // namespace strake::oci
