// Follows paths from the program's begin, one after the other, through its functions but not
// through callbacks. At a conditional jump a path goes on each way that is certainly possible
// (path_numbers.h); where neither is, it ends. So whatever is found can happen; what is not found
// is left to the run. Reads of maps and packet count as new each time, as the kernel's verifier has
// it.
#include "vm/interp/context_use.h"

#include <cstring>

#include <fmt/format.h>

#include "vm/interp/context_path.h"
#include "vm/isa/helper_info.h"
#include "vm/program/context.h"

namespace weir::vm {
namespace {

constexpr uint64_t kPacketBytesMask = 0xffff;
constexpr uint64_t kAddressMask = 0x7fff'ffff'ffff'fff0;
constexpr uint64_t kAddressBit = 8;  ///< set in an address that is not null

uint64_t low_bits(uint32_t bytes) {
    return bytes == 8 ? UINT64_MAX : (uint64_t{1} << bytes * 8) - 1;
}

std::optional<int64_t> distance_of(const Held& base, int16_t off) {
    if (!base.is_address() || !base.term.is_constant()) return std::nullopt;
    return static_cast<int64_t>(base.term.value) + off;
}

bool commutes(std::string_view spelling) {
    return spelling == "+=" || spelling == "*=" || spelling == "&=" || spelling == "|=" ||
           spelling == "^=";
}

Held number_after(const Term& term, Op op, uint64_t operand) {
    const auto next = after(term, op, operand);
    return next ? held_number(*next) : Held{};
}

/// An address and a number added.
Held moved(const Held& address, const Term& by, bool is_sum) {
    if (address.kind == HeldKind::Map) return {};
    std::optional<Term> term;
    if (by.is_constant())
        term = after(address.term, is_sum ? Op::kAdd64Imm : Op::kSub64Imm, by.value);
    else if (address.term.is_constant() && is_sum)
        term = after(by, Op::kAdd64Imm, address.term.value);
    return term ? Held{address.kind, address.object, *term} : Held{};
}

Held combined(Op op, const Held& left, const Held& right) {
    const std::string_view spelling = op_info(op).spelling;
    if (op == Op::kMov64Reg) return right;
    if (spelling == "=" || spelling.starts_with("(s"))
        return right.is_number() ? number_after(right.term, op, 0) : Held{};
    if (left.is_number() && right.is_number()) {
        if (right.term.is_constant()) return number_after(left.term, op, right.term.value);
        if (left.term.is_constant() && commutes(spelling))
            return number_after(right.term, op, left.term.value);
        return {};
    }
    const bool is_wide = op_info(op).bits == 64;
    const bool is_sum = is_wide && spelling == "+=", is_difference = is_wide && spelling == "-=";
    if (!is_sum && !is_difference) return {};
    if (left.is_address() && right.is_number()) return moved(left, right.term, is_sum);
    if (is_sum && left.is_number() && right.is_address()) return moved(right, left.term, true);
    const bool both = left.kind == HeldKind::Packet && right.kind == HeldKind::Packet &&
                      left.object == right.object && right.term.is_constant();
    return is_difference && both ? number_after(left.term, op, right.term.value) : Held{};
}

class Walk {
public:
    Walk(const ProgramSpec& spec, std::span<const DecodedSlot> code) : spec_(spec), code_(code) {
        forks_.resize(code.size());
    }

    Result<void> run() {
        if (code_.empty()) return {};
        ContextPath first;
        first.r[1] = {HeldKind::Context, 0, constant(0)};
        first.r[10] = {HeldKind::Stack, 0, constant(0)};
        first.packet_bytes = facts_.read(kPacketBytesMask);
        paths_.push_back(std::move(first));
        while (!paths_.empty() && !refused_) {
            ContextPath path = std::move(paths_.back());
            paths_.pop_back();
            while (!refused_ && ++steps_ <= kContextStepsMax && path.slot < code_.size() &&
                   step(path)) {
            }
        }
        if (refused_) return std::unexpected(*refused_);
        return {};
    }

private:
    bool step(ContextPath& path);
    void alu(ContextPath& path, const DecodedInsn& insn, const Held& right);
    bool jump(ContextPath& path, const DecodedInsn& insn, const Held& right);
    bool fork(ContextPath& path, const DecodedInsn& insn, Fact fact);
    bool go(ContextPath& path, const DecodedInsn& insn, bool taken);
    bool call(ContextPath& path, const DecodedInsn& insn);
    bool enter(ContextPath& path, const DecodedInsn& insn);
    bool leave(ContextPath& path);
    void called(ContextPath& path, const HelperInfo& info);
    Held result_of(const ContextPath& path, const HelperInfo& info);
    Held load(ContextPath& path, const DecodedInsn& insn);
    Held load_context(const ContextPath& path, int64_t offset, const ContextAccess& access,
                      uint32_t bytes);
    std::optional<uint64_t> constant_at(const Held& base, int64_t offset, uint32_t bytes) const;
    void store(ContextPath& path, const DecodedInsn& insn, const Held& value);
    void atomic(ContextPath& path, const DecodedInsn& insn);
    std::optional<ContextAccess> access(const ContextPath& path, int64_t offset,
                                        const DecodedInsn& insn, bool is_store);
    void load_imm64(ContextPath& path, const DecodedInsn& insn) const;
    bool is_scratch(int64_t offset) const {
        const SkbField* field =
            spec_.type == ProgramType::SocketFilter ? skb_field_at(offset) : nullptr;
        return field != nullptr && field->kind == SkbFieldKind::Scratch;
    }

