// The code is written with write(2) into a memfd, which is then sealed against writing, growing and
// shrinking and only after that mapped, read and execute. At no time does any mapping of it carry
// PROT_WRITE, so this also works under PR_SET_MDWE (prctl(2)), which refuses every way from
// writable to executable.

#include "jit/code_memory.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "jit/code_ranges.h"
#include "vm/base/check.h"
#include "vm/base/descriptor.h"

namespace weir::jit {
namespace {

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x0008U
#endif

constexpr uint64_t kCallReachBytes =
    1ull << 30;  ///< half of what rel32 reaches: leaves room for text on both ends
constexpr uint64_t kProbeStepBytes = 1ull << 20;
constexpr uint8_t kTrapByte = 0xcc;  ///< int3

std::unexpected<Error> system_error(const char* call) {
    return fail(ErrorKind::kResource,
                fmt::format("executable memory: {}: {}", call, std::strerror(errno)));
}

/// "No exec" forbids execve on the file, not mapping it, and is the one form that every
/// vm.memfd_noexec setting accepts; kernels before 6.3 do not know the flag.
int open_memfd() {
    const int fd = ::memfd_create("weir-jit", MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL);
    if (fd >= 0 || errno != EINVAL) return fd;
    return ::memfd_create("weir-jit", MFD_CLOEXEC | MFD_ALLOW_SEALING);
}

Result<void> write_all(int fd, std::span<const uint8_t> bytes) {
    while (!bytes.empty()) {
        const ssize_t written = ::write(fd, bytes.data(), bytes.size());
        if (written < 0 && errno == EINTR) continue;
        if (written <= 0) return system_error("write");
        bytes = bytes.subspan(static_cast<size_t>(written));
    }
    return {};
}

void* reserve_at(uint64_t address, size_t bytes) {
    return ::mmap(reinterpret_cast<void*>(address), bytes, PROT_NONE,
                  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0);
}

/// Below our own text there is nothing on Linux/x86-64; the heap is above. Any other place will do
/// as well, calls just get longer.
void* reserve_near_text(size_t bytes, size_t page_bytes) {
    const uint64_t text =
        reinterpret_cast<uint64_t>(&open_memfd) & ~(static_cast<uint64_t>(page_bytes) - 1);
    for (uint64_t distance = kProbeStepBytes; distance < kCallReachBytes;
         distance += kProbeStepBytes) {
        const uint64_t span = distance + bytes;
        if (span >= text) break;
        void* base = reserve_at(text - span, bytes);
        if (base == reinterpret_cast<void*>(text - span)) return base;
        if (base != MAP_FAILED) ::munmap(base, bytes);
    }
    return ::mmap(nullptr, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
}

}  // namespace

Result<CodeMemory> CodeMemory::reserve(size_t bytes) {
    const auto page_bytes = static_cast<size_t>(::sysconf(_SC_PAGESIZE));
    const size_t pages_bytes = (bytes + page_bytes - 1) / page_bytes * page_bytes;
    void* base = reserve_near_text(pages_bytes + 2 * page_bytes, page_bytes);
    if (base == MAP_FAILED) return system_error("mmap");
    return CodeMemory(static_cast<uint8_t*>(base), pages_bytes, page_bytes);
}

CodeMemory::CodeMemory(CodeMemory&& other) noexcept {
    *this = std::move(other);
}

CodeMemory& CodeMemory::operator=(CodeMemory&& other) noexcept {
    std::swap(base_, other.base_);
    std::swap(pages_bytes_, other.pages_bytes_);
    std::swap(page_bytes_, other.page_bytes_);
    std::swap(code_bytes_, other.code_bytes_);
    return *this;
}

CodeMemory::~CodeMemory() {
    if (base_ == nullptr) return;
    if (code_bytes_ != 0) forget_code(address());
    ::munmap(base_, pages_bytes_ + 2 * page_bytes_);
}

Result<void> CodeMemory::fill(std::span<const uint8_t> code) {
    WEIR_CHECK(code_bytes_ == 0 && !code.empty() && code.size() <= pages_bytes_);
    const Descriptor file(open_memfd());
    if (file.get() < 0) return system_error("memfd_create");
    std::vector<uint8_t> pages_content(pages_bytes_, kTrapByte);
    std::copy(code.begin(), code.end(), pages_content.begin());
    if (const Result<void> written = write_all(file.get(), pages_content); !written) return written;
    if (::fcntl(file.get(), F_ADD_SEALS,
                F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) != 0)
        return system_error("F_ADD_SEALS");
    // Private: a shared mapping of a write-sealed memfd is refused by kernels before 6.7, even
    // without PROT_WRITE.
    void* pages = ::mmap(base_ + page_bytes_, pages_bytes_, PROT_READ | PROT_EXEC,
                         MAP_PRIVATE | MAP_FIXED, file.get(), 0);
    if (pages == MAP_FAILED) return system_error("mmap of code");
    code_bytes_ = code.size();
    note_code(address(), address() + pages_bytes_);
    return {};
}

}  // namespace weir::jit
