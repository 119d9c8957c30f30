// Made-up file content of the kinds that layers are made of. Deterministic: a
// function of the generator's state and the size.

#ifndef STRAKE_BENCH_SAMPLE_CONTENT_H_
#define STRAKE_BENCH_SAMPLE_CONTENT_H_

#include <cstddef>
#include <random>
#include <string>

namespace strake::bench {

// Text: words, few of them frequent, as in any language.
std::string Words(std::mt19937& random, size_t size_bytes);
// Like machine code: short patterns with random operands.
std::string Code(std::mt19937& random, size_t size_bytes);
// What is compressed already: nothing can be gained from it.
std::string Noise(std::mt19937& random, size_t size_bytes);

}  // namespace strake::bench

#endif  // STRAKE_BENCH_SAMPLE_CONTENT_H_
