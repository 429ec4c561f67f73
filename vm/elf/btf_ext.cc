#include "vm/elf/btf_ext.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>

#include "vm/base/printable.h"

namespace weir::vm::elf {

namespace {

constexpr uint16_t kMagic = 0xeb9f;
constexpr uint32_t kRecordBytesMin = 16;
constexpr uint32_t kRecordBytesMax = 4096;
std::unexpected<Error> bad(std::string message) {
    return fail(ErrorKind::kInvalid, ".BTF.ext: " + message);
}

struct Parts {
    ByteSpan lines, core;
};

Result<ByteSpan> part(ByteSpan bytes, uint64_t offset, uint32_t length, std::string_view what) {
    if (length == 0) return ByteSpan{};
    if (offset > bytes.size() || length > bytes.size() - offset || offset % 4 != 0)
        return bad(fmt::format("{} at {:#x} with {} bytes, in {} bytes", what, offset, length,
                               bytes.size()));
    return bytes.subspan(offset, length);
}

Result<Parts> split(ByteSpan bytes) {
    ByteReader reader(bytes);
    const auto magic = reader.read<uint16_t>();
    const auto version = reader.read<uint8_t>();
    reader.read<uint8_t>();  // flags
    const auto header_bytes = reader.read<uint32_t>();
    reader.take(8);  // func_info: the verifier needs no types of arguments
    const auto line_offset = reader.read<uint32_t>();
    const auto line_bytes = reader.read<uint32_t>();
    if (reader.failed()) return bad(fmt::format("{} bytes, its header has 24", bytes.size()));
    if (*magic != kMagic || *version != 1)
        return bad(fmt::format("magic {:#06x} version {}, expected {:#06x} version 1", *magic,
                               *version, kMagic));
    if (*header_bytes < 24 || *header_bytes > bytes.size())
        return bad(fmt::format("header length {} in {} bytes", *header_bytes, bytes.size()));
    Parts parts;
    const auto lines =
        part(bytes, uint64_t{*header_bytes} + *line_offset, *line_bytes, "line info");
    if (!lines) return std::unexpected(lines.error());
    parts.lines = *lines;
    if (*header_bytes < 32) return parts;
    const auto core_offset = reader.read<uint32_t>();
    const auto core_bytes = reader.read<uint32_t>();
    if (reader.failed()) return bad("header cut before CO-RE relocations");
    const auto core =
        part(bytes, uint64_t{*header_bytes} + *core_offset, *core_bytes, "CO-RE relocations");
    if (!core) return std::unexpected(core.error());
    parts.core = *core;
    return parts;
}

/// One info part: the size of a record, then per section its name, a count, and records. `take`
/// gets the name offset.
Result<void> each_record(ByteSpan bytes, std::string_view what,
                         const std::function<void(uint32_t, ByteReader&)>& take) {
    if (bytes.empty()) return {};
    ByteReader reader(bytes);
    const auto record_bytes = reader.read<uint32_t>();
    if (!record_bytes || *record_bytes < kRecordBytesMin || *record_bytes > kRecordBytesMax)
        return bad(fmt::format("{}: record size {}, expected {} to {}", what,
                               record_bytes.value_or(0), kRecordBytesMin, kRecordBytesMax));
    while (reader.remaining() > 0) {
        const auto section = reader.read<uint32_t>();
        const auto count = reader.read<uint32_t>();
        if (!section || !count || *count > reader.remaining() / *record_bytes)
            return bad(fmt::format("{}: cut at {:#x}", what, reader.offset()));
        for (uint32_t i = 0; i < *count; ++i) {
            const auto record = reader.take(*record_bytes);
            if (!record) return bad(fmt::format("{}: cut at {:#x}", what, reader.offset()));
            ByteReader fields(*record);
            take(*section, fields);
        }
    }
    return {};
}

std::string clip(std::string_view text) {
    const size_t start = std::min(text.find_first_not_of(" \t"), text.size());
    std::string line(text.substr(start, kLineTextBytesMax));
    std::ranges::replace(line, '\t', ' ');
    return printable(line);
}

template <typename Record>
std::span<const Record> records_in(
    const std::map<std::string_view, std::vector<Record>>& by_section, std::string_view section,
    uint32_t first, uint32_t count) {
    const auto found = by_section.find(section);
    if (found == by_section.end()) return {};
    const auto begin = std::ranges::lower_bound(found->second, first, {}, &Record::insn);
    const auto end =
        std::ranges::lower_bound(begin, found->second.end(), first + count, {}, &Record::insn);
    return {begin, end};
}

}  // namespace

Result<void> BtfExt::parse_lines(ByteSpan bytes) {
    return each_record(bytes, "line info", [this](uint32_t section, ByteReader& fields) {
        LineRecord record;
        record.insn = fields.read<uint32_t>().value_or(0) / 8;
        record.file_offset = fields.read<uint32_t>().value_or(0);
        record.text_offset = fields.read<uint32_t>().value_or(0);
        record.line = fields.read<uint32_t>().value_or(0) >> 10;  // the low bits are the column
        lines_[btf_->text(section)].push_back(record);
    });
}

Result<void> BtfExt::parse_core(ByteSpan bytes) {
    return each_record(bytes, "CO-RE relocations", [this](uint32_t section, ByteReader& fields) {
        CoreRecord record;
        record.insn = fields.read<uint32_t>().value_or(0) / 8;
        record.type = fields.read<uint32_t>().value_or(0);
        record.path_offset = fields.read<uint32_t>().value_or(0);
        record.kind = fields.read<uint32_t>().value_or(0);
        core_[btf_->text(section)].push_back(record);
    });
}

void BtfExt::sort_records() {
    for (auto& [section, records] : lines_) {
        std::ranges::stable_sort(records, {}, &LineRecord::insn);
        const auto repeated = std::ranges::unique(records, {}, &LineRecord::insn);
        records.erase(repeated.begin(), repeated.end());
    }
    for (auto& [section, records] : core_) std::ranges::stable_sort(records, {}, &CoreRecord::insn);
}

Result<BtfExt> BtfExt::parse(ByteSpan bytes, const BtfView& btf) {
    BtfExt ext(btf);
    if (bytes.empty() || btf.empty()) return ext;
    const auto parts = split(bytes);
    if (!parts) return std::unexpected(parts.error());
    if (const auto ok = ext.parse_lines(parts->lines); !ok) return std::unexpected(ok.error());
    if (const auto ok = ext.parse_core(parts->core); !ok) return std::unexpected(ok.error());
    ext.sort_records();
    return ext;
}

void BtfExt::append_lines(std::string_view section, uint32_t first, uint32_t count, uint32_t target,
                          std::vector<LineInfo>& lines) const {
    for (const LineRecord& record : records_in(lines_, section, first, count)) {
        lines.push_back({.insn = record.insn - first + target,
                         .line = record.line,
                         .file = clip(btf_->text(record.file_offset)),
                         .text = clip(btf_->text(record.text_offset))});
    }
}

std::span<const CoreRecord> BtfExt::core_records(std::string_view section, uint32_t first,
                                                 uint32_t count) const {
    return records_in(core_, section, first, count);
}

}  // namespace weir::vm::elf
