#pragma once
// Programs that share maps and tail-call each other, in one engine, written as text.

#include <algorithm>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "jit/jit.h"
#include "jit/traced_run.h"
#include "maps/maps.h"
#include "tests/unit/jit/proven.h"
#include "vm/isa/assemble.h"
#include "vm/verifier/verifier.h"

namespace weir::tests {

/// How a program is run: by the interpreter, by machine code alone or in a burst, or, of machine
/// code, by the interpreter that notes everything.
enum class Runs { kInterp, kSingle, kBurst, kTraced };
constexpr Runs kAllRuns[] = {Runs::kInterp, Runs::kSingle, Runs::kBurst, Runs::kTraced};
inline std::string name_of(Runs runs) {
    constexpr const char* kNames[] = {"Interp", "Single", "Burst", "Traced"};
    return kNames[static_cast<size_t>(runs)];
}

class Joined {
public:
    Joined(Runs how, std::vector<vm::MapSpec> map_specs) : runs(how), specs_(std::move(map_specs)) {
        for (const vm::MapSpec& spec : specs_) {
            maps_.push_back(maps::create_map(spec, kCpuSlots).value());
            pointers_.push_back(maps_.back().get());
        }
    }

    /// All of them have all maps. Aborts where the verifier refuses: the test is wrong then.
    const jit::CompiledProgram& add(std::string_view text) {
        programs_.push_back(make(text));
        return *programs_.back();
    }
    /// The same, for who frees it before this.
    std::unique_ptr<jit::CompiledProgram> make(std::string_view text) {
        const auto insns = vm::assemble(text);
        if (!insns) std::fprintf(stderr, "%s\n", insns.error().message.c_str());
        vm::ProgramSpec spec;
        spec.name = "joined";
        spec.section = "xdp";
        spec.insns = insns.value();
        spec.subprograms = functions_of(spec.insns);
        spec.maps = specs_;
        const auto proof = vm::verify(spec);
        if (!proof) std::fprintf(stderr, "%s\n", proof.error().message.c_str());
        verified.push_back(
            std::make_shared<const vm::VerifiedProgram>(vm::accept(spec, proof.value()).value()));
        const jit::Engine engine = runs == Runs::kInterp ? jit::Engine::kInterp : jit::Engine::kJit;
        auto compiled =
            jit::compile(verified.back(), pointers_, maps::all_helpers(), engine).value();
        WEIR_CHECK(compiled->engine() == engine);
        return compiled;
    }
    void bind(uint32_t slot, const jit::CompiledProgram& program, size_t map_index = 0) {
        const auto* const key = reinterpret_cast<const uint8_t*>(&slot);
        WEIR_CHECK(pointers_[map_index]->bind_program(key, program.runnable(), 1) == 0);
    }
    void unbind(uint32_t slot) {
        WEIR_CHECK(pointers_[0]->control_erase(reinterpret_cast<const uint8_t*>(&slot)) == 0);
    }

    /// Results for `packets` packets, one after another or in one burst.
    std::vector<uint32_t> run(const jit::CompiledProgram& program, size_t packets = 1) {
        std::vector<TestPacket> bytes(packets);
        std::vector<vm::XdpContext> contexts;
        for (TestPacket& packet : bytes) contexts.push_back(packet.context());
        std::vector<uint32_t> verdicts(packets);
        redirects.assign(packets, 0);
        if (runs == Runs::kBurst) {
            program.run_burst(contexts, verdicts, redirects, env);
            return verdicts;
        }
        for (size_t i = 0; i < packets; ++i) {
            if (runs == Runs::kTraced) {
                recorder.begin(contexts[i]);
                verdicts[i] = jit::run_traced(program, contexts[i], env, recorder);
            } else {
                verdicts[i] = program.run(contexts[i], env);
            }
            redirects[i] = env.redirect_ifindex;
        }
        return verdicts;
    }
    vm::Map& map(size_t index) { return *pointers_[index]; }
    uint64_t word(size_t map_index, uint32_t element = 0) {
        uint64_t value = 0;
        const uint8_t* at =
            map(map_index).lookup(reinterpret_cast<const uint8_t*>(&element), env.cpu);
        std::memcpy(&value, at, sizeof value);
        return value;
    }

    const Runs runs;
    vm::RunEnv env;
    vm::RunRecorder recorder;  ///< of the last packet that was traced
    std::vector<uint32_t> redirects;
    std::vector<std::shared_ptr<const vm::VerifiedProgram>> verified;

private:
    std::vector<vm::MapSpec> specs_;
    std::vector<std::unique_ptr<vm::Map>> maps_;
    std::vector<vm::Map*> pointers_;
    std::vector<std::unique_ptr<jit::CompiledProgram>> programs_;
};

}  // namespace weir::tests
