// Calls: helpers against their prototypes (helpers.def), subprograms as new frames, and the way
// back.

#include <fmt/format.h>

#include "vm/isa/helper_ids.h"
#include "vm/isa/helper_info.h"
#include "vm/program/map_use.h"
#include "vm/verifier/checks.h"

namespace weir::vm::verifier {
namespace {

constexpr uint32_t kMemoryMax = 1 << 29;
constexpr uint16_t kNoMap = InsnFact::kUnknownMap;

/// A helper call while its arguments are checked from left to right.
struct Call {
    const HelperInfo& helper;
    uint16_t map = kNoMap;

    bool is(HelperId id) const { return helper.id == number_of(id); }
};

std::unexpected<Fault> bad_argument(const Call& call, uint8_t index, const std::string& what) {
    return fault("helper-argument",
                 fmt::format("argument {} of {} {}", index, call.helper.name, what));
}

/// Rows of helpers.def that this verifier has no proof for yet.
std::unexpected<Fault> unproven(const Call& call) {
    return fault("unproven-helper",
                 fmt::format("calls of {} cannot be proven yet", call.helper.name));
}

bool is_element_map(MapType type) {
    switch (type) {
        case MapType::Hash:
        case MapType::Array:
        case MapType::PercpuHash:
        case MapType::PercpuArray:
        case MapType::LruHash:
        case MapType::LruPercpuHash:
        case MapType::LpmTrie: return true;
        case MapType::ProgArray:
        case MapType::PerfEventArray:
        case MapType::ArrayOfMaps:
        case MapType::HashOfMaps:
        case MapType::Devmap:
        case MapType::Cpumap:
        case MapType::Xskmap:
        case MapType::Queue:
        case MapType::Stack:
        case MapType::DevmapHash:
        case MapType::Ringbuf:
        case MapType::BloomFilter: return false;
    }
    return false;
}

/// Helpers that may be given packet memory: they do not move the packet and do not write where they
/// read.
bool takes_packet(const Call& call) {
    return call.is(HelperId::map_lookup_elem) || call.is(HelperId::map_update_elem) ||
           call.is(HelperId::map_delete_elem) || call.is(HelperId::map_lookup_percpu_elem) ||
           call.is(HelperId::csum_diff);
}

Checked check_map_argument(Step& step, Call& call, uint8_t index, const Reg& reg) {
    if (reg.kind != RegKind::Map)
        return bad_argument(call, index,
                            fmt::format("is {}, expected a map", kind_words(reg.kind)));
    const MapSpec& map = step.env.program.maps[reg.map];
    if (!is_element_map(map.type) || !helper_takes_map(call.helper.id, map.type))
        return fault("map-type", fmt::format("{} does not work on map {} of type {}",
                                             call.helper.name, map.name, map_type_name(map.type)));
    const bool writes = call.is(HelperId::map_update_elem) || call.is(HelperId::map_delete_elem);
    if (writes && ((map.flags & kMapRdonlyProg) != 0 || map.frozen))
        return fault("map-access", fmt::format("{} on map {}, which programs may only read",
                                               call.helper.name, map.name));
    if (!writes && (map.flags & kMapWronlyProg) != 0)
        return fault("map-access", fmt::format("{} on map {}, which programs may only write",
                                               call.helper.name, map.name));
    call.map = reg.map;
    return {};
}

/// Memory that a helper reads: in bounds, written, no pointers in it.
Checked check_read_argument(Step& step, const Call& call, uint8_t index, const Reg& pointer,
                            uint32_t size) {
    if (!pointer.is_pointer())
        return bad_argument(
            call, index,
            fmt::format("is {}, expected memory of {} bytes", kind_words(pointer.kind), size));
    if (pointer.is_packet() && !takes_packet(call))
        return bad_argument(call, index,
                            "points into the packet; copy the bytes to the stack first");
    const Region region{pointer, 0, size};
    if (const Checked bounds = check_region(step, region, Access::Read); !bounds) return bounds;
    if (pointer.kind == RegKind::Stack) return read_stack_bytes(step, region);
    return {};
}

Checked check_write_argument(Step& step, const Call& call, uint8_t index, const Reg& pointer,
                             uint32_t sure, uint32_t size) {
    if (!pointer.is_pointer())
        return bad_argument(
            call, index,
            fmt::format("is {}, expected memory of {} bytes", kind_words(pointer.kind), size));
    if (pointer.is_packet())
        return bad_argument(call, index, "points into the packet; copy to the stack first");
    const Region region{pointer, 0, size};
    if (const Checked bounds = check_region(step, region, Access::Write); !bounds) return bounds;
    if (pointer.kind == RegKind::Stack) overwrite_stack_bytes(step, region, sure);
    return {};
}

/// The size, and with it the memory of the argument before.
Checked check_sized_memory(Step& step, const Call& call, uint8_t index, const Reg& size,
                           bool zero_is_fine) {
    if (!size.is_scalar())
        return bad_argument(call, index,
                            fmt::format("is {}, expected a size", kind_words(size.kind)));
    const Range<64>& bytes = size.value.full;
    if (bytes.smin < 0)
        return bad_argument(
            call, index,
            fmt::format("is a size of {}, which may be negative; mask it or compare it first",
                        describe_reg(size)));
    if (bytes.umax > kMemoryMax)
        return bad_argument(
            call, index,
            fmt::format("is a size of {} without a useful upper bound; compare it first",
                        describe_reg(size)));
    if (bytes.umin == 0 && !zero_is_fine)
        return bad_argument(
            call, index,
            fmt::format("is a size of {}, which may be 0; compare it first", describe_reg(size)));
    const auto most = static_cast<uint32_t>(bytes.umax), least = static_cast<uint32_t>(bytes.umin);
    const auto memory_index = static_cast<uint8_t>(index - 1);
    const Reg memory = step.reg(memory_index);
    const ArgKind kind = call.helper.args[memory_index - 1u];
    if (kind == ArgKind::MemReadOrNull && memory.is_constant(0)) {
        if (most == 0) return {};
        return bad_argument(
            call, index,
            fmt::format("is a size of {} for a null pointer, expected 0", describe_reg(size)));
    }
    if (kind == ArgKind::MemWrite)
        return check_write_argument(step, call, memory_index, memory, least, most);
    return check_read_argument(step, call, memory_index, memory, most);
}

Checked check_number(const Call& call, uint8_t index, const Reg& reg) {
    if (reg.is_scalar()) return {};
    return fault("pointer-leak", fmt::format("argument {} of {} is {}, expected a number", index,
                                             call.helper.name, kind_words(reg.kind)));
}

Checked check_context_argument(const Call& call, uint8_t index, const Reg& reg) {
    if (reg.kind == RegKind::Context) return {};
    return bad_argument(call, index,
                        fmt::format("is {}, expected the context", kind_words(reg.kind)));
}

Checked check_element_argument(Step& step, const Call& call, uint8_t index, const Reg& reg) {
    if (call.map == kNoMap) return bad_argument(call, index, "has no map before it");
    const MapSpec& map = step.env.program.maps[call.map];
    const bool is_key = call.helper.args[index - 1u] == ArgKind::MapKey;
    return check_read_argument(step, call, index, reg, is_key ? map.key_bytes : map.value_bytes);
}

Checked check_kind(Step& step, Call& call, uint8_t index, const Reg& reg) {
    switch (call.helper.args[index - 1u]) {
        case ArgKind::None:
        case ArgKind::Unchecked: return {};
        case ArgKind::Scalar: return check_number(call, index, reg);
        case ArgKind::Map: return check_map_argument(step, call, index, reg);
        case ArgKind::MapKey:
        case ArgKind::MapValue: return check_element_argument(step, call, index, reg);
        case ArgKind::Context: return check_context_argument(call, index, reg);
        case ArgKind::MemRead:
        case ArgKind::MemReadOrNull:
        case ArgKind::MemWrite: return {};  // with its size
        case ArgKind::Size: return check_sized_memory(step, call, index, reg, false);
        case ArgKind::SizeOrZero: return check_sized_memory(step, call, index, reg, true);
        case ArgKind::MapValueOut:
        case ArgKind::MemWriteOrNull:
        case ArgKind::MemReadWrite:
        case ArgKind::U16Out:
        case ArgKind::U32Out:
        case ArgKind::U64Out:
        case ArgKind::U32InOut:
        case ArgKind::Ipv4Header:
        case ArgKind::Ipv6Header:
        case ArgKind::TcpHeader:
        case ArgKind::ConstString:
        case ArgKind::Callback:
        case ArgKind::CallbackContext:
        case ArgKind::SpinLock:
        case ArgKind::Timer:
        case ArgKind::Dynptr:
        case ArgKind::DynptrOut:
        case ArgKind::Iterator:
        case ArgKind::IteratorOut:
        case ArgKind::RecordSize:
        case ArgKind::SliceSize:
        case ArgKind::Record:
        case ArgKind::Socket:
        case ArgKind::Connection: return unproven(call);
    }
    return unproven(call);
}

Checked check_argument(Step& step, Call& call, uint8_t index) {
    const ArgKind kind = call.helper.args[index - 1u];
    if (kind == ArgKind::None || kind == ArgKind::Unchecked) return {};
    const auto found = readable_reg(step, index);
    if (!found) return std::unexpected(found.error());
    const Reg reg = **found;
    return check_kind(step, call, index, reg);
}

bool has_proven_result(ReturnKind kind) {
    return kind == ReturnKind::Scalar || kind == ReturnKind::MapValueOrNull;
}

void set_result(Step& step, const Call& call) {
    for (uint8_t i = 1; i <= 5; ++i) step.reg(i) = Reg{};
    switch (call.helper.returns) {
        case ReturnKind::Scalar: step.reg(0) = Reg::scalar(Scalar::below_bits(64)); break;
        case ReturnKind::MapValueOrNull: {
            Reg value = Reg::pointer(RegKind::MapValueOrNull);
            value.map = call.map;
            value.id = step.env.fresh_id();
            step.reg(0) = value;
            break;
        }
        case ReturnKind::RecordOrNull:
        case ReturnKind::SliceOrNull:
        case ReturnKind::NumberOrNull:
        case ReturnKind::SocketOrNull:
        case ReturnKind::ConnectionOrNull: break;  // has_proven_result
    }
}

}  // namespace

Checked check_helper_call(Step& step) {
    const HelperInfo* helper = helper_info(step.insn.imm);
    if (helper == nullptr) return fault("unknown-helper", helper_refusal(step.insn.imm));
    Call call{*helper};
    if (!helper_serves(*helper, step.env.program.type))
        return fault("unknown-helper",
                     fmt::format("helper {} ({}) is not for {} programs", step.insn.imm,
                                 helper->name, program_type_name(step.env.program.type)));
    if (!has_proven_result(helper->returns)) return unproven(call);
    for (uint8_t index = 1; index <= 5; ++index)
        if (const Checked argument = check_argument(step, call, index); !argument) return argument;
    if (call.is(HelperId::trace_printk))
        if (const Checked printk = check_printk(
                step, {step.reg(1), 0, static_cast<uint32_t>(step.reg(2).value.full.umax)});
            !printk)
            return printk;
    if (call.map != kNoMap) step.env.note_map(step.pc, call.map);
    if (helper->returns == ReturnKind::MapValueOrNull && call.map == kNoMap)
        return fault("helper-argument", fmt::format("{} needs a map for its result", helper->name));
    if (helper->changes_packet()) forget_packet(step.state());
    set_result(step, call);
    return {};
}

Checked check_local_call(Step& step) {
    if (step.state().frames.size() >= kCallDepthMax)
        return fault("call-depth", fmt::format("call chain above {} frames", kCallDepthMax));
    const auto target = static_cast<uint32_t>(jump_target(step.insn, step.pc).slot);
    const auto index = static_cast<uint8_t>(step.state().frames.size());
    Frame callee = make_frame(step.env.cfg.subprogram_of[target], index);
    for (size_t i = 1; i <= 5; ++i) callee.regs[i] = step.frame().regs[i];
    callee.call_slot = step.pc;
    for (size_t i = 0; i <= 5; ++i) step.frame().regs[i] = Reg{};
    step.state().frames.push_back(std::move(callee));
    step.path.written[index] = ~uint64_t{0};  // nothing of an earlier frame at this depth is left
    step.path.pc = target;
    return {};
}

std::expected<bool, Fault> check_exit(Step& step) {
    const Reg result = step.reg(0);
    if (step.state().frames.size() == 1) {
        if (result.kind == RegKind::Uninit)
            return fault("uninitialized",
                         "the program ends without a result in r0; set it before exit");
        if (!result.is_scalar())
            return fault("pointer-leak", fmt::format("the program returns {}, expected a number",
                                                     kind_words(result.kind)));
        return true;
    }
    if (result.kind == RegKind::Stack && result.frame == step.frame_index())
        return fault("pointer-leak",
                     "the subprogram returns a pointer to its own stack, which ends with it");
    const uint32_t back = step.frame().call_slot + 1;
    step.state().frames.pop_back();
    step.reg(0) = result;
    step.path.pc = back;
    return false;
}

}  // namespace weir::vm::verifier
