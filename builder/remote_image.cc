// Images of registries, looked at without being pulled.
#include <string>
#include <utility>

#include "builder/images.h"
#include "oci/manifest.h"
#include "oci/media_type.h"
#include "oci/reference.h"
#include "util/byte_stream.h"
#include "util/result_macros.h"

namespace strake::builder {
namespace {

constexpr uint64_t kConfigLimitBytes = uint64_t{32} << 20;

}  // namespace

Result<std::string> FetchImageConfig(const registry::Client& client,
                                     const oci::Reference& repository,
                                     const oci::Descriptor& config,
                                     std::stop_token stop) {
  if (config.size_bytes > kConfigLimitBytes) {
    return Unsupported(repository.ToString() + ": an image config of " +
                       std::to_string(config.size_bytes) + " bytes");
  }
  MemorySink sink;
  RETURN_IF_ERROR(client.FetchBlob(repository, config, sink, {}, stop));
  return sink.Take();
}

Result<ImageDocuments> InspectRemoteImage(const std::string& text,
                                          const RemoteInspection& options) {
  ASSIGN_OR_RETURN(oci::Reference reference, oci::ParseReference(text));
  reference = oci::WithDefaultTag(std::move(reference));
  registry::Client client(options.registry);
  ASSIGN_OR_RETURN(registry::FetchedManifest fetched,
                   client.FetchManifest(reference, options.stop));
  bool is_alone = !oci::IsIndex(fetched.descriptor.media_type);
  while (options.platform && oci::IsIndex(fetched.descriptor.media_type)) {
    ASSIGN_OR_RETURN(oci::Index index, oci::ParseIndex(fetched.bytes));
    auto chosen = oci::SelectPlatform(index, *options.platform);
    if (!chosen) return std::move(chosen).error().Wrap(reference.ToString());
    ASSIGN_OR_RETURN(
        fetched, client.FetchManifest(oci::ByDigest(reference, chosen->digest),
                                      options.stop));
  }
  ImageDocuments documents;
  documents.image.name = reference.ToString();
  documents.image.descriptor = fetched.descriptor;
  documents.image.size_bytes = fetched.bytes.size();
  documents.manifest = std::move(fetched.bytes);
  if (oci::IsIndex(fetched.descriptor.media_type)) return documents;
  ASSIGN_OR_RETURN(oci::Manifest manifest,
                   oci::ParseManifest(documents.manifest));
  documents.image.config = manifest.config.digest;
  documents.image.size_bytes += manifest.config.size_bytes;
  for (const oci::Descriptor& layer : manifest.layers) {
    documents.image.size_bytes += layer.size_bytes;
  }
  ASSIGN_OR_RETURN(
      documents.config,
      FetchImageConfig(client, reference, manifest.config, options.stop));
  if (options.platform && is_alone) {
    auto fits = oci::CheckPlatform(documents.config, *options.platform);
    if (!fits) return std::move(fits).error().Wrap(reference.ToString());
  }
  return documents;
}

}  // namespace strake::builder
