#include "builder/pack.h"

#include <fcntl.h>

#include <algorithm>
#include <chrono>
#include <numeric>
#include <optional>
#include <string_view>
#include <utility>

#include "util/result_macros.h"
#include "util/strings.h"

namespace strake::builder {
namespace {

using Seconds = std::chrono::duration<double>;

class StoppableSink final : public ByteSink {
 public:
  StoppableSink(const std::stop_token& stop, ByteSink& next)
      : stop_(stop), next_(next) {}
  using ByteSink::Write;
  Status Write(std::span<const std::byte> data) override {
    if (stop_.stop_requested()) return Cancelled("packing was cancelled");
    return next_.Write(data);
  }

 private:
  const std::stop_token& stop_;
  ByteSink& next_;
};

// proc(5), /proc/pid/clear_refs: from here on the high water mark is that of
// what comes. Where the kernel lacks it, the mark stays that of the process.
void ForgetPeakMemory() {
  auto fd = OpenFile("/proc/self/clear_refs", O_WRONLY);
  if (!fd) return;
  [[maybe_unused]] auto written =
      WriteFully(fd->get(), std::as_bytes(std::span("5", 1)));
}

uint64_t PeakMemory() {
  constexpr std::string_view kName = "VmHWM:";
  auto status = ReadFile("/proc/self/status");
  if (!status) return 0;
  size_t at = status->find(kName);
  if (at == std::string::npos) return 0;
  return std::strtoull(status->c_str() + at + kName.size(), nullptr, 10) * 1024;
}

struct Run {
  oci::PackedLayer packed;
  uint64_t peak_memory_bytes = 0;
};

Result<Run> RunOnce(PackSource& source, const oci::LayerForm& form,
                    const PackOptions& options, bool last) {
  std::unique_ptr<ByteSink> out = std::make_unique<NullSink>();
  if (last && options.open_output) {
    ASSIGN_OR_RETURN(out, options.open_output());
  }
  auto produce = [&](ByteSink& tar) -> Status {
    StoppableSink sink(options.stop, tar);
    return source.WriteTar(sink);
  };
  Run run;
  ForgetPeakMemory();
  ASSIGN_OR_RETURN(run.packed, oci::PackLayer(produce, form, *out));
  run.peak_memory_bytes = PeakMemory();
  return run;
}

Status CheckSame(const PackSource& source, const Run& one, const Run& other) {
  const oci::LayerBlob& a = one.packed.layer;
  const oci::LayerBlob& b = other.packed.layer;
  if (a.descriptor.digest == b.descriptor.digest) return {};
  if (a.diff_id != b.diff_id) {
    return IoError("the " + source.description() +
                   " was changed while it was packed");
  }
  return Internal("one tar was packed to " + a.descriptor.digest.ToString() +
                  " and then to " + b.descriptor.digest.ToString());
}

double MedianSeconds(const PackResult& result) {
  return Seconds(result.packed.wall).count();
}

bool Beats(const PackResult& a, const PackResult& b) {
  const uint64_t size_a = a.packed.layer.descriptor.size_bytes;
  const uint64_t size_b = b.packed.layer.descriptor.size_bytes;
  const double time_a = MedianSeconds(a);
  const double time_b = MedianSeconds(b);
  return time_a <= time_b && size_a <= size_b &&
         (time_a < time_b || size_a < size_b);
}

}  // namespace

Result<PackResult> MeasurePack(PackSource& source, const oci::LayerForm& form,
                               const PackOptions& options) {
  std::vector<Run> runs;
  for (int i = 0; i < options.repeat; ++i) {
    const bool last = i + 1 == options.repeat;
    ASSIGN_OR_RETURN(Run run, RunOnce(source, form, options, last));
    runs.push_back(std::move(run));
    RETURN_IF_ERROR(CheckSame(source, runs.front(), runs.back()));
  }
  PackResult result;
  result.form = form;
  for (const Run& run : runs) {
    result.wall_seconds.push_back(Seconds(run.packed.wall).count());
    result.peak_memory_bytes =
        std::max(result.peak_memory_bytes, run.peak_memory_bytes);
  }
  auto median = runs.begin() + static_cast<ptrdiff_t>((runs.size() - 1) / 2);
  std::ranges::nth_element(runs, median, {},
                           [](const Run& run) { return run.packed.wall; });
  result.packed = std::move(median->packed);
  return result;
}

void MarkParetoFront(std::vector<PackResult>& results) {
  for (PackResult& result : results) {
    result.on_front = std::ranges::none_of(
        results, [&](const PackResult& other) { return Beats(other, result); });
  }
}

std::vector<oci::LayerForm> FormsToCompare(int threads) {
  std::vector<oci::LayerForm> forms;
  auto add = [&](oci::Compression algorithm, int level, bool estargz) {
    oci::LayerForm form;
    form.compression = {algorithm, level, threads};
    form.estargz = estargz;
    forms.push_back(form);
  };
  add(oci::Compression::kNone, -1, false);
  for (int level : {1, 2, 3, 4, 6, 9}) {
    add(oci::Compression::kGzip, level, false);
  }
  for (int level : {1, 3, 6, 9, 12}) add(oci::Compression::kZstd, level, false);
  for (int level : {4, 6}) add(oci::Compression::kGzip, level, true);
  return forms;
}

}  // namespace strake::builder
