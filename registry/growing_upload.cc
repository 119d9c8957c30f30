#include "registry/growing_upload.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>

#include "registry/registry_error.h"
#include "registry/sending_lock.h"
#include "registry/transport.h"
#include "util/guarded.h"
#include "util/result_macros.h"
#include "util/strings.h"
#include "util/thread.h"

namespace strake::registry {
namespace {

// Less is uploaded in no time once it is whole.
constexpr uint64_t kWorthAStart = uint64_t{4} << 20;
// Some registries keep parts in object stores, which want them large; proxies
// do not let requests of more than 100 MB through.
constexpr uint64_t kLeastPart = uint64_t{8} << 20;
constexpr uint64_t kLargestPart = uint64_t{64} << 20;

// Bytes of a file from `offset` on.
class PartOfFile final : public ByteSource {
 public:
  PartOfFile(int fd, uint64_t offset, uint64_t end,
             std::function<void(uint64_t)> on_position)
      : fd_(fd), at_(offset), end_(end), on_position_(std::move(on_position)) {}

  Result<size_t> Read(std::span<std::byte> buffer) override {
    buffer = buffer.first(std::min<uint64_t>(buffer.size(), end_ - at_));
    if (buffer.empty()) return size_t{0};
    ssize_t count = 0;
    do {
      count =
          ::pread(fd_, buffer.data(), buffer.size(), static_cast<off_t>(at_));
    } while (count < 0 && errno == EINTR);
    if (count < 0) return ErrnoError("read a blob that is being written");
    if (count == 0) return Corrupt("a blob shrank while it was being written");
    at_ += static_cast<uint64_t>(count);
    on_position_(at_);
    return static_cast<size_t>(count);
  }

 private:
  const int fd_;
  uint64_t at_;
  const uint64_t end_;
  const std::function<void(uint64_t)> on_position_;
};

// What there is to send next.
struct Part {
  uint64_t end = 0;
  std::optional<oci::Descriptor> blob;  // set: `end` is the end of it
};

}  // namespace

struct GrowingUpload::Impl {
  struct State {
    uint64_t written = 0;
    uint64_t sent = 0;
    std::optional<oci::Descriptor> blob;  // once it is whole
    bool started = false;
    bool ended = false;  // the upload, well or not
    bool is_there = false;
  };

  Impl(Transport& given, const oci::Reference& place, UniqueFd file,
       std::function<void()> on_refused)
      : transport(given),
        repository(place),
        content(std::move(file)),
        refused(std::move(on_refused)) {}

  // --- In the thread that uploads ---

  void Run() {
    const bool is_there = static_cast<bool>(Upload());
    if (!is_there && !stop.stop_requested()) refused();
    auto locked = state.lock();
    locked->ended = true;
    locked->is_there = is_there;
    changed.notify_all();
  }

  Status Upload() {
    ASSIGN_OR_RETURN(endpoint, transport.Connect(repository, Stop()));
    RETURN_IF_ERROR(TakeHabits());
    RETURN_IF_ERROR(StartSession());
    uint64_t offset = 0;
    while (true) {
      ASSIGN_OR_RETURN(Part part, WaitForPart(offset));
      if (part.end == offset) return Close(*part.blob);
      RETURN_IF_ERROR(SendPart(offset, part.end));
      offset = part.end;
    }
  }

  // What is known of the host from other uploads, and from its limits.
  Status TakeHabits() {
    const std::string host = AuthorityOf(endpoint.Origin());
    Traffic& traffic = transport.traffic();
    const UploadHabits habits = traffic.HabitsOf(host);
    if (habits.refuses_patch) {
      return Error(ErrorCode::kUnsupported, "it takes one request only");
    }
    for (uint64_t limit :
         {habits.largest_request, traffic.ChunkBytesFor(host)}) {
      if (limit > 0) largest_part = std::min(largest_part, limit);
    }
    return {};
  }

  Status StartSession() {
    HttpResult result = transport.SendOnce(
        Request("POST", UploadsUrl(endpoint, repository.repository)), Stop());
    RETURN_IF_ERROR(Expect(result, 202));
    const HttpHeaders& headers = result.response.headers;
    least_part =
        std::max(ParseUint(headers.Get("OCI-Chunk-Min-Length")).value_or(0),
                 std::min(kLeastPart, largest_part));
    return TakeLocation(result.response);
  }

  // As much as there is and fits into a request, but not too little of a blob
  // that still grows.
  Result<Part> WaitForPart(uint64_t offset) {
    const uint64_t most = std::max(largest_part, least_part);
    auto locked = state.lock();
    locked.Wait(changed, [&](State& now) {
      return now.blob || now.written - offset >= least_part ||
             stop.stop_requested();
    });
    if (stop.stop_requested()) return Cancelled("given up");
    Part part;
    part.end = std::min(locked->written, offset + most);
    if (part.end == locked->written) part.blob = locked->blob;
    return part;
  }

