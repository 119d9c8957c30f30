#include "builder/image_index.h"

#include <algorithm>
#include <optional>
#include <set>
#include <utility>

#include "builder/context/image_source.h"
#include "builder/progress_reporter.h"
#include "oci/image_config.h"
#include "oci/manifest.h"
#include "oci/reference.h"
#include "registry/copy.h"
#include "registry/tag_update.h"
#include "util/byte_stream.h"
#include "util/result_macros.h"

namespace strake::builder {
namespace {

using oci::Descriptor;

// BuildKit's mark of a manifest that only says something of another one.
constexpr char kReferenceDigest[] = "vnd.docker.reference.digest";
constexpr uint64_t kConfigLimitBytes = uint64_t{32} << 20;

// A platform that images are told apart by; nothing for attestations.
std::optional<oci::Platform> PlatformOf(const Descriptor& entry) {
  if (!entry.platform || entry.platform->os == "unknown") return {};
  return oci::NormalizePlatform(*entry.platform);
}

// Whether `entry` says something of one of `digests`.
bool IsAbout(const Descriptor& entry, const std::set<oci::Digest>& digests) {
  auto it = entry.annotations.find(kReferenceDigest);
  if (it == entry.annotations.end()) return false;
  auto digest = oci::Digest::Parse(it->second);
  return digest && digests.contains(*digest);
}

// An image among `entries` for the same platform, but not the same.
const Descriptor* FindRival(const std::vector<Descriptor>& entries,
                            const Descriptor& entry) {
  auto platform = PlatformOf(entry);
  auto it = std::ranges::find_if(entries, [&](const Descriptor& other) {
    return platform && PlatformOf(other) == platform &&
           other.digest != entry.digest;
  });
  return it == entries.end() ? nullptr : &*it;
}

// Adds `added` to `entries`, in place of images for the same platforms and of
// what is said of those.
void Merge(const std::vector<Descriptor>& added,
           std::vector<Descriptor>& entries) {
  std::set<oci::Digest> replaced;
  for (const Descriptor& entry : added) {
    while (const Descriptor* rival = FindRival(entries, entry)) {
      replaced.insert(rival->digest);
      std::erase_if(entries, [&](const Descriptor& other) {
        return other.digest == rival->digest;
      });
    }
  }
  std::erase_if(entries, [&](const Descriptor& entry) {
    return IsAbout(entry, replaced);
  });
  for (const Descriptor& entry : added) {
    auto known = std::ranges::find(entries, entry.digest, &Descriptor::digest);
    if (known == entries.end()) {
      entries.push_back(entry);
    } else {
      *known = entry;
    }
  }
}

// Images by platform, then what is said of them.
void SortEntries(std::vector<Descriptor>& entries) {
  auto rank = [](const Descriptor& entry) {
    auto platform = PlatformOf(entry);
    return std::tuple(!platform, platform.value_or(oci::Platform()),
                      entry.digest);
  };
  std::ranges::sort(entries, {}, rank);
}

Result<registry::TaggedDocument> Serialize(const oci::Index& index) {
  return registry::TaggedDocument{oci::SerializeIndex(index),
                                  std::string(oci::kMediaTypeIndex)};
}

class Assembly {
 public:
  Assembly(const oci::Reference& target, const IndexOptions& options,
           ProgressReporter& progress)
      : target_(target),
        options_(options),
        progress_(progress),
        client_(options.registry) {}

  const registry::Client& client() const { return client_; }

  // The entries of all sources, which are in the target's repository then.
  Result<std::vector<Descriptor>> Gather(
      const std::vector<std::string>& sources) const {
    std::vector<Descriptor> entries;
    for (const std::string& source : sources) {
      ASSIGN_OR_RETURN(oci::Reference reference, ReadSource(source));
      ProgressStep step(progress_, "adding " + reference.ToString());
      auto found = step.EndWith(EntriesOf(reference, step.id()));
      if (!found) return std::move(found).error();
      for (Descriptor& entry : *found) {
        Annotate(source, entry);
        if (FindRival(entries, entry) != nullptr) {
          return InvalidArgument(source + ": another source is for " +
                                 entry.platform->ToString() + ", too");
        }
        for (const auto& [key, value] : options_.entry_annotations) {
          if (PlatformOf(entry)) entry.annotations[key] = value;
        }
        if (std::ranges::find(entries, entry) == entries.end()) {
          entries.push_back(std::move(entry));
        }
      }
    }
    return entries;
  }

  // Gives `entry` the platform that the caller wants for it.
  void Annotate(const std::string& source, Descriptor& entry) const {
    auto wanted = options_.platforms.find(source);
    if (wanted == options_.platforms.end() || !entry.platform) return;
    const oci::Platform& platform = wanted->second;
    if (!platform.os.empty()) entry.platform->os = platform.os;
    if (!platform.architecture.empty()) {
      entry.platform->architecture = platform.architecture;
    }
    if (!platform.variant.empty()) entry.platform->variant = platform.variant;
  }

  // What `current`, an index or a lone image, consists of.
  Result<oci::Index> ReadCurrent(
      const registry::FetchedManifest& current) const {
    if (oci::IsIndex(current.descriptor.media_type)) {
      return oci::ParseIndex(current.bytes);
    }
    oci::Index index;
    ASSIGN_OR_RETURN(Descriptor entry, Describe(target_, current));
    index.manifests.push_back(std::move(entry));
    return index;
  }

