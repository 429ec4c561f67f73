#include "perf/micro/interp_programs.h"

#include <array>
#include <cstring>
#include <utility>

#include "tests/support/insns.h"
#include "vm/program/context.h"

namespace weir::perf {
namespace {

using tests::InsnWriter;
using vm::Op;

constexpr int16_t kEtherType = 12, kHeader = 14, kProtocol = 23, kSource = 26, kDestination = 30,
                  kPorts = 34, kDestinationPort = 36;
constexpr uint16_t kIpv4 = 0x0008, kBlocked = 0x901f;  ///< 0x0800 and 8080 as they are loaded
constexpr uint32_t kRules = 32, kHeaderHalves = 10;
constexpr uint32_t kMix = 0x9e3779b1;

template <typename T>
T load(const uint8_t* from) {
    T value;
    std::memcpy(&value, from, sizeof value);
    return value;
}

bool too_short(const uint8_t* data, const uint8_t* end) {
    return data + kInterpHeaderBytes > end;
}

std::vector<vm::Insn> port_body() {
    InsnWriter w;
    w.put(Op::kLoad16, 2, 7, kEtherType).mov(0, vm::XDP_PASS).put(Op::kJne64Imm, 2, 0, 5, kIpv4);
    w.put(Op::kLoad8, 2, 7, kProtocol).put(Op::kJne64Imm, 2, 0, 3, 6);
    w.put(Op::kLoad16, 2, 7, kDestinationPort).put(Op::kJne64Imm, 2, 0, 1, kBlocked);
    return w.mov(0, vm::XDP_DROP).exit().insns();
}
[[gnu::noinline]] uint32_t port_native(const uint8_t* data, const uint8_t* end) {
    if (too_short(data, end) || load<uint16_t>(data + kEtherType) != kIpv4 || data[kProtocol] != 6)
        return vm::XDP_PASS;
    return load<uint16_t>(data + kDestinationPort) == kBlocked ? vm::XDP_DROP : vm::XDP_PASS;
}

/// No packet matches, so that all are tried.
constexpr uint32_t rule_prefix(uint32_t i) {
    return 0xa00a + (i << 8);
}
constexpr uint16_t rule_port(uint32_t i) {
    return static_cast<uint16_t>(7 + 3 * i);
}

std::vector<vm::Insn> rules_body() {
    InsnWriter w;
    w.put(Op::kLoad32, 2, 7, kSource).put(Op::kAnd32Imm, 2, 0, 0, 0xffff);
    w.put(Op::kLoad16, 3, 7, kDestinationPort).mov(0, vm::XDP_DROP);
    for (uint32_t i = 0; i < kRules; ++i) {
        w.put(Op::kJne64Imm, 2, 0, 2, static_cast<int32_t>(rule_prefix(i)));
        w.put(Op::kJne64Imm, 3, 0, 1, rule_port(i)).exit();
    }
    return w.mov(0, vm::XDP_PASS).exit().insns();
}
template <size_t... kRule>
bool matches_a_rule(uint32_t prefix, uint16_t port, std::index_sequence<kRule...>) {
    return ((prefix == rule_prefix(kRule) && port == rule_port(kRule)) || ...);
}
[[gnu::noinline]] uint32_t rules_native(const uint8_t* data, const uint8_t* end) {
    if (too_short(data, end)) return vm::XDP_PASS;
    const uint32_t prefix = load<uint32_t>(data + kSource) & 0xffff;
    const bool matches = matches_a_rule(prefix, load<uint16_t>(data + kDestinationPort),
                                        std::make_index_sequence<kRules>());
    return matches ? vm::XDP_DROP : vm::XDP_PASS;
}

constexpr std::array<int16_t, 3> kWords = {kSource, kDestination, kPorts};

/// r0 = (hash of addresses and ports, folded with the sum of the header) & 1, one of two verdicts.
std::vector<vm::Insn> hash_body() {
    InsnWriter w;
    w.mov(2, 0);
    for (const int16_t word : kWords) {
        w.put(Op::kLoad32, 3, 7, word).put(Op::kXor32Reg, 2, 3);
        w.put(Op::kMul32Imm, 2, 0, 0, static_cast<int32_t>(kMix));
        w.put(Op::kMov32Reg, 3, 2).put(Op::kRsh32Imm, 3, 0, 0, 15).put(Op::kXor32Reg, 2, 3);
    }
    w.mov(4, 0);
    for (uint32_t i = 0; i < kHeaderHalves; ++i)
        w.put(Op::kLoad16, 3, 7, static_cast<int16_t>(kHeader + 2 * i)).put(Op::kAdd64Reg, 4, 3);
    for (int fold = 0; fold < 2; ++fold) {
        w.mov_reg(3, 4).put(Op::kRsh64Imm, 3, 0, 0, 16).put(Op::kAnd64Imm, 4, 0, 0, 0xffff);
        w.put(Op::kAdd64Reg, 4, 3);
    }
    w.put(Op::kXor32Reg, 2, 4).mov_reg(0, 2).put(Op::kAnd64Imm, 0, 0, 0, 1).add(0, vm::XDP_DROP);
    return w.exit().insns();
}
[[gnu::noinline]] uint32_t hash_native(const uint8_t* data, const uint8_t* end) {
    if (too_short(data, end)) return vm::XDP_PASS;
    uint32_t hash = 0;
    for (const int16_t word : kWords) {
        hash = (hash ^ load<uint32_t>(data + word)) * kMix;
        hash ^= hash >> 15;
    }
    uint64_t sum = 0;
    for (uint32_t i = 0; i < kHeaderHalves; ++i) sum += load<uint16_t>(data + kHeader + 2 * i);
    sum = (sum & 0xffff) + (sum >> 16);
    sum = (sum & 0xffff) + (sum >> 16);
    return ((hash ^ static_cast<uint32_t>(sum)) & 1) + vm::XDP_DROP;
}

}  // namespace

std::vector<vm::Insn> InterpProgram::insns(PacketIn where) const {
    InsnWriter w;
    if (where == PacketIn::R1) return w.mov_reg(7, 1).append(body).insns();
    w.put(Op::kLoad32, 7, 1, 0).put(Op::kLoad32, 2, 1, 4).mov_reg(3, 7).add(3, kInterpHeaderBytes);
    w.put(Op::kJgt64Reg, 3, 2, static_cast<int16_t>(body.size())).append(body);
    return w.mov(0, vm::XDP_PASS).exit().insns();
}

const std::vector<InterpProgram>& interp_programs() {
    static const std::vector<InterpProgram> programs = {
        {"drop a port", port_body(), port_native},
        {"32 rules in a row", rules_body(), rules_native},
        {"hash and checksum", hash_body(), hash_native},
    };
    return programs;
}

}  // namespace weir::perf
