#pragma once
// Copies between private memory and map memory, word by word. Map memory is read and written by
// several cores at once, so every word of it moves as one atomic access: an aligned counter of up
// to eight bytes is never seen half written.
//
// Loads acquire and stores release. Together with a version counter this makes a reader notice
// reuse of what it read: whoever sees a word that was stored after a version was raised also sees
// the raised version. (On x86 both are plain moves.)

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace weir::maps {

constexpr size_t kWordBytes = 8;

constexpr uint64_t round_up_to(uint64_t value, uint64_t unit) {
    return (value + unit - 1) / unit * unit;
}

/// Fetches a line that is about to be written, so that no other core has it then. (The compiler's
/// own prefetch for writing is one for reading, unless it is told that all processors since 2014
/// have this instruction.)
inline void prefetch_to_write(const void* line) {
#if defined(__x86_64__)
    asm volatile("prefetchw %0" : : "m"(*static_cast<const char*>(line)));
#else
    __builtin_prefetch(line, 1);
#endif
}

/// `bytes` (1..8) bytes as a word, zeroes behind them.
inline uint64_t load_partial(const uint8_t* from, size_t bytes) {
    uint64_t word = 0;
    std::memcpy(&word, from, bytes);
    return word;
}

inline uint64_t load_private_word(const uint8_t* from) {
    uint64_t word;
    std::memcpy(&word, from, sizeof word);
    return word;
}

inline uint64_t load_shared_word(const uint8_t* from) {
    return __atomic_load_n(reinterpret_cast<const uint64_t*>(from), __ATOMIC_ACQUIRE);
}

inline void store_shared_word(uint8_t* to, uint64_t word) {
    __atomic_store_n(reinterpret_cast<uint64_t*>(to), word, __ATOMIC_RELEASE);
}

/// Writes `bytes` to map memory. `to` is aligned to 8 and has room for whole words; the rest of the
/// last one becomes zero.
inline void store_words(uint8_t* to, const uint8_t* from, size_t bytes) {
    size_t done = 0;
    for (; done + kWordBytes <= bytes; done += kWordBytes)
        store_shared_word(to + done, load_private_word(from + done));
    if (done < bytes) store_shared_word(to + done, load_partial(from + done, bytes - done));
}

inline void zero_words(uint8_t* to, size_t bytes) {
    for (size_t done = 0; done < bytes; done += kWordBytes) store_shared_word(to + done, 0);
}

/// Reads `bytes` from map memory. `from` is aligned to 8; `to` need not be.
inline void load_words(uint8_t* to, const uint8_t* from, size_t bytes) {
    size_t done = 0;
    for (; done + kWordBytes <= bytes; done += kWordBytes) {
        const uint64_t word = load_shared_word(from + done);
        std::memcpy(to + done, &word, sizeof word);
    }
    if (done < bytes) {
        const uint64_t word = load_shared_word(from + done);
        std::memcpy(to + done, &word, bytes - done);
    }
}

}  // namespace weir::maps
