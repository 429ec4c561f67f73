// Two passes over a growing list of functions. The first copies the functions in the order in which
// calls find them (the program itself first) and remembers every call; map references are rewritten
// at once, since they need no addresses. The second gives the calls their distances.
#include "vm/elf/linker.h"

#include <elf.h>
#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>

#include "vm/base/check.h"
#include "vm/base/limits.h"
#include "vm/base/printable.h"
#include "vm/elf/core_patch.h"

namespace weir::vm::elf {

namespace {

constexpr uint8_t src_of(Op op) {
    return static_cast<uint8_t>(op_info(op).src);
}
constexpr uint8_t kSrcMap = src_of(Op::kLoadMap), kSrcMapValue = src_of(Op::kLoadMapValue),
                  kSrcCode = src_of(Op::kLoadCodeAddr);
constexpr uint8_t kSrcLocal = src_of(Op::kCallLocal), kSrcKfunc = src_of(Op::kCallKfunc);

std::unexpected<Error> bad(std::string message) {
    return fail(ErrorKind::kInvalid, std::move(message));
}
std::unexpected<Error> unsupported(std::string message) {
    return fail(ErrorKind::kUnsupported, std::move(message));
}

struct CodeRef {
    uint32_t at = 0;        ///< slot of the call, or of the load of a function's address
    uint32_t function = 0;  ///< index in FunctionTable
};

class Linker {
public:
    Linker(LinkInput& input, ProgramSpec& program, std::vector<uint32_t>& maps)
        : input_(input), program_(program), maps_(maps) {}

    Result<void> run(uint32_t main) {
        if (const auto ok = require(main); !ok) return ok;
        for (size_t i = 0; i < order_.size(); ++i) {
            if (const auto ok = add_function(order_[i]); !ok) return ok;
        }
        return resolve_code_refs();
    }

private:
    Result<void> require(uint32_t function);
    Result<void> add_function(uint32_t index);
    Result<void> link_insns(const Function& function, uint32_t base);
    Result<void> link_insn(const Function& function, uint32_t base, uint32_t slot,
                           const Relocation* relocation);
    Result<void> link_load(uint32_t at, const Relocation& relocation);
    Result<void> link_extern_load(uint32_t at, const Symbol& symbol);
    Result<void> link_data_load(uint32_t at, const Symbol& symbol);
    Result<void> link_call(const Function& function, uint32_t at, uint32_t slot,
                           const Relocation* relocation);
    Result<void> link_extern_call(uint32_t at, const Symbol& symbol);
    Result<void> add_lines(const Function& function, std::string_view section, uint32_t base);
    Result<void> add_code_ref(uint32_t at, uint32_t section, int64_t target);
    Result<void> resolve_code_refs();
    Result<uint32_t> use_map(uint32_t map);

