// The packet: checks of every shape, variable places, walks over options.

#include "tests/differential/aimed_facts.h"
#include "tests/differential/aimed_generator.h"

namespace weir::tests {

using vm::HelperId;
using vm::Op;

namespace {

constexpr uint8_t kData = 7, kEnd = 8;

}  // namespace

void AimedGenerator::need_packet() {
    if (fact(kData).holds != Holds::Packet || fact(kEnd).holds != Holds::PacketEnd) {
        put(Op::kLoad32, kData, 6, plan_.is_filter ? 76 : 0);
        put(Op::kLoad32, kEnd, 6, plan_.is_filter ? 80 : 4);
        set(kData, {.holds = Holds::Packet});
        set(kEnd, {.holds = Holds::PacketEnd});
    }
}

/// Afterwards the pointer has `bytes` of packet behind it, unless the generator slips.
void AimedGenerator::packet_check(uint8_t pointer, int32_t bytes) {
    const uint8_t other = scratch_beside(pointer);
    const int32_t tried = near(bytes);
    switch (pick(8)) {
        case 0:  // on the pointer itself, and back
            w_.add(pointer, tried);
            to_out_.push_back(jump(Op::kJgt64Reg, pointer, kEnd));
            w_.add(pointer, -bytes);
            break;
        case 1: {  // by length
            w_.mov_reg(other, kEnd).put(Op::kSub64Reg, other, pointer);
            set(other, Fact::of({}));
            constexpr Op kShort[] = {Op::kJlt64Imm, Op::kJslt64Imm, Op::kJle64Imm, Op::kJlt32Imm};
            const uint32_t kind = pick(4);
            to_out_.push_back(jump(kShort[kind], other, 0, kind == 2 ? tried - 1 : tried));
            break;
        }
        case 2: {  // the way on is the one that jumps
            w_.mov_reg(other, pointer).add(other, tried);
            const size_t fits = jump(chance(2) ? Op::kJle64Reg : Op::kJlt64Reg, other, kEnd);
            to_out_.push_back(jump(Op::kGoto));
            land(fits);
            break;
        }
        case 3: {
            w_.mov_reg(other, pointer).add(other, tried);
            to_out_.push_back(jump(Op::kJlt64Reg, kEnd, other));
            break;
        }
        case 4: {  // one more than needed, or exactly
            w_.mov_reg(other, pointer).add(other, near(bytes - 1));
            to_out_.push_back(jump(chance(2) ? Op::kJge64Reg : Op::kJle64Reg,
                                   chance(2) ? other : kEnd, chance(2) ? kEnd : other));
            break;
        }
        case 5:  // the check is done on a copy of the copy, the pointer was spilled
            w_.store64(10, kAimedKept, pointer);
            w_.mov_reg(other, pointer).add(other, tried);
            to_out_.push_back(jump(Op::kJgt64Reg, other, kEnd));
            w_.load64(pointer, 10, kAimedKept);
            break;
        default:
            w_.mov_reg(other, pointer).add(other, tried);
            to_out_.push_back(jump(Op::kJgt64Reg, other, kEnd));
    }
    if (fact(other).holds != Holds::Number) set(other, {});
    fact(pointer).room = bytes;
    fact(pointer).holds = Holds::Packet;
}

void AimedGenerator::access(uint8_t pointer, int32_t before, int32_t room, bool is_packet) {
    constexpr Op kLoads[] = {Op::kLoad8,   Op::kLoad16,   Op::kLoad32,  Op::kLoad64,
                             Op::kLoadSx8, Op::kLoadSx16, Op::kLoadSx32};
    constexpr Op kStoresImm[] = {Op::kStoreImm8, Op::kStoreImm16, Op::kStoreImm32, Op::kStoreImm64};
    constexpr Op kStores[] = {Op::kStoreReg8, Op::kStoreReg16, Op::kStoreReg32, Op::kStoreReg64};
    const uint32_t kind = pick(4);
    const auto bytes = static_cast<int32_t>(1u << kind);
    if (room + before < bytes) return;
    int32_t off = 0;
    switch (pick(3)) {
        case 0: off = room - bytes; break;
        case 1: off = -before; break;
        default:
            off = static_cast<int32_t>(pick(static_cast<uint32_t>(room + before - bytes + 1))) -
                  before;
    }
    off = near(off);
    const bool may_write = !is_packet || !plan_.is_filter || slips();
    if (may_write && chance(3)) {
        put(kStoresImm[kind], pointer, 0, off, edge());
    } else if (may_write && chance(3)) {
        const uint8_t source = number();
        if (source != pointer) put(kStores[kind], pointer, source, off);
    } else if (!is_packet && bytes >= 4 && chance(3)) {
        atomic(pointer, off & -bytes, bytes);
    } else {
        const uint32_t load = kind < 3 && chance(3) ? kind + 4 : kind;
        const uint8_t reg = scratch_beside(pointer);
        put(kLoads[load], reg, pointer, off);
        Scalar number = Scalar::below_bits(bytes * 8);
        if (load >= 4) number = vm::verifier::scalar_ops::sign_extend(number, bytes * 8);
        set(reg, Fact::of(number));
    }
}

void AimedGenerator::packet_access(uint8_t pointer) {
    access(pointer, fact(pointer).before, fact(pointer).room, true);
}

void AimedGenerator::packet_fixed() {
    need_packet();
    if (fact(kData).room == 0 || chance(3)) {
        const auto bytes = static_cast<int32_t>(1 + pick(chance(2) ? 20 : 64));
        const int32_t known = fact(kData).room;
        packet_check(kData, bytes);
        fact(kData).room = std::max(known, bytes);
    }
    for (uint32_t i = 0; i <= pick(3); ++i) packet_access(kData);
}

/// data + number, the check behind it, and perhaps the number again.
void AimedGenerator::packet_variable() {
    need_packet();
    const uint8_t index = number();
    bound(index, chance(2) ? 15 : chance(2) ? 63 : 255);
    if (chance(4)) apply(Op::kLsh64Imm, index, 0, static_cast<int32_t>(pick(4)));
    const uint8_t pointer = scratch_beside(index);
    w_.mov_reg(pointer, kData);
    set(pointer, {.holds = Holds::Packet});
    if (chance(4)) w_.add(pointer, static_cast<int32_t>(pick(16)));
    put(slips() ? Op::kSub64Reg : Op::kAdd64Reg, pointer, index);
    uint8_t twin = pointer;
    if (chance(3)) {
        twin = scratch_beside(pointer);
        if (twin == index) twin = pointer;
        w_.mov_reg(twin, pointer);
        set(twin, fact(pointer));
    }
    const uint16_t before = locked_;
    locked_ = static_cast<uint16_t>(locked_ | 1u << pointer | 1u << twin | 1u << index);
    packet_check(twin, static_cast<int32_t>(1 + pick(20)));
    locked_ = before;
    if (slips() && fact(index).holds == Holds::Number) put(Op::kAdd64Reg, pointer, index);
    fact(pointer).room = fact(twin).room;
    packet_access(pointer);
    if (fact(pointer).holds == Holds::Packet && chance(2)) packet_access(pointer);
}

/// The length of the packet as a number, bounded and then used as one.
void AimedGenerator::packet_length() {
    need_packet();
    const uint8_t length = scratch();
    if (chance(2)) {
        w_.mov_reg(length, kEnd).put(Op::kSub64Reg, length, kData);
        set(length, Fact::of({}));
    } else {
        put(Op::kMov32Reg, length, kEnd);
        const uint8_t low = scratch_beside(length);
        put(Op::kMov32Reg, low, kData).put(Op::kSub32Reg, length, low);
        set(low, {});
        set(length, Fact::of(Scalar::below_bits(32)));
    }
    switch (pick(3)) {
        case 0:
            bound(length, 63);
            use_index(length);
            break;
        case 1: {  // at least so many
            const auto bytes = static_cast<int32_t>(1 + pick(40));
            jump_out(chance(2) ? Op::kJlt64Imm : Op::kJlt32Imm, length, 0, near(bytes));
            fact(kData).room = std::max(fact(kData).room, bytes);
            packet_access(kData);
            break;
        }
        default: {  // an index below the length
            const uint8_t index = scratch_beside(length);
            fresh_number(index);
            jump_out(slips() ? Op::kJgt64Reg : Op::kJge64Reg, index, length, 0);
            put(Op::kAdd64Reg, index, kData);
            put(Op::kLoad8, length, index, near(0));
            set(index, {});
            set(length, Fact::of(Scalar::below_bits(8)));
        }
    }
}

void AimedGenerator::packet_meta() {
    need_packet();
    const uint8_t meta = scratch(), other = scratch_beside(meta);
    put(Op::kLoad32, meta, 6, 8);
    const auto bytes = static_cast<int32_t>(4 * (1 + pick(8)));
    w_.mov_reg(other, meta).add(other, near(bytes));
    to_out_.push_back(jump(chance(4) ? Op::kJge64Reg : Op::kJgt64Reg, other, kData));
    set(other, {});
    set(meta, {});
    access(meta, 0, bytes, true);
}

/// Options of a header: each says how long it is.
void AimedGenerator::packet_walk() {
    if (in_loop_ > 0 || (locked_ & 1u << 9) != 0) return packet_variable();
    need_packet();
    const uint8_t at = 5, size = 3, count = 9;
    w_.mov_reg(at, kData).mov(count, 0);
    const uint16_t before = locked_;
    locked_ = static_cast<uint16_t>(locked_ | 1u << 7 | 1u << 8);
    const size_t head = w_.size();
    for (uint8_t reg = 0; reg < 6; ++reg) set(reg, {});
    w_.mov_reg(4, at).add(4, near(2));
    const size_t done = jump(Op::kJgt64Reg, 4, kEnd);
    put(Op::kLoad8, size, at, near(1));
    set(size, Fact::of(Scalar::below_bits(8)));
    if (chance(2)) bound(size, 15);
    if (!slips())
        to_out_.push_back(
            jump(chance(2) ? Op::kJeq64Imm : Op::kJlt64Imm, size, 0, chance(2) ? 1 : 2));
    if (chance(2)) {
        w_.mov_reg(4, at).put(Op::kAdd64Reg, 4, size);
        to_out_.push_back(jump(Op::kJgt64Reg, 4, kEnd));
    }
    put(Op::kLoad8, 2, at, 0);
    if (chance(4))
        w_.add(at, near(2));
    else
        put(Op::kAdd64Reg, at, size);
    w_.add(count, 1);
    put(Op::kJlt64Imm, count, 0, static_cast<int32_t>(head) - static_cast<int32_t>(w_.size()) - 1,
        static_cast<int32_t>(1 + pick(chance(3) ? 40 : 6)));
    land(done);
    locked_ = before;
    for (uint8_t reg = 0; reg < 6; ++reg) set(reg, {});
    set(count, Fact::of(Scalar::below_bits(8)));
    set(at, {.holds = Holds::Packet});
    if (chance(2)) {
        packet_check(at, 4);
        packet_access(at);
    }
}

/// Moves one of the packet's borders: pointers from before are worth nothing.
void AimedGenerator::adjust() {
    if (in_loop_ > 0) return arithmetic();
    constexpr int32_t kMoves[] = {-32, -16, -4, 4, 8, 14, 40, 0};
    w_.mov_reg(1, 6).mov(2, any(kMoves));
    constexpr HelperId kHelpers[] = {HelperId::xdp_adjust_head, HelperId::xdp_adjust_tail,
                                     HelperId::xdp_adjust_meta};
    call(any(kHelpers));
    after_call();
    if (chance(2)) to_out_.push_back(jump(Op::kJne64Imm, 0, 0, 0));
    if (slips()) return;
    for (Fact& each : scene_.regs)
        if (each.holds == Holds::Packet || each.holds == Holds::PacketEnd) each = {};
    for (Fact& each : scene_.slots)
        if (each.holds == Holds::Packet || each.holds == Holds::PacketEnd) each = {};
}

/// The old way: checked when it runs, and the function ends where there is no such byte.
void AimedGenerator::load_packet() {
    constexpr Op kAbs[] = {Op::kLoadPacketAbs8, Op::kLoadPacketAbs16, Op::kLoadPacketAbs32};
    constexpr Op kInd[] = {Op::kLoadPacketInd8, Op::kLoadPacketInd16, Op::kLoadPacketInd32};
    const uint32_t width = pick(3);
    if (chance(2)) {
        put(kAbs[width], 0, 0, 0, chance(4) ? edge() : static_cast<int32_t>(pick(64)));
    } else {
        put(kInd[width], 0, number(), 0, chance(4) ? edge() : static_cast<int32_t>(pick(32)));
    }
    after_call();
    set(0, Fact::of(Scalar::below_bits(8 << width)));
    if (chance(2)) use_index(0);
}

/// Fields that numbers may be read from, and the program's own.
void AimedGenerator::context_field() {
    constexpr int32_t kFields[] = {0, 4, 12, 16, 36, 40, 68};
    const uint8_t reg = scratch();
    if (chance(2)) {
        const int32_t cb = 48 + 4 * static_cast<int32_t>(pick(5));
        if (chance(2)) put(Op::kStoreReg32, 6, number(), cb);
        put(Op::kLoad32, reg, 6, cb);
    } else {
        put(Op::kLoad32, reg, 6, any(kFields));
    }
    set(reg, Fact::of(Scalar::below_bits(32)));
    if (chance(3)) use_index(reg);
}

}  // namespace weir::tests
