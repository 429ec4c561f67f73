#pragma once
// Random programs aimed at where verifiers have been wrong: bounds that are off by one, copies that
// are refined after they were made, spills of any width, checks on copies of packet pointers and on
// lengths, ways that meet with different facts, loops, references. The generator keeps in mind what
// each register holds, so that most programs are almost right; how often it slips is chosen for
// each program.

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "tests/differential/generated_program.h"
#include "tests/support/insns.h"
#include "vm/isa/helper_ids.h"
#include "vm/verifier/scalar.h"

namespace weir::tests {

/// Indices of the maps of every aimed program.
enum AimedMap : uint8_t {
    kAimedArray,
    kAimedHash,
    kAimedPercpu,
    kAimedLru,
    kAimedTrie,
    kAimedData,     ///< global data
    kAimedRodata,   ///< text and numbers that never change
    kAimedGuarded,  ///< values with a lock and a timer
    kAimedQueue,
    kAimedBloom,
    kAimedRing,
    kAimedEvents,
    kAimedPrograms,
    kAimedOuter,
    kAimedPorts,
    kAimedMaps
};
std::vector<vm::MapSpec> aimed_maps();

/// Kinds of statements that a program may have.
struct AimedPlan {
    bool calls = true;  ///< subprograms
    bool loops = true;
    bool references = true;  ///< rings, dynptrs, iterators, locks, sockets
    bool callbacks = true;
    bool tail_calls = true;
    bool adjusts = true;        ///< moves of the packet's borders
    bool is_filter = false;     ///< a socket filter, without most of the above
    bool has_frags = false;     ///< not of filters
    uint32_t slip_one_in = 12;  ///< 0: never
    uint32_t confusions = 0;    ///< per program, about
};
/// A mixture of plans, by seed.
AimedPlan aimed_plan(uint64_t seed);
vm::ProgramSpec aimed_program(uint64_t seed, const AimedPlan& plan);

using vm::verifier::Scalar;

enum class Holds : uint8_t { Nothing, Number, Context, Packet, PacketEnd, Value };

/// What the generator thinks that a register or a stack slot holds.
struct Fact {
    Holds holds = Holds::Nothing;
    int32_t before = 0, room = 0;  ///< bytes that may be touched before a pointer, and from it on
    Scalar number;
    AimedMap map = kAimedArray;  ///< Value: whose

    static Fact of(const Scalar& number) { return {.holds = Holds::Number, .number = number}; }
};

constexpr uint32_t kAimedSlots = 12;       ///< of eight bytes each, from r10 - 8 down
constexpr int16_t kAimedBuffer = -8 * 20;  ///< 64 bytes that are always written
constexpr int32_t kAimedBufferBytes = 64;
constexpr int32_t kAimedDataBytes = 64;   ///< a power of two
constexpr int32_t kAimedValueBytes = 32;  ///< of all element maps
constexpr int32_t kAimedLockOffset = 8, kAimedTimerOffset = 16;
constexpr int16_t kAimedKey = -8 * 22;     ///< 16 bytes
constexpr int16_t kAimedValue = -8 * 26;   ///< 32 bytes
constexpr int16_t kAimedObject = -8 * 28;  ///< 16 bytes: a dynptr or an iterator
constexpr int16_t kAimedObject2 = -8 * 30;
constexpr int16_t kAimedKept = -8 * 32;  ///< 16 bytes: loops, pointers across calls

struct Scene {
    std::array<Fact, 10> regs;
    std::array<Fact, kAimedSlots> slots;
};

class AimedGenerator {
public:
    AimedGenerator(uint64_t seed, const AimedPlan& plan) : random_(seed), plan_(plan) {}
    vm::ProgramSpec generate();

private:
    enum class FunctionKind : uint8_t {
        Numbers,
        Buffer,
        Changer,
        LoopBody,
        LoopChanger,
        Visitor,
        VisitChanger,
        TimerBody
    };
    static bool is_called_back(FunctionKind kind) { return kind > FunctionKind::Changer; }
    struct Function {
        FunctionKind kind;
        std::vector<size_t> uses{};  ///< slots of calls and address loads
        uint32_t entry = 0;
    };

    // aimed_generator.cc: the whole, and the choice of statements
    void begin();
    void statement();
    void block(uint32_t statements);
    void finish();
    void write_function(FunctionKind kind);
    size_t function_for(FunctionKind kind);

