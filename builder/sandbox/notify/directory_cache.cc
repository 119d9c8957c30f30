#include "builder/sandbox/notify/directory_cache.h"

#include <algorithm>
#include <mutex>
#include <utility>

namespace strake::builder::sandbox::notify {

DirectoryCache::Handle DirectoryCache::Find(std::string_view path) const {
  std::shared_lock lock(mutex_);
  auto found = directories_.find(path);
  return found == directories_.end() ? nullptr : found->second;
}

uint64_t DirectoryCache::generation() const {
  std::shared_lock lock(mutex_);
  return generation_;
}

void DirectoryCache::Insert(std::string path, Handle directory,
                            uint64_t generation) {
  std::unique_lock lock(mutex_);
  if (generation != generation_) return;
  if (directories_.size() >= kMost) {
    // What is needed again comes again, for little.
    directories_.clear();
    names_.clear();
  }
  const auto [at, inserted] =
      directories_.try_emplace(std::move(path), std::move(directory));
  if (!inserted) return;
  for (const std::string& name : at->second->names) ++names_[name];
}

void DirectoryCache::Forget(std::string_view name) {
  std::unique_lock lock(mutex_);
  ++generation_;
  if (names_.find(name) == names_.end()) return;
  for (auto at = directories_.begin(); at != directories_.end();) {
    const std::vector<std::string>& names = at->second->names;
    const auto next = std::next(at);
    if (std::find(names.begin(), names.end(), name) != names.end()) Erase(at);
    at = next;
  }
}

void DirectoryCache::Erase(
    std::map<std::string, Handle, std::less<>>::iterator at) {
  for (const std::string& name : at->second->names) {
    auto counted = names_.find(name);
    if (--counted->second == 0) names_.erase(counted);
  }
  directories_.erase(at);
}

}  // namespace strake::builder::sandbox::notify
