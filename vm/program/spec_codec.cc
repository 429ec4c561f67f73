// MapSpec and ProgramSpec as byte strings. The writer cuts what is only for show (type trees,
// source lines) down to the bounds below, so that whatever it writes the reader takes; the reader
// refuses everything outside them.

#include <bit>

#include "vm/base/check.h"
#include "vm/base/field_reader.h"
#include "vm/base/limits.h"
#include "vm/program/spec.h"

namespace weir::vm {
namespace {

constexpr uint32_t kTypeNodesMax =
    4096;  ///< of one tree: shared subtrees are written out, which can be exponential
constexpr uint32_t kTypeNameBytesMax = 256;  ///< longer C identifiers are cut
constexpr uint32_t kEnumValuesMax = 4096;
constexpr uint32_t kSubprogramsMax =
    4096;  ///< the kernel has 256 (BPF_MAX_SUBPROGS); generated code may have more
constexpr uint32_t kFileBytesMax = 4096;  ///< PATH_MAX
constexpr uint32_t kLineTextBytesMax = 512;
constexpr size_t kTypeMemberBytesMin = 13;  ///< name length, two offsets, no type
constexpr size_t kEnumValueBytesMin = 12;
constexpr size_t kSubprogramBytesMin = 9;
constexpr size_t kLineBytesMin = 16;
constexpr size_t kMapSpecBytesMin = 32;
constexpr uint32_t kSlotsMax = 65'536;  ///< slots that one object fills of one map
constexpr size_t kSlotBytesMin = 8;

void write_cut(ByteWriter& writer, std::string_view text, uint32_t bytes_max) {
    writer.write_string(text.substr(0, bytes_max));
}

/// Writes one type tree; nodes past the budget or the depth limit become Opaque of the same size.
class TypeWriter {
public:
    explicit TypeWriter(ByteWriter& out) : out_(out) {}

    void write(const TypeRef& type, uint32_t depth = 0) {
        out_.write<uint8_t>(type ? 1 : 0);
        if (!type) return;
        WEIR_CHECK(nodes_left_ > 0);
        --nodes_left_;
        const size_t children = children_of(*type);
        const bool fits = (children == 0 || depth + 1 < kTypeDepthMax) && children <= nodes_left_ &&
                          type->values.size() <= kEnumValuesMax;
        const TypeKind kind = fits ? type->kind : TypeKind::Opaque;
        out_.write(kind);
        write_cut(out_, type->name, kTypeNameBytesMax);
        out_.write(type->size_bytes);
        out_.write<uint8_t>(type->is_signed ? 1 : 0);
        write_body(*type, kind, depth);
    }

private:
    static size_t children_of(const TypeInfo& type) {
        return type.members.size() + (type.element ? 1 : 0);
    }

    void write_body(const TypeInfo& type, TypeKind kind, uint32_t depth) {
        // The children's own nodes are set aside first, so that one deep child cannot starve its
        // later siblings.
        const auto children =
            static_cast<uint32_t>(kind == TypeKind::Opaque ? 0 : children_of(type));
        nodes_left_ -= children;
        switch (kind) {
            case TypeKind::Array:
                out_.write(type.element_count);
                write_child(type.element, depth);
                break;
            case TypeKind::Struct:
            case TypeKind::Union:
                out_.write(static_cast<uint32_t>(type.members.size()));
                for (const TypeMember& member : type.members) {
                    write_cut(out_, member.name, kTypeNameBytesMax);
                    out_.write(member.bit_offset);
                    out_.write(member.bit_size);
                    write_child(member.type, depth);
                }
                break;
            case TypeKind::Enum:
                out_.write(static_cast<uint32_t>(type.values.size()));
                for (const auto& [name, value] : type.values) {
                    write_cut(out_, name, kTypeNameBytesMax);
                    out_.write(value);
                }
                break;
            case TypeKind::Int:
            case TypeKind::Bool:
            case TypeKind::Char:
            case TypeKind::Float:
            case TypeKind::Pointer:
            case TypeKind::Opaque: break;
        }
    }

    void write_child(const TypeRef& type, uint32_t depth) {
        ++nodes_left_;
        write(type, depth + 1);
    }

    ByteWriter& out_;
    uint32_t nodes_left_ = kTypeNodesMax;
};

class TypeReader {
public:
    explicit TypeReader(FieldReader& in) : in_(in) {}

