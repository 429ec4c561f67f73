#include "tests/golden/verifier_texts.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <set>
#include <sstream>

#include <fmt/format.h>

#include "vm/isa/assemble.h"

namespace weir::tests {
namespace {

using vm::MapSpec;
using vm::MapType;

MapSpec make_map(std::string name, MapType type, uint32_t key_bytes, uint32_t value_bytes,
                 uint32_t entries_max, uint32_t flags = 0) {
    MapSpec map;
    map.name = std::move(name);
    map.type = type;
    map.key_bytes = key_bytes;
    map.value_bytes = value_bytes;
    map.entries_max = entries_max;
    map.flags = flags;
    return map;
}

MapSpec make_outer(std::string name, MapType type, const MapSpec& inner) {
    MapSpec map = make_map(std::move(name), type, 4, 4, 16);
    map.inner = std::make_shared<const MapSpec>(inner);
    map.slots = {{0, inner.name}};
    return map;
}

void take_program_words(vm::ProgramSpec& program, const std::string& words) {
    std::istringstream in(words);
    for (std::string word; in >> word;) {
        if (word == "socket")
            program.type = vm::ProgramType::SocketFilter;
        else if (word == "devmap")
            program.hook = vm::XdpHook::Devmap;
        else if (word == "frags")
            program.has_frags = true;
        else
            ADD_FAILURE() << "program is '" << word << "', expected socket, frags or devmap";
    }
}

/// "3: 95 00 00 00 01 00 00 00"
void take_slot(vm::ProgramSpec& program, const std::string& words) {
    std::istringstream in(words);
    size_t slot = 0;
    char colon = 0;
    in >> slot >> colon >> std::hex;
    std::array<uint8_t, sizeof(vm::Insn)> bytes{};
    for (uint8_t& byte : bytes) {
        uint32_t number = 0;
        in >> number;
        byte = static_cast<uint8_t>(number);
    }
    EXPECT_TRUE(in && colon == ':' && slot < program.insns.size()) << words;
    if (in && slot < program.insns.size())
        std::memcpy(&program.insns[slot], bytes.data(), bytes.size());
}

/// "7: returns number context memory 8"
void take_contract(vm::ProgramSpec& program, const std::string& words) {
    std::istringstream in(words);
    uint32_t start = 0;
    char colon = 0;
    in >> start >> colon;
    const auto function = std::ranges::find(program.subprograms, start, &vm::Subprogram::insn);
    EXPECT_TRUE(in && colon == ':' && function != program.subprograms.end()) << words;
    if (function == program.subprograms.end()) return;
    vm::Contract contract;
    for (std::string word; in >> word;) {
        vm::Argument argument;
        if (word == "returns") {
            contract.returns_number = true;
            continue;
        }
        if (word == "context") argument.kind = vm::ArgumentKind::Context;
        if (word == "memory") {
            argument.kind = vm::ArgumentKind::Memory;
            in >> argument.bytes;
        }
        EXPECT_TRUE(argument.kind != vm::ArgumentKind::Number || word == "number") << words;
        contract.arguments.push_back(argument);
    }
    function->contract = contract;
}

std::set<uint32_t> function_starts(const std::vector<vm::Insn>& insns) {
    std::set<uint32_t> starts = {0};
    for (size_t pc = 0; pc < insns.size(); ++pc) {
        const auto insn = vm::decode(insns, pc);
        if (!insn) continue;
        if (insn->op == vm::Op::kCallLocal || insn->op == vm::Op::kLoadCodeAddr)
            starts.insert(static_cast<uint32_t>(static_cast<int64_t>(pc) + 1 + insn->imm));
        if (insn->slots() == 2) ++pc;
    }
    return starts;
}

void add_functions(vm::ProgramSpec& program, const GoldenBlock& block) {
    const auto add = [&](uint32_t start) {
        program.subprograms.push_back({start == 0 ? "text" : fmt::format("sub_{}", start), start});
    };
    if (const std::string words = text_remark(block, "functions"); !words.empty()) {
        std::istringstream in(words);
        for (uint32_t start = 0; in >> start;) add(start);
        return;
    }
    for (const uint32_t start : function_starts(program.insns)) add(start);
}

}  // namespace

std::vector<MapSpec> text_maps() {
    std::vector<MapSpec> maps = {
        make_map("flows", MapType::Hash, 4, 8, 16),
        make_map("table", MapType::Array, 4, 64, 16),
        make_map(".rodata", MapType::Array, 4, 16, 1, vm::kMapRdonlyProg),
        make_map(".bss", MapType::Array, 4, 32, 1),
        make_map("counters", MapType::PercpuArray, 4, 8, 4),
        make_map("routes", MapType::LpmTrie, 8, 4, 16, vm::kMapNoPrealloc),
        make_map("sink", MapType::Array, 4, 8, 16, vm::kMapWronlyProg),
        make_map("sockets", MapType::Xskmap, 4, 4, 16),
        make_map("settings", MapType::Hash, 4, 8, 16, vm::kMapRdonlyProg),
        make_map("recent", MapType::LruHash, 16, 48, 16),
        make_map("events", MapType::Ringbuf, 0, 0, 4096),
        make_map("programs", MapType::ProgArray, 4, 4, 8),
        make_map("locked", MapType::Hash, 4, 16, 16),
        make_map("timed", MapType::Array, 4, 24, 4),
        make_map("per_worker", MapType::PercpuHash, 4, 8, 16),
        make_map("devices", MapType::Devmap, 4, 4, 16),
    };
    maps[2].frozen = maps[2].is_global_data = maps[3].is_global_data = true;
    maps[2].contents = {7, 0, 0, 0, 0, 0, 0, 0, 'x', ' ', '%', 'd', '\n', 0, 0, 'e'};
    maps[12].spin_lock_offset = 0;
    maps[13].timer_offset = 0;
    maps.push_back(make_outer("tables", MapType::ArrayOfMaps, maps[1]));
    maps.push_back(make_map("waiting", MapType::Queue, 0, 8, 16));
    maps.push_back(make_map("samples", MapType::PerfEventArray, 4, 4, 4));
    maps.push_back(make_map("seen", MapType::BloomFilter, 0, 8, 16));
    maps.push_back(make_map("workers", MapType::Cpumap, 4, 4, 16));
    maps.push_back(make_outer("by_name", MapType::HashOfMaps, maps[0]));
    maps.push_back(make_map("both", MapType::Array, 4, 32, 4));
    maps.back().spin_lock_offset = 24;
    maps.back().timer_offset = 0;
    maps.push_back(make_map("undo", MapType::Stack, 0, 8, 16));
    maps.push_back(make_map("commands", MapType::UserRingbuf, 0, 0, 4096));
    return maps;
}

vm::ProgramSpec text_program(const GoldenBlock& block) {
    vm::ProgramSpec program;
    program.name = "text";
    if (block.name.ends_with(" behind a devmap")) program.hook = vm::XdpHook::Devmap;
    take_program_words(program, text_remark(block, "program"));
    program.maps = text_maps();
    const auto insns = vm::assemble(block.input);
    EXPECT_TRUE(insns) << block.name << ": " << (insns ? "" : insns.error().message);
    if (!insns) return program;
    program.insns = *insns;
    add_functions(program, block);
    std::istringstream lines(block.input);
    for (std::string line; std::getline(lines, line);) {
        if (const size_t at = line.find("# slot "); at != std::string::npos)
            take_slot(program, line.substr(at + 7));
        if (const size_t at = line.find("# global "); at != std::string::npos)
            take_contract(program, line.substr(at + 9));
    }
    return program;
}

std::string text_verdict(const GoldenBlock& block) {
    return block.name.substr(0, block.name.find(':'));
}

std::string text_remark(const GoldenBlock& block, const std::string& key) {
    const std::string start = "# " + key + ": ";
    std::istringstream lines(block.input);
    for (std::string line; std::getline(lines, line);)
        if (const size_t at = line.find(start); at != std::string::npos)
            return line.substr(at + start.size());
    return {};
}

}  // namespace weir::tests
