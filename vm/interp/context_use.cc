// A forward dataflow over the control-flow graph. Each register and each aligned stack slot holds
// one of few things (Held); where ways meet, less is known. States only ever lose knowledge, and
// less known before an instruction is never more known after it, so the order of the work does not
// matter. Accesses are judged when nothing changes any more.
#include "vm/interp/context_use.h"

#include <algorithm>
#include <array>
#include <functional>
#include <optional>
#include <queue>
#include <vector>

#include <fmt/format.h>

#include "vm/base/limits.h"
#include "vm/interp/arithmetic.h"
#include "vm/isa/helper_info.h"
#include "vm/program/context.h"

namespace weir::vm {
namespace {

constexpr uint32_t kWord = 8;
constexpr size_t kFramePointer = 10;
constexpr uint32_t kNoHead = UINT32_MAX;

enum class HeldKind : uint8_t {
    Unknown,   ///< perhaps an address in the stack of this frame or another
    NotStack,  ///< surely none. One that a program hid in a map or in cb is a number, as the
               ///< kernel has it. Also what cannot be read: registers that nobody wrote
    Context,   ///< at distance `value`
    Stack,     ///< of this frame, at `value` from its end
    Constant,  ///< `value`
    MapValue,  ///< of map `map`, at distance `value`
};

struct Held {
    HeldKind kind = HeldKind::Unknown;
    uint32_t map = 0;
    int64_t value = 0;

    bool may_be_stack() const { return kind == HeldKind::Unknown || kind == HeldKind::Stack; }
    friend bool operator==(const Held&, const Held&) = default;
};

constexpr Held kNotStack = {HeldKind::NotStack, 0, 0};

Held constant(uint64_t value) {
    return {HeldKind::Constant, 0, static_cast<int64_t>(value)};
}

/// What is still known where it may be either.
Held met(const Held& a, const Held& b) {
    if (a == b) return a;
    return a.may_be_stack() || b.may_be_stack() ? Held{} : kNotStack;
}

template <Op op>
uint64_t compute_one(uint64_t left, uint64_t right) {
    constexpr Format kFormat = kRow<op>.format;
    if constexpr (kFormat == Format::AluImm || kFormat == Format::AluReg ||
                  kFormat == Format::AluUnary)
        return arithmetic<op>(static_cast<WordOf<op>>(left), static_cast<WordOf<op>>(right));
    else if constexpr (kFormat == Format::ByteOrder)
        return swap_bytes<op>(left);
    else if constexpr (kFormat == Format::JumpImm || kFormat == Format::JumpReg)
        return holds<op>(static_cast<WordOf<op>>(left), static_cast<WordOf<op>>(right));
    else
        return 0;
}

/// The number that arithmetic gives; whether a jump is taken.
uint64_t compute(Op op, uint64_t left, uint64_t right) {
    switch (op) {
#define WEIR_INSN(name, ...) \
    case Op::k##name: return compute_one<Op::k##name>(left, right);
#include "vm/isa/insn.def"
    }
    return 0;
}

uint64_t compute(Op op, const Held& left, const Held& right) {
    return compute(op, static_cast<uint64_t>(left.value), static_cast<uint64_t>(right.value));
}

/// An address with a constant added. One that is far away counts as lost.
Held moved(Held address, uint64_t by) {
    address.value = static_cast<int64_t>(static_cast<uint64_t>(address.value) + by);
    if (address.value > -kContextOffsetMax && address.value < kContextOffsetMax) return address;
    return address.may_be_stack() ? Held{} : kNotStack;
}

Held combined(Op op, const Held& left, const Held& right) {
    const std::string_view spelling = op_info(op).spelling;
    const bool is_move = spelling == "=" || spelling.starts_with("(s");
    if (op == Op::kMov64Reg) return right;
    const bool left_known = left.kind == HeldKind::Constant;
    const bool right_known = right.kind == HeldKind::Constant;
    if ((left_known || is_move) && right_known) return constant(compute(op, left, right));
    if (op_info(op).bits < 64 || is_move) return kNotStack;  // no address is that short
    const auto is_address = [](const Held& held) {
        return held.kind == HeldKind::Context || held.kind == HeldKind::Stack ||
               held.kind == HeldKind::MapValue;
    };
    const auto by = static_cast<uint64_t>(right.value);
    if (spelling == "+=" && is_address(left) && right_known) return moved(left, by);
    if (spelling == "-=" && is_address(left) && right_known) return moved(left, 0 - by);
    if (spelling == "+=" && is_address(right) && left_known)
        return moved(right, static_cast<uint64_t>(left.value));
    return left.may_be_stack() || right.may_be_stack() ? Held{} : kNotStack;
}

struct State {
    std::array<Held, kRegisterCount> r;
    std::array<Held, kStackBytes / kWord> stack;  ///< from the frame's lowest address up