 private:
  Result<oci::Reference> ReadSource(const std::string& source) const {
    if (auto digest = oci::Digest::Parse(source)) {
      return oci::ByDigest(target_, *digest);
    }
    auto reference = oci::ParseReference(source);
    if (!reference) return std::move(reference).error().Wrap(source);
    return oci::WithDefaultTag(*std::move(reference));
  }

  Result<std::vector<Descriptor>> EntriesOf(const oci::Reference& source,
                                            uint64_t step) const {
    ASSIGN_OR_RETURN(registry::FetchedManifest fetched,
                     client_.FetchManifest(source, options_.stop));
    std::vector<Descriptor> entries;
    if (oci::IsIndex(fetched.descriptor.media_type)) {
      ASSIGN_OR_RETURN(oci::Index index, oci::ParseIndex(fetched.bytes));
      entries = std::move(index.manifests);
    } else {
      ASSIGN_OR_RETURN(Descriptor entry, Describe(source, fetched));
      entries.push_back(std::move(entry));
    }
    registry::CopyOptions copy;
    copy.progress = context::ReportTransfers(progress_, step);
    copy.stop = options_.stop;
    for (const Descriptor& entry : entries) {
      RETURN_IF_ERROR(
          registry::CopyImage(client_, source, target_, entry, copy));
    }
    return entries;
  }

  // The entry of an image, with the platform that its configuration tells.
  Result<Descriptor> Describe(const oci::Reference& source,
                              const registry::FetchedManifest& fetched) const {
    Descriptor entry = fetched.descriptor;
    ASSIGN_OR_RETURN(oci::Manifest manifest, oci::ParseManifest(fetched.bytes));
    if (!oci::IsConfig(manifest.config.media_type) ||
        manifest.config.size_bytes > kConfigLimitBytes) {
      return InvalidArgument(source.ToString() +
                             " is no image: its configuration has media type " +
                             manifest.config.media_type);
    }
    MemorySink sink;
    RETURN_IF_ERROR(
        client_.FetchBlob(source, manifest.config, sink, {}, options_.stop));
    ASSIGN_OR_RETURN(oci::ImageConfig config,
                     oci::ParseImageConfig(sink.bytes()));
    entry.platform = oci::NormalizePlatform(config.platform);
    return entry;
  }

  const oci::Reference& target_;
  const IndexOptions& options_;
  ProgressReporter& progress_;
  const registry::Client client_;
};

Result<oci::Reference> ReadTarget(const std::string& name) {
  ASSIGN_OR_RETURN(oci::Reference target, oci::ParseReference(name));
  if (target.digest) {
    return InvalidArgument(name +
                           ": the digest of an index is not for the "
                           "user to choose; give a tag");
  }
  return oci::WithDefaultTag(std::move(target));
}

}  // namespace

Result<Descriptor> CreateIndex(const std::string& name,
                               const std::vector<std::string>& sources,
                               const IndexOptions& options) {
  ASSIGN_OR_RETURN(oci::Reference target, ReadTarget(name));
  ProgressReporter progress(options.progress);
  Assembly assembly(target, options, progress);
  oci::Index index;
  ASSIGN_OR_RETURN(index.manifests, assembly.Gather(sources));
  index.annotations = options.annotations;
  ASSIGN_OR_RETURN(registry::TaggedDocument document, Serialize(index));
  ProgressStep step(progress, "pushing " + target.ToString());
  RETURN_IF_ERROR(step.EndWith(assembly.client().PutManifest(
      target, document.bytes, document.media_type, options.stop)));
  Descriptor pushed;
  pushed.media_type = document.media_type;
  pushed.digest = oci::Digest::Of(document.bytes);
  pushed.size_bytes = document.bytes.size();
  return pushed;
}

Result<Descriptor> AppendToIndex(const std::string& name,
                                 const std::vector<std::string>& sources,
                                 const IndexOptions& options) {
  ASSIGN_OR_RETURN(oci::Reference target, ReadTarget(name));
  ProgressReporter progress(options.progress);
  Assembly assembly(target, options, progress);
  ASSIGN_OR_RETURN(std::vector<Descriptor> added, assembly.Gather(sources));
  auto change = [&](const std::optional<registry::FetchedManifest>& current)
      -> Result<std::optional<registry::TaggedDocument>> {
    oci::Index index;
    if (current) {
      ASSIGN_OR_RETURN(index, assembly.ReadCurrent(*current));
    }
    index.family = oci::MediaTypeFamily::kOci;
    Merge(added, index.manifests);
    SortEntries(index.manifests);
    for (const auto& [key, value] : options.annotations) {
      index.annotations[key] = value;
    }
    ASSIGN_OR_RETURN(registry::TaggedDocument next, Serialize(index));
    if (current && current->bytes == next.bytes) {
      return std::optional<registry::TaggedDocument>();
    }
    return std::optional(std::move(next));
  };
  ProgressStep step(progress, "appending to " + target.ToString());
  return step.EndWith(
      registry::UpdateTag(assembly.client(), target, change, options.stop));
}

}  // namespace strake::builder