    LinkInput& input_;
    ProgramSpec& program_;
    std::vector<uint32_t>& maps_;  ///< maps of the object by index in program_.maps
    std::vector<uint32_t> order_;  ///< functions in the order of their code
    std::unordered_map<uint32_t, uint32_t>
        first_slots_;  ///< function -> slot in the program, once placed
    std::unordered_map<uint32_t, uint32_t> local_maps_;  ///< the reverse of maps_
    std::vector<CodeRef> code_refs_;
};

Result<void> Linker::require(uint32_t function) {
    if (first_slots_.contains(function)) return {};
    uint64_t next = 0;
    if (!order_.empty())
        next = uint64_t{first_slots_[order_.back()]} +
               input_.functions.all()[order_.back()].insn_count;
    const Function& wanted = input_.functions.all()[function];
    if (next + wanted.insn_count > kProgramInsnsMax)
        return bad(
            fmt::format("program \"{}\": more than {} instructions with the functions it calls",
                        program_.name, kProgramInsnsMax));
    input_.insns_total += wanted.insn_count;
    if (input_.insns_total > kLinkedInsnsMax)
        return bad(
            fmt::format("more than {} instructions in all linked programs", kLinkedInsnsMax));
    first_slots_[function] = static_cast<uint32_t>(next);
    order_.push_back(function);
    return {};
}

Result<void> Linker::add_function(uint32_t index) {
    const Function& function = input_.functions.all()[index];
    const std::string_view section = input_.file.sections()[function.section].name;
    const auto base = static_cast<uint32_t>(program_.insns.size());
    WEIR_CHECK(base == first_slots_[index]);
    const std::vector<Insn> insns = copy_insns(input_.file, function);
    program_.insns.insert(program_.insns.end(), insns.begin(), insns.end());
    program_.subprograms.push_back({printable(function.name), base});
    if (function.is_global && base != 0)
        program_.subprograms.back().contract = input_.contracts.of(function.name, program_.type);
    if (const auto ok = add_lines(function, section, base); !ok) return ok;
    if (const auto ok = link_insns(function, base); !ok)
        return fail_in(fmt::format("section \"{}\": function \"{}\"", section, function.name),
                       ok.error());
    const auto records = input_.ext.core_records(section, function.first_insn, function.insn_count);
    return input_.core.apply(records, function.first_insn,
                             std::span(program_.insns).subspan(base, function.insn_count),
                             function.name, input_.notices);
}

Result<void> Linker::add_lines(const Function& function, std::string_view section, uint32_t base) {
    const size_t lines_before = program_.lines.size();
    input_.ext.append_lines(section, function.first_insn, function.insn_count, base,
                            program_.lines);
    input_.lines_total += program_.lines.size() - lines_before;
    if (input_.lines_total <= kLinesMax) return {};
    return bad(fmt::format("more than {} source lines in all linked programs", kLinesMax));
}

Result<void> Linker::link_insns(const Function& function, uint32_t base) {
    const auto& relocations = input_.file.relocations_of(function.section);
    const uint64_t first_byte = uint64_t{function.first_insn} * sizeof(Insn);
    const uint64_t end_byte = first_byte + uint64_t{function.insn_count} * sizeof(Insn);
    auto next = std::ranges::lower_bound(relocations, first_byte, {}, &Relocation::offset);
    for (uint32_t slot = 0; slot < function.insn_count;) {
        const uint64_t here = first_byte + uint64_t{slot} * sizeof(Insn);
        const bool two_slots = program_.insns[base + slot].opcode == kOpcodeLoadImm64;
        if (two_slots && slot + 1 == function.insn_count)
            return bad(fmt::format("insn {}: 64-bit load is cut by the function's end", slot));
        while (next != relocations.end() && next->offset == here && next->type == R_BPF_NONE)
            ++next;
        const bool has_relocation = next != relocations.end() && next->offset == here;
        if (const auto ok = link_insn(function, base, slot, has_relocation ? &*next : nullptr); !ok)
            return fail_in(fmt::format("insn {}", slot), ok.error());
        if (has_relocation) ++next;
        slot += two_slots ? 2 : 1;
        const uint64_t after = first_byte + uint64_t{slot} * sizeof(Insn);
        if (next != relocations.end() && next->offset < std::min(after, end_byte))
            return bad(fmt::format("relocation at {:#x} is not at the start of an instruction",
                                   next->offset));
    }
    return {};
}

Result<void> Linker::link_insn(const Function& function, uint32_t base, uint32_t slot,
                               const Relocation* relocation) {
    const uint32_t at = base + slot;
    const Insn& insn = program_.insns[at];
    const bool is_load = insn.opcode == kOpcodeLoadImm64;
    const bool is_local_call = insn.opcode == kOpcodeCall && insn.src == kSrcLocal;
    if (relocation == nullptr) {
        if (is_load && insn.src != 0)
            return bad(
                fmt::format("64-bit load with src {} and no relocation: map references come from "
                            "relocations only",
                            insn.src));
        // Our numbers of kernel functions are not those that a stranger's code holds.
        if (insn.opcode == kOpcodeCall && insn.src == kSrcKfunc)
            return unsupported(fmt::format(
                "call of the kernel function with BTF id {}: expected its name", insn.imm));
        return is_local_call ? link_call(function, at, slot, nullptr) : Result<void>{};
    }
    if (is_load && relocation->type == R_BPF_64_64) return link_load(at, *relocation);
    if (insn.opcode == kOpcodeCall && relocation->type == R_BPF_64_32)
        return link_call(function, at, slot, relocation);
    return bad(
        fmt::format("relocation type {} does not fit opcode {:#04x}: expected R_BPF_64_64 on a "
                    "64-bit load or R_BPF_64_32 on a call",
                    relocation->type, insn.opcode));
}

Result<uint32_t> Linker::use_map(uint32_t map) {
    const std::string& name = input_.maps.maps[map].name;
    if (const auto refused = input_.maps.refused.find(map); refused != input_.maps.refused.end())
        return unsupported(fmt::format("map \"{}\": {}", name, refused->second));
    const auto [place, is_new] = local_maps_.emplace(map, static_cast<uint32_t>(maps_.size()));
    if (!is_new) return place->second;
    if (maps_.size() == kMapsPerProgramMax)
        return unsupported(fmt::format("program \"{}\" uses more than {} maps", program_.name,
                                       kMapsPerProgramMax));
    maps_.push_back(map);
    return place->second;
}

/// A 64-bit load of something that the object only declares.
Result<void> Linker::link_extern_load(uint32_t at, const Symbol& symbol) {
    const Extern found = input_.externs.find(symbol.name);
    if (!found.missing.empty() && symbol.binding != STB_WEAK) return unsupported(found.missing);
    Insn& insn = program_.insns[at];
    insn.src = 0;
    insn.imm = 0;
    program_.insns[at + 1].imm = 0;
    if (found.kind != ExternKind::Config) {
        // Programs compare it with null: any other number says that the function is there.
        insn.imm = found.missing.empty() ? 1 : 0;
        return {};
    }
    if (!found.missing.empty()) return unsupported(found.missing);
    const auto local = use_map(input_.externs.config_map());
    if (!local) return std::unexpected(local.error());
    insn.src = kSrcMapValue;
    insn.imm = static_cast<int32_t>(*local);
    program_.insns[at + 1].imm = static_cast<int32_t>(found.offset);
    return {};
}

Result<void> Linker::link_load(uint32_t at, const Relocation& relocation) {
    const Symbol& symbol = input_.file.symbols()[relocation.symbol];
    if (symbol.section == SHN_UNDEF) return link_extern_load(at, symbol);
    if (symbol.section >= input_.file.sections().size())
        return bad(fmt::format("symbol \"{}\" is in no section", symbol.name));
    const Section& section = input_.file.sections()[symbol.section];
    Insn& insn = program_.insns[at];
    // REL: the addend stands in the instruction. Symbols of sections carry the whole offset there.
    const uint64_t offset = symbol.value + static_cast<uint32_t>(insn.imm);
    if (section.is_code()) {
        if (offset % sizeof(Insn) != 0)
            return bad(fmt::format("address {:#x} of section \"{}\" is no instruction", offset,
                                   section.name));
        insn.src = kSrcCode;
        return add_code_ref(at, section.index, static_cast<int64_t>(offset / sizeof(Insn)));
    }
    const auto map = input_.maps.by_place.find({section.index, offset});
    if (map == input_.maps.by_place.end()) return link_data_load(at, symbol);
    const auto local = use_map(map->second);
    if (!local) return std::unexpected(local.error());
    insn.src = kSrcMap;
    insn.imm = static_cast<int32_t>(*local);
    program_.insns[at + 1].imm = 0;
    return {};
}

Result<void> Linker::link_data_load(uint32_t at, const Symbol& symbol) {
    const Section& section = input_.file.sections()[symbol.section];
    Insn& insn = program_.insns[at];
    const auto map = input_.maps.by_data_section.find(section.index);
    if (map == input_.maps.by_data_section.end()) {
        const auto what = fmt::format(
            "reference to \"{}\" in section \"{}\", which holds neither a map there nor global "
            "data",
            symbol.name, section.name);
        return section.name.starts_with(".struct_ops") ? unsupported(what) : bad(what);
    }
    const uint64_t offset = symbol.value + static_cast<uint32_t>(insn.imm);
    if (offset >= section.size_bytes)
        return bad(fmt::format("offset {:#x} is outside section \"{}\" of {} bytes", offset,
                               section.name, section.size_bytes));
    const auto local = use_map(map->second);
    if (!local) return std::unexpected(local.error());
    insn.src = kSrcMapValue;
    insn.imm = static_cast<int32_t>(*local);
    program_.insns[at + 1].imm = static_cast<int32_t>(offset);
    return {};
}

Result<void> Linker::link_call(const Function& function, uint32_t at, uint32_t slot,
                               const Relocation* relocation) {
    const Insn& insn = program_.insns[at];
    if (relocation == nullptr)
        return add_code_ref(at, function.section,
                            int64_t{function.first_insn} + slot + 1 + insn.imm);
    const Symbol& symbol = input_.file.symbols()[relocation->symbol];
    if (symbol.section == SHN_UNDEF) return link_extern_call(at, symbol);
    if (insn.src != kSrcLocal)
        return bad(fmt::format("call with src {} to \"{}\": expected {}", insn.src, symbol.name,
                               kSrcLocal));
    if (symbol.section >= input_.file.sections().size() || symbol.value % sizeof(Insn) != 0 ||
        symbol.value > INT64_MAX)
        return bad(fmt::format("call to \"{}\" at {:#x}, which is no instruction of a section",
                               symbol.name, symbol.value));
    return add_code_ref(at, symbol.section,
                        static_cast<int64_t>(symbol.value / sizeof(Insn)) + insn.imm + 1);
}

/// A kernel function that is missing but weak is called behind a check that it is there.
Result<void> Linker::link_extern_call(uint32_t at, const Symbol& symbol) {
    const Extern found = input_.externs.find(symbol.name);
    if (found.kind != ExternKind::Function)
        return unsupported(fmt::format("call of \"{}\", which is a variable", symbol.name));
    if (!found.missing.empty() && symbol.binding != STB_WEAK) return unsupported(found.missing);
    if (!found.missing.empty()) {
        poison_insn(program_.insns, at);
        return {};
    }
    Insn& insn = program_.insns[at];
    insn.src = kSrcKfunc;
    insn.off = 0;
    insn.imm = found.kfunc;
    return {};
}

Result<void> Linker::add_code_ref(uint32_t at, uint32_t section, int64_t target) {
    const int64_t function = input_.functions.starting_at(section, target);
    if (function < 0)
        return bad(fmt::format("call to instruction {} of section \"{}\", where no function starts",
                               target, input_.file.sections()[section].name));
    code_refs_.push_back({at, static_cast<uint32_t>(function)});
    return require(static_cast<uint32_t>(function));
}

Result<void> Linker::resolve_code_refs() {
    for (const CodeRef& ref : code_refs_) {
        const int64_t distance = int64_t{first_slots_[ref.function]} - ref.at - 1;
        program_.insns[ref.at].imm = static_cast<int32_t>(distance);
        if (program_.insns[ref.at].opcode == kOpcodeLoadImm64) program_.insns[ref.at + 1].imm = 0;
    }
    return {};
}

}  // namespace

Result<void> link_program(LinkInput& input, const Function& main, ProgramSpec& program,
                          std::vector<uint32_t>& maps) {
    const auto index = &main - input.functions.all().data();
    return Linker(input, program, maps).run(static_cast<uint32_t>(index));
}

}  // namespace weir::vm::elf