  Status SendPart(uint64_t begin, uint64_t end) {
    ApiRequest request = Request("PATCH", location);
    request.http.headers.Add("Content-Type", "application/octet-stream");
    request.http.headers.Add(
        "Content-Range", std::to_string(begin) + "-" + std::to_string(end - 1));
    request.http.body_bytes = end - begin;
    request.http.open_body = [this, begin,
                              end]() -> Result<std::unique_ptr<ByteSource>> {
      return std::unique_ptr<ByteSource>(std::make_unique<PartOfFile>(
          content.get(), begin, end, [this](uint64_t at) {
            state.lock()->sent = at;
            changed.notify_all();
          }));
    };
    HttpResult result = transport.SendOnce(request, Stop());
    RETURN_IF_ERROR(Expect(result, 202));
    RETURN_IF_ERROR(TakeLocation(result.response));
    const std::string range = result.response.headers.Get("Range");
    if (range.empty() || range.ends_with("-" + std::to_string(end - 1))) {
      return {};
    }
    return Error(ErrorCode::kUnsupported, "the registry did not take all");
  }

  Status Close(const oci::Descriptor& blob) {
    const auto sending = SendingLock(repository, blob.digest);
    const std::lock_guard alone(*sending);
    ApiRequest request =
        Request("PUT", WithQuery(location, "digest", blob.digest.ToString()));
    request.http.headers.Add("Content-Type", "application/octet-stream");
    return Expect(transport.SendOnce(request, Stop()), 201);
  }

  Status TakeLocation(const HttpResponse& response) {
    std::string next = response.headers.Get("Location");
    if (next.empty() && !location.empty()) return {};
    next = ResolveUrl(response.url, next);
    // What has to be changed about it, an ordinary upload knows.
    if (endpoint.verify_tls && !next.starts_with("https://")) {
      return Error(ErrorCode::kUnsupported, "a place without TLS");
    }
    location = std::move(next);
    return {};
  }

  static Status Expect(const HttpResult& result, int status) {
    if (result.failure != HttpFailure::kNone) return *result.error;
    if (result.response.status == status) return {};
    return AnswerError("upload", result.response);
  }

  ApiRequest Request(const std::string& method, std::string url) const {
    ApiRequest request;
    request.target = {repository.registry, repository.repository};
    request.endpoint = endpoint;
    request.scopes = {RepositoryScope(repository.repository, "pull,push")};
    request.http.method = method;
    request.http.url = std::move(url);
    return request;
  }

  std::stop_token Stop() const { return stop.get_token(); }

  // --- For the others ---

  void Start(State& now) {
    now.started = true;
    auto started = StartThread([this] { Run(); });
    if (started) {
      thread = *std::move(started);
    } else {
      now.ended = true;
    }
  }

  void GiveUp() {
    stop.request_stop();
    // Nobody is between looking at `stop` and waiting.
    { auto locked = state.lock(); }
    changed.notify_all();
  }

  Transport& transport;
  const oci::Reference repository;
  const UniqueFd content;
  const std::function<void()> refused;
  std::stop_source stop;
  Guarded<State> state;
  std::condition_variable changed;  // in any way
  std::thread thread;

  // Of the thread.
  Endpoint endpoint;
  std::string location;
  uint64_t least_part = kLeastPart;
  uint64_t largest_part = kLargestPart;
};

GrowingUpload::GrowingUpload(Transport& transport,
                             const oci::Reference& repository, UniqueFd content,
                             std::function<void()> on_refused)
    : impl_(std::make_unique<Impl>(transport, repository, std::move(content),
                                   std::move(on_refused))) {}

GrowingUpload::~GrowingUpload() {
  impl_->GiveUp();
  if (impl_->thread.joinable()) impl_->thread.join();
}

void GrowingUpload::Grow(uint64_t size_bytes) {
  auto locked = impl_->state.lock();
  locked->written = size_bytes;
  if (!locked->started && size_bytes >= kWorthAStart) impl_->Start(*locked);
  impl_->changed.notify_all();
}

void GrowingUpload::Complete(const oci::Descriptor& blob) {
  auto locked = impl_->state.lock();
  locked->blob = blob;
  impl_->changed.notify_all();
}

bool GrowingUpload::Wait(const BytesCallback& on_bytes, std::stop_token stop) {
  std::stop_callback forward(stop, [this] { GiveUp(); });
  uint64_t told = 0;
  while (true) {
    {
      auto locked = impl_->state.lock();
      if (!locked->started || !locked->blob) return false;
      locked.Wait(impl_->changed, [&](Impl::State& now) {
        return now.ended || now.sent != told;
      });
      if (locked->ended) return locked->is_there;
      told = locked->sent;
    }
    if (on_bytes) on_bytes(told);
  }
}

void GrowingUpload::GiveUp() { impl_->GiveUp(); }

}  // namespace strake::registry
