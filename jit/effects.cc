// Instruction by instruction, from the verifier's facts. Addresses are not state: where an array's
// element lies never changes, so looking it up touches nothing, and a program that only holds an
// address has read nothing.
//
// Counting is common and has no order: sums modulo 2^n come out the same whichever packet adds
// first. That is so as long as all additions to a map's values have one width and lie at multiples
// of it, so that two of them meet in the whole word or not at all (a carry leaves a narrower one
// behind), and nothing else in the program reads or writes the values. An addition is an atomic one
// that does not fetch, or a load, an add and a store of one place in straight code, where nobody
// reads the sum.

#include "jit/effects.h"

#include <algorithm>
#include <array>
#include <bit>

#include "jit/insn_class.h"
#include "vm/base/check.h"
#include "vm/base/limits.h"
#include "vm/isa/helper_ids.h"
#include "vm/isa/helper_info.h"

namespace weir::jit {
namespace {

using vm::DecodedInsn;
using vm::Format;
using vm::HelperId;
using vm::InsnFact;
using vm::Op;
using vm::PointerKind;

constexpr Touch kAll{kEverything, kEverything};
constexpr uint32_t kMapsToldApart = 30;    ///< further ones count as everything
constexpr uint32_t kAdditionSlotsMax = 8;  ///< from the load of an addition to its store

bool is_array(vm::MapType type) {
    return type == vm::MapType::Array || type == vm::MapType::PercpuArray;
}
/// A look-up notes that the element was used.
bool is_lru(vm::MapType type) {
    return type == vm::MapType::LruHash || type == vm::MapType::LruPercpuHash;
}

/// Slots of the load and the store; of an atomic addition both are the same.
struct Addition {
    uint32_t load, store;
};

bool is_counted(const InsnFact& fact) {
    return fact.access == PointerKind::MapValue && fact.map != InsnFact::kUnknownMap &&
           fact.is_aligned;
}

/// Memory of the run alone: no packet ever parks at a load from there.
bool is_own(PointerKind kind) {
    return kind != PointerKind::None && kind != PointerKind::MapValue;
}

bool adds_to(const DecodedInsn& insn, uint8_t reg) {
    const vm::OpInfo& row = vm::op_info(insn.op);
    if (insn.dst != reg || row.bits < 32) return false;
    if (row.format == Format::AluImm)
        return alu_code(insn.op) == AluCode::Add || alu_code(insn.op) == AluCode::Sub;
    return row.format == Format::AluReg && insn.src != reg &&
           (alu_code(insn.op) == AluCode::Add || alu_code(insn.op) == AluCode::Sub);
}

/// The store that ends the addition which the load at `load` begins, or 0. `is_target`: where jumps
/// land.
uint32_t end_of_addition(const CompileInput& input, const Liveness& liveness, uint32_t load,
                         const std::vector<uint8_t>& is_target) {
    const DecodedInsn& loads = input.slots[load].insn;
    const uint8_t sum = loads.dst, base = loads.src;
    const vm::OpInfo& row = vm::op_info(loads.op);
    if (row.format != Format::Load || row.name.starts_with("LoadSx") || sum == base) return 0;
    const size_t end = std::min(input.slots.size(), size_t{load} + kAdditionSlotsMax);
    uint32_t additions = 0;
    for (uint32_t slot = load + 1; slot < end; ++slot) {
        if (input.slots[slot].second_slot) continue;
        if (!input.reachable(slot) || is_target[slot] != 0) return 0;
        const DecodedInsn& insn = input.slots[slot].insn;
        const vm::OpInfo& info = vm::op_info(insn.op);
        if (info.format == Format::StoreReg && insn.src == sum && insn.dst == base &&
            insn.off == loads.off && info.bits == row.bits) {
            const bool is_sum = additions != 0 && is_counted(input.facts[slot]) &&
                                input.facts[slot].map == input.facts[load].map;
            return is_sum && liveness.is_dead_after(slot, sum) ? slot : 0;
        }
        if (adds_to(insn, sum) && info.bits >= row.bits) {
            ++additions;
            continue;
        }
        const RegisterUse use = register_use(insn, true);
        if (((use.reads | use.writes) & set_of(sum)) != 0 || (use.writes & set_of(base)) != 0)
            return 0;
        if (info.format != Format::AluImm && info.format != Format::AluReg &&
            info.format != Format::AluUnary && info.format != Format::ByteOrder &&
            info.format != Format::LoadImm64 &&
            !(info.format == Format::Load && is_own(input.facts[slot].access)))
            return 0;
    }
    return 0;
}

bool is_atomic_addition(const DecodedInsn& insn) {
    return vm::op_info(insn.op).format == Format::Atomic && atomic_code(insn.op) == AtomicCode::Add;
}

std::vector<Addition> find_additions(const CompileInput& input, const Liveness& liveness) {
    std::vector<uint8_t> is_target(input.slots.size());
    for (uint32_t slot = 0; slot < input.slots.size(); ++slot) {
        if (input.slots[slot].second_slot) continue;
        const vm::JumpTarget target = vm::jump_target(input.slots[slot].insn, slot);
        if (target.exists) is_target[static_cast<size_t>(target.slot)] = 1;
    }
    std::vector<Addition> additions;
    for (uint32_t slot = 0; slot < input.slots.size(); ++slot) {
        if (!input.reachable(slot) || !is_counted(input.facts[slot])) continue;
        if (is_atomic_addition(input.slots[slot].insn)) additions.push_back({slot, slot});
        if (const uint32_t store = end_of_addition(input, liveness, slot, is_target); store != 0)
            additions.push_back({slot, store});
    }
    return additions;
}

class Touches {
public:
    Touches(const CompileInput& input, const Liveness& liveness)
        : input_(input), liveness_(liveness), touches_(input.slots.size()) {}

