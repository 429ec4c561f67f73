// A row per rule. Where the instruction and the registers give numbers, a function makes the advice
// concrete; else the row's text stands.

#include "vm/verifier/hints.h"

#include <algorithm>
#include <array>
#include <bit>
#include <optional>

#include <fmt/format.h>

#include "vm/base/limits.h"
#include "vm/isa/helper_info.h"
#include "vm/verifier/hint_words.h"

namespace weir::vm::verifier {
namespace {

constexpr int64_t kPacketMax = 0xffff;  ///< beyond, no comparison proves anything

/// The memory that the instruction goes to.
struct Touched {
    uint8_t index = 0;  ///< register
    const Reg& pointer;
    int64_t offset = 0;  ///< constant part, the pointer's own included
    int64_t bytes = 0;   ///< at most
};

bool is_map_sized(ArgKind kind) {
    return kind == ArgKind::MapKey || kind == ArgKind::MapValue || kind == ArgKind::MapValueOut;
}

/// Bytes that a call may touch from argument `index` on: what the size behind it, the map, or
/// nothing says.
int64_t argument_bytes(const HintQuery& query, const HelperInfo& helper, size_t index) {
    const ArgKind kind = helper.args[index - 1];
    const auto& regs = query.state->top().regs;
    if (is_map_sized(kind)) {
        const Reg& map = regs[1];
        if (map.kind != RegKind::Map) return 0;
        const MapSpec& spec = query.program.maps[map.map];
        return kind == ArgKind::MapKey ? spec.key_bytes : spec.value_bytes;
    }
    if (index >= 5) return 0;
    const ArgKind after = helper.args[index];
    if (after != ArgKind::Size && after != ArgKind::SizeOrZero) return 0;
    const Reg& size = regs[index + 1];
    return size.is_scalar() && size.value.full.smin >= 0 && size.value.full.smax <= kPacketMax
               ? size.value.full.smax
               : 0;
}

std::optional<Touched> touched_by_call(const HintQuery& query, RegKind kind) {
    const HelperInfo* helper =
        query.decoded->op == Op::kCallHelper ? helper_info(query.decoded->imm) : nullptr;
    if (helper == nullptr) return std::nullopt;
    for (uint8_t index = 1; index <= 5; ++index) {
        const Reg& reg = query.state->top().regs[index];
        const int64_t bytes = argument_bytes(query, *helper, index);
        if (reg.kind == kind && bytes > 0) return Touched{index, reg, reg.off, bytes};
    }
    return std::nullopt;
}

std::optional<Touched> touched(const HintQuery& query, RegKind wanted) {
    if (query.decoded == nullptr || query.state == nullptr) return std::nullopt;
    const DecodedInsn& insn = *query.decoded;
    const OpInfo& row = op_info(insn.op);
    uint8_t index = insn.dst;
    switch (row.format) {
        case Format::Load: index = insn.src; break;
        case Format::StoreImm:
        case Format::StoreReg: break;
        case Format::Atomic:
            if (row.spelling == "load_acquire") index = insn.src;
            break;
        case Format::Call: return touched_by_call(query, wanted);
        case Format::AluImm:
        case Format::AluReg:
        case Format::AluUnary:
        case Format::ByteOrder:
        case Format::JumpImm:
        case Format::JumpReg:
        case Format::Goto:
        case Format::GotoLong:
        case Format::MayGoto:
        case Format::CallReg:
        case Format::Exit:
        case Format::LoadImm64:
        case Format::LoadPacketAbs:
        case Format::LoadPacketInd: return std::nullopt;
    }
    const Reg& reg = query.state->top().regs[index];
    if (reg.kind != wanted) return std::nullopt;
    return Touched{index, reg, int64_t{reg.off} + insn.off, row.bits / 8};
}

std::string packet_check(const HintQuery& query, const Touched& at) {
    const bool meta = at.pointer.kind == RegKind::PacketMeta;
    const Range<64>& variable = at.pointer.value.full;
    if (variable.smin < 0)
        return fmt::format(
            "what is added to the packet pointer may be negative ({}): mask it, or "
            "make it unsigned and compare it, before it is added",
            variable.smin);
    if (variable.smin + at.offset < 0)
        return fmt::format("offset {} lies before the packet: begin at {} or behind it", at.offset,
                           meta ? "data_meta" : "data");
    if (variable.smax + at.offset > kPacketMax)
        return fmt::format(
            "what is added to the packet pointer may be {}: bound it first, "
            "if (n > {}) return; then compare the pointer with data_end",
            variable.umax, kPacketMax - at.offset - at.bytes);
    const bool is_xdp = query.program.type == ProgramType::Xdp;
    const std::string check = fmt::format("+ {} > {}) return {};", at.offset + at.bytes,
                                          meta ? "data" : "data_end", is_xdp ? "XDP_DROP" : "0");
    if (at.pointer.id != 0)
        return fmt::format(
            "before insn {}, with p the pointer as it is after the addition: if "
            "((void *)p {}",
            query.insn, check);
    return fmt::format("before insn {}: if ({} {}", query.insn, meta ? "data_meta" : "data", check);
}

std::string packet_hint(const HintQuery& query) {
    for (const RegKind kind : {RegKind::Packet, RegKind::PacketMeta})
        if (const auto at = touched(query, kind)) return packet_check(query, *at);
    return {};
}

/// How far the variable part may go, and the mask that holds it there.
std::string index_limit(const HintQuery& query, int64_t most, int64_t least) {
    if (most < least) return {};
    if (least > 0)
        return fmt::format("before insn {}: keep the variable part of the offset within {} to {}",
                           query.insn, least, most);
    const uint64_t mask = std::bit_floor(static_cast<uint64_t>(most) + 1) - 1;
    return fmt::format(
        "before insn {}: keep the variable part of the offset at or below {} (if "
        "(n > {}) return; or n &= {:#x};)",
        query.insn, most, most, mask);
}

std::string value_hint(const HintQuery& query, const Touched& at, std::string_view what,
                       int64_t bytes) {
    if (!at.pointer.value.is_constant())
        return index_limit(query, bytes - at.bytes - at.offset, -at.offset);
    if (at.offset < 0)
        return fmt::format("{} begins at 0: offset {} lies before it", what, at.offset);
    return fmt::format("{} ends at {}: touch less, or make it at least {} bytes large", what, bytes,
                       at.offset + at.bytes);
}

std::string map_bounds_hint(const HintQuery& query) {
    const auto value = touched(query, RegKind::MapValue);
    if (value) {
        const MapSpec& map = map_of(query.program, value->pointer);
        return value_hint(query, *value, "a value of " + map.name, map.value_bytes);
    }
    const auto key = touched(query, RegKind::MapKey);
    if (!key) return {};
    const MapSpec& map = map_of(query.program, key->pointer);
    return value_hint(query, *key, "a key of " + map.name, map.key_bytes);
}

std::string memory_hint(const HintQuery& query) {
    const auto at = touched(query, RegKind::Memory);
    return at ? value_hint(query, *at, "the memory that the helper gave", at->pointer.range) : "";
}

/// The register that the instruction goes through and that may be null.
std::optional<uint8_t> nullable_register(const HintQuery& query) {
    if (query.decoded == nullptr || query.state == nullptr) return std::nullopt;
    const auto& regs = query.state->top().regs;
    const uint8_t indirect =
        op_info(query.decoded->op).format == Format::Load ? query.decoded->src : query.decoded->dst;
    if (op_info(query.decoded->op).format != Format::Call)
        return regs[indirect].or_null ? std::optional(indirect) : std::nullopt;
    for (uint8_t index = 1; index <= 5; ++index)
        if (regs[index].or_null) return index;
    return std::nullopt;
}

std::string null_hint(const HintQuery& query) {
    const auto index = nullable_register(query);
    return index ? fmt::format(
                       "before insn {}, best right behind the call that gave r{}: if (!r{}) "
                       "return;",
                       query.insn, *index, *index)
                 : "";
}

std::string stack_bounds_hint(const HintQuery& query) {
    const auto at = touched(query, RegKind::Stack);
    if (!at) return {};
    if (at->pointer.value.is_constant() && at->offset < 0 && at->offset >= -int64_t{kStackBytes})
        return fmt::format(
            "from r10{:+} on there are {} bytes: touch no more, or make the variable "
            "at least {} bytes large",
            at->offset, -at->offset, at->bytes);
    if (at->pointer.value.is_constant()) return {};
    return index_limit(query, -at->offset - at->bytes, -int64_t{kStackBytes} - at->offset);
}

std::string uninitialized_hint(const HintQuery& query) {
    const bool is_register = query.fault.message.starts_with("r");
    if (const auto at = is_register ? std::nullopt : touched(query, RegKind::Stack))
        return fmt::format(
            "write all {} bytes before insn {}: initialise the variable with = {{}} "
            "(padding included: memset)",
            at->bytes, query.insn);
    if (query.decoded != nullptr && query.decoded->op == Op::kExit)
        return "return a value on every path";
    return is_register ? "" : "initialise the variable with = {} before its address is handed over";
}

/// What gives back what the path holds.
std::string held_hint(const HintQuery& query) {
    if (query.state == nullptr || query.state->references.empty()) return {};
    const Reference& held = query.state->references.front();
    const auto advice = [&](std::string_view call) {
        return fmt::format("on this path, before insn {}: {}, for what insn {} took", query.insn,
                           call, held.insn);
    };
    switch (held.kind) {
        case Reference::Kind::Record: return advice("bpf_ringbuf_submit or bpf_ringbuf_discard");
        case Reference::Kind::RecordDynptr:
            return advice(
                "bpf_ringbuf_submit_dynptr or bpf_ringbuf_discard_dynptr (also where the "
                "reservation failed)");
        case Reference::Kind::Iterator: return advice("bpf_iter_num_destroy");
        case Reference::Kind::Socket: return advice("bpf_sk_release");
        case Reference::Kind::Connection: return advice("bpf_ct_release");
    }
    return {};
}

std::string lock_hint(const HintQuery& query) {
    if (query.state == nullptr || !query.state->lock.is_held) return {};
    return fmt::format("before insn {}: bpf_spin_unlock of the lock taken at insn {}", query.insn,
                       query.state->lock.insn);
}

std::string leak_hint(const HintQuery& query) {
    if (query.decoded == nullptr) return {};
    switch (op_info(query.decoded->op).format) {
        case Format::Exit: return "return a number, such as XDP_PASS, and no pointer";
        case Format::StoreReg:
        case Format::Atomic:
            return "store a number: a difference of packet pointers, an index or a copy of the "
                   "bytes, never an address";
        case Format::Call:
            return "hand the helper a copy of the data on the stack that holds no pointer";
        case Format::Load: return "load all 8 bytes of what was spilled, into one register";
        case Format::AluImm:
        case Format::AluReg:
        case Format::AluUnary:
        case Format::ByteOrder:
        case Format::JumpImm:
        case Format::JumpReg:
        case Format::Goto:
        case Format::GotoLong:
        case Format::MayGoto:
        case Format::CallReg:
        case Format::LoadImm64:
        case Format::LoadPacketAbs:
        case Format::LoadPacketInd:
        case Format::StoreImm: return {};
    }
    return {};
}

std::string arithmetic_hint(const HintQuery& query) {
    if (query.decoded == nullptr || query.state == nullptr) return {};
    const DecodedInsn& insn = *query.decoded;
    if (op_info(insn.op).format != Format::AluReg) return {};
    for (const uint8_t index : {insn.src, insn.dst}) {
        const Reg& reg = query.state->top().regs[index];
        if (!reg.is_scalar() || reg.value.is_constant()) continue;
        if (reg.value.full.smin >= 0 && reg.value.full.smax <= kPacketMax) continue;
        return fmt::format(
            "before insn {}: bound r{}: if (n > {}) return; or n &= {:#x}; with n "
            "unsigned",
            query.insn, index, kPacketMax, kPacketMax);
    }
    return {};
}

std::string argument_hint(const HintQuery& query) {
    if (query.decoded == nullptr || query.state == nullptr) return {};
    const HelperInfo* helper =
        query.decoded->op == Op::kCallHelper ? helper_info(query.decoded->imm) : nullptr;
    if (helper == nullptr) return {};
    for (uint8_t index = 2; index <= 5; ++index) {
        const ArgKind kind = helper->args[index - 1u];
        const Reg& size = query.state->top().regs[index];
        if ((kind != ArgKind::Size && kind != ArgKind::SizeOrZero) || !size.is_scalar()) continue;
        const bool fits = size.value.full.smin >= (kind == ArgKind::Size ? 1 : 0) &&
                          size.value.full.smax <= kPacketMax;
        if (!fits)
            return fmt::format(
                "before insn {}: bound the size in r{} on both sides: if (n < 1 || "
                "n > sizeof buffer) return;",
                query.insn, index);
    }
    return {};
}

constexpr std::string_view kCountRounds =
    "let every round move a counter towards a bound that does not change: for (i = 0; i < n; i++) "
    "with n below some constant";

/// The walk of every round was what the budget went into, because no proof for all of them held.
std::string budget_hint(const HintQuery& query) {
    const bool is_loop = query.fault.message.contains("for all rounds at once");
    return is_loop ? std::string(kCountRounds) : "";
}

struct Row {
    std::string_view rule;
    std::string_view text;
    std::string (*advise)(const HintQuery&) = nullptr;
};

constexpr auto kRows = std::to_array<Row>({
    {"atomic",
     "use atomic operations on aligned fields of 4 or 8 bytes in map values or on the "
     "stack"},
    {"budget",
     "split the program: fewer branches that join late, tighter loop bounds, bpf_loop, "
     "or a tail call between its stages",
     budget_hint},
    {"call-depth", "inline some functions (__always_inline), so that fewer nest"},
    {"callback",
     "give the helper a static function of this program that takes what the helper "
     "hands out and returns 0 or 1"},
    {"context-access",
     "read the fields of struct xdp_md whole, as they are declared, and write "
     "none"},
    {"dynptr",
     "make the dynptr first, keep it where it is on the stack, and use it through its "
     "helpers only"},
    {"falls-off-end", "end every path with return"},
    {"frame-pointer", "copy r10 to another register and change that"},
    {"helper-argument", "bring the argument into the form that the helper's prototype names",
     argument_hint},
    {"infinite-loop",
     "let every round move a counter towards a constant bound: for (i = 0; i < "
     "64; i++)"},
    {"instruction", "compile for a cpu that Weir offers (-mcpu=v3), without this instruction"},
    {"invalid-pointer",
     "go to memory only through pointers to packet, stack or map values; a "
     "number, an end or a map itself leads nowhere"},
    {"iterator",
     "begin with bpf_iter_num_new, ask for the next number in the loop's head, and "
     "end with bpf_iter_num_destroy on every path"},
    {"kfunc", "use a kernel function that Weir offers for this program type"},
    {"lock", "take one lock at a time, call no helper under it, and unlock it on every path",
     lock_hint},
    {"malformed", "load the object file as the compiler wrote it"},
    {"map-access", "use the map only as its flags allow, and its locks and timers through helpers"},
    {"map-bounds", "stay inside of the value: compare the index with its end first",
     map_bounds_hint},
    {"map-definition", "give the map the sizes that its type asks for"},
    {"map-reference", "reach maps by their symbols, and direct values only in one-element arrays"},
    {"map-type", "use a map type that this helper works on"},
    {"memory-bounds",
     "stay inside of the memory that the helper gave: compare the index with its size "
     "first; a slice of bpf_dynptr_slice may only be read",
     memory_hint},
    {"mixed-access",
     "load from the context and from other memory in different instructions: read "
     "the context's field into a variable before the paths meet"},
    {"null-pointer", "compare the look-up's result with NULL first", null_hint},
    {"packet-access", "copy the bytes to the stack and change them there"},
    {"packet-bounds", "compare the pointer with data_end first", packet_hint},
    {"pointer-arithmetic",
     "move pointers in 64 bits, by bounded numbers, and subtract only "
     "pointers into the same packet",
     arithmetic_hint},
    {"pointer-compare",
     "compare pointers of one kind with each other, with data_end, or with "
     "NULL"},
    {"pointer-leak",
     "keep addresses in registers and spilled on the stack; everywhere else use "
     "numbers",
     leak_hint},
    {"program-type", "give the program a section of a type that Weir offers (SEC(\"xdp\"))"},
    {"recursion", "turn the recursion into a bounded loop"},
    {"reference",
     "use it between the call that gave it and the one that takes it back, which "
     "comes once"},
    {"reference-leak",
     "give it back on every path that ends: submit or discard records, release "
     "sockets, destroy iterators, unlock",
     held_hint},
    {"socket-access",
     "read the fields of struct bpf_sock whole, as they are declared, and write none"},
    {"stack-alignment", "align the variable to its size"},
    {"stack-bounds", "stay within the 512 bytes below r10", stack_bounds_hint},
    {"stack-depth",
     "move large variables into a per-CPU array of one element; 512 bytes are for "
     "the whole chain of calls"},
    {"subprogram", "jump within a function, and call functions at their beginning"},
    {"tail-call", "give back everything first, and use little stack in the functions above"},
    {"termination", kCountRounds},
    {"timer", "keep the timer in the value of a map, and initialise it with that map first"},
    {"uninitialized", "give it a value on every path that comes here; calls clear r0 to r5",
     uninitialized_hint},
    {"unknown-helper", "use a helper that Weir offers for this program type"},
    {"unsupported", "use a program type that Weir offers (SEC(\"xdp\"))"},
});
static_assert(std::ranges::is_sorted(kRows, {}, &Row::rule));

const Row* row_of(std::string_view rule) {
    const auto* const found = std::ranges::lower_bound(kRows, rule, {}, &Row::rule);
    return found != kRows.end() && found->rule == rule ? found : nullptr;
}

}  // namespace

std::string hint_for(const HintQuery& query) {
    const Row* const row = row_of(query.fault.rule);
    if (row == nullptr) return {};
    if (const std::string_view words = hint_by_words(query.fault); !words.empty())
        return std::string(words);
    const std::string advice = row->advise == nullptr ? "" : row->advise(query);
    return advice.empty() ? std::string(row->text) : advice;
}

std::vector<std::string_view> hinted_rules() {
    std::vector<std::string_view> rules;
    for (const Row& row : kRows) rules.push_back(row.rule);
    return rules;
}

}  // namespace weir::vm::verifier
