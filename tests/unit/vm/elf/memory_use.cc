// malloc and its kin stand in for the C library's here, for every library of the process. Under a
// sanitizer they are its own, which tells of each block.
#include "tests/unit/vm/elf/memory_use.h"

#include <malloc.h>

#include <atomic>
#include <cerrno>

namespace {

std::atomic<size_t> g_live{0}, g_peak{0};

void count(void* block) {
    if (block == nullptr) return;
    const size_t live = g_live += malloc_usable_size(block);
    size_t peak = g_peak;
    while (live > peak && !g_peak.compare_exchange_weak(peak, live)) {
    }
}

void discount(void* block) {
    if (block != nullptr) g_live -= malloc_usable_size(block);
}

}  // namespace

namespace weir::tests {

size_t heap_bytes() {
    return g_live;
}
size_t heap_bytes_peak() {
    return g_peak;
}
void start_peak() {
    g_peak = g_live.load();
}

}  // namespace weir::tests

// GCC says it by a macro, clang by a feature.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define WEIR_HAS_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define WEIR_HAS_SANITIZER 1
#endif
#endif

extern "C" {

#ifdef WEIR_HAS_SANITIZER

void __sanitizer_malloc_hook(const volatile void* block, size_t /*bytes*/) {
    count(const_cast<void*>(block));
}
void __sanitizer_free_hook(const volatile void* block) {
    discount(const_cast<void*>(block));
}

#else

// glibc's own names of them.
void* __libc_malloc(size_t bytes);
void* __libc_calloc(size_t count, size_t bytes);
void* __libc_realloc(void* block, size_t bytes);
void* __libc_memalign(size_t alignment, size_t bytes);
void __libc_free(void* block);

void* malloc(size_t bytes) {
    void* const block = __libc_malloc(bytes);
    count(block);
    return block;
}
void* calloc(size_t number, size_t bytes) {
    void* const block = __libc_calloc(number, bytes);
    count(block);
    return block;
}
void* realloc(void* block, size_t bytes) {
    const size_t before = block == nullptr ? 0 : malloc_usable_size(block);
    void* const larger = __libc_realloc(block, bytes);
    if (larger == nullptr && bytes != 0) return nullptr;
    g_live -= before;
    count(larger);
    return larger;
}
void* aligned_alloc(size_t alignment, size_t bytes) {
    void* const block = __libc_memalign(alignment, bytes);
    count(block);
    return block;
}
void* memalign(size_t alignment, size_t bytes) {
    return aligned_alloc(alignment, bytes);
}
int posix_memalign(void** block, size_t alignment, size_t bytes) {
    *block = aligned_alloc(alignment, bytes);
    return *block == nullptr ? ENOMEM : 0;
}
void free(void* block) {
    discount(block);
    __libc_free(block);
}

#endif
}
