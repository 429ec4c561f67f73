#include "tests/golden/golden_file.h"

#include <cstdlib>
#include <fstream>

namespace weir::tests {

GoldenFile read_golden(const std::string& path) {
    GoldenFile file;
    std::ifstream stream(path);
    std::string* into = &file.head;
    for (std::string line; std::getline(stream, line);) {
        if (line.starts_with("=== ")) {
            file.blocks.push_back({line.substr(4), "", ""});
            into = &file.blocks.back().input;
        } else if (line == "---" && !file.blocks.empty()) {
            into = &file.blocks.back().expected;
        } else {
            *into += line + "\n";
        }
    }
    return file;
}

void write_golden(const std::string& path, const GoldenFile& file) {
    std::ofstream stream(path, std::ios::trunc);
    stream << file.head;
    for (const GoldenBlock& block : file.blocks)
        stream << "=== " << block.name << "\n" << block.input << "---\n" << block.expected;
}

bool rewrite_golden() {
    return std::getenv("WEIR_GOLDEN_REWRITE") != nullptr;
}

}  // namespace weir::tests
