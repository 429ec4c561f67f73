#include "dataplane/load.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <chrono>

#include "maps/maps.h"

namespace weir::dataplane {
namespace {

using Clock = std::chrono::steady_clock;

uint64_t microseconds_since(Clock::time_point start) {
    return static_cast<uint64_t>(
        std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - start).count());
}

template <typename T>
void note(std::string& text, const char* field, const T& program, const T& map) {
    if (program == map) return;
    fmt::format_to(std::back_inserter(text), "{}{} is {} in the program, {} in the map",
                   text.empty() ? "" : "; ", field, program, map);
}

std::string place(uint32_t offset) {
    return offset == vm::kNoOffset ? "nowhere" : fmt::format("at {}", offset);
}

std::string definition_difference(const vm::MapSpec& spec, const vm::MapSpec& map) {
    std::string text;
    note(text, "type", vm::map_type_name(spec.type), vm::map_type_name(map.type));
    note(text, "key size", spec.key_bytes, map.key_bytes);
    note(text, "value size", spec.value_bytes, map.value_bytes);
    note(text, "max_entries", spec.entries_max, map.entries_max);
    note(text, "flags", fmt::format("{:#x}", spec.flags), fmt::format("{:#x}", map.flags));
    note(text, "frozen", spec.frozen, map.frozen);
    note(text, "map_extra", spec.extra, map.extra);
    note(text, "bpf_spin_lock", place(spec.spin_lock_offset), place(map.spin_lock_offset));
    note(text, "bpf_timer", place(spec.timer_offset), place(map.timer_offset));
    if (!spec.same_definition(map) && text.empty()) text = "their inner maps differ";
    return text;
}

/// The verifier may have read constants out of spec.contents, so the map must hold exactly these,
/// and for ever.
Result<void> check_frozen(const vm::MapSpec& spec, const LoadedMap& map) {
    if (spec.type != vm::MapType::Array || spec.entries_max != 1 || spec.key_bytes != 4) {
        return fail(ErrorKind::kUnsupported,
                    fmt::format("{}: only an array of one element can be frozen", map.label()));
    }
    if ((spec.flags & vm::kMapRdonlyProg) == 0) {
        return fail(ErrorKind::kInvalid,
                    fmt::format("{}: frozen, but programs may write to it", map.label()));
    }
    Bytes expected = spec.contents;
    expected.resize(spec.value_bytes);
    Bytes actual(map.map->control_value_bytes());
    const uint8_t key[4] = {};
    if (map.map->control_lookup(key, actual) != 0 || actual != expected) {
        const auto differs = std::ranges::mismatch(expected, actual).in1 - expected.begin();
        return fail(
            ErrorKind::kInvalid,
            fmt::format("{}: its frozen contents are not those of the program, from byte {} on",
                        map.label(), differs));
    }
    return {};
}

Result<void> check_request(const api::ProgramLoad& request, Registry& registry,
                           LoadedProgram& program) {
    if (request.name.empty()) return fail(ErrorKind::kInvalid, "a program needs a name");
    if (request.spec.type != vm::ProgramType::Xdp) {
        return fail(
            ErrorKind::kUnsupported,
            fmt::format("program {}: ports run programs of type xdp, this one is of type {}",
                        request.name, vm::program_type_name(request.spec.type)));
    }
    if (request.maps.size() != request.spec.maps.size()) {
        return fail(ErrorKind::kInvalid,
                    fmt::format("program {}: {} map handles for {} maps", request.name,
                                request.maps.size(), request.spec.maps.size()));
    }
    for (size_t i = 0; i < request.maps.size(); ++i) {
        Result<std::shared_ptr<LoadedMap>> map = registry.map(request.maps[i]);
        if (!map)
            return fail_in(
                fmt::format("program {}: map {}", request.name, request.spec.maps[i].name),
                map.error());
        if (Result<void> fits = check_map(request.spec.maps[i], **map); !fits) {
            return fail_in("program " + request.name, fits.error());
        }
        if (request.spec.maps[i].type == vm::MapType::ProgArray)
            if (Result<void> fits = registry.check_tail_calls(**map, request.spec); !fits)
                return fail_in("program " + request.name, fits.error());
        program.maps.push_back(std::move(*map));
    }
    return {};
}

Result<void> prove(const api::ProgramLoad& request, Prover& prover, LoadedProgram& program,
                   std::optional<vm::Rejection>& rejection) {
    const Clock::time_point start = Clock::now();
    std::expected<vm::Proof, vm::Rejection> proof = prover.prove(request.spec);
    program.verify_us = microseconds_since(start);
    if (!proof) {
        rejection = proof.error();
        return fail(ErrorKind::kRejected,
                    fmt::format("program {}: insn {}: {} ({})", request.name, rejection->insn,
                                rejection->message, rejection->rule));
    }
    Result<vm::VerifiedProgram> verified = vm::accept(request.spec, std::move(*proof));
    if (!verified) return fail_in("program " + request.name, verified.error());
    program.verified = std::make_shared<const vm::VerifiedProgram>(std::move(*verified));
    return {};
}

Result<void> compile(LoadedProgram& program, jit::Engine engine) {
    const Clock::time_point start = Clock::now();
    std::vector<vm::Map*> maps;
    for (const auto& map : program.maps) maps.push_back(map->map.get());
    auto compiled =
        jit::compile(program.verified, maps, maps::all_helpers(), engine, program.compile_options);
    if (!compiled && compiled.error().kind == ErrorKind::kUnsupported) {
        spdlog::warn("program {}: the interpreter runs it: {}", program.name,
                     compiled.error().message);
        compiled = jit::compile(program.verified, maps, maps::all_helpers(), jit::Engine::kInterp,
                                program.compile_options);
    } else if (compiled && (*compiled)->engine() != engine) {
        spdlog::warn("program {}: the interpreter runs it, for lack of executable memory",
                     program.name);
    }
    if (!compiled) return fail_in("program " + program.name, compiled.error());
    program.compiled = std::move(*compiled);
    program.bound = std::make_unique<const BoundProgram>(*program.compiled, program.slot->number());
    program.compile_us = microseconds_since(start);
    return {};
}

}  // namespace

