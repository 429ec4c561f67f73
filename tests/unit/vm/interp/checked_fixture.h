#pragma once
// Programs as text through the instrumented interpreter, over one packet of 60 bytes, with maps and
// helpers that are simple enough to see through.

#include <algorithm>
#include <array>
#include <cstring>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "vm/helpers/helpers.h"
#include "vm/interp/interp.h"
#include "vm/isa/assemble.h"

namespace weir::vm {

/// A map of any type: elements by 4-byte key, inner maps and programs by index.
class PlainMap : public Map {
public:
    explicit PlainMap(MapSpec its_spec) : Map(std::move(its_spec)) {}

    uint8_t* lookup(const uint8_t* key, uint32_t) override {
        const uint32_t number = number_of(key);
        if (inner.contains(number)) return reinterpret_cast<uint8_t*>(inner[number]);
        const auto found = values.find(number);
        return found == values.end() ? nullptr : found->second.data();
    }
    int update(const uint8_t* key, const uint8_t* value, uint64_t, uint32_t) override {
        values[number_of(key)].assign(value, value + spec().value_bytes);
        return 0;
    }
    int erase(const uint8_t* key) override { return values.erase(number_of(key)) == 1 ? 0 : -2; }
    uint8_t* direct_value() override { return spec().is_global_data ? values[0].data() : nullptr; }
    int64_t for_each(ElementVisitor visit, void* opaque, uint32_t) override {
        int64_t calls = 0;
        for (auto& [key, value] : values) {
            ++calls;
            const uint32_t copy = key;
            if (visit(opaque, reinterpret_cast<const uint8_t*>(&copy), value.data()) != 0) break;
        }
        return calls;
    }
    const Runnable* program_at(uint32_t index) const override {
        const auto found = programs.find(index);
        return found == programs.end() ? nullptr : found->second;
    }
    uint32_t control_value_bytes() const override { return spec().value_bytes; }
    int control_lookup(const uint8_t*, std::span<uint8_t>) override { return -1; }
    int control_update(const uint8_t*, std::span<const uint8_t>, uint64_t) override { return -1; }
    int control_erase(const uint8_t*) override { return -1; }
    int next_key(const uint8_t*, uint8_t*) override { return -1; }
    uint32_t entries() const override { return static_cast<uint32_t>(values.size()); }
    uint64_t memory_bytes() const override { return 0; }
    uint64_t full_count() const override { return 0; }

    std::map<uint32_t, Bytes> values;
    std::map<uint32_t, Map*> inner;
    std::map<uint32_t, const Runnable*> programs;

private:
    static uint32_t number_of(const uint8_t* key) {
        uint32_t number = 0;
        std::memcpy(&number, key, sizeof number);
        return number;
    }
};

inline MapSpec map_spec(std::string name, MapType type, uint32_t value_bytes = 8) {
    return {.name = std::move(name),
            .type = type,
            .key_bytes = 4,
            .value_bytes = value_bytes,
            .entries_max = 4};
}

/// Functions begin where calls and LoadCodeAddr lead.
inline std::vector<Subprogram> functions_of(const std::vector<Insn>& insns) {
    std::vector<Subprogram> functions = {{"main", 0}};
    const auto slots = decode_program(insns);
    for (size_t slot = 0; slots && slot < slots->size(); ++slot) {
        const DecodedInsn& insn = (*slots)[slot].insn;
        if ((*slots)[slot].second_slot ||
            (insn.op != Op::kCallLocal && insn.op != Op::kLoadCodeAddr))
            continue;
        const auto target = static_cast<uint32_t>(static_cast<int64_t>(slot) + 1 + insn.imm);
        functions.push_back({"f" + std::to_string(target), target});
    }
    std::ranges::sort(functions, {}, &Subprogram::insn);
    const auto same = std::ranges::unique(functions, {}, &Subprogram::insn);
    functions.erase(same.begin(), same.end());
    return functions;
}

class CheckedTest : public testing::Test {
protected:
    CheckedTest() {
        add_base_helpers(helpers);
        helpers.functions[1] = [](uint64_t map, uint64_t key, uint64_t, uint64_t, uint64_t,
                                  RunEnv& its_env) {
            return reinterpret_cast<uint64_t>(reinterpret_cast<Map*>(map)->lookup(
                reinterpret_cast<const uint8_t*>(key), its_env.cpu));
        };
        helpers.functions[2] = [](uint64_t map, uint64_t key, uint64_t value, uint64_t flags,
                                  uint64_t, RunEnv& its_env) {
            return static_cast<uint64_t>(reinterpret_cast<Map*>(map)->update(
                reinterpret_cast<const uint8_t*>(key), reinterpret_cast<const uint8_t*>(value),
                flags, its_env.cpu));
        };
        for (size_t i = 0; i < packet.size(); ++i) packet[i] = static_cast<uint8_t>(i);
    }

