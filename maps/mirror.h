#pragma once
// Memory of a ring that is seen twice, one copy behind the other, so that a record that runs over
// the end lies in one piece (as the kernel maps the pages of a ring buffer).

#include <cstdint>
#include <string>
#include <utility>

#include "vm/base/result.h"

namespace weir::maps {

class Mirror {
public:
    /// `bytes` is a multiple of the page size, 4096; zeroed, all pages faulted in. Refuses what
    /// Region refuses. `map_name` is for the message.
    static Result<Mirror> take(uint64_t bytes, const std::string& map_name);

    Mirror() = default;
    Mirror(Mirror&& other) noexcept
        : base_(std::exchange(other.base_, nullptr)), bytes_(std::exchange(other.bytes_, 0)) {}
    Mirror& operator=(Mirror&& other) noexcept {
        std::swap(base_, other.base_);
        std::swap(bytes_, other.bytes_);
        return *this;
    }
    Mirror(const Mirror&) = delete;
    Mirror& operator=(const Mirror&) = delete;
    ~Mirror();

    /// Byte i and byte i + bytes() are the same.
    uint8_t* data() const { return base_; }
    uint64_t bytes() const { return bytes_; }

private:
    Mirror(uint8_t* base, uint64_t bytes) : base_(base), bytes_(bytes) {}

    uint8_t* base_ = nullptr;
    uint64_t bytes_ = 0;
};

}  // namespace weir::maps
