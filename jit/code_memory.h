#pragma once
// Executable memory that nobody can write: not through this mapping, not through another one, not
// later.

#include <cstddef>
#include <cstdint>
#include <span>

#include "vm/base/result.h"

namespace weir::jit {

/// Pages between two guard pages. First reserved (no access), then filled once, then read and
/// execute only. Freed with the object.
class CodeMemory {
public:
    /// Address space for `bytes` of code, near this program's own code if there is room, so that
    /// calls reach it.
    static Result<CodeMemory> reserve(size_t bytes);

    CodeMemory(CodeMemory&& other) noexcept;
    CodeMemory& operator=(CodeMemory&& other) noexcept;
    CodeMemory(const CodeMemory&) = delete;
    CodeMemory& operator=(const CodeMemory&) = delete;
    ~CodeMemory();

    /// Where the code will lie.
    uint64_t address() const { return reinterpret_cast<uint64_t>(base_) + page_bytes_; }
    /// At most the bytes that were reserved; once. kResource where the system refuses executable
    /// memory.
    Result<void> fill(std::span<const uint8_t> code);
    /// What fill() put there.
    std::span<const uint8_t> code() const { return {base_ + page_bytes_, code_bytes_}; }

private:
    CodeMemory(uint8_t* base, size_t pages_bytes, size_t page_bytes)
        : base_(base), pages_bytes_(pages_bytes), page_bytes_(page_bytes) {}

    uint8_t* base_ = nullptr;  ///< of the lower guard page
    size_t pages_bytes_ = 0;   ///< between the guard pages
    size_t page_bytes_ = 0;
    size_t code_bytes_ = 0;
};

}  // namespace weir::jit
