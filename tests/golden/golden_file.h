#pragma once
// Golden texts: blocks of an input and the output that belongs to it, in one file.

#include <string>
#include <vector>

namespace weir::tests {

struct GoldenBlock {
    std::string name;
    std::string input;
    std::string expected;
};

struct GoldenFile {
    std::string head;  ///< comments before the first block
    std::vector<GoldenBlock> blocks;
};

GoldenFile read_golden(const std::string& path);
/// Overwrites `path`; for WEIR_GOLDEN_REWRITE=1.
void write_golden(const std::string& path, const GoldenFile& file);
bool rewrite_golden();

}  // namespace weir::tests
