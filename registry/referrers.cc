#include "registry/referrers.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "oci/manifest.h"
#include "oci/media_type.h"
#include "registry/tag_update.h"
#include "util/result_macros.h"

namespace strake::registry {
namespace {

using oci::Descriptor;

// A manifest or an index as far as referring to others goes.
struct Referrer {
  std::optional<Descriptor> subject;
  Descriptor entry;  // as lists have it
};

Result<Referrer> ReadReferrer(std::string_view bytes,
                              std::string_view media_type) {
  Referrer referrer;
  referrer.entry.media_type = media_type;
  referrer.entry.digest = oci::Digest::Of(bytes);
  referrer.entry.size_bytes = bytes.size();
  if (oci::IsIndex(media_type)) {
    ASSIGN_OR_RETURN(oci::Index index, oci::ParseIndex(bytes));
    referrer.subject = std::move(index.subject);
    referrer.entry.artifact_type = std::move(index.artifact_type);
    referrer.entry.annotations = std::move(index.annotations);
    return referrer;
  }
  ASSIGN_OR_RETURN(oci::Manifest manifest, oci::ParseManifest(bytes));
  referrer.subject = std::move(manifest.subject);
  referrer.entry.artifact_type = manifest.artifact_type.empty()
                                     ? manifest.config.media_type
                                     : manifest.artifact_type;
  referrer.entry.annotations = std::move(manifest.annotations);
  return referrer;
}

oci::Reference TagOf(const oci::Reference& repository,
                     const oci::Digest& subject) {
  oci::Reference tag = repository;
  tag.tag = "sha256-" + subject.Hex();
  tag.digest.reset();
  return tag;
}

// What `tag` names; nothing where there is none. The tag may be anybody's.
Result<oci::Index> ReadTag(const std::optional<FetchedManifest>& current) {
  if (!current || !oci::IsIndex(current->descriptor.media_type)) {
    return oci::Index();
  }
  return oci::ParseIndex(current->bytes);
}

// Changes the list behind the tag of `subject`.
template <typename Change>
Status UpdateList(const Client& client, const oci::Reference& repository,
                  const oci::Digest& subject, Change change,
                  std::stop_token stop) {
  auto update = [&](const std::optional<FetchedManifest>& current)
      -> Result<std::optional<TaggedDocument>> {
    ASSIGN_OR_RETURN(oci::Index index, ReadTag(current));
    if (!change(index.manifests)) return std::optional<TaggedDocument>();
    return std::optional(TaggedDocument{oci::SerializeIndex(index),
                                        std::string(oci::kMediaTypeIndex)});
  };
  auto updated = UpdateTag(client, TagOf(repository, subject), update, stop);
  if (!updated) return std::move(updated).error();
  return {};
}

bool Has(const std::vector<Descriptor>& entries, const oci::Digest& digest) {
  return std::ranges::find(entries, digest, &Descriptor::digest) !=
         entries.end();
}

}  // namespace

Result<Referrers> ListReferrers(const Client& client,
                                const oci::Reference& repository,
                                const oci::Digest& subject,
                                const std::string& artifact_type,
                                std::stop_token stop) {
  Referrers referrers;
  ASSIGN_OR_RETURN(auto listed, client.ListReferrers(repository, subject,
                                                     artifact_type, stop));
  if (listed) {
    referrers.manifests = *std::move(listed);
  } else {
    referrers.by_api = false;
    auto fetched = client.FetchManifest(TagOf(repository, subject), stop);
    if (fetched) {
      ASSIGN_OR_RETURN(oci::Index index, ReadTag(*fetched));
      referrers.manifests = std::move(index.manifests);
    } else if (fetched.error().code() != ErrorCode::kNotFound) {
      return std::move(fetched).error();
    }
  }
  // A registry need not filter.
  if (!artifact_type.empty()) {
    std::erase_if(referrers.manifests, [&](const Descriptor& entry) {
      return entry.artifact_type != artifact_type;
    });
  }
  return referrers;
}

Status PutReferrer(const Client& client, const oci::Reference& reference,
                   std::string_view bytes, std::string_view media_type,
                   std::stop_token stop) {
  ASSIGN_OR_RETURN(Referrer referrer, ReadReferrer(bytes, media_type));
  RETURN_IF_ERROR(client.PutManifest(reference, bytes, media_type, stop));
  if (!referrer.subject) return {};
  const oci::Digest& subject = referrer.subject->digest;
  ASSIGN_OR_RETURN(auto listed,
                   client.ListReferrers(reference, subject, "", stop));
  if (listed) return {};
  return UpdateList(
      client, reference, subject,
      [&](std::vector<Descriptor>& entries) {
        if (Has(entries, referrer.entry.digest)) return false;
        entries.push_back(referrer.entry);
        return true;
      },
      stop);
}

Status DeleteReferrer(const Client& client, const oci::Reference& reference,
                      std::stop_token stop) {
  ASSIGN_OR_RETURN(FetchedManifest fetched,
                   client.FetchManifest(reference, stop));
  ASSIGN_OR_RETURN(Referrer referrer,
                   ReadReferrer(fetched.bytes, fetched.descriptor.media_type));
  RETURN_IF_ERROR(client.DeleteManifest(reference, stop));
  if (!referrer.subject) return {};
  const oci::Digest& subject = referrer.subject->digest;
  ASSIGN_OR_RETURN(auto listed,
                   client.ListReferrers(reference, subject, "", stop));
  if (listed) return {};
  // Without the tag there is nothing to take it out of, and none is made.
  ASSIGN_OR_RETURN(Referrers known,
                   ListReferrers(client, reference, subject, "", stop));
  if (!Has(known.manifests, referrer.entry.digest)) return {};
  return UpdateList(
      client, reference, subject,
      [&](std::vector<Descriptor>& entries) {
        return std::erase_if(entries, [&](const Descriptor& entry) {
                 return entry.digest == referrer.entry.digest;
               }) > 0;
      },
      stop);
}

}  // namespace strake::registry
