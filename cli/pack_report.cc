#include "cli/pack_report.h"

#include <chrono>
#include <cstdio>
#include <utility>

#include "cli/storage_values.h"
#include "util/json.h"
#include "util/strings.h"

namespace strake::cli {
namespace {

using builder::PackResult;
using nlohmann::json;
using Table = std::vector<std::vector<std::string>>;

double Seconds(std::chrono::nanoseconds time) {
  return std::chrono::duration<double>(time).count();
}

std::string Fixed(double value, int digits) {
  char text[64];
  std::snprintf(text, sizeof text, "%.*f", digits, value);
  return text;
}

double MegabytesPerSecond(uint64_t bytes, double seconds) {
  constexpr double kMega = 1e6;
  return seconds > 0 ? static_cast<double>(bytes) / kMega / seconds : 0;
}

double Ratio(const PackResult& result) {
  const oci::LayerBlob& layer = result.packed.layer;
  if (layer.uncompressed_bytes == 0) return 1;
  return static_cast<double>(layer.descriptor.size_bytes) /
         static_cast<double>(layer.uncompressed_bytes);
}

double Throughput(const PackResult& result) {
  return MegabytesPerSecond(result.packed.layer.uncompressed_bytes,
                            Seconds(result.packed.wall));
}

std::string LevelName(const PackResult& result) {
  int level = result.form.compression.level;
  return level < 0 ? "default" : std::to_string(level);
}

std::string MemoryText(const PackResult& result) {
  if (result.peak_memory_bytes == 0) return "unknown";
  return HumanBytes(result.peak_memory_bytes);
}

std::string OneResult(const PackReport& report) {
  const PackResult& result = report.results.front();
  const oci::LayerBlob& layer = result.packed.layer;
  const double seconds = Seconds(result.packed.wall);
  Table facts = {
      {"input:", report.input + " (" + report.description + ")"},
      {"input size:", HumanBytes(report.input_bytes)},
      {"form:", PackFormName(result.form) + ", level " + LevelName(result) +
                    ", " + std::to_string(result.form.compression.threads) +
                    " threads"},
      {"tar:", HumanBytes(layer.uncompressed_bytes)},
      {"blob:", HumanBytes(layer.descriptor.size_bytes) + ", ratio " +
                    Fixed(Ratio(result), 3)},
      {"digest:", layer.descriptor.digest.ToString()},
      {"diff ID:", layer.diff_id.ToString()},
      {"time:", Fixed(seconds, 3) + " s, " + Fixed(Throughput(result), 0) +
                    " MB/s (the median of " +
                    std::to_string(result.wall_seconds.size()) + ")"},
      {"processor:", Fixed(Seconds(result.packed.cpu), 3) + " s"},
      {"peak memory:", MemoryText(result)}};
  Table stages = {{"STAGE", "BYTES IN", "TIME", "PROCESSOR", "MB/S"}};
  for (const oci::PackStage& stage : result.packed.stages) {
    stages.push_back(
        {std::string(stage.name), HumanBytes(stage.bytes),
         Fixed(Seconds(stage.wall), 3) + " s",
         Fixed(Seconds(stage.cpu), 3) + " s",
         Fixed(MegabytesPerSecond(stage.bytes, Seconds(stage.cpu)), 0)});
  }
  return FormatTable(facts) + "\n" + FormatTable(stages);
}

std::string ManyResults(const PackReport& report) {
  Table rows = {{"FORM", "LEVEL", "THREADS", "BLOB", "RATIO", "TIME", "MB/S",
                 "PROCESSOR", "MEMORY", "FRONT"}};
  for (const PackResult& result : report.results) {
    rows.push_back({PackFormName(result.form), LevelName(result),
                    std::to_string(result.form.compression.threads),
                    HumanBytes(result.packed.layer.descriptor.size_bytes),
                    Fixed(Ratio(result), 3),
                    Fixed(Seconds(result.packed.wall), 3) + " s",
                    Fixed(Throughput(result), 0),
                    Fixed(Seconds(result.packed.cpu), 3) + " s",
                    MemoryText(result), result.on_front ? "*" : ""});
  }
  return FormatTable(rows);
}

json ResultJson(const PackResult& result) {
  const oci::LayerBlob& layer = result.packed.layer;
  json stages = json::array();
  for (const oci::PackStage& stage : result.packed.stages) {
    stages.push_back({{"name", stage.name},
                      {"bytes_in", stage.bytes},
                      {"wall_seconds", Seconds(stage.wall)},
                      {"cpu_seconds", Seconds(stage.cpu)}});
  }
  json object = {{"compression", PackFormName(result.form)},
                 {"threads", result.form.compression.threads},
                 {"digest", layer.descriptor.digest.ToString()},
                 {"diff_id", layer.diff_id.ToString()},
                 {"media_type", layer.descriptor.media_type},
                 {"tar_bytes", layer.uncompressed_bytes},
                 {"blob_bytes", layer.descriptor.size_bytes},
                 {"ratio", Ratio(result)},
                 {"megabytes_per_second", Throughput(result)},
                 {"wall_seconds", Seconds(result.packed.wall)},
                 {"all_wall_seconds", result.wall_seconds},
                 {"cpu_seconds", Seconds(result.packed.cpu)},
                 {"on_front", result.on_front},
                 {"stages", std::move(stages)}};
  if (result.form.compression.level >= 0) {
    object["level"] = result.form.compression.level;
  }
  if (result.peak_memory_bytes > 0) {
    object["peak_memory_bytes"] = result.peak_memory_bytes;
  }
  return object;
}

}  // namespace

std::string PackFormName(const oci::LayerForm& form) {
  if (form.estargz) return "estargz";
  return std::string(oci::CompressionName(form.compression.algorithm));
}

std::string PackTable(const PackReport& report) {
  return report.results.size() == 1 ? OneResult(report) : ManyResults(report);
}

std::string PackJson(const PackReport& report) {
  json results = json::array();
  for (const PackResult& result : report.results) {
    results.push_back(ResultJson(result));
  }
  return DumpJsonPretty({{"input", report.input},
                         {"kind", report.description},
                         {"input_bytes", report.input_bytes},
                         {"results", std::move(results)}}) +
         "\n";
}

std::string PackCsv(const PackReport& report) {
  std::string text =
      "compression,level,threads,tar_bytes,blob_bytes,ratio,"
      "wall_seconds,cpu_seconds,megabytes_per_second,peak_memory_bytes,"
      "on_front,tar_cpu_seconds,diff_id_cpu_seconds,compress_cpu_seconds,"
      "digest_cpu_seconds,write_cpu_seconds,digest\n";
  for (const PackResult& result : report.results) {
    const oci::LayerBlob& layer = result.packed.layer;
    const int level = result.form.compression.level;
    std::vector<std::string> cells = {
        PackFormName(result.form),
        level < 0 ? "" : std::to_string(level),
        std::to_string(result.form.compression.threads),
        std::to_string(layer.uncompressed_bytes),
        std::to_string(layer.descriptor.size_bytes),
        Fixed(Ratio(result), 4),
        Fixed(Seconds(result.packed.wall), 6),
        Fixed(Seconds(result.packed.cpu), 6),
        Fixed(Throughput(result), 1),
        std::to_string(result.peak_memory_bytes),
        result.on_front ? "1" : "0"};
    for (const oci::PackStage& stage : result.packed.stages) {
      cells.push_back(Fixed(Seconds(stage.cpu), 6));
    }
    cells.push_back(layer.descriptor.digest.ToString());
    text += Join(cells, ",") + "\n";
  }
  return text;
}

}  // namespace strake::cli
