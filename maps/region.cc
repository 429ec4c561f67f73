#include "maps/region.h"

#include <sys/mman.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include <fmt/core.h>

#include "maps/words.h"
#include "vm/base/check.h"

namespace weir::maps {
namespace {

constexpr uint64_t kHugePageBytes = 2ull << 20;

/// MemAvailable of /proc/meminfo, or "no limit" where that cannot be read. Populating past it would
/// wake the OOM killer, which gives no error that could be reported.
uint64_t available_bytes() {
    uint64_t kib = UINT64_MAX / 1024;
    FILE* file = std::fopen("/proc/meminfo", "re");
    if (file == nullptr) return UINT64_MAX;
    char line[128];
    while (std::fgets(line, sizeof line, file) != nullptr) {
        unsigned long long value = 0;
        if (std::sscanf(line, "MemAvailable: %llu kB", &value) == 1) kib = value;
    }
    std::fclose(file);
    return kib * 1024;
}

std::unexpected<Error> no_memory(const std::string& map_name, uint64_t bytes, const char* reason) {
    return fail(ErrorKind::kResource,
                fmt::format("map {}: cannot take {} bytes of memory: {}", map_name, bytes, reason));
}

/// Maps with an alignment, by mapping more and giving back both ends.
uint8_t* map_aligned(uint64_t bytes, uint64_t alignment) {
    const uint64_t padded = bytes + alignment - kPageBytes;
    void* raw = mmap(nullptr, padded, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (raw == MAP_FAILED) return nullptr;
    const auto start = reinterpret_cast<uint64_t>(raw);
    const uint64_t aligned = round_up_to(start, alignment);
    if (aligned > start) munmap(raw, aligned - start);
    const uint64_t tail = start + padded - (aligned + bytes);
    if (tail > 0) munmap(reinterpret_cast<void*>(aligned + bytes), tail);
    return reinterpret_cast<uint8_t*>(aligned);
}

/// False with errno when the pages are not to be had.
bool populate(uint8_t* base, uint64_t bytes) {
    if (madvise(base, bytes, MADV_POPULATE_WRITE) == 0) return true;
    if (errno != EINVAL) return false;
    // Kernels before 5.14 do not know the advice: touch every page instead.
    for (uint64_t at = 0; at < bytes; at += kPageBytes)
        *const_cast<volatile uint8_t*>(base + at) = 0;
    return true;
}

}  // namespace

Result<void> check_memory(uint64_t bytes, const std::string& map_name) {
    if (bytes > kMapBytesMax) {
        return fail(
            ErrorKind::kResource,
            fmt::format("map {}: would take {} bytes of memory, at most {} are allowed; lower "
                        "max_entries or the value size",
                        map_name, bytes, kMapBytesMax));
    }
    const uint64_t available = available_bytes();
    if (bytes <= available) return {};
    return no_memory(map_name, bytes, fmt::format("only {} are available", available).c_str());
}

Result<Region> Region::take(uint64_t bytes, const std::string& map_name) {
    WEIR_CHECK(bytes > 0);
    if (const Result<void> ok = check_memory(bytes, map_name); !ok)
        return std::unexpected(ok.error());
    const bool huge = bytes >= kHugePageBytes;
    const uint64_t rounded = round_up_to(bytes, huge ? kHugePageBytes : kPageBytes);
    uint8_t* base = map_aligned(rounded, huge ? kHugePageBytes : kPageBytes);
    if (base == nullptr) return no_memory(map_name, rounded, std::strerror(errno));
    Region region(base, rounded);
    // Advice only: without transparent huge pages the map works, slower.
    if (huge) madvise(base, rounded, MADV_HUGEPAGE);
    if (!populate(base, rounded)) return no_memory(map_name, rounded, std::strerror(errno));
    return region;
}

Region::~Region() {
    if (base_ != nullptr) munmap(base_, bytes_);
}

}  // namespace weir::maps
