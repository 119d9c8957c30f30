#include "tasks/trigger/base_image.h"

#include <map>
#include <utility>

#include "oci/digest.h"

namespace strake::tasks::trigger {
namespace {

// Asks once for each tag.
class Lookup {
 public:
  explicit Lookup(const DigestLookup& digest_now) : digest_now_(digest_now) {}

  const std::string& Find(const run::ImageName& image) {
    std::string name = TagName(image);
    auto found = known_.find(name);
    if (found == known_.end()) {
      found = known_.emplace(std::move(name), digest_now_(image)).first;
    }
    return found->second;
  }

 private:
  const DigestLookup& digest_now_;
  std::map<std::string, std::string> known_;
};

bool Counts(const BaseImage& base, BaseImageTriggerType type) {
  return (base.runtime || type == BaseImageTriggerType::kAll) &&
         !base.image.tag.empty() && !base.image.digest.empty();
}

}  // namespace

std::string TagName(const run::ImageName& image) {
  return image.registry + "/" + image.repository + ":" + image.tag;
}

std::vector<BaseImageUpdate> FindUpdates(
    const std::vector<DependentTask>& tasks, const DigestLookup& digest_now) {
  Lookup lookup(digest_now);
  std::vector<BaseImageUpdate> updates;
  for (const DependentTask& task : tasks) {
    std::map<std::string, run::ImageName> changed;
    for (const BaseImage& base : task.images) {
      if (!Counts(base, task.type)) continue;
      const std::string& now = lookup.Find(base.image);
      if (now.empty() || now == base.image.digest) continue;
      run::ImageName image = base.image;
      image.digest = now;
      changed[TagName(image)] = std::move(image);
    }
    if (changed.empty()) continue;
    BaseImageUpdate update{task.name, {}, ""};
    std::string all = task.name;
    for (auto& [name, image] : changed) {
      all += "\n" + name + "@" + image.digest;
      update.images.push_back(std::move(image));
    }
    update.id = oci::Digest::Of(all).ToString();
    updates.push_back(std::move(update));
  }
  return updates;
}

}  // namespace strake::tasks::trigger
