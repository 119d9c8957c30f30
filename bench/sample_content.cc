#include "bench/sample_content.h"

#include <cmath>

namespace strake::bench {

std::string Words(std::mt19937& random, size_t size_bytes) {
  std::string text;
  while (text.size() < size_bytes) {
    double rank = std::exp(9.0 * (random() % 10000) / 10000.0);
    text += "w" + std::to_string(static_cast<int>(rank));
    text += random() % 9 == 0 ? '\n' : ' ';
  }
  text.resize(size_bytes);
  return text;
}

std::string Code(std::mt19937& random, size_t size_bytes) {
  std::string code;
  while (code.size() < size_bytes) {
    unsigned opcode = random() % 64;
    code += static_cast<char>(opcode);
    code += static_cast<char>(0x48 + opcode % 8);
    code += static_cast<char>(random() % 8 == 0 ? random() : opcode * 3);
    if (opcode % 4 == 0) code.append(3, '\0');
  }
  code.resize(size_bytes);
  return code;
}

std::string Noise(std::mt19937& random, size_t size_bytes) {
  std::string noise(size_bytes, '\0');
  for (char& byte : noise) byte = static_cast<char>(random());
  return noise;
}

}  // namespace strake::bench
