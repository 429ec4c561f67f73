#include "tests/differential/forms_engines.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "maps/maps.h"
#include "vm/interp/interp.h"
#include "vm/verifier/verifier.h"

namespace weir::tests {
namespace {

constexpr uint32_t kCpuSlots = 1;

jit::CompileInput input_of(const vm::VerifiedProgram& program, std::span<vm::Map* const> maps,
                           jit::CpuFeatures cpu, bool blinds) {
    jit::CompileInput input;
    input.slots = program.slots();
    input.facts = program.proof().facts;
    for (size_t i = 0; i < program.spec().subprograms.size(); ++i)
        input.functions.push_back(
            {program.spec().subprograms[i].insn, program.proof().stack_bytes[i]});
    input.maps = maps;
    input.helpers = &maps::all_helpers();
    input.cpu = cpu;
    input.options.blind_constants = blinds;
    return input;
}

}  // namespace

FormEngines::FormEngines(const vm::ProgramSpec& spec) {
    for (const vm::MapSpec& map : spec.maps) {
        maps_.push_back(maps::create_map(map, kCpuSlots).value());
        pointers_.push_back(maps_.back().get());
    }
    const auto proof = vm::verify(spec);
    if (!proof) {
        ADD_FAILURE() << "insn " << proof.error().insn << ": " << proof.error().message;
        return;
    }
    program_ = std::make_shared<const vm::VerifiedProgram>(vm::accept(spec, *proof).value());
    struct Kind {
        const char* name;
        jit::CpuFeatures cpu;
        bool blinds;
    };
    const Kind kinds[] = {{"this cpu", jit::host_cpu_features(), false},
                          {"any cpu", {}, false},
                          {"any cpu, blinded", {}, true}};
    for (const Kind& kind : kinds) {
        Result<jit::MachineCode> code =
            jit::MachineCode::generate(input_of(*program_, pointers_, kind.cpu, kind.blinds));
        if (!code) {
            ADD_FAILURE() << code.error().message;
            codes_.clear();
            return;
        }
        codes_.push_back({kind.name, std::move(*code)});
    }
}

template <typename Run>
FormResults FormEngines::run(std::span<const FormOperands> operands, Run run) {
    const Bytes memory = form_memory();
    uint8_t* const out = pointers_[kFormOut]->direct_value();
    uint8_t* const middle = pointers_[kFormMemory]->direct_value();
    std::copy(memory.begin(), memory.end(), middle);
    const size_t out_bytes = program_->spec().maps[kFormOut].value_bytes;
    std::fill_n(out, out_bytes, uint8_t{0xee});
    std::vector<Bytes> packets;
    std::vector<vm::XdpContext> contexts;
    for (const FormOperands& values : operands)
        packets.push_back(form_packet(static_cast<uint32_t>(packets.size()), values));
    for (Bytes& packet : packets) {
        uint8_t* const data = packet.data();
        uint8_t* const end = data + packet.size();
        contexts.push_back({data, end, data, data, end, 1, 0, 0});
    }
    FormResults results;
    results.verdicts.resize(operands.size());
    run(std::span(contexts), results.verdicts);
    results.out.assign(out, out + out_bytes);
    results.memory.assign(middle, middle + kFormMemoryBytes);
    return results;
}

FormResults FormEngines::interpret(std::span<const FormOperands> operands) {
    return run(operands, [this](std::span<vm::XdpContext> contexts, std::vector<uint32_t>& to) {
        vm::RunEnv env;
        for (size_t i = 0; i < contexts.size(); ++i)
            to[i] = vm::interpret(*program_, pointers_, maps::all_helpers(), contexts[i], env);
    });
}

std::vector<FormEngines::Named> FormEngines::run_code(std::span<const FormOperands> operands) {
    std::vector<Named> all;
    for (const Code& each : codes_) {
        all.push_back({each.name, run(operands, [&each](auto contexts, auto& to) {
                           vm::RunEnv env;
                           for (size_t i = 0; i < contexts.size(); ++i)
                               to[i] = static_cast<uint32_t>(each.code.single()(
                                   reinterpret_cast<uint64_t>(&contexts[i]), 0, &env));
                       })});
        all.push_back({each.name + ", burst", run(operands, [&each](auto contexts, auto& to) {
                           vm::RunEnv env;
                           std::vector<uint32_t> redirects(contexts.size());
                           each.code.burst()(contexts.data(), contexts.data() + contexts.size(),
                                             to.data(), redirects.data(), &env, nullptr);
                       })});
    }
    return all;
}

}  // namespace weir::tests
