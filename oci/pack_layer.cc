// All stages but hashing, where there are threads, and the workers' part of
// compressing share one thread: a clock that is told which of them goes on
// charges each with the time until the next change. The threads that hash tell
// what they used of the processor; what is left of the process's time is that
// of those that compress.

#include "oci/pack_layer.h"

#include <time.h>

#include <algorithm>
#include <array>
#include <memory>
#include <span>
#include <thread>
#include <utility>

#include "oci/background_hasher.h"
#include "oci/compressor.h"
#include "oci/estargz.h"
#include "util/result_macros.h"
#include "util/thread.h"

namespace strake::oci {
namespace {

using std::chrono::nanoseconds;

enum Stage : size_t { kTar, kDiffId, kCompress, kDigest, kWrite, kStages };
constexpr std::array<std::string_view, kStages> kNames = {
    "tar", "diff ID", "compress", "digest", "write"};

nanoseconds Time(clockid_t clock) {
  struct timespec now = {};
  ::clock_gettime(clock, &now);
  return std::chrono::seconds(now.tv_sec) + nanoseconds(now.tv_nsec);
}

// Which stage the thread that made it is busy with.
class StageClock {
 public:
  StageClock() {
    for (size_t i = 0; i < kStages; ++i) stages_[i].name = kNames[i];
  }

  // Goes on with `stage`; returns the one before.
  Stage Enter(Stage stage) {
    nanoseconds wall = Time(CLOCK_MONOTONIC);
    nanoseconds cpu = Time(CLOCK_THREAD_CPUTIME_ID);
    stages_[stage_].wall += wall - wall_;
    stages_[stage_].cpu += cpu - cpu_;
    wall_ = wall;
    cpu_ = cpu;
    return std::exchange(stage_, stage);
  }
  PackStage& at(Stage stage) { return stages_[stage]; }

  // Ends the measuring.
  void Finish(PackedLayer& packed) {
    Enter(kTar);
    packed.wall = wall_ - first_wall_;
    packed.cpu = Time(CLOCK_PROCESS_CPUTIME_ID) - first_process_cpu_;
    nanoseconds others = packed.cpu;
    for (const PackStage& stage : stages_) others -= stage.cpu;
    stages_[kCompress].cpu += std::max(others, nanoseconds(0));
    packed.stages.assign(stages_.begin(), stages_.end());
  }

 private:
  std::array<PackStage, kStages> stages_;
  Stage stage_ = kTar;
  nanoseconds first_process_cpu_ = Time(CLOCK_PROCESS_CPUTIME_ID);
  nanoseconds first_wall_ = Time(CLOCK_MONOTONIC);
  nanoseconds wall_ = first_wall_;
  nanoseconds cpu_ = Time(CLOCK_THREAD_CPUTIME_ID);
};

// What passes on to `next` (borrowed) belongs to `stage`.
class StageSink final : public ByteSink {
 public:
  StageSink(StageClock& clock, Stage stage, ByteSink& next)
      : clock_(clock), stage_(stage), next_(next) {}
  using ByteSink::Write;
  Status Write(std::span<const std::byte> data) override {
    clock_.at(stage_).bytes += data.size();
    Stage before = clock_.Enter(stage_);
    Status status = next_.Write(data);
    clock_.Enter(before);
    return status;
  }
  Status Finish() override {
    Stage before = clock_.Enter(stage_);
    Status status = next_.Finish();
    clock_.Enter(before);
    return status;
  }

 private:
  StageClock& clock_;
  const Stage stage_;
  ByteSink& next_;
};

class StageSource final : public ByteSource {
 public:
  StageSource(StageClock& clock, Stage stage, ByteSource& next)
      : clock_(clock), stage_(stage), next_(next) {}
  Result<size_t> Read(std::span<std::byte> buffer) override {
    Stage before = clock_.Enter(stage_);
    auto count = next_.Read(buffer);
    clock_.Enter(before);
    if (count) clock_.at(stage_).bytes += *count;
    return count;
  }

