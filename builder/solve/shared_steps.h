// Steps that several builds have in common, while they run at the same time on
// one store: whoever comes first carries one out, the others take its result.
// Thread-safe.

#ifndef STRAKE_BUILDER_SOLVE_SHARED_STEPS_H_
#define STRAKE_BUILDER_SOLVE_SHARED_STEPS_H_

#include <functional>
#include <future>
#include <map>
#include <string>

#include "builder/cache/cache_index.h"
#include "util/guarded.h"
#include "util/result.h"

namespace strake::builder::solve {

class SharedSteps {
 public:
  using Carry = std::function<Result<cache::CacheRecord>()>;

  // What `carry` gives for `key`, or gave to whoever asked first. Waits for it.
  // A failure is shared, too; but where the first was stopped, the next one
  // carries it out.
  Result<cache::CacheRecord> Once(const std::string& key, const Carry& carry) {
    while (true) {
      bool first = false;
      auto result = OnceOrCancelled(key, carry, first);
      const bool is_cancelled =
          !result && result.error().code() == ErrorCode::kCancelled;
      if (first || !is_cancelled) return result;
    }
  }

 private:
  Result<cache::CacheRecord> OnceOrCancelled(const std::string& key,
                                             const Carry& carry, bool& first) {
    std::promise<Result<cache::CacheRecord>> promise;
    std::shared_future<Result<cache::CacheRecord>> future;
    {
      auto steps = steps_.lock();
      auto [known, is_new] = steps->try_emplace(key);
      if (is_new) known->second = promise.get_future().share();
      first = is_new;
      future = known->second;
    }
    if (first) {
      auto carried = carry();
      if (!carried && carried.error().code() == ErrorCode::kCancelled) {
        steps_.lock()->erase(key);
      }
      promise.set_value(std::move(carried));
    }
    return future.get();
  }

  Guarded<std::map<std::string, std::shared_future<Result<cache::CacheRecord>>>>
      steps_;
};

}  // namespace strake::builder::solve

#endif  // STRAKE_BUILDER_SOLVE_SHARED_STEPS_H_