    /// Where a function begins: r1..r5 are its arguments, and nothing else can be read.
    static State entry(const Held& argument) {
        State state;
        state.r.fill(kNotStack);
        std::fill_n(state.r.begin() + 1, 5, argument);
        state.r[kFramePointer] = {HeldKind::Stack, 0, 0};
        return state;
    }
    void forget_stack() { stack.fill({}); }
    /// The slots that any of these bytes lies in.
    void forget(int64_t offset, uint32_t bytes) {
        const int64_t size = kStackBytes;
        const int64_t low = std::clamp<int64_t>(offset + size, 0, size);
        const int64_t end = std::clamp<int64_t>(offset + size + bytes, 0, size);
        for (int64_t at = low / kWord; at * kWord < end; ++at) stack[static_cast<size_t>(at)] = {};
    }
    /// nullptr: not a whole slot.
    Held* slot_at(int64_t offset, uint32_t bytes) {
        const int64_t at = offset + int64_t{kStackBytes};
        const bool is_slot = bytes == kWord && at >= 0 && at < kStackBytes && at % kWord == 0;
        return is_slot ? &stack[static_cast<size_t>(at / kWord)] : nullptr;
    }
};
constexpr uint64_t kStateWork = kRegisterCount + kStackBytes / kWord;
static_assert(sizeof(State) * kContextHeadsMax + sizeof(uint32_t) * kProgramInsnsMax < 64u << 20);

/// By the helper, or by a callback that it hands the argument to.
bool may_be_written(ArgKind kind) {
    switch (kind) {
        case ArgKind::None:
        case ArgKind::Scalar:
        case ArgKind::Map:
        case ArgKind::MapKey:
        case ArgKind::MapValue:
        case ArgKind::Context:
        case ArgKind::MemRead:
        case ArgKind::MemReadOrNull:
        case ArgKind::Size:
        case ArgKind::SizeOrZero:
        case ArgKind::Ipv4Header:
        case ArgKind::Ipv6Header:
        case ArgKind::TcpHeader:
        case ArgKind::ConstString:
        case ArgKind::Callback:
        case ArgKind::SpinLock:
        case ArgKind::Timer:
        case ArgKind::RecordSize:
        case ArgKind::SliceSize: return false;
        case ArgKind::MapValueOut:
        case ArgKind::MemWrite:
        case ArgKind::MemWriteOrNull:
        case ArgKind::MemReadWrite:
        case ArgKind::Unchecked:
        case ArgKind::U16Out:
        case ArgKind::U32Out:
        case ArgKind::U64Out:
        case ArgKind::U32InOut:
        case ArgKind::CallbackContext:
        case ArgKind::Dynptr:
        case ArgKind::DynptrOut:
        case ArgKind::Iterator:
        case ArgKind::IteratorOut:
        case ArgKind::Record:
        case ArgKind::Socket:
        case ArgKind::Connection: return true;
    }
    return true;
}

class Walk {
public:
    Walk(const ProgramSpec& spec, std::span<const DecodedSlot> code) : spec_(spec), code_(code) {}

