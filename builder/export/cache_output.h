// What a build knows to where others find it (`CacheExport`).

#ifndef STRAKE_BUILDER_EXPORT_CACHE_OUTPUT_H_
#define STRAKE_BUILDER_EXPORT_CACHE_OUTPUT_H_

#include "builder/cache/portable_cache.h"
#include "builder/cache_spec.h"
#include "builder/export/export.h"
#include "util/result.h"

namespace strake::builder::exporter {

// Writes `cache` and its layers where `spec`, which is not inline, says. A
// registry or folder that had a cache of that name has either the old one or
// the new one, whole.
//   context  of the image; its repositories may lend layers
Status ExportCache(const CacheExport& spec, const cache::PortableCache& cache,
                   const ExportContext& context);

}  // namespace strake::builder::exporter

#endif  // STRAKE_BUILDER_EXPORT_CACHE_OUTPUT_H_