 private:
  StageClock& clock_;
  const Stage stage_;
  ByteSource& next_;
};

HashThread HashThreadOf(const LayerForm& form) {
  return form.compression.threads == 0 ? HashThread::kCallers
                                       : HashThread::kOwn;
}

// The digest of what went through `hashing`, as a part of `stage`.
Digest DigestOf(BackgroundHashingSink& hashing, StageClock& clock,
                Stage stage) {
  Stage before = clock.Enter(stage);
  Digest digest = hashing.digest();
  clock.Enter(before);
  clock.at(stage).cpu += hashing.thread_time();
  return digest;
}

Status PackPlain(const TarProducer& produce, const LayerForm& form,
                 StageClock& clock, ByteSink& out, LayerBlob& layer) {
  ASSIGN_OR_RETURN(std::unique_ptr<ByteSink> compressor,
                   NewCompressor(form.compression, out));
  if (form.compression.algorithm == Compression::kNone) return produce(out);
  StageSink compress(clock, kCompress, *compressor);
  BackgroundHashingSink hashing(HashThreadOf(form), compress);
  StageSink diff_id(clock, kDiffId, hashing);
  RETURN_IF_ERROR(produce(diff_id));
  RETURN_IF_ERROR(compress.Finish());
  layer.diff_id = DigestOf(hashing, clock, kDiffId);
  layer.uncompressed_bytes = hashing.size_bytes();
  return {};
}

// What `produce` writes, as a stream to read: it writes on a thread.
class ProducedTar {
 public:
  explicit ProducedTar(const TarProducer& produce) : produce_(produce) {}

  Status Start() {
    ASSIGN_OR_RETURN(Pipe pipe, MakePipe());
    source_ = std::make_unique<FdSource>(std::move(pipe.read_end));
    ASSIGN_OR_RETURN(
        thread_, StartThread([this, end = std::move(pipe.write_end)]() mutable {
          FdSink sink(std::move(end));
          produced_ = produce_(sink);
          cpu_ = Time(CLOCK_THREAD_CPUTIME_ID);
        }));
    return {};
  }
  ~ProducedTar() { static_cast<void>(Stop()); }

  ByteSource& source() { return *source_; }
  // Waits for the thread, which an early end of reading stops. The producer's
  // own error; to be asked before whatever the reader made of it.
  Status Stop() {
    source_.reset();
    if (thread_.joinable()) thread_.join();
    return produced_;
  }
  nanoseconds cpu() const { return cpu_; }

 private:
  const TarProducer& produce_;
  std::unique_ptr<FdSource> source_;
  std::thread thread_;
  Status produced_;
  nanoseconds cpu_{0};
};

Status PackEstargz(const TarProducer& produce, const LayerForm& form,
                   StageClock& clock, ByteSink& out, LayerBlob& layer) {
  ProducedTar tar(produce);
  RETURN_IF_ERROR(tar.Start());
  StageSource source(clock, kTar, tar.source());
  clock.Enter(kCompress);
  auto summary = WriteEstargz(source, form.compression.level,
                              form.compression.threads, out);
  // A tar may go on behind its end, and who writes it must not fail for that.
  NullSink nowhere;
  if (summary) RETURN_IF_ERROR(CopyAll(source, nowhere));
  Status produced = tar.Stop();
  // The reader sees the producer's failure as a truncated tar.
  if (!produced && (summary || summary.error().code() == ErrorCode::kCorrupt)) {
    return produced;
  }
  RETURN_IF_ERROR(summary);
  DescribeEstargz(*summary, layer);
  clock.at(kTar).cpu += tar.cpu();
  clock.at(kCompress).bytes = summary->uncompressed_bytes;
  return {};
}

}  // namespace

Result<PackedLayer> PackLayer(const TarProducer& produce, const LayerForm& form,
                              ByteSink& out) {
  PackedLayer packed;
  LayerBlob& layer = packed.layer;
  ASSIGN_OR_RETURN(
      layer.descriptor.media_type,
      LayerMediaType(form.compression.algorithm, MediaTypeFamily::kOci));
  StageClock clock;
  StageSink write(clock, kWrite, out);
  BackgroundHashingSink hashing(HashThreadOf(form), write);
  StageSink digest(clock, kDigest, hashing);
  if (form.estargz) {
    RETURN_IF_ERROR(PackEstargz(produce, form, clock, digest, layer));
  } else {
    RETURN_IF_ERROR(PackPlain(produce, form, clock, digest, layer));
  }
  layer.descriptor.size_bytes = hashing.size_bytes();
  layer.descriptor.digest = DigestOf(hashing, clock, kDigest);
  if (form.compression.algorithm == Compression::kNone) {
    // The blob is the tar.
    layer.diff_id = layer.descriptor.digest;
    layer.uncompressed_bytes = layer.descriptor.size_bytes;
  }
  if (!form.estargz) clock.at(kTar).bytes = layer.uncompressed_bytes;
  RETURN_IF_ERROR(write.Finish());
  clock.Finish(packed);
  return packed;
}

}  // namespace strake::oci
