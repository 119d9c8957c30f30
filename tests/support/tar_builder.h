// A tar made by hand, for what no honest tool would write.

#ifndef STRAKE_TESTS_SUPPORT_TAR_BUILDER_H_
#define STRAKE_TESTS_SUPPORT_TAR_BUILDER_H_

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <string>
#include <string_view>

namespace strake::testing {

struct TarFile {
  std::string name;
  char type = '0';  // '0' file, '1' hard link, '2' symlink, '3' '4' devices,
                    // '5' directory, '6' fifo, 'x' pax header
  std::string link;
  std::string content;
  unsigned mode = 0644;
  uint64_t uid = 0;
  uint64_t gid = 0;
  int64_t mtime = 1'000'000'000;
  unsigned major = 0;
  unsigned minor = 0;
};

class TarBuilder {
 public:
  TarBuilder& Add(const TarFile& file) {
    char header[512] = {};
    std::memcpy(header, file.name.data(),
                std::min<size_t>(file.name.size(), 100));
    std::snprintf(header + 100, 8, "%07o", file.mode);
    std::snprintf(header + 108, 8, "%07llo",
                  static_cast<unsigned long long>(file.uid));
    std::snprintf(header + 116, 8, "%07llo",
                  static_cast<unsigned long long>(file.gid));
    std::snprintf(header + 124, 12, "%011llo",
                  static_cast<unsigned long long>(file.content.size()));
    std::snprintf(header + 136, 12, "%011llo",
                  static_cast<unsigned long long>(file.mtime));
    header[156] = file.type;
    std::memcpy(header + 157, file.link.data(),
                std::min<size_t>(file.link.size(), 100));
    std::memcpy(header + 257, "ustar\00000", 8);
    std::snprintf(header + 329, 8, "%07o", file.major);
    std::snprintf(header + 337, 8, "%07o", file.minor);
    std::memset(header + 148, ' ', 8);
    unsigned sum = 0;
    for (char c : header) sum += static_cast<unsigned char>(c);
    std::snprintf(header + 148, 8, "%06o", sum);
    bytes_.append(header, sizeof header);
    bytes_ += file.content;
    bytes_.append((512 - file.content.size() % 512) % 512, '\0');
    return *this;
  }
  TarBuilder& Dir(const std::string& name, unsigned mode = 0755) {
    return Add(
        {.name = name, .type = '5', .link = {}, .content = {}, .mode = mode});
  }
  TarBuilder& File(const std::string& name, const std::string& content = "x") {
    return Add({.name = name, .type = '0', .link = {}, .content = content});
  }
  TarBuilder& Symlink(const std::string& name, const std::string& target) {
    return Add({.name = name, .type = '2', .link = target, .content = {}});
  }
  TarBuilder& HardLink(const std::string& name, const std::string& target) {
    return Add({.name = name, .type = '1', .link = target, .content = {}});
  }
  // A pax header for the next entry.
  TarBuilder& Pax(std::string_view key, std::string_view value) {
    std::string rest = " " + std::string(key) + "=" + std::string(value) + "\n";
    size_t length = rest.size() + 1;
    while (std::to_string(length).size() + rest.size() != length) {
      length = std::to_string(length).size() + rest.size();
    }
    return Add({.name = "PaxHeader",
                .type = 'x',
                .link = {},
                .content = std::to_string(length) + rest});
  }
  // With the two zero blocks at the end.
  std::string Build() const { return bytes_ + std::string(1024, '\0'); }
  const std::string& bytes() const { return bytes_; }

 private:
  std::string bytes_;
};

}  // namespace strake::testing

#endif  // STRAKE_TESTS_SUPPORT_TAR_BUILDER_H_
