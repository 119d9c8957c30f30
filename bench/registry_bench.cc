// Moving a blob to and from a registry in this process: the client, the server
// and loopback between them, hashing on both sides.

#include <benchmark/benchmark.h>

#include <memory>
#include <string>

#include "bench/scratch_directory.h"
#include "oci/blob_store.h"
#include "registry/client.h"
#include "registry/server.h"

namespace strake::registry {
namespace {

constexpr size_t kBlobBytes = size_t{256} << 20;

// A server on a scratch folder, and a blob of `kBlobBytes`.
class Setup {
 public:
  Setup() {
    // Measures the code; a disk's sync would measure the disk.
    auto server = Server::Start(
        {.directory = directory_.path() + "/registry", .sync_writes = false});
    if (!server) return;
    server_ = std::move(*server);
    content_.resize(kBlobBytes);
    for (size_t i = 0; i < kBlobBytes; ++i) {
      content_[i] = static_cast<char>(i * 2654435761u >> 13);
    }
    blob_.digest = oci::Digest::Of(content_);
    blob_.size_bytes = kBlobBytes;
    repository_ = *oci::ParseReference(server_->authority() + "/bench");
  }

  bool ready() const { return server_ != nullptr; }
  const std::string& directory() const { return directory_.path(); }
  const oci::Descriptor& blob() const { return blob_; }
  const oci::Reference& repository() const { return repository_; }

  Status Upload(const Client& client) const {
    return client.UploadBlob(repository_, blob_, [&](uint64_t offset) {
      return Result<std::unique_ptr<ByteSource>>(std::make_unique<MemorySource>(
          std::string_view(content_).substr(offset)));
    });
  }

 private:
  bench::ScratchDirectory directory_;
  std::unique_ptr<Server> server_;  // after the folder that it serves
  std::string content_;
  oci::Descriptor blob_;
  oci::Reference repository_;
};

void BM_PushBlob(benchmark::State& state) {
  Setup setup;
  if (!setup.ready()) return state.SkipWithError("no scratch registry");
  Client client{ClientOptions()};
  for (auto _ : state) {
    Status uploaded = setup.Upload(client);
    if (!uploaded) state.SkipWithError(uploaded.error().message().c_str());
  }
  state.SetBytesProcessed(
      static_cast<int64_t>(state.iterations() * kBlobBytes));
}
BENCHMARK(BM_PushBlob)->Unit(benchmark::kMillisecond)->UseRealTime();

// `kStore`: into a blob store, as a pull does; else to nowhere.
template <bool kStore>
void BM_PullBlob(benchmark::State& state) {
  Setup setup;
  if (!setup.ready()) return state.SkipWithError("no scratch registry");
  Client client{ClientOptions()};
  auto store = oci::BlobStore::Open(setup.directory() + "/store");
  if (!store || !setup.Upload(client)) {
    return state.SkipWithError("set-up failed");
  }
  for (auto _ : state) {
    Status fetched;
    if (kStore) {
      auto writer = store->Create();
      if (!writer) return state.SkipWithError("no writer");
      fetched = client.FetchBlob(setup.repository(), setup.blob(), **writer);
      if (fetched && !(*writer)->Commit(setup.blob().digest)) {
        return state.SkipWithError("not stored");
      }
    } else {
      NullSink sink;
      fetched = client.FetchBlob(setup.repository(), setup.blob(), sink);
    }
    if (!fetched) state.SkipWithError(fetched.error().message().c_str());
  }
  state.SetBytesProcessed(
      static_cast<int64_t>(state.iterations() * kBlobBytes));
}
BENCHMARK(BM_PullBlob<false>)->Unit(benchmark::kMillisecond)->UseRealTime();
BENCHMARK(BM_PullBlob<true>)->Unit(benchmark::kMillisecond)->UseRealTime();

}  // namespace
}  // namespace strake::registry
