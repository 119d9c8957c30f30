// Which tasks are due because an image that they stand on has changed.
//
// A change is another manifest digest behind the registry, repository and tag
// that the last successful run recorded. The same manifest pushed again, or
// another tag, is none. Pure.

#ifndef STRAKE_TASKS_TRIGGER_BASE_IMAGE_H_
#define STRAKE_TASKS_TRIGGER_BASE_IMAGE_H_

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "tasks/run/run_record.h"

namespace strake::tasks::trigger {

// Of a base image trigger (ACR: baseImageTriggerType).
enum class BaseImageTriggerType {
  kRuntime,  // what the images are built on
  kAll,      // and what was used to build them
};

struct BaseImage {
  run::ImageName image;  // as recorded, with its digest
  bool runtime = true;
};

struct DependentTask {
  std::string name;
  BaseImageTriggerType type = BaseImageTriggerType::kRuntime;
  std::vector<BaseImage> images;  // of its last successful run
};

// The digest that a registry has for this registry, repository and tag now;
// empty where that is unknown. Called once for each of them.
using DigestLookup = std::function<std::string(const run::ImageName& image)>;

// One for a task, however many of its images and tags changed.
struct BaseImageUpdate {
  std::string task;
  // What changed, with the digests of now; by registry, repository and tag.
  std::vector<run::ImageName> images;
  // The same for the same change of the same task: a key under which a run is
  // started once only.
  std::string id;
};

// The updates that are due, in the order of `tasks`. An image that was recorded
// without a tag or without a digest cannot change.
std::vector<BaseImageUpdate> FindUpdates(
    const std::vector<DependentTask>& tasks, const DigestLookup& digest_now);

// "registry/repository:tag": what can change.
std::string TagName(const run::ImageName& image);

}  // namespace strake::tasks::trigger

#endif  // STRAKE_TASKS_TRIGGER_BASE_IMAGE_H_
