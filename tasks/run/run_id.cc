#include "tasks/run/run_id.h"

#include <string_view>

namespace strake::tasks::run {

std::string RunId(uint64_t number) {
  constexpr std::string_view kDigits = "0123456789abcdefghijklmnopqrstuvwxyz";
  std::string digits;
  do {
    digits.insert(digits.begin(), kDigits[number % kDigits.size()]);
    number /= kDigits.size();
  } while (number > 0);
  return "ca" + digits;
}

}  // namespace strake::tasks::run
