#include "perf/micro/counted_heap.h"

#include <malloc.h>

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <new>

namespace weir::perf {
namespace {

/// Counts only while a HeapPeak lives, so that timed runs pay for a comparison alone.
thread_local bool counting = false;
thread_local int64_t bytes_now = 0, bytes_peak = 0;

void taken(void* block) {
    if (!counting) return;
    bytes_now += static_cast<int64_t>(malloc_usable_size(block));
    bytes_peak = std::max(bytes_peak, bytes_now);
}

void given_back(void* block) {
    if (counting && block != nullptr) bytes_now -= static_cast<int64_t>(malloc_usable_size(block));
}

}  // namespace

HeapPeak::HeapPeak() {
    bytes_now = bytes_peak = 0;
    counting = true;
}

HeapPeak::~HeapPeak() {
    counting = false;
}

uint64_t HeapPeak::bytes() const {
    return static_cast<uint64_t>(bytes_peak);
}

namespace {

void* allocate(size_t bytes, size_t alignment) {
    void* const block =
        alignment <= alignof(std::max_align_t)
            ? std::malloc(bytes)
            : std::aligned_alloc(alignment, (bytes + alignment - 1) / alignment * alignment);
    if (block == nullptr) throw std::bad_alloc();
    taken(block);
    return block;
}

void release(void* block) {
    given_back(block);
    std::free(block);
}

}  // namespace
}  // namespace weir::perf

using weir::perf::allocate, weir::perf::release;

void* operator new(size_t bytes) {
    return allocate(bytes, 1);
}
void* operator new[](size_t bytes) {
    return allocate(bytes, 1);
}
void* operator new(size_t bytes, std::align_val_t at) {
    return allocate(bytes, static_cast<size_t>(at));
}
void* operator new[](size_t bytes, std::align_val_t at) {
    return allocate(bytes, static_cast<size_t>(at));
}
void operator delete(void* block) noexcept {
    release(block);
}
void operator delete[](void* block) noexcept {
    release(block);
}
void operator delete(void* block, size_t) noexcept {
    release(block);
}
void operator delete[](void* block, size_t) noexcept {
    release(block);
}
void operator delete(void* block, std::align_val_t) noexcept {
    release(block);
}
void operator delete[](void* block, std::align_val_t) noexcept {
    release(block);
}
void operator delete(void* block, size_t, std::align_val_t) noexcept {
    release(block);
}
void operator delete[](void* block, size_t, std::align_val_t) noexcept {
    release(block);
}
