#pragma once
// `.BTF.ext`: source lines of instructions, and the places where CO-RE would change code (Linux,
// Documentation/bpf/btf.rst).

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "vm/elf/btf_view.h"
#include "vm/elf/core_spec.h"
#include "vm/program/spec.h"

namespace weir::vm::elf {

constexpr size_t kLineTextBytesMax = 256;  ///< file names and source lines are cut here

struct LineRecord {
    uint32_t insn = 0;  ///< slot in its section
    uint32_t file_offset = 0, text_offset = 0;
    uint32_t line = 0;
};

/// By the name of the section that the instructions are in.
class BtfExt {
public:
    static Result<BtfExt> parse(ByteSpan bytes, const BtfView& btf);

    /// Lines of the slots [first, first + count), moved so that slot `first` becomes `target`.
    void append_lines(std::string_view section, uint32_t first, uint32_t count, uint32_t target,
                      std::vector<LineInfo>& lines) const;
    /// CO-RE records of these slots, sorted by slot. They stay where they are.
    std::span<const CoreRecord> core_records(std::string_view section, uint32_t first,
                                             uint32_t count) const;

private:
    explicit BtfExt(const BtfView& btf) : btf_(&btf) {}
    Result<void> parse_lines(ByteSpan bytes);
    Result<void> parse_core(ByteSpan bytes);
    void sort_records();

    const BtfView* btf_;
    std::map<std::string_view, std::vector<LineRecord>> lines_;
    std::map<std::string_view, std::vector<CoreRecord>> core_;
};

}  // namespace weir::vm::elf
