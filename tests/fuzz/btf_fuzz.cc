// Any bytes as BTF: of an object (type trees, special fields) and of a target, against which the
// relocations of a real object are resolved.

#include "tests/fuzz/fuzz.h"

#include <fstream>
#include <iterator>

#include "vm/base/check.h"
#include "vm/elf/btf_ext.h"
#include "vm/elf/core_match.h"
#include "vm/elf/core_value.h"
#include "vm/elf/elf_file.h"
#include "vm/elf/special_fields.h"
#include "vm/elf/target_types.h"
#include "vm/elf/type_tree.h"

namespace {

using namespace weir;
using namespace weir::vm;

constexpr uint32_t kTypesMax = 2'000;  ///< looked at in one input

/// The object whose relocations are resolved.
struct Local {
    Bytes bytes;
    elf::BtfView btf;
    std::vector<elf::CoreSpec> specs;
};

Local read_local() {
    Local local;
    std::ifstream file(WEIR_CORPUS_DIR "/loader/core_local.clang-19.v4.o", std::ios::binary);
    local.bytes = {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
    const auto object = elf::ElfFile::parse(local.bytes);
    WEIR_CHECK(object.has_value());
    auto btf = elf::BtfView::parse(object->section_named(".BTF")->bytes);
    WEIR_CHECK(btf.has_value());
    local.btf = std::move(*btf);
    const auto ext = elf::BtfExt::parse(object->section_named(".BTF.ext")->bytes, local.btf);
    WEIR_CHECK(ext.has_value());
    for (const elf::CoreRecord& record : ext->core_records("xdp", 0, UINT32_MAX)) {
        auto spec = elf::parse_core_spec(local.btf, record);
        WEIR_CHECK(spec.has_value());
        local.specs.push_back(std::move(*spec));
    }
    WEIR_CHECK(!local.specs.empty());
    return local;
}

void look_at_types(const elf::BtfView& btf) {
    elf::TypeTrees trees(btf);
    for (uint32_t id = 0; id <= std::min(btf.type_count(), kTypesMax); ++id) {
        trees.tree_of(id);
        MapSpec map{.type = MapType::Hash, .value_bytes = 4096};
        if (elf::find_special_fields(btf, id, 0, map)) {
            WEIR_CHECK(map.spin_lock_offset == kNoOffset || map.spin_lock_offset < 4096);
        }
    }
}

void resolve(const Local& local, const elf::TargetTypes& target) {
    elf::CoreBudget budget{.steps_left = 1'000'000};
    const elf::CoreMatcher matcher(local.btf, target.btf(), budget);
    for (const elf::CoreSpec& spec : local.specs) {
        const auto name = elf::essential_name(local.btf.name(*local.btf.type(spec.root)));
        for (const uint32_t id : target.candidates(name)) {
            const auto match = matcher.match(spec, id);
            if (!match || !*match) continue;
            elf::describe(target.btf(), **match);
            const auto value = elf::core_value(target.btf(), **match);
            WEIR_CHECK(value || !value.error().message.empty());
        }
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    static const Local kLocal = read_local();
    const auto target = elf::TargetTypes::parse({data, size});
    if (!target) {
        WEIR_CHECK(target.error().message.find('\n') == std::string::npos);
        return 0;
    }
    look_at_types(target->btf());
    resolve(kLocal, *target);
    return 0;
}
