// The pipeline: ELF -> BTF -> maps and global data -> functions -> one linked ProgramSpec per
// program. Each stage checks what it reads; none trusts the one before with more than its header
// says.
#include "vm/elf/elf.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <unordered_set>

#include "vm/base/limits.h"
#include "vm/base/printable.h"
#include "vm/elf/btf_ext.h"
#include "vm/elf/btf_view.h"
#include "vm/elf/core_relo.h"
#include "vm/elf/elf_file.h"
#include "vm/elf/externs.h"
#include "vm/elf/functions.h"
#include "vm/elf/linker.h"
#include "vm/elf/map_table.h"
#include "vm/elf/section_kind.h"
#include "vm/elf/type_tree.h"

namespace weir::vm {

namespace {

using elf::ElfFile;

ByteSpan bytes_of(const ElfFile& file, std::string_view section) {
    const elf::Section* found = file.section_named(section);
    return found == nullptr ? ByteSpan{} : found->bytes;
}

std::string license_of(const ElfFile& file) {
    const ByteSpan bytes = bytes_of(file, "license");
    const ByteSpan text = bytes.first(std::min(bytes.size(), size_t{kNameBytesMax}));
    return printable(std::string(text.begin(), std::ranges::find(text, 0)));
}

Result<elf::MapTable> read_maps(const elf::Object& object, ObjectSpec& spec) {
    elf::MapTable table;
    if (const auto ok = elf::read_btf_maps(object, table); !ok) return std::unexpected(ok.error());
    if (const auto ok = elf::read_legacy_maps(object, table); !ok)
        return std::unexpected(ok.error());
    if (const auto ok = elf::read_global_data(object, table, spec.notices); !ok)
        return std::unexpected(ok.error());
    return table;
}

/// What needs all maps to be there: sizes, slots, and what is refused.
Result<void> finish_maps(const elf::Object& object, const elf::FunctionTable& functions,
                         elf::MapTable& table, ObjectSpec& spec) {
    if (const auto ok = elf::apply_entries_max(object, table, spec.notices); !ok) return ok;
    if (const auto ok = elf::read_map_slots(object, functions, table); !ok) return ok;
    elf::refuse_maps(table, spec.notices);
    return {};
}

constexpr size_t kHandedOutBytesMax = 48u << 20;  ///< first contents that programs have
constexpr size_t kContentsBytesMax = 56u << 20;   ///< these and the object's
static_assert(kGlobalDataBytesMax + kMapValueBytesMax <= kContentsBytesMax);  // .kconfig beside it

/// Every program of the object, one after the other.
class ProgramLoader {
public:
    ProgramLoader(elf::LinkInput& input, elf::MapTable& maps, const LoadOptions& options,
                  ObjectSpec& spec)
        : input_(input), maps_(maps), options_(options), spec_(spec) {}

    Result<void> run() {
        for (const elf::Function& function : input_.functions.all()) {
            if (!function.is_program) continue;
            if (const auto ok = add(function); !ok) return ok;
        }
        if (spec_.programs.empty() && spec_.unsupported.empty())
            return fail(ErrorKind::kInvalid,
                        "no programs: expected a function in a section such as \"xdp\"");
        settle_slots();
        return hand_out_maps();
    }

private:
    /// Each program has its maps, with first contents, for itself.
    Result<void> hand_out_maps() {
        size_t own = 0, bytes = 0;
        for (const MapSpec& map : maps_.maps) own += map.contents.size();
        const size_t most = std::min(kHandedOutBytesMax, kContentsBytesMax - own);
        for (size_t i = 0; i < spec_.programs.size(); ++i)
            for (const uint32_t map : maps_of_[i]) {
                bytes += sizeof(MapSpec) + maps_.maps[map].contents.size();
                if (bytes > most)
                    return fail(ErrorKind::kInvalid,
                                fmt::format("program {} and those before it use maps with more "
                                            "than {} MiB of first contents in all, each its own",
                                            spec_.programs[i].name, most >> 20));
                spec_.programs[i].maps.push_back(maps_.maps[map]);
            }
        return {};
    }

    /// A reason that concerns one program makes it an unsupported one; a broken object is an error.
    Result<void> add(const elf::Function& function) {
        const std::string_view section = input_.file.sections()[function.section].name;
        const elf::SectionKind kind = options_.type ? elf::forced_kind(*options_.type, section)
                                                    : elf::classify_section(section);
        if (!kind.unsupported_type.empty()) {
            list_unsupported(function, section, kind.unsupported_type, kind.reason);
            return {};
        }
        if (kind.assumed)
            spec_.notices.push_back(fmt::format(
                "section \"{}\" names no program type, taking \"{}\" for an XDP program", section,
                function.name));
        ProgramSpec program{.name = printable(function.name),
                            .section = printable(section),
                            .type = kind.type,
                            .hook = kind.hook,
                            .has_frags = kind.has_frags,
                            .load_by_default = kind.load_by_default};
        std::vector<uint32_t> maps;
        const auto linked = elf::link_program(input_, function, program, maps);
        if (!linked && linked.error().kind != ErrorKind::kUnsupported) return linked;
        if (!linked) {
            list_unsupported(function, section, std::string(program_type_name(kind.type)),
                             linked.error().message);
            return {};
        }
        fill_tail_slot(program);
        spec_.programs.push_back(std::move(program));
        maps_of_.push_back(std::move(maps));
        return {};
    }

