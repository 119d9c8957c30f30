#include "cli/fetch_text.h"

#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>
#include <utility>

#include "registry/http_client.h"
#include "util/strings.h"

namespace strake::cli {
namespace {

constexpr int kFirstBadStatus = 300;

// Asks to stop when the time is up, or when somebody else does.
class Deadline {
 public:
  Deadline(std::chrono::milliseconds timeout, std::stop_token outer)
      : forward_(std::move(outer), [this] { source_.request_stop(); }),
        timer_([this, timeout](std::stop_token done) {
          std::unique_lock lock(mutex_);
          changed_.wait_for(lock, done, timeout, [] { return false; });
          if (done.stop_requested()) return;
          source_.request_stop();
        }) {}

  std::stop_token token() const { return source_.get_token(); }

 private:
  std::stop_source source_;
  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::stop_callback<std::function<void()>> forward_;
  std::jthread timer_;
};

}  // namespace

Result<std::string> FetchText(const std::string& url,
                              const registry::ClientOptions& options,
                              std::chrono::milliseconds timeout,
                              std::stop_token stop) {
  registry::HttpClient client(options);
  registry::HttpRequest request;
  request.url = url;
  Deadline deadline(timeout, stop);
  registry::HttpResult result = client.Send(request, deadline.token());
  if (result.error) {
    bool late = deadline.token().stop_requested() && !stop.stop_requested();
    if (!late) return std::move(*result.error);
    return Error(ErrorCode::kUnavailable,
                 "no answer within " + std::to_string(timeout.count()) + " ms");
  }
  if (result.response.status >= kFirstBadStatus) {
    return Error(ErrorCode::kUnavailable,
                 "status " + std::to_string(result.response.status) + ": " +
                     std::string(Trim(result.response.body)));
  }
  return std::move(result.response.body);
}

}  // namespace strake::cli
