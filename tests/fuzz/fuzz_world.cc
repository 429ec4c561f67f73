#include "tests/fuzz/fuzz_world.h"

#include <array>
#include <cstdio>
#include <cstring>

#include "vm/base/check.h"

namespace weir::fuzz {
namespace {

using namespace weir::vm;

constexpr size_t kInsnsMax = 256;
constexpr size_t kHeadroom = 64, kTailroom = 32;

MapSpec map_of(std::string name, MapType type, uint32_t key_bytes, uint32_t value_bytes,
               uint32_t entries) {
    return {.name = std::move(name),
            .type = type,
            .key_bytes = key_bytes,
            .value_bytes = value_bytes,
            .entries_max = entries};
}

std::vector<MapSpec> map_specs() {
    std::vector<MapSpec> specs = {map_of("hash", MapType::Hash, 4, 16, 4),
                                  map_of("array", MapType::Array, 4, 16, 4),
                                  map_of("lru", MapType::LruHash, 4, 8, 4),
                                  map_of("percpu", MapType::PercpuArray, 4, 8, 4),
                                  map_of("trie", MapType::LpmTrie, 8, 8, 4),
                                  map_of("queue", MapType::Queue, 0, 8, 4),
                                  map_of("bloom", MapType::BloomFilter, 0, 8, 4),
                                  map_of("events", MapType::Ringbuf, 0, 0, 4096),
                                  map_of("programs", MapType::ProgArray, 4, 4, 4),
                                  map_of("outer", MapType::ArrayOfMaps, 4, 4, 2),
                                  map_of("ports", MapType::Devmap, 4, 4, 4),
                                  map_of(".rodata", MapType::Array, 4, 32, 1),
                                  map_of(".data", MapType::Array, 4, 48, 1)};
    specs[4].flags = kMapNoPrealloc;
    specs[9].inner = std::make_shared<MapSpec>(specs[0]);
    specs[11].is_global_data = specs[11].frozen = true;
    specs[11].flags = kMapRdonlyProg;
    constexpr std::string_view kText("%d %s %pI4\0abc", 14);
    specs[11].contents.assign(kText.begin(), kText.end());
    specs[11].contents.resize(specs[11].value_bytes);
    specs[12].is_global_data = true;
    specs[12].spin_lock_offset = 8;
    specs[12].timer_offset = 16;
    return specs;
}

Insn insn(uint8_t opcode, unsigned dst, unsigned src, int off, int imm) {
    Insn made{.opcode = opcode, .off = static_cast<int16_t>(off), .imm = imm};
    made.dst = static_cast<uint8_t>(dst & 0xf);
    made.src = static_cast<uint8_t>(src & 0xf);
    return made;
}

/// Random bytes hardly ever load a map or pass one to a helper: some opcodes that are none stand
/// for what compilers write.
void expand(std::vector<Insn>& out, const Insn& raw) {
    const unsigned dst = raw.dst % 10u;
    const int map = static_cast<uint8_t>(raw.off) % 13;
    const int byte = static_cast<uint8_t>(raw.imm), back = -8 * (1 + byte % 32);
    const auto wide = [&](unsigned src, int imm, int next) {
        out.push_back(insn(0x18, dst, src, 0, imm));
        out.push_back(insn(0, 0, 0, 0, next));
    };
    switch (raw.opcode) {
        case 0x01: wide(1, map, 0); return;                   // rN = map ll
        case 0x02: wide(2, 11 + map % 2, byte % 32); return;  // rN = map[0] + x ll
        case 0x03:                                            // rN = r10 - x
            out.push_back(insn(0xbf, dst, 10, 0, 0));
            out.push_back(insn(0x07, dst, 0, 0, back));
            return;
        case 0x08: out.push_back(insn(0x85, 0, 0, 0, byte)); return;           // a helper
        case 0x09: out.push_back(insn(0x85, 0, 2, 0, 1 + byte % 32)); return;  // a kfunc
        case 0x0a: out.push_back(insn(0x7a, 10, 0, back, map % 4)); return;    // *(r10 - x) = imm
        case 0x0b: wide(4, byte % 32, 0); return;                              // rN = function
        default: out.push_back(raw); return;
    }
}

/// A heap block of its own for the packet, so that the sanitizer sees a step over either end.
constexpr size_t kPacketBytesMax = 100;

}  // namespace

World::World() : timers(64) {
    for (const MapSpec& spec : map_specs()) {
        auto map = maps::create_map(spec, 2);
        if (!map) std::fprintf(stderr, "%s\n", map.error().message.c_str());
        WEIR_CHECK(map.has_value());
        owned.push_back(std::move(*map));
        pointers.push_back(owned.back().get());
        specs.push_back(spec);
    }
    const uint32_t slot = 0;
    WEIR_CHECK(pointers[9]->bind_map(reinterpret_cast<const uint8_t*>(&slot), pointers[0], 1) == 0);
}

ProgramSpec spec_of(const uint8_t* data, size_t size, const World& world) {
    ProgramSpec spec{.name = "fuzz", .section = "fuzz"};
    spec.type = (data[0] & 1) != 0 ? ProgramType::SocketFilter : ProgramType::Xdp;
    spec.hook = (data[0] & 2) != 0 ? XdpHook::Devmap : XdpHook::Device;
    for (size_t at = 2; at + sizeof(Insn) <= size && spec.insns.size() < kInsnsMax;
         at += sizeof(Insn)) {
        Insn raw;
        std::memcpy(static_cast<void*>(&raw), data + at, sizeof raw);
        expand(spec.insns, raw);
    }
    for (uint32_t slot = 0; slot < spec.insns.size(); ++slot) {
        const bool begins = slot == 0 || data[1] == 0 || slot % (1u + data[1] % 16) == 0;
        if (begins) spec.subprograms.push_back({"f", slot});
    }
    spec.maps = world.specs;
    return spec;
}

CheckedResult run(const CheckedProgram& program, World& world, size_t packet_bytes) {
    WEIR_CHECK(packet_bytes <= kPacketBytesMax);
    const uint32_t slot = 0;
    auto& programs = *world.pointers[8];
    WEIR_CHECK(programs.bind_program(reinterpret_cast<const uint8_t*>(&slot), &program, 1) == 0);
    const auto buffer = std::make_unique<uint8_t[]>(kHeadroom + packet_bytes + kTailroom);
    for (size_t i = 0; i < packet_bytes; ++i) buffer[kHeadroom + i] = static_cast<uint8_t>(i);
    const auto tail = std::make_unique<uint8_t[]>(50);
    Segment segment{tail.get(), 40, 50};
    XdpContext xdp{.data = buffer.get() + kHeadroom,
                   .data_end = buffer.get() + kHeadroom + packet_bytes,
                   .data_meta = buffer.get() + kHeadroom,
                   .frame_start = buffer.get(),
                   .frame_limit = buffer.get() + kHeadroom + packet_bytes + kTailroom,
                   .ingress_ifindex = 1,
                   .rx_queue_index = 0,
                   .egress_ifindex = 0,
                   .segment_count = 1,
                   .segments = &segment};
    RunEnv env;
    env.timers = &world.timers;
    env.printk = [](void*, const char*, uint32_t) {};
    const bool is_xdp = program.spec().type == ProgramType::Xdp;
    SkbContext skb{.frame = xdp, .len = static_cast<uint32_t>(packet_bytes), .network_offset = 14};
    const CheckedResult result = is_xdp ? run_checked(program, xdp, env, kStepsMax)
                                        : run_checked(program, skb, env, kStepsMax);
    WEIR_CHECK(!result.fault || (result.retval == 0 && !result.fault->message.empty()));
    WEIR_CHECK(result.insns <= kStepsMax);
    WEIR_CHECK(env.engine == nullptr && env.program == nullptr);
    for (uint64_t now = 0; world.timers.next_deadline_ns() != kNoDeadline && now < 4; ++now)
        world.timers.run_due(kNoDeadline - 1, env);
    world.timers.drop_program(program);
    world.pointers[7]->drain_events(0, [](void*, std::span<const uint8_t>) {}, nullptr);
    WEIR_CHECK(programs.control_erase(reinterpret_cast<const uint8_t*>(&slot)) == 0);
    return result;
}

}  // namespace weir::fuzz
