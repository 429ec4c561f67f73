#pragma once
// Proven programs and their maps, in one line per test.

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "jit/compile_input.h"
#include "jit/jit.h"
#include "maps/maps.h"
#include "tests/support/insns.h"
#include "vm/verifier/verifier.h"

namespace weir::tests {

constexpr uint32_t kCpuSlots = 4;

inline vm::MapSpec map_spec(vm::MapType type, uint32_t key_bytes, uint32_t value_bytes,
                            uint32_t entries) {
    vm::MapSpec spec;
    spec.name = vm::map_type_name(type);
    spec.type = type;
    spec.key_bytes = key_bytes;
    spec.value_bytes = value_bytes;
    spec.entries_max = entries;
    return spec;
}

/// Functions begin where calls and LoadCodeAddr lead.
inline std::vector<vm::Subprogram> functions_of(const std::vector<vm::Insn>& insns) {
    std::vector<vm::Subprogram> functions = {{"main", 0}};
    const std::vector<vm::DecodedSlot> slots = vm::decode_program(insns).value();
    for (size_t slot = 0; slot < slots.size(); ++slot) {
        const vm::DecodedInsn& insn = slots[slot].insn;
        const bool leads = insn.op == vm::Op::kCallLocal || insn.op == vm::Op::kLoadCodeAddr;
        if (slots[slot].second_slot || !leads) continue;
        const auto entry = static_cast<uint32_t>(static_cast<int64_t>(slot) + 1 + insn.imm);
        if (std::ranges::find(functions, entry, &vm::Subprogram::insn) == functions.end())
            functions.push_back({"f" + std::to_string(entry), entry});
    }
    std::ranges::sort(functions, {}, &vm::Subprogram::insn);
    return functions;
}

/// A program, its maps, and how to compile it. Aborts where the verifier refuses: the test is wrong
/// then.
struct Proven {
    Proven(const std::vector<vm::Insn>& insns, std::vector<vm::MapSpec> map_specs) {
        vm::ProgramSpec spec;
        spec.name = "proven";
        spec.section = "xdp";
        spec.insns = insns;
        spec.subprograms = functions_of(insns);
        spec.maps = std::move(map_specs);
        for (const vm::MapSpec& map : spec.maps) {
            maps.push_back(maps::create_map(map, kCpuSlots).value());
            pointers.push_back(maps.back().get());
        }
        const auto proof = vm::verify(spec);
        if (!proof) std::fprintf(stderr, "%s\n", proof.error().message.c_str());
        WEIR_CHECK(proof.has_value());
        program = std::make_shared<const vm::VerifiedProgram>(vm::accept(spec, *proof).value());
    }
    std::unique_ptr<jit::CompiledProgram> compile(jit::Engine engine) const {
        return jit::compile(program, pointers, maps::all_helpers(), engine).value();
    }

    std::vector<std::unique_ptr<vm::Map>> maps;
    std::vector<vm::Map*> pointers;
    std::shared_ptr<const vm::VerifiedProgram> program;
};

/// 64 bytes that begin with 0, 1, 2, …, with room in front.
struct TestPacket {
    TestPacket() {
        for (size_t i = 0; i < sizeof bytes; ++i) bytes[i] = static_cast<uint8_t>(i);
    }
    vm::XdpContext context() {
        return {bytes, bytes + sizeof bytes, bytes, bytes, bytes + sizeof bytes, 3, 1, 0};
    }
    uint8_t bytes[64];
};

}  // namespace weir::tests
