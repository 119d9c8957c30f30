#include "builder/sandbox/notify/label.h"

#include <sys/resource.h>

namespace strake::builder::sandbox::notify {
namespace {

constexpr uint64_t kMark = uint64_t{1} << 60;
constexpr uint64_t kIdMask = 0xffffff;
constexpr int kProgramShift = 36;
constexpr int kCredentialShift = 12;

}  // namespace

uint64_t PackLabel(const Label& label) {
  return kMark | (label.program & kIdMask) << kProgramShift |
         (label.credentials & kIdMask) << kCredentialShift |
         (label.umask & 0777);
}

std::optional<Label> UnpackLabel(uint64_t packed) {
  if (packed >> 60 != 1) return std::nullopt;
  Label label;
  label.program = static_cast<uint32_t>(packed >> kProgramShift & kIdMask);
  label.credentials =
      static_cast<uint32_t>(packed >> kCredentialShift & kIdMask);
  label.umask = static_cast<uint32_t>(packed & 0777);
  return label;
}

std::optional<Label> ReadLabel(pid_t thread) {
  struct rlimit limit {};
  if (prlimit(thread, RLIMIT_RTTIME, nullptr, &limit) != 0) return std::nullopt;
  return UnpackLabel(limit.rlim_cur);
}

bool WriteLabel(pid_t thread, const Label& label) {
  const struct rlimit limit = {PackLabel(label), RLIM_INFINITY};
  return prlimit(thread, RLIMIT_RTTIME, &limit, nullptr) == 0;
}

}  // namespace strake::builder::sandbox::notify
