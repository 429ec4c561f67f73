// Where huge pages come from. Reserved ones (MAP_HUGETLB) are set aside by mmap itself: what is not
// there is an error of that call, so that neither populating nor a packet can meet SIGBUS.
// Transparent ones are advice, which the kernel follows as far as it can. A file on tmpfs gets its
// huge pages by MADV_COLLAPSE, whatever the mount says of them.

#include "maps/region.h"

#include <sys/mman.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <optional>

#include <fmt/core.h>

#include "maps/numa.h"
#include "maps/words.h"
#include "vm/base/check.h"

namespace weir::maps {
namespace {

constexpr int kHugePageShift = 21;  ///< MAP_HUGE_2MB, whatever the machine's default size is
constexpr int kReservedHugePages = MAP_HUGETLB | (kHugePageShift << MAP_HUGE_SHIFT);
constexpr int kCollapse = 25;  ///< MADV_COLLAPSE, since Linux 6.1

/// The number behind `name` in /proc/meminfo.
std::optional<uint64_t> meminfo(const char* name) {
    FILE* file = std::fopen("/proc/meminfo", "re");
    if (file == nullptr) return {};
    std::optional<uint64_t> found;
    char line[128], key[64];
    while (std::fgets(line, sizeof line, file) != nullptr) {
        unsigned long long value = 0;
        if (std::sscanf(line, "%63[^:]: %llu", key, &value) == 2 && std::strcmp(key, name) == 0)
            found = value;
    }
    std::fclose(file);
    return found;
}

/// MemAvailable, or "no limit" where that cannot be read. Populating past it would wake the OOM
/// killer, which gives no error that could be reported.
uint64_t available_bytes() {
    return meminfo("MemAvailable").value_or(UINT64_MAX / 1024) * 1024;
}

std::unexpected<Error> no_memory(const std::string& map_name, uint64_t bytes, const char* reason) {
    return fail(ErrorKind::kResource,
                fmt::format("map {}: cannot take {} bytes of memory: {}", map_name, bytes, reason));
}

Result<void> check_bound(uint64_t bytes, const std::string& map_name) {
    if (bytes <= kMapBytesMax) return {};
    return fail(ErrorKind::kResource,
                fmt::format("map {}: would take {} bytes of memory, at most {} are allowed; lower "
                            "max_entries or the value size",
                            map_name, bytes, kMapBytesMax));
}

uint8_t* map_pages(uint64_t bytes, int flags) {
    void* const pages =
        mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, 0);
    return pages == MAP_FAILED ? nullptr : static_cast<uint8_t*>(pages);
}

/// Maps with an alignment, by mapping more and giving back both ends.
uint8_t* map_aligned(uint64_t bytes, uint64_t alignment) {
    const uint64_t padded = bytes + alignment - kPageBytes;
    uint8_t* const raw = map_pages(padded, MAP_NORESERVE);
    if (raw == nullptr) return nullptr;
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
    for (uint64_t at = 0; at < bytes; at += kPageBytes) {
        auto* const byte = const_cast<volatile uint8_t*>(base + at);
        *byte = *byte;
    }
    return true;
}

/// Memory of reserved huge pages, faulted in; nullptr where they are not to be had.
uint8_t* take_reserved(uint64_t bytes, const MemoryPolicy& policy) {
    uint8_t* const base = map_pages(bytes, kReservedHugePages);
    if (base == nullptr) return nullptr;
    prefer_nodes(base, bytes, policy.nodes);
    // Only by the call that reports what is missing; touching would raise SIGBUS.
    if (madvise(base, bytes, MADV_POPULATE_WRITE) == 0) return base;
    munmap(base, bytes);
    return nullptr;
}

std::unexpected<Error> no_huge_pages(const std::string& map_name, uint64_t bytes) {
    const uint64_t needed = bytes / kHugePageBytes;
    const uint64_t total = meminfo("HugePages_Total").value_or(0);
    const uint64_t free = meminfo("HugePages_Free").value_or(0);
    const uint64_t more = needed > free ? needed - free : 1;
    return fail(ErrorKind::kResource,
                fmt::format("map {}: memory.hugepages: required, but {} of the {} hugepages of "
                            "{} KiB that it needs are free; `sysctl -w vm.nr_hugepages={}`",
                            map_name, free, needed, kHugePageBytes >> 10, total + more));
}

bool wants_transparent(const MemoryPolicy& policy) {
    return policy.huge_pages != HugePages::Off;
}

}  // namespace

