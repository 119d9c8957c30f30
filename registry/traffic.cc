#include "registry/traffic.h"

#include <algorithm>
#include <optional>

#include "registry/retry.h"

namespace strake::registry {

std::chrono::nanoseconds RatePacer::Reserve(uint64_t bytes, Time now) {
  constexpr double kNanoseconds = 1e9;
  Time start = std::max(now, free_from_);
  auto taken = std::chrono::nanoseconds(static_cast<int64_t>(
      static_cast<double>(bytes) / static_cast<double>(rate_) * kNanoseconds));
  free_from_ = start + taken;
  return start - now;
}

Traffic::Slot::~Slot() {
  if (traffic_ == nullptr) return;
  {
    std::lock_guard lock(traffic_->slots_mutex_);
    --traffic_->slots_taken_[key_];
  }
  traffic_->slot_free_.notify_all();
}

Traffic::Traffic(TrafficLimits limits) : limits_(std::move(limits)) {
  auto pacers = pacers_.lock();
  if (limits_.bytes_per_second > 0) {
    pacers->emplace("", RatePacer(limits_.bytes_per_second));
  }
  for (const auto& [host, of_host] : limits_.hosts) {
    if (of_host.bytes_per_second == 0) continue;
    pacers->emplace(host, RatePacer(of_host.bytes_per_second));
  }
}

const HostLimits* Traffic::Find(std::string_view host) const {
  auto it = limits_.hosts.find(host);
  return it == limits_.hosts.end() ? nullptr : &it->second;
}

Traffic::Slot Traffic::Enter(std::string_view host, bool uploads,
                             std::stop_token stop) {
  const HostLimits* limits = Find(host);
  if (limits == nullptr || limits->max_requests == 0) return {};
  std::string key = std::string(host) + (uploads ? " up" : "");
  std::unique_lock lock(slots_mutex_);
  unsigned& taken = slots_taken_[key];
  bool free =
      slot_free_.wait(lock, stop, [&] { return taken < limits->max_requests; });
  if (!free) return {};
  ++taken;
  return Slot(*this, std::move(key));
}

uint64_t Traffic::RateFor(std::string_view host) const {
  const HostLimits* limits = Find(host);
  uint64_t own = limits == nullptr ? 0 : limits->bytes_per_second;
  uint64_t all = limits_.bytes_per_second;
  return own == 0 || all == 0 ? std::max(own, all) : std::min(own, all);
}

bool Traffic::Pace(std::string_view host, uint64_t bytes,
                   std::stop_token stop) {
  if (RateFor(host) == 0) return true;
  std::chrono::nanoseconds wait{0};
  {
    auto pacers = pacers_.lock();
    auto now = std::chrono::steady_clock::now();
    for (std::string_view name : {std::string_view(), host}) {
      auto pacer = pacers->find(name);
      if (pacer == pacers->end()) continue;
      wait = std::max(wait, pacer->second.Reserve(bytes, now));
    }
  }
  return WaitFor(std::chrono::ceil<std::chrono::milliseconds>(wait), stop);
}

uint64_t Traffic::ChunkBytesFor(std::string_view host) const {
  const HostLimits* limits = Find(host);
  return limits == nullptr ? 0 : limits->chunk_bytes;
}

UploadHabits Traffic::HabitsOf(std::string_view host) {
  auto habits = habits_.lock();
  auto it = habits->find(host);
  return it == habits->end() ? UploadHabits() : it->second;
}

void Traffic::Learn(std::string_view host, const UploadHabits& habits) {
  auto all = habits_.lock();
  UploadHabits& known = (*all)[std::string(host)];
  known.refuses_patch |= habits.refuses_patch;
  if (habits.largest_request == 0) return;
  known.largest_request =
      known.largest_request == 0
          ? habits.largest_request
          : std::min(known.largest_request, habits.largest_request);
}

}  // namespace strake::registry