    const ProgramSpec& spec_;
    std::span<const DecodedSlot> code_;
    std::vector<uint32_t> forks_;  ///< by slot
    std::vector<ContextPath> paths_;
    Facts facts_;
    uint64_t steps_ = 0;
    std::optional<Error> refused_;
};

/// False where the path ends.
bool Walk::step(ContextPath& path) {
    const DecodedInsn& insn = code_[path.slot].insn;
    const Held right = held_number(constant(static_cast<uint64_t>(insn.imm)));
    switch (op_info(insn.op).format) {
        case Format::AluImm:
        case Format::AluUnary:
        case Format::ByteOrder: alu(path, insn, right); break;
        case Format::AluReg: alu(path, insn, path.r[insn.src]); break;
        case Format::JumpImm: return jump(path, insn, right);
        case Format::JumpReg: return jump(path, insn, path.r[insn.src]);
        case Format::Goto:
        case Format::GotoLong: return go(path, insn, true);
        case Format::MayGoto: break;
        case Format::Call: return call(path, insn);
        case Format::CallReg: return false;
        case Format::Exit: return leave(path);
        case Format::LoadImm64: load_imm64(path, insn); break;
        case Format::LoadPacketAbs:
        case Format::LoadPacketInd:
            path.forget_arguments();
            path.r[0] = held_number(facts_.read(low_bits(op_info(insn.op).bits / 8)));
            break;
        case Format::Load: path.r[insn.dst] = load(path, insn); break;
        case Format::StoreImm: store(path, insn, right); break;
        case Format::StoreReg: store(path, insn, path.r[insn.src]); break;
        case Format::Atomic: atomic(path, insn); break;
    }
    path.slot += insn.slots();
    return true;
}

void Walk::alu(ContextPath& path, const DecodedInsn& insn, const Held& right) {
    Held& to = path.r[insn.dst];
    to = combined(insn.op, to, right);
}

void Walk::load_imm64(ContextPath& path, const DecodedInsn& insn) const {
    Held& to = path.r[insn.dst];
    const auto map = static_cast<uint32_t>(insn.imm);
    to = {};
    if (insn.op == Op::kLoadImm64) to = held_number(constant(static_cast<uint64_t>(insn.imm)));
    if (insn.op == Op::kLoadMap) to = {HeldKind::Map, map, constant(0)};
    if (insn.op == Op::kLoadMapValue)
        to = {HeldKind::MapValue, map, constant(static_cast<uint32_t>(insn.next_imm))};
}

// ---- jumps --------------------------------------------------------------------------------------

bool Walk::go(ContextPath& path, const DecodedInsn& insn, bool taken) {
    path.slot = taken ? static_cast<uint32_t>(jump_target(insn, path.slot).slot) : path.slot + 1;
    return true;
}

bool Walk::jump(ContextPath& path, const DecodedInsn& insn, const Held& right) {
    const Held& left = path.r[insn.dst];
    const Fact fact{insn.op, left.term, right.term, true};
    if (left.is_number() && right.is_number()) return fork(path, insn, fact);
    const std::string_view spelling = op_info(insn.op).spelling;
    const bool is_wide = op_info(insn.op).bits == 64;
    const bool both = left.kind == HeldKind::Packet && right.kind == HeldKind::Packet &&
                      left.object == right.object;
    if (is_wide && both && !spelling.starts_with("s")) return fork(path, insn, fact);
    // An address is never null.
    const bool is_null =
        right.is_number() && right.term.is_constant() && right.term.value == 0 && is_wide;
    if (!left.is_address() || !is_null || (spelling != "==" && spelling != "!=")) return false;
    return go(path, insn, spelling == "!=");
}

bool Walk::fork(ContextPath& path, const DecodedInsn& insn, Fact fact) {
    if (fact.left.is_constant() && fact.right.is_constant())
        return go(path, insn, facts_.certainly_possible(path.facts, fact));
    if (++forks_[path.slot] > kContextForksMax || paths_.size() == kContextPathsMax) return false;
    Fact other = fact;
    other.holds = false;
    const bool may_take = facts_.certainly_possible(path.facts, fact);
    if (facts_.certainly_possible(path.facts, other)) {
        ContextPath passing = path;
        const auto place = facts_.add(path.facts, other);
        if (!place) return false;
        passing.facts = *place;
        go(passing, insn, false);
        paths_.push_back(std::move(passing));
    }
    if (!may_take) return false;
    const auto place = facts_.add(path.facts, fact);
    if (!place) return false;
    path.facts = *place;
    return go(path, insn, true);
}

// ---- calls --------------------------------------------------------------------------------------

bool Walk::call(ContextPath& path, const DecodedInsn& insn) {
    if (insn.op == Op::kCallLocal) return enter(path, insn);
    const HelperInfo* info =
        insn.op == Op::kCallKfunc ? kfunc_info(insn.imm) : helper_info(insn.imm);
    if (info == nullptr) return false;
    const Held result = result_of(path, *info);
    called(path, *info);
    path.r[0] = result;
    ++path.slot;
    return true;
}

bool Walk::enter(ContextPath& path, const DecodedInsn& insn) {
    if (path.callers.size() + 1 >= kCallDepthMax) return false;
    ContextPath::Caller caller{path.slot + 1, {}};
    std::copy_n(path.r.begin() + 6, caller.saved.size(), caller.saved.begin());
    path.callers.push_back(std::move(caller));
    std::fill_n(path.r.begin() + 6, 4, Held{});
    path.r[10] = {HeldKind::Stack, path.frame(), constant(0)};
    return go(path, insn, true);
}

bool Walk::leave(ContextPath& path) {
    if (path.callers.empty()) return false;
    const uint32_t frame = path.frame();
    path.stack.forget_frame(frame);
    if (path.r[0].kind == HeldKind::Stack && path.r[0].object == frame) path.r[0] = {};
    const ContextPath::Caller caller = std::move(path.callers.back());
    path.callers.pop_back();
    std::ranges::copy(caller.saved, path.r.begin() + 6);
    path.r[10] = {HeldKind::Stack, path.frame(), constant(0)};
    path.forget_arguments();
    path.slot = caller.resume;
    return true;
}

Held Walk::result_of(const ContextPath& path, const HelperInfo& info) {
    if (info.returns == ReturnKind::Scalar) return held_number(facts_.read(UINT64_MAX));
    const bool of_array = info.returns == ReturnKind::MapValueOrNull &&
                          path.r[1].kind == HeldKind::Map &&
                          (spec_.maps[path.r[1].object].type == MapType::Array ||
                           spec_.maps[path.r[1].object].type == MapType::PercpuArray);
    // An array has an element for every index in range; the kernel knows constant ones.
    return of_array ? number_after(facts_.read(kAddressMask), Op::kOr64Imm, kAddressBit)
                    : held_number(facts_.read(kAddressMask));
}

/// What a helper may have changed.
void Walk::called(ContextPath& path, const HelperInfo& info) {
    for (size_t i = 1; i <= 5; ++i) {
        const Held& argument = path.r[i];
        if (argument.kind != HeldKind::Stack) continue;
        const auto low = distance_of(argument, 0);
        path.stack.forget(argument.object, low.value_or(INT64_MIN), INT64_MAX);
    }
    if (std::ranges::find(info.args, ArgKind::Callback) != info.args.end()) path.stack.forget_all();
    path.forget_arguments();
    if (!info.changes_packet()) return;
    ++path.packet;
    path.packet_bytes = facts_.read(kPacketBytesMask);
}

// ---- memory -------------------------------------------------------------------------------------

std::optional<ContextAccess> Walk::access(const ContextPath& path, int64_t offset,
                                          const DecodedInsn& insn, bool is_store) {
    const auto allowed = context_access({.type = spec_.type,
                                         .hook = spec_.hook,
                                         .offset = offset,
                                         .bytes = op_info(insn.op).bits / 8u,
                                         .is_signed = op_info(insn.op).spelling.starts_with("s"),
                                         .is_store = is_store});
    if (allowed) return *allowed;
    refused_ = Error{allowed.error().kind,
                     fmt::format("insn {}: context: {}", path.slot, allowed.error().message)};
    return std::nullopt;
}

Held Walk::load(ContextPath& path, const DecodedInsn& insn) {
    const Held& base = path.r[insn.src];
    const uint32_t bytes = op_info(insn.op).bits / 8;
    const auto distance = distance_of(base, insn.off);
    Held loaded;
    if (base.is_address() && !distance && base.kind != HeldKind::Packet) return {};
    switch (base.kind) {
        case HeldKind::Anything:
        case HeldKind::Map: return {};
        case HeldKind::Context: {
            const auto allowed = access(path, *distance, insn, false);
            if (!allowed) return {};
            loaded = load_context(path, *distance, *allowed, bytes);
            break;
        }
        case HeldKind::Stack: loaded = path.stack.load(base.object, *distance, bytes); break;
        case HeldKind::MapValue:
            if (const auto known = constant_at(base, *distance, bytes)) {
                loaded = held_number(constant(*known));
                break;
            }
            [[fallthrough]];
        case HeldKind::Number:
        case HeldKind::Packet: loaded = held_number(facts_.read(low_bits(bytes)));
    }
    if (bytes == 8 || !loaded.is_number()) return loaded;
    const bool is_signed = op_info(insn.op).spelling.starts_with("s");
    if (!is_signed) return number_after(loaded.term, Op::kAnd64Imm, low_bits(bytes));
    return number_after(loaded.term,
                        bytes == 4   ? Op::kMovSx32To64
                        : bytes == 2 ? Op::kMovSx16To64
                                     : Op::kMovSx8To64,
                        0);
}

Held Walk::load_context(const ContextPath& path, int64_t offset, const ContextAccess& access,
                        uint32_t bytes) {
    if (access.is_pointer && access.native_offset == offsetof(XdpContext, data))
        return {HeldKind::Packet, path.packet, constant(0)};
    if (access.is_pointer && access.native_offset == offsetof(XdpContext, data_end))
        return {HeldKind::Packet, path.packet, path.packet_bytes};
    if (access.is_pointer || is_scratch(offset)) return {};
    return held_number(facts_.read(low_bits(bytes)));
}

/// What stands in a map that never changes.
std::optional<uint64_t> Walk::constant_at(const Held& base, int64_t offset, uint32_t bytes) const {
    const MapSpec& map = spec_.maps[base.object];
    if (!map.frozen || offset < 0 || offset + bytes > map.value_bytes) return std::nullopt;
    uint64_t value = 0;
    const auto at = static_cast<size_t>(offset);
    if (at + bytes <= map.contents.size()) std::memcpy(&value, map.contents.data() + at, bytes);
    return value;
}

void Walk::store(ContextPath& path, const DecodedInsn& insn, const Held& value) {
    const Held& base = path.r[insn.dst];
    const uint32_t bytes = op_info(insn.op).bits / 8;
    const auto distance = distance_of(base, insn.off);
    if (base.kind == HeldKind::Anything) path.stack.forget_all();
    if (base.kind == HeldKind::Context && distance) access(path, *distance, insn, true);
    if (base.kind != HeldKind::Stack) return;
    if (!distance)
        path.stack.forget_frame(base.object);
    else
        path.stack.store(base.object, *distance, bytes,
                         bytes == 8 || value.is_number() ? value : Held{});
}

void Walk::atomic(ContextPath& path, const DecodedInsn& insn) {
    const std::string_view spelling = op_info(insn.op).spelling;
    const bool is_load = spelling == "load_acquire";
    const Held& base = path.r[is_load ? insn.src : insn.dst];
    if (!is_load && base.kind == HeldKind::Stack) path.stack.forget_frame(base.object);
    if (!is_load && base.kind == HeldKind::Anything) path.stack.forget_all();
    if (is_load) path.r[insn.dst] = {};
    if (spelling == "cmpxchg") path.r[0] = {};
    if (spelling.starts_with("fetch") || spelling == "xchg") path.r[insn.src] = {};
}

}  // namespace

Result<void> check_context_use(const ProgramSpec& spec, std::span<const DecodedSlot> code) {
    return Walk(spec, code).run();
}

}  // namespace weir::vm