    void list_unsupported(const elf::Function& function, std::string_view section, std::string type,
                          std::string reason) {
        spec_.unsupported.push_back({.name = printable(function.name),
                                     .section = printable(section),
                                     .reason = std::move(reason),
                                     .insn_count = function.insn_count,
                                     .type = std::move(type)});
    }

    /// iproute2: a section "ID/INDEX" says where its program goes.
    void fill_tail_slot(const ProgramSpec& program) {
        const auto slot = elf::tail_slot_of(program.section);
        if (!slot) return;
        for (const elf::LegacyId& named : maps_.legacy_ids) {
            MapSpec& map = maps_.maps[named.map];
            if (named.id == slot->map_id && map.type == MapType::ProgArray)
                map.slots.push_back({slot->index, program.name});
        }
    }

    bool is_offered(const MapSpec& map, const InitialSlot& slot) const {
        if (map.type != MapType::ProgArray) return true;
        return offered_.contains(slot.target);
    }

    /// Sorts the slots; those of programs that are not offered stay empty.
    void settle_slots() {
        for (const ProgramSpec& program : spec_.programs) offered_.insert(program.name);
        for (MapSpec& map : maps_.maps) {
            std::erase_if(map.slots, [&](const InitialSlot& slot) {
                const bool is_bad = slot.index >= map.entries_max || !is_offered(map, slot);
                if (is_bad)
                    spec_.notices.push_back(fmt::format(
                        "map \"{}\": slot {} stays empty: {}", map.name, slot.index,
                        slot.index >= map.entries_max
                            ? fmt::format("the map has {}", map.entries_max)
                            : fmt::format("program \"{}\" is not offered", slot.target)));
                return is_bad;
            });
            std::ranges::stable_sort(map.slots, {}, &InitialSlot::index);
            const auto repeated = std::ranges::unique(map.slots, {}, &InitialSlot::index);
            map.slots.erase(repeated.begin(), repeated.end());
        }
    }

    elf::LinkInput& input_;
    elf::MapTable& maps_;
    const LoadOptions& options_;
    ObjectSpec& spec_;
    std::vector<std::vector<uint32_t>> maps_of_;  ///< per program, indices of its maps
    std::unordered_set<std::string> offered_;     ///< names of programs
};

Result<ObjectSpec> load(ByteSpan bytes, const LoadOptions& options) {
    const auto file = ElfFile::parse(bytes);
    if (!file) return std::unexpected(file.error());
    const auto btf = elf::BtfView::parse(bytes_of(*file, ".BTF"));
    if (!btf) return std::unexpected(btf.error());
    const auto ext = elf::BtfExt::parse(bytes_of(*file, ".BTF.ext"), *btf);
    if (!ext) return std::unexpected(ext.error());
    const auto functions = elf::FunctionTable::read(*file);
    if (!functions) return std::unexpected(functions.error());

    ObjectSpec spec;
    spec.license = license_of(*file);
    elf::TypeTrees types(*btf);
    const elf::Object object{*file, *btf, types, options};
    auto maps = read_maps(object, spec);
    if (!maps) return std::unexpected(maps.error());
    const auto externs = elf::ExternTable::read(object, *maps);
    if (!externs) return std::unexpected(externs.error());
    if (const auto ok = finish_maps(object, *functions, *maps, spec); !ok)
        return std::unexpected(ok.error());
    elf::CoreRelocator core(*btf, options.btf_path);
    const elf::ContractTable contracts(*btf);
    elf::LinkInput input{.file = *file,
                         .functions = *functions,
                         .maps = *maps,
                         .externs = *externs,
                         .ext = *ext,
                         .contracts = contracts,
                         .core = core,
                         .notices = spec.notices};
    if (const auto ok = ProgramLoader(input, *maps, options, spec).run(); !ok)
        return std::unexpected(ok.error());
    spec.maps = std::move(maps->maps);
    return spec;
}

}  // namespace

Result<ObjectSpec> load_object(ByteSpan bytes, const LoadOptions& options) {
    auto object = load(bytes, options);
    if (!object) {
        return fail(object.error().kind, printable(object.error().message));
    }
    for (std::string& notice : object->notices) notice = printable(notice);
    for (UnsupportedProgram& program : object->unsupported)
        program.reason = printable(program.reason);
    return object;
}

Result<ObjectSpec> load_object_file(const std::string& path, const LoadOptions& options) {
    std::ifstream stream(path, std::ios::binary);
    if (!stream)
        return fail(errno == ENOENT ? ErrorKind::kInvalid : ErrorKind::kResource,
                    fmt::format("{}: cannot open: {}", path, std::strerror(errno)));
    Bytes bytes;
    std::vector<char> block(size_t{1} << 16);
    while (stream.read(block.data(), static_cast<std::streamsize>(block.size())) ||
           stream.gcount() > 0) {
        bytes.insert(bytes.end(), block.begin(), block.begin() + stream.gcount());
        if (bytes.size() > kObjectBytesMax)
            return fail(ErrorKind::kInvalid,
                        fmt::format("{}: larger than {} bytes", path, kObjectBytesMax));
    }
    if (stream.bad())
        return fail(ErrorKind::kResource,
                    fmt::format("{}: cannot read: {}", path, std::strerror(errno)));
    auto object = load_object(bytes, options);
    if (!object) return fail_in(path, object.error());
    return object;
}

}  // namespace weir::vm