    TypeRef read(uint32_t depth = 0) {
        if (!in_.flag("type.present")) return nullptr;
        if (depth >= kTypeDepthMax) in_.refuse("type", "nested deeper than 16 levels");
        if (nodes_left_ == 0) in_.refuse("type", "more than 4096 nodes in one tree");
        if (!in_.ok()) return nullptr;
        --nodes_left_;
        TypeInfo type;
        type.kind = static_cast<TypeKind>(
            in_.number<uint8_t>("type.kind", static_cast<uint8_t>(TypeKind::Opaque)));
        type.name = in_.text("type.name", kTypeNameBytesMax);
        type.size_bytes = in_.raw<uint32_t>("type.size_bytes");
        type.is_signed = in_.flag("type.is_signed");
        read_body(type, depth);
        return in_.ok() ? std::make_shared<const TypeInfo>(std::move(type)) : nullptr;
    }

private:
    void read_body(TypeInfo& type, uint32_t depth) {
        switch (type.kind) {
            case TypeKind::Array:
                type.element_count = in_.raw<uint32_t>("type.element_count");
                type.element = read(depth + 1);
                break;
            case TypeKind::Struct:
            case TypeKind::Union: read_members(type, depth); break;
            case TypeKind::Enum: read_values(type); break;
            case TypeKind::Int:
            case TypeKind::Bool:
            case TypeKind::Char:
            case TypeKind::Float:
            case TypeKind::Pointer:
            case TypeKind::Opaque: break;
        }
    }

    void read_members(TypeInfo& type, uint32_t depth) {
        const uint32_t count = in_.count("type.members", kTypeNodesMax, kTypeMemberBytesMin);
        for (uint32_t i = 0; i < count && in_.ok(); ++i) {
            TypeMember member;
            member.name = in_.text("type.member.name", kTypeNameBytesMax);
            member.bit_offset = in_.raw<uint32_t>("type.member.bit_offset");
            member.bit_size = in_.raw<uint32_t>("type.member.bit_size");
            member.type = read(depth + 1);
            type.members.push_back(std::move(member));
        }
    }

    void read_values(TypeInfo& type) {
        const uint32_t count = in_.count("type.values", kEnumValuesMax, kEnumValueBytesMin);
        for (uint32_t i = 0; i < count && in_.ok(); ++i) {
            std::string name = in_.text("type.value.name", kTypeNameBytesMax);
            const auto value = in_.raw<int64_t>("type.value");
            type.values.emplace_back(std::move(name), value);
        }
    }

