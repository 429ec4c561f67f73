#include "vm/interp/loaded_program.h"

#include <algorithm>

#include <fmt/format.h>

#include "vm/base/limits.h"
#include "vm/interp/context_use.h"

namespace weir::vm {
namespace {

constexpr uint16_t bit(unsigned index) {
    return static_cast<uint16_t>(1u << index);
}
constexpr uint16_t bits(unsigned a, unsigned b) {
    return bit(a) | bit(b);
}

RegisterUse atomic_use(const DecodedInsn& insn, std::string_view spelling) {
    if (spelling == "load_acquire") return {bit(insn.src), bit(insn.dst)};
    const uint16_t both = bits(insn.src, insn.dst);
    if (spelling == "cmpxchg") return {static_cast<uint16_t>(both | bit(0)), bit(0)};
    const bool gives_old = spelling.starts_with("fetch") || spelling == "xchg";
    return {both, gives_old ? bit(insn.src) : uint16_t{0}};
}

Result<void> bad(size_t slot, std::string what) {
    return fail(ErrorKind::kInvalid, fmt::format("insn {}: {}", slot, what));
}

/// The one that begins there, or nullptr.
const Subprogram* function_at(const ProgramSpec& spec, int64_t slot) {
    const auto found = std::ranges::lower_bound(
        spec.subprograms, slot, {}, [](const Subprogram& each) { return int64_t{each.insn}; });
    return found != spec.subprograms.end() && found->insn == slot ? &*found : nullptr;
}

Result<void> check_map_value(const DecodedInsn& insn, size_t slot, Map& map) {
    const MapSpec& spec = map.spec();
    if (map.direct_value() == nullptr)
        return bad(slot, fmt::format("map {} of type {} has no value with an address", spec.name,
                                     map_type_name(spec.type)));
    if (static_cast<uint32_t>(insn.next_imm) >= spec.value_bytes)
        return bad(slot,
                   fmt::format("offset {} in map {}, whose value ends at {}",
                               static_cast<uint32_t>(insn.next_imm), spec.name, spec.value_bytes));
    return {};
}

/// What names something outside of the instructions must name something that is there.
Result<void> check_reference(const ProgramSpec& spec, const std::vector<Map*>& maps,
                             const DecodedInsn& insn, size_t slot) {
    if (insn.op == Op::kLoadMap || insn.op == Op::kLoadMapValue) {
        if (insn.imm < 0 || static_cast<size_t>(insn.imm) >= maps.size())
            return bad(slot, fmt::format("map {} of {}", insn.imm, maps.size()));
        if (insn.op == Op::kLoadMap) return {};
        return check_map_value(insn, slot, *maps[static_cast<size_t>(insn.imm)]);
    }
    if (insn.op == Op::kLoadCodeAddr) {
        const int64_t target = static_cast<int64_t>(slot) + 1 + insn.imm;
        if (target != 0 && function_at(spec, target) != nullptr) return {};
        return bad(slot, fmt::format("no function begins at {}", target));
    }
    if (insn.op == Op::kCallKfunc && (insn.off != 0 || kfunc_info(insn.imm) == nullptr))
        return bad(slot, fmt::format("kernel function {} is not offered", insn.imm));
    const bool unresolved = insn.op == Op::kLoadVarAddr || insn.op == Op::kLoadMapByIdx ||
                            insn.op == Op::kLoadMapValueByIdx;
    if (unresolved) return bad(slot, "names what only a loader can resolve");
    return {};
}

Result<void> check_spec(const ProgramSpec& spec, const std::vector<Map*>& maps) {
    if (spec.insns.size() > kProgramInsnsMax)
        return fail(ErrorKind::kInvalid, fmt::format("{} instructions, at most {} are possible",
                                                     spec.insns.size(), kProgramInsnsMax));
    if (maps.size() != spec.maps.size())
        return fail(ErrorKind::kInvalid, fmt::format("{} maps for a program that names {}",
                                                     maps.size(), spec.maps.size()));
    if (std::ranges::find(maps, nullptr) != maps.end())
        return fail(ErrorKind::kInvalid, "one of its maps was not made");
    return {};
}

std::vector<RegisterUse> uses_of(const std::vector<DecodedSlot>& code) {
    std::vector<RegisterUse> uses;
    uses.reserve(code.size());
    for (const DecodedSlot& slot : code) uses.push_back(register_use(slot.insn));
    return uses;
}

}  // namespace

RegisterUse register_use(const DecodedInsn& insn) {
    const OpInfo& row = op_info(insn.op);
    const uint16_t dst = bit(insn.dst), src = bit(insn.src);
    const bool moves = row.spelling == "=" || row.spelling.starts_with("(s");
    switch (row.format) {
        case Format::AluImm: return {moves ? uint16_t{0} : dst, dst};
        case Format::AluReg: return {moves ? src : bits(insn.dst, insn.src), dst};
        case Format::AluUnary:
        case Format::ByteOrder: return {dst, dst};
        case Format::JumpImm:
        case Format::CallReg: return {dst, 0};
        case Format::JumpReg: return {bits(insn.dst, insn.src), 0};
        case Format::Exit: return {bit(0), 0};
        case Format::LoadImm64: return {0, dst};
        case Format::LoadPacketAbs: return {bit(6), bit(0)};
        case Format::LoadPacketInd: return {bits(6, insn.src), bit(0)};
        case Format::Load: return {src, dst};
        case Format::StoreImm: return {dst, 0};
        case Format::StoreReg: return {bits(insn.dst, insn.src), 0};
        case Format::Atomic: return atomic_use(insn, row.spelling);
        case Format::Goto:
        case Format::GotoLong:
        case Format::MayGoto:
        case Format::Call: return {};
    }
    return {};
}

LoadedProgram::LoadedProgram(ProgramSpec its_spec, std::vector<Map*> its_maps,
                             const HelperTable& its_helpers, std::vector<DecodedSlot> its_code)
    : code(std::move(its_code)),
      uses(uses_of(code)),
      maps(std::move(its_maps)),
      helpers(its_helpers),
      spec_(std::move(its_spec)) {}

std::string LoadedProgram::function_name(uint32_t slot) const {
    const Subprogram* const found = function_at(spec_, slot);
    return found == nullptr ? fmt::format("insn {}", slot) : found->name;
}

Result<std::unique_ptr<CheckedProgram>> CheckedProgram::make(ProgramSpec spec,
                                                             std::vector<Map*> maps,
                                                             const HelperTable& helpers) {
    const auto in_program = [&](const Error& error) { return fail_in(spec.name, error); };
    if (const Result<void> fits = check_spec(spec, maps); !fits) return in_program(fits.error());
    auto code = decode_program(spec.insns);
    if (!code) return in_program(code.error());
    for (size_t slot = 0; slot < code->size(); ++slot) {
        if ((*code)[slot].second_slot) continue;
        if (const auto fits = check_reference(spec, maps, (*code)[slot].insn, slot); !fits)
            return in_program(fits.error());
    }
    if (const auto given = check_context_use(spec, *code); !given) return in_program(given.error());
    return std::make_unique<LoadedProgram>(std::move(spec), std::move(maps), helpers,
                                           std::move(*code));
}

}  // namespace weir::vm