    // aimed_base.cc: chance, registers, labels
    bool slips() { return plan_.slip_one_in != 0 && random_.one_in(plan_.slip_one_in); }
    int32_t near(int32_t number);
    bool chance(uint32_t one_in) { return random_.one_in(one_in); }
    uint32_t pick(uint32_t below) { return random_.below(below); }
    template <typename T, size_t n>
    const T& any(const T (&table)[n]) {
        return table[random_.below(n)];
    }
    int32_t edge();
    uint8_t scratch();  ///< a register that may be written
    uint8_t scratch_beside(uint8_t other);
    uint8_t number();                ///< a register that holds a number
    uint8_t number_in(uint8_t reg);  ///< the same, made in this register
    void set(uint8_t reg, const Fact& fact) { scene_.regs[reg] = fact; }
    Fact& fact(uint8_t reg) { return scene_.regs[reg]; }
    void after_call();
    void jump_out(vm::Op op, uint8_t dst, uint8_t src, int32_t imm);
    void jump_bad(vm::Op op, uint8_t dst, uint8_t src, int32_t imm);
    size_t jump(vm::Op op, uint8_t dst = 0, uint8_t src = 0, int32_t imm = 0);
    void land(size_t jump);
    void meet(const Scene& other);
    InsnWriter& put(vm::Op op, uint8_t dst = 0, uint8_t src = 0, int32_t off = 0, int32_t imm = 0) {
        return w_.put(op, dst, src, static_cast<int16_t>(off), imm);
    }
    void call(vm::HelperId id) { put(vm::Op::kCallHelper, 0, 0, 0, static_cast<int32_t>(id)); }
    void kfunc(vm::KfuncId id) { put(vm::Op::kCallKfunc, 0, 0, 0, static_cast<int32_t>(id)); }
    void stack_address(uint8_t reg, int32_t off) { w_.mov_reg(reg, 10).add(reg, off); }

    // aimed_numbers.cc
    void arithmetic();
    void fresh_number(uint8_t reg);
    void apply(vm::Op op, uint8_t dst, uint8_t src, int32_t imm);
    void bound(uint8_t reg, int32_t most);
    void bound_by_jumps(uint8_t reg, int32_t most);
    void bound_by_copy(uint8_t reg, int32_t most);
    void refine(uint8_t reg);
    void claim() { claim_of(number()); }
    void claim_of(uint8_t reg);
    void copies();
    void use_index(uint8_t reg);

    // aimed_stack.cc
    void spill();
    void fill();
    void patch_slot();
    void buffer_access();
    void helper_on_buffer();
    void atomic(uint8_t base, int32_t off, int32_t bytes);

    // aimed_packet.cc
    void need_packet();
    void packet_check(uint8_t pointer, int32_t bytes);
    void packet_access(uint8_t pointer);
    void packet_fixed();
    void packet_variable();
    void packet_length();
    void packet_meta();
    void packet_walk();
    void adjust();
    void load_packet();
    void context_field();

    // aimed_maps.cc
    void value_pointer();
    void element_key(AimedMap map);
    void null_check();
    void value_access();
    void value_index();
    void map_change();
    void queue_use();
    void inner_map();
    void access(uint8_t pointer, int32_t before, int32_t room, bool is_packet);

    // aimed_flow.cc
    void diamond();
    void loop();
    void use_counter(uint8_t counter, int32_t most);
    void counted_loop();
    void shifting_loop();
    void gathering_loop();
    void local_call();
    void switch_ladder();

    // aimed_confusions.cc
    void confuse();
    void confuse_copies();
    void confuse_ways();
    void confuse_slots();
    void confuse_widths();
    void confuse_bytes();
    void confuse_divisors();
    void confuse_packets();
    void confuse_lookups();
    void confuse_times();
    void confuse_kinds();
    void use_in_round(uint8_t moving, bool is_pointer);
    void confuse_rounds();
    void almost_copy(uint8_t copy, uint8_t reg);
    void use_unbounded(uint8_t reg);
    void padding();

    // aimed_relations.cc
    void relate();
    void confuse_distances();
    void confuse_halves();
    void make_place();
    uint8_t take_length();
    void confuse_lengths();
    enum class Moving : uint8_t { Packet, Value, Stack, Number };
    Moving make_moving();
    void use_moving(Moving kind);
    void move_on(int32_t step);
    size_t end_early(int32_t rounds, const std::optional<int16_t>& limit_at);
    void confuse_steps();
    void confuse_changers();
    void change_number();
    void crowd();
    void move_by(uint8_t reg, int32_t distance);

    // aimed_chains.cc
    int16_t chain_place();
    size_t toss();
    void chain_value();
    void chain_use();
    void chain_store();
    void chain_move();
    void chain_clamp();
    void chain_step(std::vector<size_t>& leave);
    void chain_loop(uint8_t counter);
    void confuse_chains();

    // aimed_objects.cc
    void reference();
    void record();
    void record_dynptr();
    void memory_dynptr();
    void packet_dynptr();
    void iterator();
    void locked();
    void timer();
    void loop_helper();
    void visit_elements();
    void tail_call();
    void output();

    Random random_;
    AimedPlan plan_;
    InsnWriter w_;
    Scene scene_;
    uint16_t locked_ = 1u << 6;  ///< registers that must keep what they hold
    uint32_t depth_ = 0;
    uint32_t left_ = 60;  ///< statements, at most
    uint32_t in_loop_ = 0;
    uint32_t chain_places_ = 0;  ///< slots from r10 - 8 down that values wander through
    bool chain_slips_ = false;
    bool in_function_ = false;
    bool in_callback_ = false;
    std::vector<size_t> to_out_, to_bad_;
    std::vector<Function> functions_;
};

}  // namespace weir::tests
