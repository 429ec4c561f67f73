#include "dataplane/code_place.h"

#include <dlfcn.h>
#include <fmt/format.h>

#include <algorithm>

namespace weir::dataplane {

CodePlace find_code(const std::vector<std::shared_ptr<LoadedProgram>>& programs, uint64_t address) {
    for (const auto& program : programs) {
        const std::span<const uint8_t> code = program->compiled->code();
        const auto begin = reinterpret_cast<uint64_t>(code.data());
        if (address < begin || address - begin >= code.size()) continue;
        CodePlace found{.program = program};
        const jit::CodeMap* const map = program->compiled->code_map();
        if (map == nullptr) return found;
        const auto offset = static_cast<uint32_t>(address - begin);
        const auto next =
            std::ranges::upper_bound(map->places, offset, {}, &jit::CodePlace::offset);
        if (next != map->places.begin()) found.insn = std::prev(next)->slot;
        return found;
    }
    return {};
}

std::string describe(const CodePlace& place) {
    if (place.program == nullptr) return "code of no program";
    if (place.insn == jit::kNoSlot)
        return fmt::format("program {}, between instructions", place.program->name);
    return fmt::format("instruction {} of program {}", place.insn, place.program->name);
}

std::string describe_address(const std::vector<std::shared_ptr<LoadedProgram>>& programs,
                             uint64_t address) {
    if (const CodePlace place = find_code(programs, address); place.program != nullptr)
        return describe(place);
    Dl_info library{};
    if (::dladdr(reinterpret_cast<const void*>(address), &library) == 0 ||
        library.dli_fname == nullptr)
        return fmt::format("{:#x}", address);
    const std::string_view path = library.dli_fname;
    return fmt::format("{}+{:#x}", path.substr(path.rfind('/') + 1),
                       address - reinterpret_cast<uint64_t>(library.dli_fbase));
}

}  // namespace weir::dataplane
