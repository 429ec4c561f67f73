// Drives a fuzz target without libFuzzer: the files given as arguments and those in the folders
// given, then mutations of them and of random bytes, the same ones in every run.

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <random>
#include <vector>

#include "tests/fuzz/fuzz.h"

namespace {

constexpr int kRounds = 20'000;
constexpr size_t kBytesMax = 512;
constexpr size_t kMutationsMax = 4;

using Input = std::vector<uint8_t>;

std::vector<std::filesystem::path> files_in(const char* argument) {
    if (!std::filesystem::is_directory(argument)) return {argument};
    std::vector<std::filesystem::path> files;
    for (const auto& entry : std::filesystem::directory_iterator(argument))
        files.push_back(entry.path());
    std::ranges::sort(files);
    return files;
}

Input read_file(const std::filesystem::path& path) {
    std::ifstream in(path, std::ios::binary);
    if (!in) {
        std::cerr << path.string() << ": cannot be read\n";
        std::exit(1);
    }
    return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

Input random_input(std::mt19937_64& random, const std::vector<Input>& seeds) {
    if (!seeds.empty() && random() % 4 != 0) return seeds[random() % seeds.size()];
    Input input(random() % kBytesMax);
    for (uint8_t& byte : input) byte = static_cast<uint8_t>(random());
    return input;
}

void mutate(Input& input, std::mt19937_64& random) {
    for (size_t i = random() % (kMutationsMax + 1); i > 0 && !input.empty(); --i) {
        if (random() % 8 == 0)
            input.resize(random() % input.size());
        else
            input[random() % input.size()] = static_cast<uint8_t>(random());
    }
}

}  // namespace

int main(int argc, char** argv) {
    std::vector<Input> seeds;
    for (int i = 1; i < argc; ++i) {
        for (const std::filesystem::path& path : files_in(argv[i])) {
            seeds.push_back(read_file(path));
            LLVMFuzzerTestOneInput(seeds.back().data(), seeds.back().size());
        }
    }
    std::mt19937_64 random(1);
    for (int round = 0; round < kRounds; ++round) {
        Input input = random_input(random, seeds);
        mutate(input, random);
        LLVMFuzzerTestOneInput(input.data(), input.size());
    }
    std::cout << seeds.size() << " seeds, " << kRounds << " inputs\n";
    return 0;
}
