#include "maps/mirror.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include <fmt/core.h>

#include "maps/region.h"
#include "vm/base/check.h"

namespace weir::maps {
namespace {

std::unexpected<Error> no_memory(const std::string& map_name, uint64_t bytes, int error) {
    return fail(ErrorKind::kResource, fmt::format("map {}: cannot take {} bytes of memory: {}",
                                                  map_name, bytes, std::strerror(error)));
}

/// Both halves over the same file; nullptr with errno.
uint8_t* map_twice(int file, uint64_t bytes) {
    void* const both = mmap(nullptr, 2 * bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (both == MAP_FAILED) return nullptr;
    auto* const base = static_cast<uint8_t*>(both);
    for (uint8_t* const half : {base, base + bytes}) {
        if (mmap(half, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED | MAP_POPULATE, file,
                 0) != MAP_FAILED)
            continue;
        const int error = errno;
        munmap(base, 2 * bytes);
        errno = error;
        return nullptr;
    }
    return base;
}

}  // namespace

Result<Mirror> Mirror::take(uint64_t bytes, const std::string& map_name) {
    WEIR_CHECK(bytes > 0 && bytes % kPageBytes == 0);
    if (const Result<void> ok = check_memory(bytes, map_name); !ok)
        return std::unexpected(ok.error());
    const int file = memfd_create("weir-ring", MFD_CLOEXEC);
    if (file < 0) return no_memory(map_name, bytes, errno);
    // fallocate takes the pages, so that a full machine is an error here and no SIGBUS later.
    const bool sized = ftruncate(file, static_cast<off_t>(bytes)) == 0 &&
                       fallocate(file, 0, 0, static_cast<off_t>(bytes)) == 0;
    uint8_t* const base = sized ? map_twice(file, bytes) : nullptr;
    const int error = errno;
    close(file);
    if (base == nullptr) return no_memory(map_name, bytes, error);
    return Mirror(base, bytes);
}

Mirror::~Mirror() {
    if (base_ != nullptr) munmap(base_, 2 * bytes_);
}

}  // namespace weir::maps
