// How many descriptors this process may have open (RLIMIT_NOFILE).
//
// Many steps at once need more than the usual 1024. Programs that close every
// descriptor up to their limit take long where it is high, and those that use
// select(2) fail: so what a step runs gets the limit back that we were given.

#ifndef STRAKE_UTIL_DESCRIPTOR_LIMIT_H_
#define STRAKE_UTIL_DESCRIPTOR_LIMIT_H_

namespace strake {

// Raises the soft limit to the hard one. Once, while there is one thread; where
// it is refused, the limit stays.
void RaiseDescriptorLimit();

// In a child: the soft limit that was there before. Makes system calls only.
void RestoreDescriptorLimit();

}  // namespace strake

#endif  // STRAKE_UTIL_DESCRIPTOR_LIMIT_H_
