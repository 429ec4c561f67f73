#pragma once
// The parts of DWARF (version 4, and .eh_frame of the System V ABI, section 4.2.4) that say of
// generated code where it comes from and how to unwind it. Addresses are absolute: nothing is to be
// relocated.

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "jit/code_map.h"
#include "jit/symbols.h"
#include "vm/program/spec.h"

namespace weir::jit {

/// Bytes of a section, little-endian.
class SectionBytes {
public:
    void u8(uint64_t value) { append(value, 1); }
    void u16(uint64_t value) { append(value, 2); }
    void u32(uint64_t value) { append(value, 4); }
    void u64(uint64_t value) { append(value, 8); }
    void uleb(uint64_t value);
    void sleb(int64_t value);
    void text(const std::string& value);  ///< and a zero
    void bytes(std::span<const uint8_t> more) {
        data_.insert(data_.end(), more.begin(), more.end());
    }
    /// Keeps 4 bytes for the length of what follows, up to end_length().
    size_t begin_length();
    void end_length(size_t begin);

    size_t size() const { return data_.size(); }
    const std::vector<uint8_t>& data() const { return data_; }

private:
    void append(uint64_t value, size_t bytes);

    std::vector<uint8_t> data_;
};

SectionBytes eh_frame(const CodeMap& map, uint64_t address);
SectionBytes debug_abbrev();
SectionBytes debug_info(std::span<const CodeSymbol> symbols, const std::string& file,
                        uint64_t address, uint64_t code_bytes);
SectionBytes debug_line(const vm::ProgramSpec& spec, const CodeMap& map, uint64_t address);

}  // namespace weir::jit
