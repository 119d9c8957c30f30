#include <string>
#include <utility>

#include "builder/copy_target.h"
#include "oci/reference.h"
#include "registry/copy.h"
#include "registry/push.h"
#include "registry/referrers.h"
#include "util/result_macros.h"

namespace strake::builder {
namespace {

// `root` with all that it reaches, by digest.
Status CopyRoot(const CopyJob& job, const oci::Reference& target,
                const oci::Descriptor& root) {
  if (const oci::BlobStore* store = job.origin.store()) {
    registry::PushOptions push;
    push.progress = job.progress;
    push.stop = job.stop;
    RETURN_IF_ERROR(registry::PushImage(
        job.client, oci::ByDigest(target, root.digest), root, *store, push));
    return {};
  }
  registry::CopyOptions copy;
  copy.progress = job.progress;
  copy.stop = job.stop;
  return registry::CopyImage(job.client, job.origin.repository(), target, root,
                             copy);
}

}  // namespace

Status CopyToRegistry(const CopyJob& job, const ImagePlace& to) {
  ASSIGN_OR_RETURN(oci::Reference target, oci::ParseReference(to.name));
  target = oci::WithDefaultTag(std::move(target));
  if (target.digest && *target.digest != job.image.digest) {
    return InvalidArgument(to.text + ": the image is " +
                           job.image.digest.ToString());
  }
  RETURN_IF_ERROR(CopyRoot(job, target, job.image));
  for (const oci::Descriptor& referrer : job.referrers) {
    RETURN_IF_ERROR(CopyRoot(job, target, referrer));
    // Once more: who has no list of referrers gets it under their tag.
    ASSIGN_OR_RETURN(std::string bytes, job.origin.Read(referrer));
    RETURN_IF_ERROR(registry::PutReferrer(
        job.client, oci::ByDigest(target, referrer.digest), bytes,
        referrer.media_type, job.stop));
  }
  if (target.tag.empty()) return {};
  ASSIGN_OR_RETURN(std::string bytes, job.origin.Read(job.image));
  return job.client.PutManifest(target, bytes, job.image.media_type, job.stop);
}

}  // namespace strake::builder
