// The containers of a run, opened when the first is needed: a task that only
// builds and pushes runs where no container could.

#ifndef STRAKE_TASKS_RUN_LAZY_CONTAINERS_H_
#define STRAKE_TASKS_RUN_LAZY_CONTAINERS_H_

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>

#include "builder/containers.h"
#include "util/result.h"

namespace strake::tasks::run {

// Thread-safe.
class LazyContainers {
 public:
  using Open = std::function<Result<std::unique_ptr<builder::Containers>>()>;
  explicit LazyContainers(Open open) : open_(std::move(open)) {}

  // Opened by the first call; the same, or the same error, ever after.
  Result<builder::Containers*> Get() {
    std::lock_guard lock(mutex_);
    if (!opened_) opened_ = open_();
    if (!*opened_) return opened_->error();
    return (**opened_).get();
  }

 private:
  std::mutex mutex_;
  Open open_;
  std::optional<Result<std::unique_ptr<builder::Containers>>> opened_;
};

}  // namespace strake::tasks::run

#endif  // STRAKE_TASKS_RUN_LAZY_CONTAINERS_H_
