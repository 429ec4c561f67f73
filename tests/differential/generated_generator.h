#pragma once
// The parts of generate_program: what is known at each point, and one function per kind of
// statement.

#include <cstdint>
#include <vector>

#include "tests/differential/generated_program.h"
#include "tests/support/insns.h"

namespace weir::tests {

constexpr uint8_t kContextReg = 6, kPacketReg = 7, kLoopReg = 9;
constexpr uint32_t kStackSlots = 24;   ///< of 8 bytes, from r10-8 downwards
constexpr int16_t kKeySlot = -8 * 25;  ///< keys and values of map calls lie below the random slots
constexpr int16_t kValueSlot = -8 * 28;
constexpr uint32_t kMapValueBytes = 16;

/// What may be read at this point.
struct Known {
    uint16_t scalars = 0;  ///< bit i: register i holds a number
    uint32_t slots = 0;    ///< bit i: the eight bytes at r10 - 8 * (i + 1) are written
};

class Generator {
public:
    explicit Generator(uint64_t seed, Calls calls = Calls::Plain);

    vm::ProgramSpec generate();

private:
    // generated_generator.cc: control flow
    void program_body();
    void function_body(uint32_t arguments);
    void block(uint32_t statements, uint32_t depth);
    void statement(uint32_t depth);
    void branch(uint32_t depth);
    void loop();
    void local_call();
    void fold_into_r0();

    // generated_data.cc: registers, stack, packet
    void alu();
    void alu_immediate(uint8_t dst);
    void load_constant();
    void stack_store();
    void stack_load();
    void stack_atomic();
    void packet_access();

    // generated_maps.cc
    void map_statement();
    void map_lookup(GeneratedMap map);
    void map_update(GeneratedMap map);
    void map_delete();
    void globals_access();
    void value_access();
    void atomic_at(uint8_t base, int16_t off, bool wide);
    void put_key(GeneratedMap map);
    void put_map(uint8_t reg, GeneratedMap map);

    // generated_calls.cc
    void tail_call();
    void loop_by_callback();
    void each_by_callback();
    void put_callbacks(vm::ProgramSpec& spec);

    /// Offset from r10 of eight bytes that are written; they are written now if there are none.
    int16_t some_slot();
    /// A number to read; one is made if there is none.
    uint8_t some_scalar();
    /// A register to write: never the context, the packet or a running loop's counter.
    uint8_t some_target();
    void now_scalar(uint8_t reg) {
        known_.scalars = static_cast<uint16_t>(known_.scalars | (1u << reg));
    }
    bool is_scalar(uint8_t reg) const { return (known_.scalars & (1u << reg)) != 0; }
    /// r0 is the result, r1..r5 are gone.
    void after_call();
    int32_t some_immediate();

    Random random_;
    InsnWriter w_;
    Known known_;
    uint16_t locked_ = 0;       ///< registers that must keep their value
    bool in_function_ = false;  ///< not the program itself: no packet, no maps, no calls
    bool in_loop_ = false;
    uint32_t packet_bytes_ = 0;   ///< checked to be there
    uint32_t branches_left_ = 6;  ///< bounds the verifiers' paths
    std::vector<size_t> calls_;   ///< slots of local calls
    bool calls_itself_ = false, has_callbacks_ = false;
    std::vector<size_t> loop_callbacks_, each_callbacks_;  ///< slots that name them
};

}  // namespace weir::tests
