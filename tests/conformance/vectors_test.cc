// Runs every vector of vectors/*.txt on every engine.
//
//   == NAME [mem HEX]
//   assembler text
//   => R0

#include <charconv>
#include <filesystem>
#include <fstream>
#include <sstream>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "tests/conformance/engines.h"
#include "vm/base/bytes.h"
#include "vm/isa/assemble.h"

namespace weir::conformance {
namespace {

constexpr size_t kVectorsMin = 1500;  ///< fewer means that files were not found

struct Vector {
    std::string name;
    Bytes memory;
    std::string text;
    uint64_t expected = 0;
};

uint64_t hex_number(std::string_view digits) {
    if (digits.starts_with("0x")) digits.remove_prefix(2);
    uint64_t value = 0;
    const auto [end, error] =
        std::from_chars(digits.data(), digits.data() + digits.size(), value, 16);
    EXPECT_TRUE(error == std::errc() && end == digits.data() + digits.size()) << digits;
    return value;
}

Vector head_of(const std::string& file, std::string_view line) {
    constexpr std::string_view kMemory = " mem ";
    Vector vector;
    const size_t memory = line.find(kMemory);
    vector.name = fmt::format("{}: {}", file, line.substr(0, memory));
    if (memory == std::string_view::npos) return vector;
    const std::string_view digits = line.substr(memory + kMemory.size());
    for (size_t i = 0; i + 1 < digits.size(); i += 2)
        vector.memory.push_back(static_cast<uint8_t>(hex_number(digits.substr(i, 2))));
    return vector;
}

std::vector<Vector> read_vectors() {
    std::vector<Vector> vectors;
    for (const auto& entry :
         std::filesystem::directory_iterator(WEIR_SOURCE_ROOT "/tests/conformance/vectors")) {
        std::ifstream in(entry.path());
        Vector vector;
        for (std::string line; std::getline(in, line);) {
            if (line.starts_with("== "))
                vector = head_of(entry.path().filename(), std::string_view(line).substr(3));
            else if (line.starts_with("=> ")) {
                vector.expected = hex_number(std::string_view(line).substr(3));
                vectors.push_back(vector);
            } else
                vector.text += line + "\n";
        }
    }
    return vectors;
}

class Vectors : public testing::TestWithParam<std::string> {};

TEST_P(Vectors, GiveWhatTheReferenceModelSays) {
    const std::vector<Vector> vectors = read_vectors();
    ASSERT_GE(vectors.size(), kVectorsMin);
    for (const Vector& vector : vectors) {
        if (vector.name.starts_with("interp_only.txt") && !runs_interp_only(GetParam())) continue;
        const Result<std::vector<vm::Insn>> insns = vm::assemble(vector.text);
        ASSERT_TRUE(insns) << vector.name << ": " << insns.error().message;
        Bytes memory = vector.memory;
        const Result<uint64_t> result = run_unverified(GetParam(), *insns, memory);
        EXPECT_TRUE(result) << vector.name << ": " << result.error().message << "\n" << vector.text;
        if (result) {
            EXPECT_EQ(*result, vector.expected) << vector.name << "\n" << vector.text;
        }
    }
}

INSTANTIATE_TEST_SUITE_P(Engines, Vectors, testing::ValuesIn(engine_names()),
                         [](const auto& each) { return each.param; });

}  // namespace
}  // namespace weir::conformance
