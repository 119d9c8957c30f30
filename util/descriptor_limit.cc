#include "util/descriptor_limit.h"

#include <sys/resource.h>

namespace strake {
namespace {

// The limit is the process's, and so is this; 0: it was never raised.
rlim_t given = 0;

}  // namespace

void RaiseDescriptorLimit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  const rlim_t before = limit.rlim_cur;
  if (before >= limit.rlim_max) return;
  limit.rlim_cur = limit.rlim_max;
  if (::setrlimit(RLIMIT_NOFILE, &limit) == 0) given = before;
}

void RestoreDescriptorLimit() {
  rlimit limit{};
  if (given == 0 || ::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = given;
  (void)::setrlimit(RLIMIT_NOFILE, &limit);
}

}  // namespace strake
