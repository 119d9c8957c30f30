#include "cli/json_progress.h"

#include <span>
#include <string_view>
#include <utility>

#include "oci/digest.h"
#include "oci/image_config.h"
#include "util/byte_stream.h"
#include "util/json.h"
#include "util/strings.h"

namespace strake::cli {
namespace {

using builder::ProgressEvent;
using Json = nlohmann::json;
using Kind = ProgressEvent::Kind;

constexpr std::chrono::milliseconds kTransferInterval{100};

// BuildKit names vertices by digest; ours only have to differ.
std::string VertexDigest(uint64_t step, const std::string& name) {
  return oci::Digest::Of("strake step " + std::to_string(step) + " " + name)
      .ToString();
}

std::string Rfc3339(std::chrono::system_clock::time_point time) {
  return oci::FormatTimestamp(
      std::chrono::time_point_cast<std::chrono::nanoseconds>(time));
}

Json Line(const char* key, Json element) {
  return Json{{key, Json::array({std::move(element)})}};
}

}  // namespace

void JsonProgress::OnEvent(const ProgressEvent& event) {
  if (event.kind == Kind::kPhase) return;
  auto [entry, is_new] = steps_.try_emplace(event.step);
  Step& step = entry->second;
  if (is_new) {
    step.name = event.name;
    step.started = event.time;
    if (event.step != 0) step.digest = VertexDigest(event.step, event.name);
  }
  auto vertex = [&] {
    return Json{{"digest", step.digest},
                {"name", step.name},
                {"started", Rfc3339(step.started)}};
  };
  Json line;
  switch (event.kind) {
    case Kind::kStepStarted:
      line = Line("vertexes", vertex());
      break;
    case Kind::kStepCached:
    case Kind::kStepDone:
    case Kind::kStepFailed:
    case Kind::kStepCancelled: {
      Json ended = vertex();
      ended["completed"] = Rfc3339(event.time);
      if (event.kind == Kind::kStepCached) ended["cached"] = true;
      if (event.kind == Kind::kStepFailed) ended["error"] = event.text;
      if (event.kind == Kind::kStepCancelled) ended["error"] = "canceled";
      line = Line("vertexes", std::move(ended));
      break;
    }
    case Kind::kLog:
      line = Line("logs", {{"vertex", step.digest},
                           {"stream", event.stream},
                           {"data", Base64Encode(event.text)},
                           {"timestamp", Rfc3339(event.time)}});
      break;
    case Kind::kTransfer: {
      auto [found, first] = step.transfers.try_emplace(
          event.transfer.id, Transfer{event.time, event.time});
      Transfer& transfer = found->second;
      bool due = event.time - transfer.written >= kTransferInterval;
      if (!first && !due && !event.transfer.done) return;
      transfer.written = event.time;
      Json status = {{"id", event.transfer.id},
                     {"vertex", step.digest},
                     {"current", event.transfer.current_bytes},
                     {"timestamp", Rfc3339(event.time)},
                     {"started", Rfc3339(transfer.started)}};
      if (event.transfer.total_bytes > 0) {
        status["total"] = event.transfer.total_bytes;
      }
      if (event.transfer.done) status["completed"] = Rfc3339(event.time);
      line = Line("statuses", std::move(status));
      break;
    }
    case Kind::kPhase:
      return;
    case Kind::kWarning: {
      Json warning = {{"level", 1}, {"short", Base64Encode(event.text)}};
      if (!step.digest.empty()) warning["vertex"] = step.digest;
      line = Line("warnings", std::move(warning));
      break;
    }
  }
  std::string text = DumpJson(line) + "\n";
  [[maybe_unused]] Status written =
      WriteFully(fd_, std::as_bytes(std::span(text)));
}

std::string JsonError(const Error& error) {
  return DumpJson({{"error",
                    {{"code", std::string(ErrorCodeName(error.code()))},
                     {"message", error.message()}}}});
}

}  // namespace strake::cli
