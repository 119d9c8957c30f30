// libarchive converts names between the tar's encoding and the locale's, and
// in a UTF-8 locale it normalises them (NFC) on the way in. A file name is
// bytes, so around libarchive the calling thread is in the "C" locale, where
// it falls back to the raw bytes. For the `.cc` files of this room.

#ifndef STRAKE_OCI_C_LOCALE_H_
#define STRAKE_OCI_C_LOCALE_H_

#include <locale.h>

namespace strake::oci {

// The calling thread's locale is "C" for as long as this lives.
class ScopedCLocale {
 public:
  ScopedCLocale() : before_(::uselocale(CLocale())) {}
  ~ScopedCLocale() { ::uselocale(before_); }
  ScopedCLocale(const ScopedCLocale&) = delete;
  ScopedCLocale& operator=(const ScopedCLocale&) = delete;

 private:
  static locale_t CLocale() {
    // "C" is part of libc itself: this cannot fail.
    static const locale_t locale = ::newlocale(LC_ALL_MASK, "C", nullptr);
    return locale;
  }
  locale_t before_;
};

}  // namespace strake::oci

#endif  // STRAKE_OCI_C_LOCALE_H_
