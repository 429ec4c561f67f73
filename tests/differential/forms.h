#pragma once
// Every row of insn.def as small pieces of code, on every register and with the operands where
// arithmetic, encodings and addressing change their mind.

#include <array>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "vm/isa/insn.h"

namespace weir::tests {

constexpr uint8_t kFormRegisters = 10;

/// What a register holds before a piece of code. Fillers differ from register to register.
enum class Operand : uint8_t { A, B, C, Filler };

/// A piece of code: takes r0..r9 as they are given, leaves numbers in all of them. Its jumps stay
/// inside, behind its last instruction included.
struct Form {
    std::vector<vm::Insn> insns;
    std::array<Operand, kFormRegisters> operands{};
};

/// Where a program that holds forms keeps things, as offsets from r10 (forms_program.h).
constexpr int16_t kFormPacketSlot = -8;   ///< address of the packet: kFormPacketBytes are there
constexpr int16_t kFormMemorySlot = -16;  ///< address of the middle of the memory map's value
/// Eight-byte slots that are numbers. What is left of 512 bytes is for a function.
constexpr int16_t kFormStackHigh = -72, kFormStackLow = -448;
constexpr int32_t kFormMemoryBytes = 65'600, kFormMemoryMiddle = 32'800;
constexpr int16_t kFormPacketBytes = 192, kFormPacketWork = 112;  ///< numbers from there on
/// Indices of maps.
constexpr int32_t kFormOut = 0, kFormMemory = 1;

/// All pieces for one row; empty where without_forms says why.
std::vector<Form> forms_of(vm::Op op);
/// Why a row has none, for those that no proven program of this kind can contain; else empty.
std::string_view without_forms(vm::Op op);
/// Pairs of instructions that compilers emit together and back ends may fuse, with and without a
/// jump to the second.
std::vector<Form> forms_of_pairs();

/// Values of operands.
std::span<const uint64_t> form_values();
/// Values of immediates.
std::span<const int32_t> form_immediates();

}  // namespace weir::tests