uint64_t region_bytes(uint64_t bytes) {
    return round_up_to(bytes, bytes >= kHugePageBytes ? kHugePageBytes : kPageBytes);
}

Result<void> check_memory(uint64_t bytes, const std::string& map_name) {
    if (Result<void> ok = check_bound(bytes, map_name); !ok) return ok;
    const uint64_t available = available_bytes();
    if (bytes <= available) return {};
    return no_memory(map_name, bytes, fmt::format("only {} are available", available).c_str());
}

Result<Region> Region::take(uint64_t bytes, const std::string& map_name,
                            const MemoryPolicy& policy) {
    WEIR_CHECK(bytes > 0);
    if (const Result<void> ok = check_bound(bytes, map_name); !ok)
        return std::unexpected(ok.error());
    const bool huge = bytes >= kHugePageBytes;
    const uint64_t rounded = region_bytes(bytes);
    const bool required = policy.huge_pages == HugePages::Required;
    if (huge && (required || policy.huge_pages == HugePages::Auto)) {
        if (uint8_t* const base = take_reserved(rounded, policy)) return Region(base, rounded);
        if (required) return no_huge_pages(map_name, rounded);
    }
    if (const Result<void> ok = check_memory(bytes, map_name); !ok)
        return std::unexpected(ok.error());
    uint8_t* base = map_aligned(rounded, huge ? kHugePageBytes : kPageBytes);
    if (base == nullptr) return no_memory(map_name, rounded, std::strerror(errno));
    Region region(base, rounded);
    prefer_nodes(base, rounded, policy.nodes);
    // Advice only: without transparent huge pages the map works, slower.
    if (huge) madvise(base, rounded, wants_transparent(policy) ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
    if (!populate(base, rounded)) return no_memory(map_name, rounded, std::strerror(errno));
    return region;
}

Result<Region> Region::over_file(int fd, uint64_t offset, uint64_t bytes,
                                 const std::string& map_name, const MemoryPolicy& policy,
                                 bool copy_on_write) {
    WEIR_CHECK(bytes > 0 && bytes % kPageBytes == 0);
    const bool huge = bytes >= kHugePageBytes;
    uint8_t* const place = map_aligned(bytes, huge ? kHugePageBytes : kPageBytes);
    if (place == nullptr) return no_memory(map_name, bytes, std::strerror(errno));
    Region region(place, bytes);
    const int flags = MAP_FIXED | (copy_on_write ? MAP_PRIVATE | MAP_NORESERVE : MAP_SHARED);
    if (mmap(place, bytes, PROT_READ | PROT_WRITE, flags, fd, static_cast<off_t>(offset)) ==
        MAP_FAILED)
        return no_memory(map_name, bytes, std::strerror(errno));
    if (copy_on_write) return region;
    prefer_nodes(place, bytes, policy.nodes);
    if (huge && wants_transparent(policy)) madvise(place, bytes, MADV_HUGEPAGE);
    if (!populate(place, bytes)) return no_memory(map_name, bytes, std::strerror(errno));
    const bool collapsed =
        huge && wants_transparent(policy) && madvise(place, bytes, kCollapse) == 0;
    if (huge && !collapsed && policy.huge_pages == HugePages::Required) {
        return fail(ErrorKind::kResource,
                    fmt::format("map {}: memory.hugepages: required, but {} bytes of a file cannot "
                                "get them: {}; put run_dir on a tmpfs",
                                map_name, bytes, std::strerror(errno)));
    }
    return region;
}

Region::~Region() {
    if (base_ != nullptr) munmap(base_, bytes_);
}

}  // namespace weir::maps