    Result<void> run() {
        if (code_.empty() || !find_heads()) return {};
        State first = State::entry(kNotStack);
        first.r[1] = {HeldKind::Context, 0, 0};
        reach(0, first);
        while (!waiting_.empty() && work_ <= kContextWorkMax) {
            const uint32_t head = waiting_.top();
            waiting_.pop();
            heads_[head].is_waiting = false;
            follow(head);
        }
        if (work_ > kContextWorkMax) return {};
        is_judging_ = true;
        for (uint32_t head = 0; head < heads_.size() && !refused_; ++head)
            if (heads_[head].is_reached) follow(head);
        if (refused_) return std::unexpected(*refused_);
        return {};
    }

private:
    /// Where ways may meet; what lies between follows one on the other.
    struct Head {
        uint32_t slot = 0;
        bool is_reached = false, is_waiting = false;
    };

    bool find_heads();
    void follow(uint32_t head);
    void reach(uint64_t slot, const State& state);
    bool step(State& state, uint32_t slot);
    bool jump(const State& state, uint32_t slot, const Held& right);
    void call_function(State& state, uint32_t slot);
    void call_helper(State& state, const HelperInfo* info);
    void load_imm64(State& state, uint32_t slot);
    Held load(State& state, uint32_t slot);
    std::optional<uint64_t> constant_at(const Held& base, int16_t off, uint32_t bytes) const;
    void store(State& state, uint32_t slot, const Held& value);
    void atomic(State& state, uint32_t slot);
    void judge(const Held& base, uint32_t slot, bool is_store);