    std::vector<Touch> run() {
        for (size_t i = 0; i < input_.slots.size(); ++i)
            if (input_.slots[i].insn.op == Op::kLoadCodeAddr && !input_.slots[i].second_slot)
                callbacks_.push_back(static_cast<uint32_t>(code_target(input_.slots[i].insn, i)));
        for (size_t i = 0; i < input_.slots.size(); ++i)
            if (input_.reachable(i)) touches_[i] = touch_of(i);
        forget_counting(find_additions(input_, liveness_));
        // Callees before callers: call chains are short, and end.
        for (uint32_t depth = 0; depth < kCallDepthMax; ++depth) add_callees();
        return std::move(touches_);
    }

private:
    /// Of the elements of a map; of their values the next bit.
    SharedSet elements_of(uint16_t index) const {
        if (index >= input_.maps.size()) return kEverything;
        // One map may stand behind several indices.
        const auto first = std::ranges::find(input_.maps, input_.maps[index]);
        const auto number = static_cast<uint32_t>(first - input_.maps.begin());
        return number < kMapsToldApart ? SharedSet{1} << 2 * number : kEverything;
    }
    SharedSet values_of(uint16_t index) const {
        const SharedSet elements = elements_of(index);
        return elements == kEverything ? kEverything : elements << 1;
    }
    SharedSet all_of(uint16_t index) const { return elements_of(index) | values_of(index); }

    /// Takes the additions to values away where nothing else touches these.
    void forget_counting(const std::vector<Addition>& additions) {
        std::vector<uint8_t> is_addition(touches_.size());
        for (const Addition& addition : additions)
            is_addition[addition.load] = is_addition[addition.store] = 1;
        SharedSet otherwise = 0;
        for (size_t slot = 0; slot < touches_.size(); ++slot)
            if (is_addition[slot] == 0) otherwise |= touches_[slot].all();
        std::array<uint32_t, 64> bits{};
        for (const Addition& addition : additions) {
            const SharedSet values = values_of(input_.facts[addition.load].map);
            if (values == kEverything) return;
            uint32_t& known = bits[static_cast<size_t>(std::countr_zero(values))];
            const uint32_t width = vm::op_info(input_.slots[addition.load].insn.op).bits;
            if (known != 0 && known != width) otherwise |= values;
            known = width;
        }
        for (const Addition& addition : additions)
            for (const uint32_t slot : {addition.load, addition.store})
                if ((touches_[slot].all() & otherwise) == 0) touches_[slot] = {};
    }

    Touch memory_touch(const InsnFact& fact, bool reads, bool writes) const {
        switch (fact.access) {
            case PointerKind::Stack:
            case PointerKind::Context:
            case PointerKind::Packet:
            case PointerKind::PacketMeta: return {};
            case PointerKind::MapValue: {
                const SharedSet values = values_of(fact.map);
                return {reads ? values : 0, writes ? values : 0};
            }
            case PointerKind::None: break;
        }
        return kAll;
    }

    Touch lookup_touch(const InsnFact& fact) const {
        if (fact.map >= input_.maps.size()) return kAll;
        const vm::MapType type = input_.maps[fact.map]->spec().type;
        if (is_array(type)) return {};
        const SharedSet elements = elements_of(fact.map);
        return {elements, is_lru(type) ? elements : 0};
    }

