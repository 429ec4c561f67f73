#pragma once
// The address of a function, as LoadCodeAddr gives it to a program: a number that only helpers with
// callbacks understand. It lies where no memory can be (not canonical on x86-64 and arm64).

#include <cstdint>

namespace weir::vm {

constexpr uint64_t kCodeAddressTag = 0xC0DE'0000'0000'0000;

constexpr uint64_t code_address(uint64_t slot) {
    return kCodeAddressTag | slot;
}
constexpr bool is_code_address(uint64_t address) {
    return (address >> 32) == (kCodeAddressTag >> 32);
}
constexpr uint64_t slot_of(uint64_t address) {
    return address & 0xffff'ffff;
}

}  // namespace weir::vm
