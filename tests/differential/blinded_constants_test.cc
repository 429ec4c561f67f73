// With blinding, no constant of a generated program stands in its machine code: whatever the
// compiler knows of values, folds or fuses. A constant that stands in two compilations, whose keys
// differ, is no coincidence.

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <set>

#include "maps/maps.h"
#include "tests/differential/generated_run.h"
#include "tests/support/environment.h"
#include "vm/verifier/verifier.h"

namespace weir::tests {
namespace {

constexpr uint64_t kPrograms = 500;
constexpr uint32_t kCpuSlots = 2;

using FourBytes = std::array<uint8_t, 4>;

/// Four bytes that code has no other reason to hold: all different, none 0 or 255.
bool is_telling(FourBytes bytes) {
    std::ranges::sort(bytes);
    return bytes.front() != 0 && bytes.back() != 0xff &&
           std::ranges::adjacent_find(bytes) == bytes.end();
}

/// Telling constants of the reachable instructions.
std::set<FourBytes> constants_of(const vm::VerifiedProgram& program) {
    std::set<FourBytes> constants;
    for (size_t slot = 0; slot < program.slots().size(); ++slot) {
        const vm::DecodedSlot& decoded = program.slots()[slot];
        if (decoded.second_slot || !program.proof().facts[slot].reachable) continue;
        const vm::Format format = vm::op_info(decoded.insn.op).format;
        const bool carries_one = format == vm::Format::AluImm || format == vm::Format::JumpImm ||
                                 format == vm::Format::StoreImm ||
                                 decoded.insn.op == vm::Op::kLoadImm64;
        if (!carries_one) continue;
        for (const size_t from : {0u, 4u}) {
            FourBytes bytes;
            std::memcpy(bytes.data(), reinterpret_cast<const uint8_t*>(&decoded.insn.imm) + from,
                        bytes.size());
            if (is_telling(bytes)) constants.insert(bytes);
        }
    }
    return constants;
}

bool holds(std::span<const uint8_t> code, const FourBytes& constant) {
    return !std::ranges::search(code, constant).empty();
}

struct Tally {
    uint64_t constants = 0, plain = 0, blinded = 0;
};

void look_at(const vm::ProgramSpec& spec, Tally& tally) {
    const auto proof = vm::verify(spec);
    if (!proof) return;
    const auto program = std::make_shared<const vm::VerifiedProgram>(*vm::accept(spec, *proof));
    std::vector<std::unique_ptr<vm::Map>> maps;
    std::vector<vm::Map*> pointers;
    for (const vm::MapSpec& map : spec.maps) {
        maps.push_back(maps::create_map(map, kCpuSlots).value());
        pointers.push_back(maps.back().get());
    }
    const auto compile = [&](bool blind) {
        jit::CompileOptions options;
        options.blind_constants = blind;
        return jit::compile(program, pointers, maps::all_helpers(), jit::Engine::kJit, options)
            .value();
    };
    const auto plain = compile(false), first = compile(true), second = compile(true);
    for (const FourBytes& constant : constants_of(*program)) {
        ++tally.constants;
        if (holds(plain->code(), constant)) ++tally.plain;
        if (holds(first->code(), constant) && holds(second->code(), constant)) ++tally.blinded;
    }
}

TEST(BlindedConstants, StandInNoCodeOfGeneratedPrograms) {
    Tally tally;
    const uint64_t first = first_seed();
    for (uint64_t seed = first; seed < first + kPrograms && tally.blinded == 0; ++seed) {
        const vm::ProgramSpec spec = generate_program(seed);
        look_at(spec, tally);
        EXPECT_EQ(tally.blinded, 0u) << "seed " << seed << "\n" << listing(spec);
    }
    EXPECT_GT(tally.constants, 1000u);
    EXPECT_GT(tally.plain, tally.constants / 2) << "the search finds them where they are";
}

}  // namespace
}  // namespace weir::tests
