#include "registry/blob_fetch.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <iterator>
#include <memory>
#include <utility>

#include "util/byte_stream.h"
#include "util/result_macros.h"

namespace strake::registry {

// Writes to an upload session and tells how far it is.
class BlobFetch::Progress final : public ByteSink {
 public:
  Progress(ServerStorage::Upload& upload, BlobFetch& fetch)
      : upload_(upload), fetch_(fetch) {}
  using ByteSink::Write;
  Status Write(std::span<const std::byte> data) override {
    RETURN_IF_ERROR(upload_.Write(data));
    fetch_.state_.lock()->written_bytes = upload_.size_bytes();
    fetch_.changed_.notify_all();
    return {};
  }

 private:
  ServerStorage::Upload& upload_;
  BlobFetch& fetch_;
};

void BlobFetch::Run(const Client& client, const oci::Reference& source,
                    const std::string& repository, ServerStorage& storage,
                    std::stop_token stop) {
  Status done = Download(client, source, repository, storage, std::move(stop));
  if (done) done = LinkAll(storage);
  auto state = state_.lock();
  state->closing = true;
  state->ended = std::move(done);
  changed_.notify_all();
}

bool BlobFetch::Want(const std::string& repository) {
  auto state = state_.lock();
  if (state->closing) return false;
  state->repositories.insert(repository);
  return true;
}

void BlobFetch::Opened(UniqueFd file, uint64_t written_bytes) {
  auto state = state_.lock();
  state->file = std::move(file);
  state->written_bytes = written_bytes;
  changed_.notify_all();
}

Status BlobFetch::Download(const Client& client, const oci::Reference& source,
                           const std::string& repository,
                           ServerStorage& storage, std::stop_token stop) {
  // A fetch that ended a moment ago may have brought it.
  if (auto there = storage.OpenContent(blob_.digest)) {
    Opened(std::move(there->fd), there->size_bytes);
    return {};
  }
  ASSIGN_OR_RETURN(std::string id, storage.StartUpload(repository));
  ASSIGN_OR_RETURN(UniqueFd file, storage.OpenUpload(repository, id));
  Opened(std::move(file), 0);
  Status done = [&]() -> Status {
    ASSIGN_OR_RETURN(auto upload, storage.HoldUpload(repository, id));
    Progress sink(*upload, *this);
    RETURN_IF_ERROR(client.FetchBlob(source, blob_, sink, {}, stop));
    return upload->Commit(blob_.digest);
  }();
  if (!done) static_cast<void>(storage.RemoveUpload(repository, id));
  return done;
}

// Those that come while others are linked are linked as well.
Status BlobFetch::LinkAll(ServerStorage& storage) {
  std::set<std::string> linked;
  while (true) {
    std::set<std::string> wanted;
    {
      auto state = state_.lock();
      std::ranges::set_difference(state->repositories, linked,
                                  std::inserter(wanted, wanted.end()));
      if (wanted.empty()) {
        state->closing = true;
        return {};
      }
    }
    for (const std::string& repository : wanted) {
      RETURN_IF_ERROR(storage.LinkBlob(repository, blob_.digest));
    }
    linked.merge(wanted);
  }
}

Result<size_t> BlobFetch::Read(uint64_t offset, std::span<std::byte> buffer) {
  int file = -1;
  uint64_t end = 0;
  {
    auto state = state_.lock();
    auto readable = [](const State& now) {
      if (now.ended) return now.written_bytes;
      return now.written_bytes == 0 ? 0 : now.written_bytes - 1;
    };
    state.Wait(changed_, [&](const State& now) {
      return now.ended || readable(now) > offset;
    });
    if (state->ended && !*state->ended) return state->ended->error();
    end = readable(*state);
    file = state->file.get();  // open as long as this lives
  }
  if (offset >= end) return size_t{0};
  size_t count = std::min<uint64_t>(buffer.size(), end - offset);
  ssize_t got;
  do {
    got = ::pread(file, buffer.data(), count, static_cast<off_t>(offset));
  } while (got < 0 && errno == EINTR);
  if (got < 0) return ErrnoError("read blob " + blob_.digest.ToString());
  return static_cast<size_t>(got);
}

}  // namespace strake::registry
