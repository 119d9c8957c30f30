#include "builder/copy_image.h"

#include <set>
#include <utility>
#include <vector>

#include "builder/context/image_source.h"
#include "builder/copy_target.h"
#include "builder/image_origin.h"
#include "builder/progress_reporter.h"
#include "oci/manifest.h"
#include "oci/media_type.h"
#include "util/result_macros.h"
#include "util/strings.h"

namespace strake::builder {
namespace {

using oci::Descriptor;
using Kind = ImagePlace::Kind;

Status CheckPlatform(const ImageOrigin& origin, const oci::Platform& platform) {
  ASSIGN_OR_RETURN(std::string text, origin.Read(origin.image()));
  ASSIGN_OR_RETURN(oci::Manifest manifest, oci::ParseManifest(text));
  ASSIGN_OR_RETURN(std::string config, origin.ReadConfig(manifest.config));
  return oci::CheckPlatform(config, platform);
}

// The image for `platform` of what may be an index.
Result<Descriptor> ChoosePlatform(const ImageOrigin& origin,
                                  const oci::Platform& platform) {
  Descriptor chosen = origin.image();
  if (!oci::IsIndex(chosen.media_type)) {
    RETURN_IF_ERROR(CheckPlatform(origin, platform));
  }
  while (oci::IsIndex(chosen.media_type)) {
    ASSIGN_OR_RETURN(std::string text, origin.Read(chosen));
    ASSIGN_OR_RETURN(oci::Index index, oci::ParseIndex(text));
    ASSIGN_OR_RETURN(chosen, oci::SelectPlatform(index, platform));
  }
  // As it is by itself, without what the index says of it.
  chosen.platform.reset();
  chosen.annotations.clear();
  return chosen;
}

// `root` and the documents below it.
Status AddDocuments(const ImageOrigin& origin, const Descriptor& root,
                    std::set<oci::Digest>& seen,
                    std::vector<Descriptor>& documents) {
  std::vector<Descriptor> open = {root};
  while (!open.empty()) {
    Descriptor document = std::move(open.back());
    open.pop_back();
    if (!seen.insert(document.digest).second) continue;
    if (oci::IsIndex(document.media_type)) {
      ASSIGN_OR_RETURN(std::string text, origin.Read(document));
      ASSIGN_OR_RETURN(oci::Index index, oci::ParseIndex(text));
      open.insert(open.end(), index.manifests.begin(), index.manifests.end());
    }
    documents.push_back(std::move(document));
  }
  return {};
}

// Everything that refers to `image`, to what is below it, or to such again.
Result<std::vector<Descriptor>> FindReferrers(ImageOrigin& origin,
                                              const Descriptor& image) {
  std::vector<Descriptor> found;
  std::vector<Descriptor> documents;
  std::set<oci::Digest> seen;
  RETURN_IF_ERROR(AddDocuments(origin, image, seen, documents));
  for (size_t i = 0; i < documents.size(); ++i) {
    ASSIGN_OR_RETURN(std::vector<Descriptor> referrers,
                     origin.ReferrersOf(documents[i].digest));
    for (const Descriptor& referrer : referrers) {
      if (seen.contains(referrer.digest)) continue;
      found.push_back(referrer);
      RETURN_IF_ERROR(AddDocuments(origin, referrer, seen, documents));
    }
  }
  return found;
}

std::string PlatformsOf(const ImageOrigin& origin, const Descriptor& image) {
  std::vector<std::string> names;
  auto text = origin.Read(image);
  auto index = text ? oci::ParseIndex(*text) : Result<oci::Index>(text.error());
  if (!index) return "several";
  for (const Descriptor& entry : index->manifests) {
    if (entry.platform && entry.platform->os != "unknown") {
      names.push_back(entry.platform->ToString());
    }
  }
  return Join(names, ", ");
}

Status CheckTarget(const ImagePlace& to, const ImageOrigin& origin,
                   const CopyJob& job) {
  if (to.digest && *to.digest != job.image.digest) {
    return InvalidArgument(to.text + ": the image is " +
                           job.image.digest.ToString());
  }
  if (to.kind != Kind::kDockerArchive) return {};
  if (oci::IsIndex(job.image.media_type)) {
    return InvalidArgument(
        to.text +
        ": Docker's archives hold one platform, and the image is for " +
        PlatformsOf(origin, job.image) + ": choose one by --platform");
  }
  if (!job.referrers.empty()) {
    return InvalidArgument(
        to.text + ": Docker's archives hold no referrers: use oci-archive:");
  }
  return {};
}

Status CopyTo(const ImagePlace& to, const CopyJob& job,
              const std::string& store_directory) {
  switch (to.kind) {
    case Kind::kRegistry:
      return CopyToRegistry(job, to);
    case Kind::kLayout:
      return CopyToLayout(job, to);
    case Kind::kOciArchive:
    case Kind::kDockerArchive:
      return CopyToArchive(job, to);
    case Kind::kStore:
      return CopyToStore(job, to, store_directory);
  }
  return {};
}

}  // namespace

Result<CopiedImage> CopyImage(const ImagePlace& from, const ImagePlace& to,
                              const CopyImageOptions& options) {
  registry::Client client(options.registry);
  ProgressReporter progress(options.progress);
  ProgressStep step(progress, "copying " + from.text + " to " + to.text);
  return step.EndWith([&]() -> Result<CopiedImage> {
    ASSIGN_OR_RETURN(
        auto origin,
        ImageOrigin::Open(from, client, options.store_directory, options.stop));
    CopyJob job{*origin, origin->image(), {}, client, {}, options.stop};
    job.progress = context::ReportTransfers(progress, step.id());
    if (options.platform) {
      auto chosen = ChoosePlatform(*origin, *options.platform);
      if (!chosen) return std::move(chosen).error().Wrap(from.text);
      job.image = *std::move(chosen);
    }
    if (options.referrers) {
      ASSIGN_OR_RETURN(job.referrers, FindReferrers(*origin, job.image));
    }
    RETURN_IF_ERROR(CheckTarget(to, *origin, job));
    RETURN_IF_ERROR(CopyTo(to, job, options.store_directory));
    return CopiedImage{job.image, job.referrers.size(), origin->name()};
  }());
}

}  // namespace strake::builder
