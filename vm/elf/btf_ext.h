#pragma once
// `.BTF.ext`: source lines of instructions, and the places where CO-RE would change code (Linux,
// Documentation/bpf/btf.rst).

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "vm/elf/btf_view.h"
#include "vm/program/spec.h"

namespace weir::vm::elf {

constexpr size_t kLineTextBytesMax = 256;  ///< file names and source lines are cut here

struct LineRecord {
    uint32_t insn = 0;  ///< slot in its section
    uint32_t file_offset = 0, text_offset = 0;
    uint32_t line = 0;
};

struct CoreRecord {
    uint32_t insn = 0;  ///< slot in its section
    uint32_t type = 0;  ///< BTF id of the type that the access starts from
    uint32_t kind = 0;  ///< enum bpf_core_relo_kind
};

/// By the name of the section that the instructions are in.
class BtfExt {
public:
    static Result<BtfExt> parse(ByteSpan bytes, const BtfView& btf);

    /// Lines of the slots [first, first + count), moved so that slot `first` becomes `target`.
    void append_lines(std::string_view section, uint32_t first, uint32_t count, uint32_t target,
                      std::vector<LineInfo>& lines) const;
    /// What keeps code in these slots from being used as it is: the type's name, or empty.
    std::string unresolved_core(std::string_view section, uint32_t first, uint32_t count) const;

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
