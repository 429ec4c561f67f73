#pragma once
// A program of hand-made machine code, which the verifier has never seen: to fault for real.

#include <sys/mman.h>

#include <cstddef>
#include <cstring>
#include <vector>

#include "jit/code_ranges.h"
#include "jit/jit.h"
#include "vm/base/check.h"

namespace weir::dataplane::testing {

/// What happens to a packet whose first byte is kTrigger; all others pass.
namespace machine {
using Code = std::vector<uint8_t>;
inline const Code kReadsNull = {0x31, 0xc0, 0x8b, 0x00};            // xor eax, eax; mov eax, [rax]
inline const Code kDivides = {0x31, 0xc9, 0x31, 0xd2, 0xf7, 0xf1};  // div by ecx = 0
inline const Code kIllegal = {0x0f, 0x0b};                          // ud2
inline const Code kEndless = {0xeb, 0xfe};                          // jmp to itself
/// movabs rax, forbidden; mov byte [rax], 1: not canonical, so that the kernel knows no address.
inline const Code kStray = {0x48, 0xb8, 0, 0, 0, 0, 0, 0, 0xad, 0xde, 0xc6, 0x00, 0x01};
}  // namespace machine

class MachineProgram : public jit::CompiledProgram {
public:
    static constexpr uint8_t kTrigger = 0xee;

    explicit MachineProgram(const machine::Code& when_triggered)
        : CompiledProgram({nullptr, enter_burst, true}) {
        machine::Code code = {0x48, 0x8b, 0x87};  // mov rax, [rdi + data]
        const auto data = static_cast<uint32_t>(offsetof(vm::XdpContext, data));
        for (int shift = 0; shift < 32; shift += 8)
            code.push_back(static_cast<uint8_t>(data >> shift));
        code.insert(code.end(), {0x80, 0x38, kTrigger});  // cmp byte [rax], kTrigger
        code.insert(code.end(),
                    {0x75, static_cast<uint8_t>(when_triggered.size())});  // jne over it
        triggered_ = code.size();
        code.insert(code.end(), when_triggered.begin(), when_triggered.end());
        code.insert(code.end(), {0xb8, vm::XDP_PASS, 0, 0, 0, 0xc3});  // mov eax, XDP_PASS; ret
        memory_ = static_cast<uint8_t*>(
            mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
        WEIR_CHECK(memory_ != MAP_FAILED);
        std::memcpy(memory_, code.data(), code.size());
        WEIR_CHECK(mprotect(memory_, kBytes, PROT_READ | PROT_EXEC) == 0);
        jit::note_code(address(), address() + kBytes);
        enter_by({reinterpret_cast<SingleEntry>(memory_), enter_burst, true});
    }
    ~MachineProgram() override {
        jit::forget_code(address());
        munmap(memory_, kBytes);
    }
    jit::Engine engine() const override { return jit::Engine::kJit; }
    std::span<const uint8_t> code() const override { return {memory_, kBytes}; }
    uint64_t address() const { return reinterpret_cast<uint64_t>(memory_); }
    /// Address of the code that runs for a packet with kTrigger.
    uint64_t trigger_address() const { return address() + triggered_; }

private:
    static constexpr size_t kBytes = 4096;
    static void enter_burst(vm::XdpContext* context, vm::XdpContext* end, uint32_t* verdicts,
                            uint32_t* redirects, vm::RunEnv* env, const CompiledProgram* self) {
        for (; context != end; ++context) {
            *verdicts++ = self->run(*context, *env);
            *redirects++ = env->redirect_ifindex;
        }
    }

    uint8_t* memory_ = nullptr;
    size_t triggered_ = 0;
};

}  // namespace weir::dataplane::testing
