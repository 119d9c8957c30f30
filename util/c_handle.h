// Ownership of a C library's handle: `std::unique_ptr<T, FreeWith<T_free>>`.

#ifndef STRAKE_UTIL_C_HANDLE_H_
#define STRAKE_UTIL_C_HANDLE_H_

namespace strake {

template <auto Free>
struct FreeWith {
  template <typename T>
  void operator()(T* handle) const {
    Free(handle);
  }
};

}  // namespace strake

#endif  // STRAKE_UTIL_C_HANDLE_H_
