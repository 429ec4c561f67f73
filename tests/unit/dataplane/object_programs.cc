#include "tests/unit/dataplane/object_programs.h"

#include <algorithm>

#include "maps/maps.h"
#include "vm/elf/elf.h"
#include "vm/verifier/verifier.h"

namespace weir::dataplane::testing {
namespace {

/// `maps` in the order of object.maps; what needs contents before it runs is refused.
Result<std::vector<std::shared_ptr<vm::Map>>> maps_of(const vm::ObjectSpec& object,
                                                      uint32_t cpu_slots) {
    std::vector<std::shared_ptr<vm::Map>> maps;
    for (const vm::MapSpec& spec : object.maps) {
        auto map = maps::create_map(spec, cpu_slots);
        if (!map) return std::unexpected(map.error());
        maps.push_back(std::move(*map));
    }
    return maps;
}

Result<ObjectProgram> compiled(const vm::ProgramSpec& spec, const vm::ObjectSpec& object,
                               const std::vector<std::shared_ptr<vm::Map>>& maps) {
    auto proof = vm::verify(spec);
    if (!proof) return fail(ErrorKind::kRejected, proof.error().message);
    auto verified = vm::accept(spec, std::move(*proof));
    if (!verified) return std::unexpected(verified.error());
    std::vector<vm::Map*> bound;
    for (const vm::MapSpec& map : spec.maps)
        bound.push_back(
            maps[static_cast<size_t>(std::ranges::find(object.maps, map.name, &vm::MapSpec::name) -
                                     object.maps.begin())]
                .get());
    auto program = jit::compile(std::make_shared<const vm::VerifiedProgram>(std::move(*verified)),
                                bound, maps::all_helpers(), jit::Engine::kJit);
    if (!program) return std::unexpected(program.error());
    return ObjectProgram{spec.name, spec.has_frags, maps, std::move(*program)};
}

}  // namespace

Result<std::vector<ObjectProgram>> programs_of(const std::string& path, uint32_t cpu_slots) {
    const auto object = vm::load_object_file(path, {});
    if (!object) return std::unexpected(object.error());
    const auto maps = maps_of(*object, cpu_slots);
    if (!maps) return std::unexpected(maps.error());
    std::vector<ObjectProgram> programs;
    for (const vm::ProgramSpec& spec : object->programs) {
        if (spec.type != vm::ProgramType::Xdp) continue;
        if (auto program = compiled(spec, *object, *maps)) programs.push_back(std::move(*program));
    }
    return programs;
}

}  // namespace weir::dataplane::testing