Result<void> check_map(const vm::MapSpec& spec, const LoadedMap& map) {
    const std::string difference = definition_difference(spec, map.spec);
    if (!difference.empty())
        return fail(ErrorKind::kInvalid, fmt::format("{}: {}", map.label(), difference));
    return spec.frozen ? check_frozen(spec, map) : Result<void>{};
}

Result<std::shared_ptr<LoadedProgram>> load_program(const api::ProgramLoad& request,
                                                    Registry& registry, Prover& prover,
                                                    const jit::CompileOptions& options,
                                                    std::optional<vm::Rejection>& rejection) {
    auto program = std::make_shared<LoadedProgram>();
    program->name = request.name;
    program->object = request.object;
    program->object_hash = request.object_hash;
    program->skip_on_fault = request.skip_on_fault;
    program->compile_options = options;
    program->compile_options.name = request.name;
    if (Result<void> checked = check_request(request, registry, *program); !checked)
        return std::unexpected(checked.error());
    Result<SlotLease> slot = registry.take_slot();
    if (!slot) return fail_in("program " + request.name, slot.error());
    program->slot = std::make_shared<const SlotLease>(std::move(*slot));
    program->compile_options.number = program->slot->number();
    if (Result<void> proven = prove(request, prover, *program, rejection); !proven)
        return std::unexpected(proven.error());
    if (Result<void> made = compile(*program, jit::Engine::kJit); !made)
        return std::unexpected(made.error());
    for (const auto& map : program->maps)
        if (map->spec.type == vm::MapType::ProgArray)
            if (Result<void> fits = registry.check_engine(*map, *program); !fits)
                return fail_in("program " + request.name, fits.error());
    return program;
}

Result<std::shared_ptr<LoadedProgram>> bind_again(const LoadedProgram& program,
                                                  std::vector<std::shared_ptr<LoadedMap>> maps) {
    auto bound = std::make_shared<LoadedProgram>();
    bound->handle = program.handle;
    bound->name = program.name;
    bound->object = program.object;
    bound->object_hash = program.object_hash;
    bound->skip_on_fault = program.skip_on_fault;
    bound->companions = program.companions;
    bound->fault = program.fault;
    bound->maps = std::move(maps);
    bound->verified = program.verified;
    bound->slot = program.slot;
    bound->compile_options = program.compile_options;
    bound->verify_us = program.verify_us;
    bound->owner = program.owner;
    bound->published = program.published;
    if (Result<void> made = compile(*bound, program.compiled->engine()); !made)
        return std::unexpected(made.error());
    // What tail-calls it, or is tail-called, is of its engine.
    if (bound->compiled->engine() != program.compiled->engine())
        return fail(
            ErrorKind::kResource,
            fmt::format("program {}: its machine code cannot be made a second time", program.name));
    return bound;
}

}  // namespace weir::dataplane
