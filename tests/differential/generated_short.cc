// Short programs without calls, of the groups of instructions that compilers emit and back ends
// fold: with registers that are read again and such that are not, and with jumps between.

#include <algorithm>
#include <array>
#include <span>

#include "tests/differential/generated_program.h"
#include "tests/support/insns.h"

namespace weir::tests {

using vm::Op;

namespace {

constexpr int32_t kShortPacketBytes = 64;
constexpr uint32_t kGlobalsBytes = 64;

constexpr auto kAluReg =
    std::to_array<Op>({Op::kAdd64Reg, Op::kSub64Reg, Op::kMul64Reg, Op::kOr64Reg, Op::kAnd64Reg,
                       Op::kXor64Reg, Op::kMov64Reg, Op::kLsh64Reg, Op::kRsh64Reg, Op::kAdd32Reg,
                       Op::kSub32Reg, Op::kOr32Reg, Op::kAnd32Reg, Op::kXor32Reg, Op::kMov32Reg,
                       Op::kArsh32Reg, Op::kMovSx8To64, Op::kMovSx32To64, Op::kMovSx16To32});
constexpr auto kAluImm =
    std::to_array<Op>({Op::kAdd64Imm, Op::kSub64Imm, Op::kMul64Imm, Op::kOr64Imm, Op::kAnd64Imm,
                       Op::kXor64Imm, Op::kMov64Imm, Op::kAdd32Imm, Op::kSub32Imm, Op::kOr32Imm,
                       Op::kAnd32Imm, Op::kXor32Imm, Op::kMov32Imm});
constexpr auto kImmediates =
    std::to_array<int32_t>({0, 1, -1, 2, 7, 8, 14, 0x7f, 0x80, 0xff, 0x100, -128, -129, 0xffff,
                            0xff00, INT32_MAX, INT32_MIN, 0x1234'5678});
constexpr auto kLoads = std::to_array<Op>({Op::kLoad8, Op::kLoad16, Op::kLoad32, Op::kLoad64,
                                           Op::kLoadSx8, Op::kLoadSx16, Op::kLoadSx32});
constexpr auto kStores =
    std::to_array<Op>({Op::kStoreReg8, Op::kStoreReg16, Op::kStoreReg32, Op::kStoreReg64});
constexpr auto kJumps =
    std::to_array<Op>({Op::kJeq64Imm, Op::kJne64Imm, Op::kJset64Imm, Op::kJgt64Imm, Op::kJsle64Imm,
                       Op::kJeq32Imm, Op::kJne32Imm, Op::kJset32Imm, Op::kJlt32Imm});

class ShortGenerator {
public:
    explicit ShortGenerator(uint64_t seed) : random_(seed) {}
    vm::ProgramSpec generate();

private:
    using Group = void (ShortGenerator::*)();

    template <typename T>
    T pick(std::span<const T> from) {
        return from[random_.below(static_cast<uint32_t>(from.size()))];
    }
    uint8_t reg() { return pick(std::span<const uint8_t>(registers_)); }
    int32_t imm() { return pick(std::span<const int32_t>(kImmediates)); }
    int16_t place(uint32_t bytes) {
        return static_cast<int16_t>(random_.below(kShortPacketBytes - bytes + 1));
    }

    void prologue();
    void epilogue();
    void group();
    void alu();
    void divide();
    void put_bytes_together();
    void rotate();
    void copy_and_change();
    void load_and_operate();
    void mask_and_compare();
    void load_from_sum();
    void store_constant();
    void swap();

    Random random_;
    InsnWriter w_;
    std::vector<uint8_t> registers_;  ///< that hold numbers
    uint8_t packet_ = 0, sum_ = 0;    ///< the packet's address; free for other addresses
    bool divides_ = false;
};

/// A few numbers, so that the same registers meet again.
void ShortGenerator::prologue() {
    std::array<uint8_t, 9> others = {2, 3, 4, 5, 6, 7, 8, 9, 0};
    for (size_t i = others.size() - 1; i > 0; --i)
        std::swap(others[i], others[random_.below(static_cast<uint32_t>(i + 1))]);
    // r0 is the result in the end, and no address.
    std::swap(*std::ranges::find(others, 0), others[2 + random_.below(7)]);
    packet_ = others[0];
    sum_ = others[1];
    registers_.assign(others.begin() + 2, others.begin() + 4 + random_.below(6));
    if (random_.one_in(2)) registers_.push_back(1);
    w_.put(Op::kLoad32, packet_, 1, 0).put(Op::kLoad32, sum_, 1, 4).mov_reg(1, packet_);
    w_.add(1, kShortPacketBytes).put(Op::kJgt64Reg, 1, sum_);  // to where the packet is too short
    for (const uint8_t each : registers_)
        w_.put(pick(std::span<const Op>(kLoads)), each, packet_, place(8));
}

void ShortGenerator::alu() {
    if (random_.one_in(2)) {
        w_.put(pick(std::span<const Op>(kAluReg)), reg(), reg());
        return;
    }
    w_.put(pick(std::span<const Op>(kAluImm)), reg(), 0, 0, imm());
}

void ShortGenerator::divide() {
    if (!divides_) return alu();
    constexpr auto kOps = std::to_array<Op>({Op::kDiv64Reg, Op::kMod32Reg, Op::kSdiv64Reg,
                                             Op::kSmod32Reg, Op::kLsh32Reg, Op::kArsh64Reg});
    w_.put(pick(std::span<const Op>(kOps)), reg(), reg());
}

/// Two to eight bytes, or halves, in either order; sometimes one is another's neighbour only
/// nearly.
void ShortGenerator::put_bytes_together() {
    const uint32_t unit = 1u << random_.below(3);
    const uint32_t units = 2 + random_.below(3);
    const Op load = unit == 1 ? Op::kLoad8 : unit == 2 ? Op::kLoad16 : Op::kLoad32;
    const Op shift = random_.one_in(3) ? Op::kLsh32Imm : Op::kLsh64Imm;
    const Op join = random_.one_in(3) ? Op::kOr32Reg : Op::kOr64Reg;
    const uint8_t whole = reg();
    const int16_t first = place(unit * units);
    const bool reversed = random_.one_in(3);
    w_.put(load, whole, packet_, static_cast<int16_t>(first + (reversed ? unit : 0)));
    for (uint32_t i = 1; i < units; ++i) {
        const uint8_t part = reg();
        const uint32_t at = reversed && i == 1 ? 0 : random_.one_in(9) ? units - 1 : i;
        const uint32_t by = 8 * unit * (random_.one_in(9) ? 1 : i);
        w_.put(load, part, packet_, static_cast<int16_t>(first + static_cast<int>(at * unit)));
        w_.put(shift, part, 0, 0, static_cast<int32_t>(by % vm::op_info(shift).bits));
        w_.put(join, whole, part);
    }
}

void ShortGenerator::rotate() {
    const bool is_narrow = random_.one_in(2);
    const int32_t bits = is_narrow ? 32 : 64;
    const int32_t up = 1 + static_cast<int32_t>(random_.below(static_cast<uint32_t>(bits - 1)));
    const int32_t down = random_.one_in(6) ? up : bits - up;
    const uint8_t a = reg(), b = reg(), source = reg();
    const Op copy = is_narrow && random_.one_in(2) ? Op::kMov32Reg : Op::kMov64Reg;
    w_.put(copy, a, source);
    if (random_.one_in(2)) w_.put(copy, b, source);
    const bool up_first = random_.one_in(2);
    for (const bool goes_up : {up_first, !up_first}) {
        const Op shift = is_narrow ? (goes_up ? Op::kLsh32Imm : Op::kRsh32Imm)
                                   : (goes_up ? Op::kLsh64Imm : Op::kRsh64Imm);
        w_.put(shift, goes_up ? a : b, 0, 0, goes_up ? up : down);
    }
    w_.put(is_narrow ? Op::kOr32Reg : Op::kOr64Reg, random_.one_in(2) ? a : b,
           random_.one_in(2) ? a : b);
}

void ShortGenerator::copy_and_change() {
    const uint8_t dst = reg();
    const bool is_narrow = random_.one_in(3);
    w_.put(is_narrow ? Op::kMov32Reg : Op::kMov64Reg, dst, reg());
    const int32_t amount = random_.one_in(2) ? 32 : random_.one_in(2) ? 48 : 56;
    switch (random_.below(5)) {
        case 0: w_.put(is_narrow ? Op::kAdd32Imm : Op::kAdd64Imm, dst, 0, 0, imm()); return;
        case 1: w_.put(is_narrow ? Op::kAdd32Reg : Op::kAdd64Reg, dst, reg()); return;
        case 2:
            w_.put(is_narrow ? Op::kAnd32Imm : Op::kAnd64Imm, dst, 0, 0,
                   random_.one_in(2) ? 0xff : 0xffff);
            return;
        case 3:
            w_.put(Op::kLsh64Imm, dst, 0, 0, amount);
            w_.put(random_.one_in(2) ? Op::kRsh64Imm : Op::kArsh64Imm, dst, 0, 0,
                   random_.one_in(5) ? 8 : amount);
            return;
        case 4:
            w_.put(Op::kLsh64Imm, dst, 0, 0, static_cast<int32_t>(random_.below(5)));
            w_.put(Op::kAdd64Reg, dst, reg());
            return;
    }
}

/// And back to where it came from, mostly.
void ShortGenerator::load_and_operate() {
    const uint32_t size = random_.below(4);
    const int16_t at = place(8);
    const uint8_t loaded = reg(), other = reg();
    w_.put(kLoads[size], loaded, packet_, at);
    const bool by_register = random_.one_in(2);
    const uint8_t result = by_register && random_.one_in(2) ? other : loaded;
    if (by_register)
        w_.put(pick(std::span<const Op>(kAluReg)), result, result == loaded ? other : loaded);
    else
        w_.put(pick(std::span<const Op>(kAluImm)), result, 0, 0, imm());
    if (random_.one_in(3)) return;
    const uint32_t back = random_.one_in(6) ? random_.below(4) : size;
    w_.put(kStores[back], packet_, result, random_.one_in(8) ? place(8) : at);
}

void ShortGenerator::mask_and_compare() {
    const uint8_t masked = reg();
    w_.put(random_.one_in(2) ? Op::kAnd64Imm : Op::kAnd32Imm, masked, 0, 0, imm());
    const size_t jump = w_.size();
    w_.put(pick(std::span<const Op>(kJumps)), random_.one_in(6) ? reg() : masked, 0, 0,
           random_.one_in(2) ? 0 : imm());
    alu();
    if (random_.one_in(2)) alu();
    w_.at(jump).off = static_cast<int16_t>(w_.size() - jump - 1);
}

void ShortGenerator::load_from_sum() {
    const uint8_t index = reg();
    w_.put(Op::kAnd64Imm, index, 0, 0, 31).load_map_value(sum_, 0, 0);
    w_.put(Op::kAdd64Reg, sum_, index);
    w_.put(pick(std::span<const Op>(kLoads)), random_.one_in(3) ? index : reg(), sum_,
           static_cast<int16_t>(random_.below(24)));
}

void ShortGenerator::store_constant() {
    const uint8_t constant = reg();
    w_.put(random_.one_in(2) ? Op::kMov32Imm : Op::kMov64Imm, constant, 0, 0, imm());
    w_.put(pick(std::span<const Op>(kStores)), packet_, constant, place(8));
}

void ShortGenerator::swap() {
    constexpr auto kSwaps = std::to_array<Op>(
        {Op::kBe16, Op::kBe32, Op::kBe64, Op::kLe16, Op::kBswap32, Op::kBswap64, Op::kNeg64});
    const uint8_t swapped = reg();
    if (random_.one_in(2)) w_.put(pick(std::span<const Op>(kLoads)), swapped, packet_, place(8));
    w_.put(pick(std::span<const Op>(kSwaps)), swapped);
}

/// Sometimes a jump leads into its middle. Addresses must not be jumped over.
void ShortGenerator::group() {
    using S = ShortGenerator;
    constexpr Group kGroups[] = {&S::alu,
                                 &S::divide,
                                 &S::put_bytes_together,
                                 &S::rotate,
                                 &S::copy_and_change,
                                 &S::load_and_operate,
                                 &S::mask_and_compare,
                                 &S::store_constant,
                                 &S::swap};
    if (random_.one_in(8)) return load_from_sum();
    const bool is_entered = random_.one_in(4);
    const size_t jump = w_.size();
    if (is_entered) w_.put(pick(std::span<const Op>(kJumps)), reg(), 0, 0, imm());
    (this->*kGroups[random_.below(std::size(kGroups))])();
    if (!is_entered) return;
    const auto insns = static_cast<uint32_t>(w_.size() - jump - 1);
    w_.at(jump).off = static_cast<int16_t>(1 + random_.below(insns));
}

/// Some numbers count, the others were for nothing.
void ShortGenerator::epilogue() {
    if (std::ranges::find(registers_, 0) == registers_.end()) w_.mov(0, 1);
    for (const uint8_t each : registers_)
        if (each != 0 && random_.one_in(2))
            w_.put(Op::kMul64Imm, 0, 0, 0, 31).put(Op::kXor64Reg, 0, each);
    if (random_.one_in(2)) w_.store64(packet_, 0, 0);
    w_.exit();
}

vm::ProgramSpec ShortGenerator::generate() {
    vm::ProgramSpec spec;
    spec.name = "short";
    spec.section = "xdp";
    spec.subprograms.push_back({"short", 0});
    spec.maps.resize(1);
    vm::MapSpec& globals = spec.maps.front();
    globals.name = ".bss";
    globals.type = vm::MapType::Array;
    globals.key_bytes = 4;
    globals.value_bytes = kGlobalsBytes;
    globals.entries_max = 1;
    globals.is_global_data = true;
    divides_ = random_.one_in(4);
    prologue();
    constexpr size_t kCheck = 4;
    for (uint32_t i = 1 + random_.below(7); i > 0; --i) group();
    epilogue();
    w_.at(kCheck).off = static_cast<int16_t>(w_.size() - kCheck - 1);
    w_.mov(0, 1).exit();
    spec.insns = w_.insns();
    return spec;
}

}  // namespace

vm::ProgramSpec short_program(uint64_t seed) {
    return ShortGenerator(seed).generate();
}

}  // namespace weir::tests
