#include "perf/micro/jit_programs.h"

#include <cstring>
#include <string>
#include <utility>

#include "tests/support/insns.h"
#include "vm/base/check.h"

namespace weir::perf {
namespace {

using tests::InsnWriter;
using vm::Op;

constexpr uint32_t kHeaderBytes = 38;  ///< Ethernet, IPv4 without options, ports
constexpr int16_t kSourceAddress = 26, kDestinationAddress = 30, kPorts = 34, kDestinationPort = 36;
constexpr uint16_t kBlockedPort = 8080;
constexpr uint32_t kRules = 32, kFlows = 32;

template <typename T>
T load(const uint8_t* from) {
    T value;
    std::memcpy(&value, from, sizeof value);
    return value;
}

uint16_t be16(uint16_t value) {
    return __builtin_bswap16(value);
}

void fill_nothing(std::span<vm::Map* const>) {}

vm::ProgramSpec spec_of(const InsnWriter& w, std::vector<vm::MapSpec> maps = {}) {
    vm::ProgramSpec spec;
    spec.name = "bench";
    spec.section = "xdp";
    spec.insns = w.insns();
    spec.subprograms.push_back({"bench", 0});
    spec.maps = std::move(maps);
    return spec;
}

/// r7 = packet, with kHeaderBytes checked; the patch for "too short" is the slot returned.
size_t put_bounds_check(InsnWriter& w) {
    w.put(Op::kLoad32, 7, 1, 0).put(Op::kLoad32, 2, 1, 4).mov_reg(3, 7).add(3, kHeaderBytes);
    w.put(Op::kJgt64Reg, 3, 2);
    return w.size() - 1;
}

void patch_to_here(InsnWriter& w, size_t jump) {
    w.at(jump).off = static_cast<int16_t>(w.size() - jump - 1);
}

bool too_short(const vm::XdpContext& context) {
    return context.data + kHeaderBytes > context.data_end;
}

vm::ProgramSpec constant_spec() {
    return spec_of(InsnWriter().mov(0, vm::XDP_PASS).exit());
}
[[gnu::noinline]] uint32_t constant_native(vm::XdpContext&, vm::Map* const*, vm::RunEnv&) {
    return vm::XDP_PASS;
}

vm::ProgramSpec port_spec() {
    InsnWriter w;
    const size_t check = put_bounds_check(w);
    w.put(Op::kLoad16, 2, 7, 12).mov(0, vm::XDP_PASS).put(Op::kJne64Imm, 2, 0, 5, be16(0x0800));
    w.put(Op::kLoad8, 2, 7, 23).put(Op::kJne64Imm, 2, 0, 3, 6);
    w.put(Op::kLoad16, 2, 7, kDestinationPort)
        .put(Op::kJne64Imm, 2, 0, 1, be16(kBlockedPort))
        .mov(0, vm::XDP_DROP)
        .exit();
    patch_to_here(w, check);
    w.mov(0, vm::XDP_PASS).exit();
    return spec_of(w);
}
[[gnu::noinline]] uint32_t port_native(vm::XdpContext& context, vm::Map* const*, vm::RunEnv&) {
    const uint8_t* data = context.data;
    if (too_short(context) || load<uint16_t>(data + 12) != be16(0x0800) || data[23] != 6)
        return vm::XDP_PASS;
    return load<uint16_t>(data + kDestinationPort) == be16(kBlockedPort) ? vm::XDP_DROP
                                                                         : vm::XDP_PASS;
}

/// Rule i: a /16 of the source and a port; no frame matches, so that all are tried.
constexpr uint32_t rule_prefix(uint32_t i) {
    return 0x0000'a00a + (i << 8);
}
constexpr uint16_t rule_port(uint32_t i) {
    return static_cast<uint16_t>(7 + 3 * i);
}

vm::ProgramSpec acl_spec() {
    InsnWriter w;
    const size_t check = put_bounds_check(w);
    w.put(Op::kLoad32, 2, 7, kSourceAddress).put(Op::kAnd32Imm, 2, 0, 0, 0xffff);
    w.put(Op::kLoad16, 3, 7, kDestinationPort);
    w.mov(0, vm::XDP_DROP);
    for (uint32_t i = 0; i < kRules; ++i) {
        w.put(Op::kJne64Imm, 2, 0, 2, static_cast<int32_t>(rule_prefix(i)));
        w.put(Op::kJne64Imm, 3, 0, 1, rule_port(i)).exit();
    }
    patch_to_here(w, check);
    w.mov(0, vm::XDP_PASS).exit();
    return spec_of(w);
}
template <size_t... kRule>
bool matches_a_rule(uint32_t prefix, uint16_t port, std::index_sequence<kRule...>) {
    return ((prefix == rule_prefix(kRule) && port == rule_port(kRule)) || ...);
}
[[gnu::noinline]] uint32_t acl_native(vm::XdpContext& context, vm::Map* const*, vm::RunEnv&) {
    if (too_short(context)) return vm::XDP_PASS;
    const uint32_t prefix = load<uint32_t>(context.data + kSourceAddress) & 0xffff;
    const auto port = load<uint16_t>(context.data + kDestinationPort);
    return matches_a_rule(prefix, port, std::make_index_sequence<kRules>()) ? vm::XDP_DROP
                                                                            : vm::XDP_PASS;
}

struct FlowKey {
    uint32_t source, destination, ports, protocol;
};

FlowKey flow_of(const uint8_t* data) {
    return {load<uint32_t>(data + kSourceAddress), load<uint32_t>(data + kDestinationAddress),
            load<uint32_t>(data + kPorts), data[23]};
}

std::vector<vm::MapSpec> flow_maps() {
    std::vector<vm::MapSpec> maps(2);
    maps[0].name = "flows";
    maps[0].type = vm::MapType::Hash;
    maps[0].key_bytes = sizeof(FlowKey);
    maps[0].value_bytes = 8;
    maps[0].entries_max = 1024;
    maps[1].name = "counts";
    maps[1].type = vm::MapType::PercpuArray;
    maps[1].key_bytes = 4;
    maps[1].value_bytes = 8;
    maps[1].entries_max = 4;
    return maps;
}

vm::ProgramSpec flow_spec() {
    InsnWriter w;
    const size_t check = put_bounds_check(w);
    w.put(Op::kLoad32, 2, 7, kSourceAddress).put(Op::kStoreReg32, 10, 2, -16);
    w.put(Op::kLoad32, 2, 7, kDestinationAddress).put(Op::kStoreReg32, 10, 2, -12);
    w.put(Op::kLoad32, 2, 7, kPorts).put(Op::kStoreReg32, 10, 2, -8);
    w.put(Op::kLoad8, 2, 7, 23).put(Op::kStoreReg32, 10, 2, -4);
    w.load_map(1, 0).mov_reg(2, 10).add(2, -16).call(1);
    w.put(Op::kJeq64Imm, 0, 0, 13, 0).put(Op::kLoad32, 6, 0, 0);
    w.put(Op::kStoreImm32, 10, 0, -20, 1).load_map(1, 1).mov_reg(2, 10).add(2, -20).call(1);
    w.put(Op::kJeq64Imm, 0, 0, 5, 0)
        .load64(1, 0, 0)
        .add(1, 1)
        .store64(0, 0, 1)
        .mov_reg(0, 6)
        .exit();
    patch_to_here(w, check);
    w.mov(0, vm::XDP_PASS).exit();
    return spec_of(w, flow_maps());
}
[[gnu::noinline]] uint32_t flow_native(vm::XdpContext& context, vm::Map* const* maps,
                                       vm::RunEnv& env) {
    if (too_short(context)) return vm::XDP_PASS;
    const FlowKey key = flow_of(context.data);
    const uint8_t* verdict = maps[0]->lookup(reinterpret_cast<const uint8_t*>(&key), env.cpu);
    if (verdict == nullptr) return vm::XDP_PASS;
    const uint32_t index = 1;
    uint8_t* count = maps[1]->lookup(reinterpret_cast<const uint8_t*>(&index), env.cpu);
    if (count == nullptr) return vm::XDP_PASS;
    const uint64_t counted = load<uint64_t>(count) + 1;
    std::memcpy(count, &counted, sizeof counted);
    return load<uint32_t>(verdict);
}
void fill_flows(std::span<vm::Map* const> maps) {
    for (uint32_t i = 0; i < kFlows; i += 2) {
        const FlowKey key = flow_of(bench_frame(i).data());
        const uint64_t verdict = vm::XDP_DROP;
        std::array<uint8_t, 8> value;
        std::memcpy(value.data(), &verdict, sizeof verdict);
        WEIR_CHECK(maps[0]->control_update(reinterpret_cast<const uint8_t*>(&key), value,
                                           vm::kUpdateAny) == 0);
    }
}

}  // namespace

BenchFrame bench_frame(uint32_t number) {
    BenchFrame frame{};
    frame[12] = 8;
    frame[14] = 0x45;
    frame[23] = 6;
    const std::array<uint8_t, 12> rest = {
        10,   1,    2,    static_cast<uint8_t>(number),
        192,  168,  0,    1,
        0x30, 0x39, 0x1f, static_cast<uint8_t>(number % 4 == 0 ? 0x90 : 0x91)};
    std::copy(rest.begin(), rest.end(), frame.begin() + kSourceAddress);
    return frame;
}

const std::vector<BenchProgram>& bench_programs() {
    static const std::vector<BenchProgram> programs = {
        {"return a constant", constant_spec(), constant_native, fill_nothing},
        {"drop a port", port_spec(), port_native, fill_nothing},
        {"32 rules in a row", acl_spec(), acl_native, fill_nothing},
        {"flow hash and counter", flow_spec(), flow_native, fill_flows},
    };
    return programs;
}

}  // namespace weir::perf
