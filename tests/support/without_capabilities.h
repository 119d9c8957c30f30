// Takes capabilities from the calling thread for a while, to see what happens
// where the kernel refuses. They stay permitted, so that they can come back.

#ifndef STRAKE_TESTS_SUPPORT_WITHOUT_CAPABILITIES_H_
#define STRAKE_TESTS_SUPPORT_WITHOUT_CAPABILITIES_H_

#include <gtest/gtest.h>
#include <linux/capability.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdint>
#include <initializer_list>

namespace strake::testing {

class WithoutCapabilities {
 public:
  explicit WithoutCapabilities(std::initializer_list<unsigned> capabilities) {
    EXPECT_EQ(::syscall(SYS_capget, &header_, before_), 0);
    __user_cap_data_struct now[_LINUX_CAPABILITY_U32S_3] = {before_[0],
                                                            before_[1]};
    for (unsigned capability : capabilities) {
      now[capability / 32].effective &= ~(uint32_t{1} << (capability % 32));
    }
    EXPECT_EQ(::syscall(SYS_capset, &header_, now), 0);
  }
  ~WithoutCapabilities() { ::syscall(SYS_capset, &header_, before_); }
  WithoutCapabilities(const WithoutCapabilities&) = delete;
  WithoutCapabilities& operator=(const WithoutCapabilities&) = delete;

 private:
  __user_cap_header_struct header_ = {_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct before_[_LINUX_CAPABILITY_U32S_3] = {};
};

}  // namespace strake::testing

#endif  // STRAKE_TESTS_SUPPORT_WITHOUT_CAPABILITIES_H_
