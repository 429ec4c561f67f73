#pragma once
// Runs a burst in the two halves that overlap_plan.h describes.

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "vm/base/limits.h"
#include "vm/program/context.h"
#include "vm/program/run.h"

namespace weir::jit {

/// What is kept of a packet while others run. The packet's eBPF stack ends where this begins, so
/// that its address is the packet's r10.
struct alignas(64) OverlapFrame {
    uint64_t next = 0;                     ///< code with which the advance goes on
    uint64_t finish = 0;                   ///< code with which the completion goes on
    uint64_t ticket = 0;                   ///< of the look-up that it waits for, or its hash
    uint64_t bucket = 0;                   ///< of a look-up in place
    std::array<uint64_t, 10> registers{};  ///< r0..r9, those that matter
    vm::XdpContext* context = nullptr;
    uint32_t verdict = 0, redirect = 0;
};
static_assert(sizeof(OverlapFrame) == 128);

/// Packets that wait at the same time: more than memory answers at once, fewer than spill the
/// frames out of the first-level cache.
constexpr uint32_t kOverlapPackets = 32;

/// One pass over the frames [frame, end), `stride_bytes` apart. Of the advance: whether some packet
/// waits for another pass.
using OverlapPass = uint32_t (*)(uint8_t* frame, uint8_t* end, vm::RunEnv* env);

/// Frames of a program with this much stack.
constexpr uint32_t overlap_stack_bytes(uint32_t stack_bytes) {
    return (stack_bytes + 63) / 64 * 64;
}
constexpr uint32_t overlap_stride_bytes(uint32_t stack_bytes) {
    return overlap_stack_bytes(stack_bytes) + uint32_t{sizeof(OverlapFrame)};
}

struct OverlapCode {
    uint64_t start = 0;    ///< where a packet's advance begins
    uint64_t through = 0;  ///< what the completion does with a packet that is through
    OverlapPass advance = nullptr, complete = nullptr;
    uint32_t stack_bytes = 0;  ///< of the program's own function

    /// As CompiledProgram::run_burst.
    void run(std::span<vm::XdpContext> contexts, uint32_t* verdicts, uint32_t* redirects,
             vm::RunEnv& env) const;

private:
    void run_some(std::span<vm::XdpContext> contexts, uint32_t* verdicts, uint32_t* redirects,
                  vm::RunEnv& env) const;
};

}  // namespace weir::jit
