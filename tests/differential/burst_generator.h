#pragma once
// The parts of burst_program. Between statements: r6 the context, r7 the packet with kPacketBytes
// bytes, r8 a number that all results flow into, r9 free.

#include <cstdint>
#include <vector>

#include "tests/differential/burst_program.h"
#include "tests/support/insns.h"

namespace weir::tests {

constexpr uint32_t kPacketBytes = 64;
constexpr int16_t kPacketKey = 16;         ///< two keys of 24 bytes: a small number, then zeroes
constexpr uint32_t kBurstKeys = 16;        ///< how many different ones there are
constexpr uint32_t kBurstValueBytes = 24;  ///< the next key, a counter, a number

class BurstGenerator {
public:
    BurstGenerator(uint64_t seed, BurstKind kind) : random_(seed), kind_(kind) {}
    vm::ProgramSpec generate();

private:
    static constexpr int16_t kKeySlot = -32, kLastSlot = -8, kValueSlot = -64, kLoopSlot = -72;

    // burst_generator.cc
    std::vector<vm::MapSpec> map_specs();
    void prologue();
    void check_packet();
    void body();
    void choose_statements();
    void statement();
    void loop();
    void call_function();
    void function_body();
    void epilogue();
    void early_exit();

    // burst_statements.cc
    void lookup();
    void lookup_here(uint32_t map);
    void lookup_by_packet(uint32_t map);
    void lookup_by_value();
    void lookup_inner();
    void two_lookups_at_once();
    void lock_and_count();
    void update();
    void remove();
    void count();
    void count_only();
    void count_global();
    void write_packet();
    void move_packet();
    void random_number();
    void arithmetic();
    void helper();
    /// r0 points to a value, or is null.
    void use_value();
    void write_value();
    /// Adds to a number of r0's value, as compilers do or atomically; the sum is not read, mostly.
    void add_at(uint8_t base);
    /// r1 the map, r2 the key on the stack.
    void put_key(uint32_t map);
    void change_key(int16_t place);
    /// r1 a number below kBurstKeys out of the packet, the value before, the result so far, or a
    /// constant.
    void small_number();
    void fold(uint8_t reg);

    uint32_t keyed_map();
    bool in_kernel() const { return kind_ == BurstKind::kInKernel; }

    Random random_;
    BurstKind kind_;
    InsnWriter w_;
    using Statement = void (BurstGenerator::*)();
    std::vector<Statement> statements_;  ///< of this program, beside look-ups
    bool writes_values_ = false;
    bool counts_in_two_widths_ = false, reads_counts_ = false;
    bool in_function_ = false, in_loop_ = false;
    bool redirects_ = false;
    std::vector<size_t> exits_;  ///< jumps to the end that drops the packet
    std::vector<size_t> calls_;
};

}  // namespace weir::tests
