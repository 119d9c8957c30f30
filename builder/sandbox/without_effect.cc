#include "builder/sandbox/without_effect.h"

#include <algorithm>

namespace strake::builder::sandbox {
namespace {

bool LimitsTmpfs(const Mount& mount) {
  return mount.kind == Mount::Kind::kTmpfs && mount.size_bytes != 0;
}

}  // namespace

std::vector<std::string> WithoutEffect(std::string_view isolation,
                                       const ProcessSpec& spec,
                                       std::string_view unasked_hostname) {
  if (isolation != "notify" && isolation != "trace" && isolation != "chroot") {
    return {};
  }
  const std::string where = "isolation " + std::string(isolation);
  std::vector<std::string> sentences;
  if (std::ranges::any_of(spec.mounts, LimitsTmpfs)) {
    sentences.push_back(where +
                        " does not limit a tmpfs: size= has no effect, and "
                        "what is written lies on the disk during the step");
  }
  if (!spec.hostname.empty() && spec.hostname != unasked_hostname) {
    sentences.push_back(where + " cannot set a host name: the step sees the " +
                        "one of the host, not " + spec.hostname);
  }
  if (spec.insecure) {
    sentences.push_back(where +
                        " has no capabilities to give: --security=insecure "
                        "lets the step do no more than strake may do itself");
  }
  return sentences;
}

}  // namespace strake::builder::sandbox
