#include "jit/dwarf.h"

#include <algorithm>
#include <array>
#include <initializer_list>

#include "vm/base/check.h"

namespace weir::jit {
namespace {

/// DWARF's numbers of the x86-64 registers (System V ABI, figure 3.36), by the encoding's.
constexpr std::array<uint8_t, 16> kDwarfRegister = {0, 2, 1,  3,  7,  6,  4,  5,
                                                    8, 9, 10, 11, 12, 13, 14, 15};
constexpr uint8_t kStackPointer = 7;
constexpr uint8_t kReturnAddress = 16;
constexpr int64_t kWordBytes = 8;

// Call frame instructions (DWARF 4, section 7.23).
constexpr uint8_t kCfaNop = 0x00;
constexpr uint8_t kCfaAdvance4 = 0x04;
constexpr uint8_t kCfaDefine = 0x0c;
constexpr uint8_t kCfaDefineOffset = 0x0e;
constexpr uint8_t kCfaOffset = 0x80;   ///< | register
constexpr uint8_t kCfaRestore = 0xc0;  ///< | register

// Tags, attributes, forms (section 7.5).
constexpr uint8_t kTagCompileUnit = 0x11;
constexpr uint8_t kTagSubprogram = 0x2e;
constexpr uint8_t kAtName = 0x03;
constexpr uint8_t kAtStmtList = 0x10;
constexpr uint8_t kAtLowPc = 0x11;
constexpr uint8_t kAtHighPc = 0x12;
constexpr uint8_t kAtLanguage = 0x13;
constexpr uint8_t kAtExternal = 0x3f;
constexpr uint8_t kFormAddress = 0x01;
constexpr uint8_t kFormData2 = 0x05;
constexpr uint8_t kFormData8 = 0x07;
constexpr uint8_t kFormString = 0x08;
constexpr uint8_t kFormSectionOffset = 0x17;
constexpr uint8_t kFormPresent = 0x19;
constexpr uint8_t kLanguageC99 = 0x0c;

// Line number program (section 7.22).
constexpr std::array<uint8_t, 12> kStandardOperands = {0, 1, 1, 1, 1, 0, 0, 0, 1, 0, 0, 1};
constexpr uint8_t kLineCopy = 1;
constexpr uint8_t kLineAdvancePc = 2;
constexpr uint8_t kLineAdvanceLine = 3;
constexpr uint8_t kLineSetFile = 4;
constexpr uint8_t kLineEndSequence = 1;
constexpr uint8_t kLineSetAddress = 2;

void pad_frame(SectionBytes& frame, size_t begin) {
    while ((frame.size() - begin - 4) % kWordBytes != 4) frame.u8(kCfaNop);
}

void add_frame_step(SectionBytes& frame, const CodeFunction& function, const FrameStep& before,
                    const FrameStep& step) {
    if (step.offset != before.offset) {
        frame.u8(kCfaAdvance4);
        frame.u32(step.offset - before.offset);
    }
    if (step.caller_bytes != before.caller_bytes) {
        frame.u8(kCfaDefineOffset);
        frame.uleb(step.caller_bytes);
    }
    const auto dwarf_register = [&function](uint32_t i) {
        return kDwarfRegister[function.saved[i]];
    };
    for (uint32_t i = before.pushed; i < step.pushed; ++i) {
        frame.u8(kCfaOffset | dwarf_register(i));
        frame.uleb(i + 2);  // words below the caller's stack pointer; the return address is the 1st
    }
    for (uint32_t i = step.pushed; i < before.pushed; ++i)
        frame.u8(kCfaRestore | dwarf_register(i));
}

void add_frame(SectionBytes& frame, const CodeFunction& function, uint64_t address) {
    const size_t begin = frame.begin_length();
    frame.u32(frame.size());  // back to the common part, which is the section's first
    frame.u64(address + function.begin);
    frame.u64(function.end - function.begin);
    FrameStep before{.offset = function.begin};
    for (const FrameStep& step : function.frame) {
        if (step.offset >= function.end) break;
        add_frame_step(frame, function, before, step);
        before = step;
    }
    pad_frame(frame, begin);
    frame.end_length(begin);
}

/// Files of the lines, each once; their numbers begin at 1.
std::vector<std::string> files_of(const vm::ProgramSpec& spec) {
    std::vector<std::string> files;
    for (const vm::LineInfo& line : spec.lines)
        if (std::ranges::find(files, line.file) == files.end()) files.push_back(line.file);
    return files;
}

void add_line_header(SectionBytes& lines, const std::vector<std::string>& files) {
    const size_t begin = lines.begin_length();
    lines.u8(1);     // bytes of the shortest instruction
    lines.u8(1);     // operations per instruction
    lines.u8(1);     // rows begin statements
    lines.u8(0xff);  // line base -1, line range 1, though no row uses them
    lines.u8(1);
    lines.u8(kStandardOperands.size() + 1);
    lines.bytes(kStandardOperands);
    lines.u8(0);  // no folders
    for (const std::string& file : files) {
        lines.text(file);
        for (int unknown = 0; unknown < 3; ++unknown) lines.uleb(0);  // folder, time, length
    }
    lines.u8(0);
    lines.end_length(begin);
}

/// Where the line program's machine stands.
struct LineRow {
    uint32_t offset = 0;
    int64_t line = 1;
    size_t file = 1;
};

void add_row(SectionBytes& lines, LineRow& at, const LineRow& row) {
    lines.u8(kLineAdvancePc);
    lines.uleb(row.offset - at.offset);
    lines.u8(kLineAdvanceLine);
    lines.sleb(row.line - at.line);
    lines.u8(kLineSetFile);
    lines.uleb(row.file);
    lines.u8(kLineCopy);
    at = row;
}

void add_sequence(SectionBytes& lines, const vm::ProgramSpec& spec, const CodeMap& map,
                  const CodeFunction& function, uint64_t address,
                  const std::vector<std::string>& files) {
    lines.u8(0);  // an extended operation, of 9 bytes
    lines.uleb(9);
    lines.u8(kLineSetAddress);
    lines.u64(address + function.begin);
    LineRow at{.offset = function.begin};
    auto place = std::ranges::lower_bound(map.places, function.begin, {}, &CodePlace::offset);
    for (; place != map.places.end() && place->offset < function.end; ++place) {
        // The frame belongs to the function's first line, before which nothing was said.
        const uint32_t slot = place->slot == kNoSlot && place->offset == function.begin
                                  ? spec.subprograms[function.subprogram].insn
                                  : place->slot;
        if (slot == kNoSlot) continue;
        const vm::LineInfo* line = vm::line_of(spec, slot);
        if (line == nullptr) continue;
        const auto file = std::ranges::find(files, line->file) - files.begin();
        add_row(lines, at, {place->offset, line->line, static_cast<size_t>(file) + 1});
    }
    lines.u8(kLineAdvancePc);
    lines.uleb(function.end - at.offset);
    lines.u8(0);
    lines.uleb(1);
    lines.u8(kLineEndSequence);
}

}  // namespace

void SectionBytes::append(uint64_t value, size_t bytes) {
    for (size_t i = 0; i < bytes; ++i) data_.push_back(static_cast<uint8_t>(value >> (8 * i)));
}

void SectionBytes::uleb(uint64_t value) {
    while (value >= 0x80) {
        u8((value & 0x7f) | 0x80);
        value >>= 7;
    }
    u8(value);
}

void SectionBytes::sleb(int64_t value) {
    while (value < -0x40 || value >= 0x40) {
        u8((static_cast<uint64_t>(value) & 0x7f) | 0x80);
        value >>= 7;
    }
    u8(static_cast<uint64_t>(value) & 0x7f);
}

void SectionBytes::text(const std::string& value) {
    for (const char letter : value) u8(static_cast<uint8_t>(letter));
    u8(0);
}

size_t SectionBytes::begin_length() {
    u32(0);
    return size() - 4;
}

void SectionBytes::end_length(size_t begin) {
    const auto length = static_cast<uint32_t>(size() - begin - 4);
    for (size_t i = 0; i < 4; ++i) data_[begin + i] = static_cast<uint8_t>(length >> (8 * i));
}

SectionBytes eh_frame(const CodeMap& map, uint64_t address) {
    SectionBytes frame;
    const size_t begin = frame.begin_length();
    frame.u32(0);  // the common part
    frame.u8(1);   // version
    frame.text("");
    frame.uleb(1);            // code is counted in bytes,
    frame.sleb(-kWordBytes);  // the stack in words downwards
    frame.u8(kReturnAddress);
    frame.u8(kCfaDefine);
    frame.uleb(kStackPointer);
    frame.uleb(kWordBytes);
    frame.u8(kCfaOffset | kReturnAddress);
    frame.uleb(1);
    pad_frame(frame, begin);
    frame.end_length(begin);
    WEIR_CHECK(begin == 0);
    for (const CodeFunction& function : map.functions) add_frame(frame, function, address);
    frame.u32(0);
    return frame;
}

SectionBytes debug_abbrev() {
    SectionBytes abbrev;
    const auto add = [&abbrev](std::initializer_list<uint8_t> values) {
        for (const uint8_t value : values) abbrev.uleb(value);
    };
    add({1, kTagCompileUnit, 1});
    add({kAtName, kFormString, kAtLanguage, kFormData2, kAtStmtList, kFormSectionOffset});
    add({kAtLowPc, kFormAddress, kAtHighPc, kFormData8, 0, 0});
    add({2, kTagSubprogram, 0});
    add({kAtName, kFormString, kAtExternal, kFormPresent, kAtLowPc, kFormAddress});
    add({kAtHighPc, kFormData8, 0, 0});
    add({0});
    return abbrev;
}

SectionBytes debug_info(std::span<const CodeSymbol> symbols, const std::string& file,
                        uint64_t address, uint64_t code_bytes) {
    SectionBytes info;
    const size_t begin = info.begin_length();
    info.u16(4);  // version
    info.u32(0);  // .debug_abbrev from its start
    info.u8(kWordBytes);
    info.uleb(1);
    info.text(file);
    info.u16(kLanguageC99);
    info.u32(0);  // .debug_line from its start
    info.u64(address);
    info.u64(code_bytes);
    for (const CodeSymbol& symbol : symbols) {
        info.uleb(2);
        info.text(symbol.name);
        info.u64(symbol.address);
        info.u64(symbol.bytes);
    }
    info.uleb(0);
    info.end_length(begin);
    return info;
}

SectionBytes debug_line(const vm::ProgramSpec& spec, const CodeMap& map, uint64_t address) {
    const std::vector<std::string> files = files_of(spec);
    SectionBytes lines;
    const size_t begin = lines.begin_length();
    lines.u16(4);  // version
    add_line_header(lines, files);
    for (const CodeFunction& function : map.functions)
        add_sequence(lines, spec, map, function, address, files);
    lines.end_length(begin);
    return lines;
}

}  // namespace weir::jit
