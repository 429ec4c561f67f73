// Loops that need no proof of their end: bpf_loop and the numbers' iterator
// (kernel/bpf/bpf_iter.c).

#include <cerrno>
#include <cstring>

#include "vm/helpers/groups.h"

namespace weir::vm {
namespace {

constexpr uint32_t kLoopsMax = 8u << 20;  ///< BPF_MAX_LOOPS

/// Calls made, the last one too if it said stop.
uint64_t loop(uint64_t r1, uint64_t function, uint64_t context, uint64_t flags, uint64_t,
              RunEnv& env) {
    const auto loops = static_cast<uint32_t>(r1);
    if (flags != 0) return error_value(-EINVAL);
    // The kernel's verifier inlines the loop where it can, and then the error has 32 bits
    // (inline_bpf_loop).
    if (loops > kLoopsMax) return static_cast<uint32_t>(-E2BIG);
    for (uint32_t i = 0; i < loops; ++i) {
        const uint64_t stop = env.call(env, function, {i, context, 0, 0, 0});
        if (stop != 0 || env.callback_failed) return uint64_t{i} + 1;
    }
    return loops;
}

/// struct bpf_iter_num, 8 bytes on the program's stack.
struct NumberIterator {
    int32_t current = 0;
    int32_t end = 0;
};

NumberIterator load_iterator(uint64_t at) {
    NumberIterator iterator;
    std::memcpy(&iterator, reinterpret_cast<const void*>(at), sizeof iterator);
    return iterator;
}
void store_iterator(uint64_t at, const NumberIterator& iterator) {
    std::memcpy(reinterpret_cast<void*>(at), &iterator, sizeof iterator);
}

uint64_t iter_num_new(uint64_t at, uint64_t r2, uint64_t r3, uint64_t, uint64_t, RunEnv&) {
    const auto start = static_cast<int32_t>(r2), end = static_cast<int32_t>(r3);
    store_iterator(at, {});
    if (start > end) return error_value(-EINVAL);
    if (int64_t{end} - start > int64_t{kLoopsMax}) return error_value(-E2BIG);
    // One below the start: bpf_iter_num_next counts up first. It may wrap around.
    store_iterator(at, {static_cast<int32_t>(static_cast<uint32_t>(start) - 1), end});
    return 0;
}

/// Address of the next number within the iterator, or null at the end.
uint64_t iter_num_next(uint64_t at, uint64_t, uint64_t, uint64_t, uint64_t, RunEnv&) {
    NumberIterator iterator = load_iterator(at);
    iterator.current = static_cast<int32_t>(static_cast<uint32_t>(iterator.current) + 1);
    const bool ended = iterator.current >= iterator.end;
    store_iterator(at, ended ? NumberIterator{} : iterator);
    return ended ? 0 : at;
}

uint64_t iter_num_destroy(uint64_t at, uint64_t, uint64_t, uint64_t, uint64_t, RunEnv&) {
    store_iterator(at, {});
    return 0;
}

}  // namespace

void add_loop_helpers(HelperTable& table) {
    set(table, HelperId::loop, loop);
    set(table, KfuncId::bpf_iter_num_new, iter_num_new);
    set(table, KfuncId::bpf_iter_num_next, iter_num_next);
    set(table, KfuncId::bpf_iter_num_destroy, iter_num_destroy);
}

}  // namespace weir::vm
