#include "cli/chrome_trace.h"

#include <algorithm>
#include <chrono>
#include <string_view>
#include <utility>
#include <vector>

#include "util/json.h"

namespace strake::cli {
namespace {

using Json = nlohmann::json;
using Kind = TimeSpan::Kind;
using Time = TimeSpan::Time;

struct Track {
  Kind kind = Kind::kStep;
  int process = 0;
  std::string_view name;
  std::string_view category;
};
constexpr Track kTracks[] = {{Kind::kStep, 1, "steps", "step"},
                             {Kind::kPhase, 2, "phases", "phase"},
                             {Kind::kTransfer, 3, "transfers", "transfer"}};

int64_t Microseconds(std::chrono::system_clock::duration duration) {
  return std::chrono::duration_cast<std::chrono::microseconds>(duration)
      .count();
}

Json NameOf(const Track& track) {
  return {{"name", "process_name"},
          {"ph", "M"},
          {"pid", track.process},
          {"args", {{"name", track.name}}}};
}

// The first thread that is free when `span` begins.
size_t TakeThread(const TimeSpan& span, std::vector<Time>& busy_until) {
  auto free = std::ranges::find_if(
      busy_until, [&](Time until) { return until <= span.began; });
  if (free == busy_until.end()) free = busy_until.insert(free, Time());
  *free = span.ended;
  return static_cast<size_t>(free - busy_until.begin());
}

void AddTrack(const Track& track, std::span<const TimeSpan> spans, Time first,
              Json& events) {
  events.push_back(NameOf(track));
  std::vector<Time> busy_until;
  for (const TimeSpan& span : spans) {
    if (span.kind != track.kind) continue;
    events.push_back({{"name", span.name},
                      {"cat", track.category},
                      {"ph", "X"},
                      {"ts", Microseconds(span.began - first)},
                      {"dur", Microseconds(span.ended - span.began)},
                      {"pid", track.process},
                      {"tid", TakeThread(span, busy_until) + 1},
                      {"args", {{"detail", span.detail}}}});
  }
}

}  // namespace

std::string ChromeTrace(std::span<const TimeSpan> spans) {
  std::vector<TimeSpan> in_order(spans.begin(), spans.end());
  std::ranges::stable_sort(in_order, {}, &TimeSpan::began);
  const Time first = in_order.empty() ? Time() : in_order.front().began;
  Json events = Json::array();
  for (const Track& track : kTracks) AddTrack(track, in_order, first, events);
  return DumpJson({{"displayTimeUnit", "ms"}, {"traceEvents", events}}) + "\n";
}

}  // namespace strake::cli