    /// The arguments lie in the run's own memory.
    Touch helper_touch(int64_t id, const InsnFact& fact) const {
        switch (id) {
            case number_of(HelperId::map_lookup_elem): return lookup_touch(fact);
            case number_of(HelperId::map_update_elem):
            case number_of(HelperId::map_delete_elem): return {all_of(fact.map), all_of(fact.map)};
            case number_of(HelperId::get_smp_processor_id):
            case number_of(HelperId::get_numa_node_id):
            case number_of(HelperId::csum_diff):
            case number_of(HelperId::xdp_adjust_head):
            case number_of(HelperId::xdp_adjust_meta):
            case number_of(HelperId::xdp_adjust_tail):
            case number_of(HelperId::xdp_get_buff_len):
            case number_of(HelperId::xdp_load_bytes):
            case number_of(HelperId::xdp_store_bytes):
            case number_of(HelperId::fib_lookup): return {};
            case number_of(HelperId::ktime_get_ns):
            case number_of(HelperId::ktime_get_boot_ns):
            case number_of(HelperId::ktime_get_coarse_ns):
            case number_of(HelperId::ktime_get_tai_ns):
            case number_of(HelperId::jiffies64):
            case number_of(HelperId::get_prandom_u32): return {kWorld, kWorld};
            case number_of(HelperId::redirect): return {kOutcome, kOutcome};
            case number_of(HelperId::redirect_map): return {kOutcome | all_of(fact.map), kOutcome};
        }
        return kAll;
    }

    Touch touch_of(size_t slot) const {
        const DecodedInsn& insn = input_.slots[slot].insn;
        const InsnFact& fact = input_.facts[slot];
        switch (vm::op_info(insn.op).format) {
            case Format::AluImm:
            case Format::AluReg:
            case Format::AluUnary:
            case Format::ByteOrder:
            case Format::LoadImm64:
            case Format::JumpImm:
            case Format::JumpReg:
            case Format::Goto:
            case Format::GotoLong:
            case Format::Exit: return {};
            case Format::MayGoto: return {kOutcome, kOutcome};
            case Format::Load: return memory_touch(fact, true, false);
            case Format::StoreImm:
            case Format::StoreReg: return memory_touch(fact, false, true);
            case Format::Atomic: return memory_touch(fact, true, true);
            case Format::Call:
                if (insn.op == Op::kCallLocal || is_loop(insn)) return {};
                if (insn.op != Op::kCallHelper || fact.passes_shared_memory) return kAll;
                return helper_touch(insn.imm, fact);
            case Format::CallReg:
            case Format::LoadPacketAbs:
            case Format::LoadPacketInd: return kAll;
        }
        return kAll;
    }

    void add_callees() {
        std::vector<Touch> of_function;
        Touch of_callbacks;
        for (size_t i = 0; i < input_.functions.size(); ++i) {
            const bool last = i + 1 == input_.functions.size();
            const size_t end = last ? input_.slots.size() : input_.functions[i + 1].entry;
            Touch sum;
            for (size_t slot = input_.functions[i].entry; slot < end; ++slot) sum |= touches_[slot];
            of_function.push_back(sum);
            if (is_callback(input_.functions[i].entry)) of_callbacks |= sum;
        }
        for (size_t slot = 0; slot < input_.slots.size(); ++slot) {
            if (!input_.reachable(slot)) continue;
            const DecodedInsn& insn = input_.slots[slot].insn;
            if (is_loop(insn)) touches_[slot] |= of_callbacks;
            if (insn.op != Op::kCallLocal) continue;
            const auto entry = static_cast<uint32_t>(vm::jump_target(insn, slot).slot);
            const auto callee =
                std::ranges::lower_bound(input_.functions, entry, {}, &FunctionInput::entry);
            touches_[slot] |= of_function[static_cast<size_t>(callee - input_.functions.begin())];
        }
    }

    /// bpf_loop does nothing but call a function of the program.
    bool is_loop(const DecodedInsn& insn) const {
        return insn.op == Op::kCallHelper && insn.imm == number_of(HelperId::loop);
    }
    bool is_callback(uint32_t entry) const {
        return std::ranges::find(callbacks_, entry) != callbacks_.end();
    }

    const CompileInput& input_;
    const Liveness& liveness_;
    std::vector<Touch> touches_;
    std::vector<uint32_t> callbacks_;  ///< first slots of functions whose address is taken
};

}  // namespace

std::vector<Touch> find_touches(const CompileInput& input, const Liveness& liveness) {
    WEIR_CHECK(input.facts.size() == input.slots.size());
    return Touches(input, liveness).run();
}

}  // namespace weir::jit
