// bpf_csum_diff as Linux 6.18 does it: the result is folded to 16 bits, sizes need not be multiples
// of four.

#include <cstring>

#include "vm/helpers/groups.h"

namespace weir::vm {
namespace {

/// One's complement addition (RFC 1071): the carry comes back in at the bottom.
uint32_t add_with_carry(uint32_t a, uint32_t b) {
    const uint64_t sum = uint64_t{a} + b;
    return static_cast<uint32_t>(sum) + static_cast<uint32_t>(sum >> 32);
}

/// Sum over `bytes` bytes in words of this machine's order, the last one filled up with zeroes, on
/// top of `seed`.
uint32_t sum_words(const uint8_t* at, size_t bytes, uint32_t seed) {
    uint64_t sum = seed;
    for (; bytes >= sizeof(uint32_t); bytes -= sizeof(uint32_t), at += sizeof(uint32_t)) {
        uint32_t word;
        std::memcpy(&word, at, sizeof word);
        sum += word;  // at most 2^30 words: the upper half has room for every carry
    }
    uint32_t last = 0;
    if (bytes != 0) std::memcpy(&last, at, bytes);
    sum += last;
    return add_with_carry(static_cast<uint32_t>(sum), static_cast<uint32_t>(sum >> 32));
}

uint32_t fold(uint32_t sum) {
    const uint32_t once = (sum & 0xffff) + (sum >> 16);
    return (once & 0xffff) + (once >> 16);
}

uint64_t csum_diff(uint64_t from, uint64_t from_bytes, uint64_t to, uint64_t to_bytes,
                   uint64_t seed, RunEnv&) {
    const auto* old_bytes = reinterpret_cast<const uint8_t*>(from);
    const auto* new_bytes = reinterpret_cast<const uint8_t*>(to);
    const auto old_size = static_cast<uint32_t>(from_bytes);
    const auto new_size = static_cast<uint32_t>(to_bytes);
    auto sum = static_cast<uint32_t>(seed);
    if (old_size != 0 && new_size != 0)
        sum =
            add_with_carry(sum_words(new_bytes, new_size, sum), ~sum_words(old_bytes, old_size, 0));
    else if (new_size != 0)
        sum = sum_words(new_bytes, new_size, sum);
    else if (old_size != 0)
        sum = ~sum_words(old_bytes, old_size, ~sum);
    return fold(sum);
}

}  // namespace

void add_checksum_helpers(HelperTable& table) {
    set(table, HelperId::csum_diff, csum_diff);
}

}  // namespace weir::vm
