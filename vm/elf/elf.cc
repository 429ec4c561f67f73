// The pipeline: ELF -> BTF -> maps and global data -> functions -> one linked ProgramSpec per
// program. Each stage checks what it reads; none trusts the one before with more than its header
// says.
#include "vm/elf/elf.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>

#include "vm/base/limits.h"
#include "vm/elf/btf_ext.h"
#include "vm/elf/btf_view.h"
#include "vm/elf/elf_file.h"
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
    return std::string(text.begin(), std::ranges::find(text, 0));
}

Result<elf::MapTable> read_maps(const elf::Object& object, ObjectSpec& spec) {
    elf::MapTable table;
    if (const auto ok = elf::read_btf_maps(object, table); !ok) return std::unexpected(ok.error());
    if (const auto ok = elf::read_legacy_maps(object, table); !ok)
        return std::unexpected(ok.error());
    if (const auto ok = elf::read_global_data(object, table, spec.notices); !ok)
        return std::unexpected(ok.error());
    if (const auto ok = elf::apply_entries_max(object, table, spec.notices); !ok)
        return std::unexpected(ok.error());
    return table;
}

void list_unsupported(ObjectSpec& spec, const elf::Function& function, std::string_view section,
                      std::string type, std::string reason) {
    spec.unsupported.push_back({.name = std::string(function.name),
                                .section = std::string(section),
                                .reason = std::move(reason),
                                .insn_count = function.insn_count,
                                .type = std::move(type)});
}

/// A reason that concerns one program makes it an unsupported one; a broken object is an error.
Result<void> add_program(elf::LinkInput& input, const elf::Function& function,
                         const LoadOptions& options, ObjectSpec& spec) {
    const std::string_view section = input.file.sections()[function.section].name;
    const elf::SectionKind kind =
        options.type ? elf::forced_kind(*options.type, section) : elf::classify_section(section);
    if (!kind.unsupported_type.empty()) {
        list_unsupported(spec, function, section, kind.unsupported_type, kind.reason);
        return {};
    }
    if (kind.assumed)
        spec.notices.push_back(
            fmt::format("section \"{}\" names no program type, taking \"{}\" for an XDP program",
                        section, function.name));
    ProgramSpec program{.name = std::string(function.name),
                        .section = std::string(section),
                        .type = kind.type,
                        .has_frags = kind.has_frags};
    const auto linked = elf::link_program(input, function, program);
    if (linked) {
        spec.programs.push_back(std::move(program));
        return {};
    }
    if (linked.error().kind != ErrorKind::kUnsupported) return std::unexpected(linked.error());
    list_unsupported(spec, function, section, std::string(program_type_name(kind.type)),
                     linked.error().message);
    return {};
}

Result<void> add_programs(elf::LinkInput& input, const LoadOptions& options, ObjectSpec& spec) {
    for (const elf::Function& function : input.functions.all()) {
        if (!function.is_program) continue;
        if (const auto ok = add_program(input, function, options, spec); !ok) return ok;
    }
    if (!spec.programs.empty() || !spec.unsupported.empty()) return {};
    return fail(ErrorKind::kInvalid,
                "no programs: expected a function in a section such as \"xdp\"");
}

}  // namespace

Result<ObjectSpec> load_object(ByteSpan bytes, const LoadOptions& options) {
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
    auto maps = read_maps({*file, *btf, types, options}, spec);
    if (!maps) return std::unexpected(maps.error());
    elf::LinkInput input{.file = *file, .functions = *functions, .maps = *maps, .ext = *ext};
    if (const auto ok = add_programs(input, options, spec); !ok) return std::unexpected(ok.error());
    spec.maps = std::move(maps->maps);
    return spec;
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