    PlainMap& add_map(MapSpec spec) {
        maps.push_back(std::make_unique<PlainMap>(std::move(spec)));
        return *maps.back();
    }

    std::unique_ptr<CheckedProgram> load(std::string_view text) {
        auto made = make(text);
        EXPECT_TRUE(made) << (made ? "" : made.error().message);
        return made ? std::move(*made) : nullptr;
    }
    Result<std::unique_ptr<CheckedProgram>> make(std::string_view text) {
        const Result<std::vector<Insn>> insns = assemble(text);
        EXPECT_TRUE(insns) << (insns ? "" : insns.error().message);
        if (!insns) return std::unexpected(insns.error());
        ProgramSpec spec{.name = "test",
                         .section = "test",
                         .type = type,
                         .hook = hook,
                         .insns = *insns,
                         .subprograms = functions_of(*insns)};
        std::vector<Map*> pointers;
        for (const auto& map : maps) {
            spec.maps.push_back(map->spec());
            pointers.push_back(map.get());
        }
        return CheckedProgram::make(std::move(spec), pointers, helpers);
    }

    CheckedResult run(const CheckedProgram& program) {
        XdpContext frame{.data = packet.data() + kHeadroom,
                         .data_end = packet.data() + kHeadroom + kPacketBytes,
                         .data_meta = packet.data() + kHeadroom,
                         .frame_start = packet.data(),
                         .frame_limit = packet.data() + packet.size(),
                         .ingress_ifindex = 3,
                         .rx_queue_index = 4,
                         .egress_ifindex = 5};
        skb.frame = frame;
        xdp = frame;
        return type == ProgramType::Xdp ? run_checked(program, xdp, env, insns_max)
                                        : run_checked(program, skb, env, insns_max);
    }
    CheckedResult run(std::string_view text) {
        const auto program = load(text);
        return program ? run(*program) : CheckedResult{};
    }
    std::string fault_of(std::string_view text) {
        const CheckedResult result = run(text);
        EXPECT_TRUE(!result.fault || result.retval == 0);
        return result.fault
                   ? "insn " + std::to_string(result.fault->insn) + ": " + result.fault->message
                   : "";
    }
    uint32_t result_of(std::string_view text) {
        const CheckedResult result = run(text);
        EXPECT_FALSE(result.fault) << result.fault->insn << ": " << result.fault->message;
        return result.fault ? ~0u : result.retval;
    }

    static constexpr size_t kHeadroom = 64, kPacketBytes = 60;

    ProgramType type = ProgramType::Xdp;
    XdpHook hook = XdpHook::Device;
    uint64_t insns_max = 1'000'000;
    HelperTable helpers;
    std::vector<std::unique_ptr<PlainMap>> maps;
    alignas(8) std::array<uint8_t, 192> packet{};
    XdpContext xdp{};
    SkbContext skb{};
    RunEnv env;
};

}  // namespace weir::vm
