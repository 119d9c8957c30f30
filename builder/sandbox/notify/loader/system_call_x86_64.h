// System calls and copying for the loader, which has no C library.

#ifndef STRAKE_BUILDER_SANDBOX_NOTIFY_LOADER_SYSTEM_CALL_X86_64_H_
#define STRAKE_BUILDER_SANDBOX_NOTIFY_LOADER_SYSTEM_CALL_X86_64_H_

#include <stddef.h>
#include <stdint.h>

namespace strake::builder::sandbox::notify {

inline long SystemCall(long number, uint64_t a = 0, uint64_t b = 0,
                       uint64_t c = 0, uint64_t d = 0, uint64_t e = 0,
                       uint64_t f = 0) {
  register uint64_t r10 __asm__("r10") = d;
  register uint64_t r8 __asm__("r8") = e;
  register uint64_t r9 __asm__("r9") = f;
  long result = 0;
  __asm__ volatile("syscall"
                   : "=a"(result)
                   : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8),
                     "r"(r9)
                   : "rcx", "r11", "memory");
  return result;
}

// In assembler, as a compiler would make calls to memcpy(3) of a plain loop.
inline void CopyForward(void* to, const void* from, size_t size) {
  __asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(size) : : "memory");
}
inline void Clear(void* at, size_t size) {
  __asm__ volatile("rep stosb" : "+D"(at), "+c"(size) : "a"(0) : "memory");
}

}  // namespace strake::builder::sandbox::notify

#endif  // STRAKE_BUILDER_SANDBOX_NOTIFY_LOADER_SYSTEM_CALL_X86_64_H_