    const ProgramSpec& spec_;
    std::span<const DecodedSlot> code_;
    std::vector<uint32_t> head_at_;  ///< by slot: kNoHead or which
    std::vector<Head> heads_;        ///< by slot, ascending
    std::vector<State> states_;      ///< by head
    std::priority_queue<uint32_t, std::vector<uint32_t>, std::greater<>> waiting_;
    uint64_t work_ = 0;
    bool is_judging_ = false;
    std::optional<Error> refused_;
};

bool Walk::find_heads() {
    head_at_.assign(code_.size(), kNoHead);
    head_at_[0] = 0;
    for (size_t slot = 0; slot < code_.size(); ++slot) {
        if (code_[slot].second_slot) continue;
        const DecodedInsn& insn = code_[slot].insn;
        if (const JumpTarget target = jump_target(insn, slot); target.exists)
            head_at_[static_cast<size_t>(target.slot)] = 0;
        if (insn.op != Op::kLoadCodeAddr) continue;
        const auto function = static_cast<size_t>(static_cast<int64_t>(slot) + 1 + insn.imm);
        if (function < head_at_.size()) head_at_[function] = 0;
    }
    const auto count = static_cast<size_t>(std::ranges::count(head_at_, 0u));
    if (count > kContextHeadsMax) return false;
    heads_.reserve(count);
    for (uint32_t slot = 0; slot < head_at_.size(); ++slot) {
        if (head_at_[slot] == kNoHead) continue;
        head_at_[slot] = static_cast<uint32_t>(heads_.size());
        heads_.push_back({.slot = slot});
    }
    states_.resize(count);
    return true;
}

/// Goes on from a head to the next one, or to where control flow does not go on.
void Walk::follow(uint32_t head) {
    State state = states_[head];
    uint32_t slot = heads_[head].slot;
    work_ += kStateWork;
    while (!refused_ && step(state, slot)) {
        if (++work_ > kContextWorkMax && !is_judging_) return;
        slot += code_[slot].insn.slots();
        if (slot >= code_.size()) return;
        if (head_at_[slot] != kNoHead) return reach(slot, state);
    }
}

void Walk::reach(uint64_t slot, const State& state) {
    if (is_judging_ || slot >= code_.size()) return;
    const uint32_t at = head_at_[slot];
    Head& head = heads_[at];
    State& known = states_[at];
    bool is_less = !head.is_reached;
    if (is_less) known = state;
    head.is_reached = true;
    work_ += kStateWork;
    const auto meet = [&](Held& ours, const Held& theirs) {
        const Held both = met(ours, theirs);
        is_less |= both != ours;
        ours = both;
    };
    for (size_t i = 0; i < known.r.size(); ++i) meet(known.r[i], state.r[i]);
    for (size_t i = 0; i < known.stack.size(); ++i) meet(known.stack[i], state.stack[i]);
    if (!is_less || head.is_waiting) return;
    head.is_waiting = true;
    waiting_.push(at);
}

/// False where control flow does not go on to the next instruction.
bool Walk::step(State& state, uint32_t slot) {
    const DecodedInsn& insn = code_[slot].insn;
    const Held imm = constant(static_cast<uint64_t>(insn.imm));
    Held& dst = state.r[insn.dst];
    switch (op_info(insn.op).format) {
        case Format::AluImm:
        case Format::AluUnary:
        case Format::ByteOrder: dst = combined(insn.op, dst, imm); break;
        case Format::AluReg: dst = combined(insn.op, dst, state.r[insn.src]); break;
        case Format::JumpImm: return jump(state, slot, imm);
        case Format::JumpReg: return jump(state, slot, state.r[insn.src]);
        case Format::MayGoto:
        case Format::Goto:
        case Format::GotoLong:
            reach(static_cast<uint64_t>(jump_target(insn, slot).slot), state);
            return insn.op == Op::kMayGoto;
        case Format::Call:
            if (insn.op == Op::kCallLocal)
                call_function(state, slot);
            else
                call_helper(state, insn.op == Op::kCallKfunc ? kfunc_info(insn.imm)
                                                             : helper_info(insn.imm));
            break;
        case Format::CallReg: call_helper(state, nullptr); break;
        case Format::Exit: return false;
        case Format::LoadImm64: load_imm64(state, slot); break;
        case Format::LoadPacketAbs:
        case Format::LoadPacketInd: std::fill_n(state.r.begin(), 6, kNotStack); break;
        case Format::Load: dst = load(state, slot); break;
        case Format::StoreImm: store(state, slot, imm); break;
        case Format::StoreReg: store(state, slot, state.r[insn.src]); break;
        case Format::Atomic: atomic(state, slot); break;
    }
    return true;
}

bool Walk::jump(const State& state, uint32_t slot, const Held& right) {
    const DecodedInsn& insn = code_[slot].insn;
    const Held& left = state.r[insn.dst];
    const bool is_known = left.kind == HeldKind::Constant && right.kind == HeldKind::Constant;
    const bool is_taken = is_known && compute(insn.op, left, right) != 0;
    if (is_taken || !is_known) reach(static_cast<uint64_t>(jump_target(insn, slot).slot), state);
    return !is_taken;
}

void Walk::load_imm64(State& state, uint32_t slot) {
    const DecodedInsn& insn = code_[slot].insn;
    Held& to = state.r[insn.dst];
    to = kNotStack;
    if (insn.op == Op::kLoadImm64) to = constant(static_cast<uint64_t>(insn.imm));
    if (insn.op == Op::kLoadMapValue)
        to = moved({HeldKind::MapValue, static_cast<uint32_t>(insn.imm), 0},
                   static_cast<uint32_t>(insn.next_imm));
    // Sooner or later a helper calls it, with arguments of its own.
    if (insn.op == Op::kLoadCodeAddr)
        reach(static_cast<uint64_t>(int64_t{slot} + 1 + insn.imm), State::entry({}));
}

// ---- calls --------------------------------------------------------------------------------------

/// The function returns, and has done what it could with what it got.
void Walk::call_function(State& state, uint32_t slot) {
    State entered = State::entry({});
    bool gives_stack = false;
    for (size_t i = 1; i <= 5; ++i) {
        if (state.r[i].may_be_stack())
            gives_stack = true;
        else
            entered.r[i] = state.r[i];
    }
    reach(static_cast<uint64_t>(jump_target(code_[slot].insn, slot).slot), entered);
    if (gives_stack) state.forget_stack();
    std::fill_n(state.r.begin(), 6, kNotStack);
    state.r[0] = {};
}

/// nullptr: any call.
void Walk::call_helper(State& state, const HelperInfo* info) {
    bool gives_stack = false;
    for (size_t i = 1; i <= 5; ++i)
        if (info == nullptr || may_be_written(info->args[i - 1]))
            gives_stack |= state.r[i].may_be_stack();
    if (gives_stack) state.forget_stack();
    std::fill_n(state.r.begin(), 6, kNotStack);
    // A slice may be the caller's buffer, a number of an iterator lies in it.
    if (info == nullptr || info->returns == ReturnKind::SliceOrNull ||
        info->returns == ReturnKind::NumberOrNull)
        state.r[0] = {};
}

// ---- memory -------------------------------------------------------------------------------------

void Walk::judge(const Held& base, uint32_t slot, bool is_store) {
    if (!is_judging_ || base.kind != HeldKind::Context) return;
    const DecodedInsn& insn = code_[slot].insn;
    const auto allowed = context_access({.type = spec_.type,
                                         .hook = spec_.hook,
                                         .offset = base.value + insn.off,
                                         .bytes = op_info(insn.op).bits / 8u,
                                         .is_signed = op_info(insn.op).spelling.starts_with("s"),
                                         .is_store = is_store});
    if (!allowed)
        refused_ = Error{allowed.error().kind,
                         fmt::format("insn {}: context: {}", slot, allowed.error().message)};
}

Held Walk::load(State& state, uint32_t slot) {
    const DecodedInsn& insn = code_[slot].insn;
    const Held& base = state.r[insn.src];
    const uint32_t bytes = op_info(insn.op).bits / 8u;
    const bool is_plain = op_info(insn.op).format == Format::Load;
    if (is_plain) judge(base, slot, false);
    if (const auto known = is_plain ? constant_at(base, insn.off, bytes) : std::nullopt) {
        if (!op_info(insn.op).spelling.starts_with("s")) return constant(*known);
        return constant(compute(bytes == 4   ? Op::kMovSx32To64
                                : bytes == 2 ? Op::kMovSx16To64
                                             : Op::kMovSx8To64,
                                0, *known));
    }
    if (bytes < kWord || !base.may_be_stack()) return kNotStack;
    const Held* held =
        base.kind == HeldKind::Stack ? state.slot_at(base.value + insn.off, bytes) : nullptr;
    return held != nullptr ? *held : Held{};
}

/// What stands in a map that never changes.
std::optional<uint64_t> Walk::constant_at(const Held& base, int16_t off, uint32_t bytes) const {
    if (base.kind != HeldKind::MapValue) return std::nullopt;
    const MapSpec& map = spec_.maps[base.map];
    const int64_t offset = base.value + off;
    if (!map.frozen || offset < 0 || offset + bytes > map.value_bytes) return std::nullopt;
    uint64_t value = 0;
    for (auto at = static_cast<size_t>(offset), i = size_t{0}; i < bytes; ++i, ++at)
        if (at < map.contents.size()) value |= uint64_t{map.contents[at]} << i * 8;
    return value;
}

void Walk::store(State& state, uint32_t slot, const Held& value) {
    const DecodedInsn& insn = code_[slot].insn;
    const Held base = state.r[insn.dst];
    const uint32_t bytes = op_info(insn.op).bits / 8u;
    if (op_info(insn.op).format != Format::Atomic) judge(base, slot, true);
    if (base.kind == HeldKind::Unknown) state.forget_stack();
    if (base.kind != HeldKind::Stack) return;
    state.forget(base.value + insn.off, bytes);
    if (Held* held = state.slot_at(base.value + insn.off, bytes); held != nullptr) *held = value;
}

/// The context takes none; the run says so.
void Walk::atomic(State& state, uint32_t slot) {
    const DecodedInsn& insn = code_[slot].insn;
    const std::string_view spelling = op_info(insn.op).spelling;
    if (spelling == "load_acquire") {
        state.r[insn.dst] = load(state, slot);
        return;
    }
    const bool is_word = op_info(insn.op).bits == 64;
    const Held old = is_word && state.r[insn.dst].may_be_stack() ? Held{} : kNotStack;
    store(state, slot, {});
    if (spelling == "cmpxchg") state.r[0] = old;
    if (spelling.starts_with("fetch") || spelling == "xchg") state.r[insn.src] = old;
}

}  // namespace

Result<void> check_context_use(const ProgramSpec& spec, std::span<const DecodedSlot> code) {
    return Walk(spec, code).run();
}

}  // namespace weir::vm