    FieldReader& in_;
    uint32_t nodes_left_ = kTypeNodesMax;
};

std::vector<Insn> read_insns(FieldReader& in) {
    const uint32_t count = in.count("insns", kProgramInsnsMax, sizeof(Insn));
    std::vector<Insn> insns(count);
    for (Insn& insn : insns) insn = std::bit_cast<Insn>(in.raw<uint64_t>("insns"));
    return insns;
}

void write_contract(ByteWriter& writer, const std::optional<Contract>& contract) {
    writer.write<uint8_t>(contract ? 1 : 0);
    if (!contract) return;
    writer.write<uint8_t>(contract->returns_number ? 1 : 0);
    writer.write(static_cast<uint8_t>(contract->arguments.size()));
    for (const Argument& argument : contract->arguments) {
        writer.write(argument.kind);
        writer.write(argument.bytes);
    }
}

std::optional<Contract> read_contract(FieldReader& in) {
    if (!in.flag("subprogram.contract")) return std::nullopt;
    Contract contract;
    contract.returns_number = in.flag("contract.returns_number");
    const auto count = in.number<uint8_t>("contract.arguments", Contract::kArgumentsMax);
    for (uint8_t i = 0; i < count && in.ok(); ++i) {
        Argument argument;
        argument.kind = static_cast<ArgumentKind>(
            in.number<uint8_t>("argument.kind", static_cast<uint8_t>(ArgumentKind::Memory)));
        argument.bytes = in.raw<uint32_t>("argument.bytes");
        if (in.ok() && (argument.kind == ArgumentKind::Memory) != (argument.bytes != 0))
            in.refuse("argument.bytes", "memory has at least one byte, anything else has none");
        contract.arguments.push_back(argument);
    }
    return contract;
}

void read_subprograms(FieldReader& in, ProgramSpec& program) {
    const uint32_t count = in.count("subprograms", kSubprogramsMax, kSubprogramBytesMin);
    if (in.ok() && count == 0)
        in.refuse("subprograms", "none, expected at least the program itself");
    for (uint32_t i = 0; i < count && in.ok(); ++i) {
        Subprogram sub;
        sub.name = in.text("subprogram.name", kNameBytesMax);
        sub.insn = in.raw<uint32_t>("subprogram.insn");
        if (in.ok() && sub.insn >= program.insns.size())
            in.refuse("subprogram.insn", "outside the program");
        if (in.ok() && i == 0 && sub.insn != 0)
            in.refuse("subprogram.insn", "the first one must start at 0");
        if (in.ok() && i > 0 && sub.insn <= program.subprograms.back().insn)
            in.refuse("subprogram.insn", "not in rising order");
        sub.contract = read_contract(in);
        program.subprograms.push_back(std::move(sub));
    }
}

void read_lines(FieldReader& in, ProgramSpec& program) {
    const uint32_t count = in.count("lines", kProgramInsnsMax, kLineBytesMin);
    for (uint32_t i = 0; i < count && in.ok(); ++i) {
        LineInfo line;
        line.insn = in.raw<uint32_t>("line.insn");
        line.line = in.raw<uint32_t>("line.line");
        line.file = in.text("line.file", kFileBytesMax);
        line.text = in.text("line.text", kLineTextBytesMax);
        if (in.ok() && line.insn >= program.insns.size())
            in.refuse("line.insn", "outside the program");
        if (in.ok() && i > 0 && line.insn < program.lines.back().insn)
            in.refuse("line.insn", "not in rising order");
        program.lines.push_back(std::move(line));
    }
}

void write_slots(ByteWriter& writer, const std::vector<InitialSlot>& slots) {
    writer.write(static_cast<uint32_t>(slots.size()));
    for (const InitialSlot& slot : slots) {
        writer.write(slot.index);
        writer.write_string(slot.target);
    }
}

std::vector<InitialSlot> read_slots(FieldReader& in) {
    const uint32_t count = in.count("slots", kSlotsMax, kSlotBytesMin);
    std::vector<InitialSlot> slots;
    for (uint32_t i = 0; i < count && in.ok(); ++i) {
        InitialSlot slot;
        slot.index = in.raw<uint32_t>("slot.index");
        slot.target = in.text("slot.target", kNameBytesMax);
        if (in.ok() && i > 0 && slot.index <= slots.back().index)
            in.refuse("slot.index", "not in rising order");
        slots.push_back(std::move(slot));
    }
    return slots;
}

/// Where in a value a struct of `bytes` bytes lies, if anywhere.
uint32_t read_offset(FieldReader& in, std::string_view field, const MapSpec& map, uint32_t bytes) {
    const auto offset = in.raw<uint32_t>(field);
    if (in.ok() && offset != kNoOffset && uint64_t{offset} + bytes > map.value_bytes)
        in.refuse(field, fmt::format("{} is outside a value of {} bytes", offset, map.value_bytes));
    return offset;
}

Result<MapSpec> read_map(ByteReader& reader, bool is_inner);

/// The inner map of a map in map is no map in map itself, as in the kernel.
Result<void> read_inner(FieldReader& in, ByteReader& reader, bool is_inner, MapSpec& map) {
    if (!in.flag("inner.present")) return {};
    if (is_inner) in.refuse("inner.present", "an inner map has an inner map");
    if (!in.ok()) return in.error();
    Result<MapSpec> inner = read_map(reader, true);
    if (!inner) return fail_in("map spec: inner", inner.error());
    map.inner = std::make_shared<const MapSpec>(std::move(*inner));
    return {};
}

Result<MapSpec> read_map(ByteReader& reader, bool is_inner) {
    FieldReader in(reader, "map spec");
    MapSpec map;
    map.name = in.text("name", kNameBytesMax);
    // Numbers without a kind pass: creating the map refuses them by name.
    map.type = static_cast<MapType>(in.raw<uint32_t>("type"));
    map.key_bytes = in.number<uint32_t>("key_bytes", kMapKeyBytesMax);
    map.value_bytes = in.number<uint32_t>("value_bytes", kGlobalDataBytesMax);
    map.entries_max = in.raw<uint32_t>("entries_max");
    map.flags = in.raw<uint32_t>("flags");
    map.frozen = in.flag("frozen");
    map.is_global_data = in.flag("is_global_data");
    if (map.value_bytes > value_bytes_max(map))
        in.refuse("value_bytes", fmt::format("{} is above the limit of {}", map.value_bytes,
                                             value_bytes_max(map)));
    const ByteSpan contents = in.sized("contents", kGlobalDataBytesMax);
    if (in.ok() && !contents.empty() && contents.size() != map.value_bytes)
        in.refuse("contents", fmt::format("{} bytes, expected 0 or value_bytes ({})",
                                          contents.size(), map.value_bytes));
    map.contents.assign(contents.begin(), contents.end());
    map.key_type = TypeReader(in).read();
    map.value_type = TypeReader(in).read();
    map.extra = in.raw<uint64_t>("extra");
    map.spin_lock_offset = read_offset(in, "spin_lock_offset", map, kSpinLockBytes);
    map.timer_offset = read_offset(in, "timer_offset", map, kTimerBytes);
    map.slots = read_slots(in);
    if (const auto ok = read_inner(in, reader, is_inner, map); !ok)
        return std::unexpected(ok.error());
    if (!in.ok()) return in.error();
    return map;
}

}  // namespace

void write_map_spec(ByteWriter& writer, const MapSpec& map) {
    writer.write_string(map.name);
    writer.write(map.type);
    writer.write(map.key_bytes);
    writer.write(map.value_bytes);
    writer.write(map.entries_max);
    writer.write(map.flags);
    writer.write<uint8_t>(map.frozen ? 1 : 0);
    writer.write<uint8_t>(map.is_global_data ? 1 : 0);
    writer.write_sized(map.contents);
    TypeWriter(writer).write(map.key_type);
    TypeWriter(writer).write(map.value_type);
    writer.write(map.extra);
    writer.write(map.spin_lock_offset);
    writer.write(map.timer_offset);
    write_slots(writer, map.slots);
    writer.write<uint8_t>(map.inner ? 1 : 0);
    if (map.inner) write_map_spec(writer, *map.inner);
}

Result<MapSpec> read_map_spec(ByteReader& reader) {
    return read_map(reader, false);
}

void write_program_spec(ByteWriter& writer, const ProgramSpec& program) {
    writer.write_string(program.name);
    writer.write_string(program.section);
    writer.write(program.type);
    writer.write(program.hook);
    writer.write<uint8_t>(program.has_frags ? 1 : 0);
    writer.write<uint8_t>(program.load_by_default ? 1 : 0);
    writer.write(static_cast<uint32_t>(program.insns.size()));
    writer.append({reinterpret_cast<const uint8_t*>(program.insns.data()),
                   program.insns.size() * sizeof(Insn)});
    writer.write(static_cast<uint32_t>(program.subprograms.size()));
    for (const Subprogram& sub : program.subprograms) {
        writer.write_string(sub.name);
        writer.write(sub.insn);
        write_contract(writer, sub.contract);
    }
    writer.write(static_cast<uint32_t>(program.lines.size()));
    for (const LineInfo& line : program.lines) {
        writer.write(line.insn);
        writer.write(line.line);
        write_cut(writer, line.file, kFileBytesMax);
        write_cut(writer, line.text, kLineTextBytesMax);
    }
    writer.write(static_cast<uint32_t>(program.maps.size()));
    for (const MapSpec& map : program.maps) write_map_spec(writer, map);
}

Result<ProgramSpec> read_program_spec(ByteReader& reader) {
    FieldReader in(reader, "program spec");
    ProgramSpec program;
    program.name = in.text("name", kNameBytesMax);
    program.section = in.text("section", kNameBytesMax);
    const auto type = in.raw<uint32_t>("type");
    program.type = static_cast<ProgramType>(type);
    if (in.ok() && program.type != ProgramType::Xdp && program.type != ProgramType::SocketFilter)
        in.refuse("type", fmt::format("{}, expected 1 (socket) or 6 (xdp)", type));
    program.hook =
        static_cast<XdpHook>(in.number<uint8_t>("hook", static_cast<uint8_t>(XdpHook::Cpumap)));
    program.has_frags = in.flag("has_frags");
    program.load_by_default = in.flag("load_by_default");
    program.insns = read_insns(in);
    if (in.ok() && program.insns.empty()) in.refuse("insns", "none");
    read_subprograms(in, program);
    read_lines(in, program);
    const uint32_t map_count = in.count("maps", kMapsPerProgramMax, kMapSpecBytesMin);
    if (!in.ok()) return in.error();
    for (uint32_t i = 0; i < map_count; ++i) {
        Result<MapSpec> map = read_map_spec(reader);
        if (!map) return fail_in(fmt::format("program spec: maps[{}]", i), map.error());
        program.maps.push_back(std::move(*map));
    }
    return program;
}

}  // namespace weir::vm
