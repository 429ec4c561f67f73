#include "tests/differential/generated_run.h"

#include <algorithm>
#include <array>
#include <cstring>

#include <fmt/format.h>

#include "maps/maps.h"
#include "vm/base/check.h"
#include "vm/base/limits.h"
#include "vm/isa/disassemble.h"

namespace weir::tests {
namespace {

constexpr uint32_t kCpuSlots = 2;
constexpr size_t kPacketsPerProgram = 5;
constexpr uint32_t kPacketBytesLong = 64;  ///< what every generated program is content with

constexpr size_t kTailroomBytes = 128;

/// A packet in a frame with room on both sides, as a worker would hold it.
struct Frame {
    explicit Frame(const Bytes& packet)
        : bytes(kPacketHeadroomBytes + packet.size() + kTailroomBytes),
          packet_bytes(packet.size()) {
        std::copy(packet.begin(), packet.end(), bytes.begin() + kPacketHeadroomBytes);
    }
    vm::XdpContext context() {
        uint8_t* data = bytes.data() + kPacketHeadroomBytes;
        return {data, data + packet_bytes, data, bytes.data(), bytes.data() + bytes.size(), 1, 0,
                0};
    }
    Bytes bytes;
    size_t packet_bytes;
};

std::vector<std::pair<Bytes, Bytes>> dump(vm::Map& map) {
    std::vector<std::pair<Bytes, Bytes>> entries;
    Bytes key(map.spec().key_bytes), next(map.spec().key_bytes), value(map.control_value_bytes());
    const size_t slot_bytes =
        vm::is_percpu(map.spec().type) ? (map.spec().value_bytes + 7) / 8 * 8 : value.size();
    for (int more = map.next_key(nullptr, next.data()); more == 0;
         more = map.next_key(key.data(), next.data())) {
        key = next;
        WEIR_CHECK(map.control_lookup(key.data(), value) == 0);
        entries.emplace_back(key, sum_of_slots(value, slot_bytes));
    }
    std::sort(entries.begin(), entries.end());
    return entries;
}

void run_all(const jit::CompiledProgram& program, std::vector<vm::XdpContext>& contexts, Way way,
             Outcome& outcome) {
    vm::RunEnv env;
    env.cpu = 1;
    if (way == Way::kBurst)
        return program.run_burst(contexts, outcome.verdicts, outcome.redirects, env);
    for (size_t i = 0; i < contexts.size(); ++i) {
        outcome.verdicts[i] = program.run(contexts[i], env);
        outcome.redirects[i] = env.redirect_ifindex;
    }
}

std::string hex(const Bytes& bytes) {
    std::string text;
    for (const uint8_t byte : bytes) text += fmt::format("{:02x}", byte);
    return text;
}

using MapList = std::vector<std::unique_ptr<vm::Map>>;

Result<MapList> make_maps(const vm::ProgramSpec& spec) {
    MapList maps;
    for (const vm::MapSpec& map_spec : spec.maps) {
        Result<std::unique_ptr<vm::Map>> map = maps::create_map(map_spec, kCpuSlots);
        if (!map) return std::unexpected(map.error());
        maps.push_back(std::move(*map));
    }
    return maps;
}

}  // namespace

Bytes sum_of_slots(ByteSpan slots, size_t slot_bytes) {
    Bytes sum(slots.begin(), slots.begin() + static_cast<std::ptrdiff_t>(slot_bytes));
    for (size_t base = slot_bytes; base + slot_bytes <= slots.size(); base += slot_bytes) {
        for (size_t word = 0; word + 8 <= slot_bytes; word += 8) {
            uint64_t total = 0, part = 0;
            std::memcpy(&total, &sum[word], 8);
            std::memcpy(&part, &slots[base + word], 8);
            total += part;
            std::memcpy(&sum[word], &total, 8);
        }
    }
    return sum;
}

std::vector<Bytes> generated_packets(uint64_t seed) {
    Random random(seed ^ 0x7061'636b'6574'7321);
    std::vector<Bytes> packets(kPacketsPerProgram);
    for (size_t i = 0; i < packets.size(); ++i) {
        packets[i].resize(i == 2 ? kFrameBytesMin : kPacketBytesLong + random.below(64));
        for (uint8_t& byte : packets[i]) byte = static_cast<uint8_t>(random.next());
        if (random.one_in(4))
            std::fill(packets[i].begin(), packets[i].end(),
                      random.one_in(2) ? uint8_t{0} : uint8_t{0xff});
    }
    return packets;
}

Result<Outcome> run_packets(const std::shared_ptr<const vm::VerifiedProgram>& program,
                            const std::vector<Bytes>& packets, Way way) {
    const Result<MapList> maps = make_maps(program->spec());
    if (!maps) return std::unexpected(maps.error());
    std::vector<vm::Map*> pointers;
    for (const auto& map : *maps) pointers.push_back(map.get());
    const jit::Engine engine = way == Way::kInterp ? jit::Engine::kInterp : jit::Engine::kJit;
    const auto compiled = jit::compile(program, pointers, maps::all_helpers(), engine);
    if (!compiled) return std::unexpected(compiled.error());
    if ((*compiled)->engine() != engine)
        return fail(ErrorKind::kResource, "this machine has no machine code");

    std::vector<Frame> frames(packets.begin(), packets.end());
    std::vector<vm::XdpContext> contexts;
    for (Frame& frame : frames) contexts.push_back(frame.context());
    Outcome outcome;
    outcome.verdicts.resize(packets.size());
    outcome.redirects.resize(packets.size());
    run_all(**compiled, contexts, way, outcome);
    for (const vm::XdpContext& context : contexts)
        outcome.packets.emplace_back(context.data, context.data_end);
    for (const auto& map : *maps) outcome.maps.push_back(dump(*map));
    return outcome;
}

std::string first_difference(const Outcome& wanted, const Outcome& got) {
    for (size_t i = 0; i < wanted.verdicts.size(); ++i) {
        if (wanted.verdicts[i] != got.verdicts[i])
            return fmt::format("packet {}: returned {}, expected {}", i, got.verdicts[i],
                               wanted.verdicts[i]);
        if (wanted.redirects[i] != got.redirects[i])
            return fmt::format("packet {}: redirected to {}, expected {}", i, got.redirects[i],
                               wanted.redirects[i]);
        if (wanted.packets[i] != got.packets[i])
            return fmt::format("packet {}: {}, expected {}", i, hex(got.packets[i]),
                               hex(wanted.packets[i]));
    }
    for (size_t i = 0; i < wanted.maps.size(); ++i) {
        if (wanted.maps[i] == got.maps[i]) continue;
        std::string text = fmt::format("map {}: {} entries, expected {}", i, got.maps[i].size(),
                                       wanted.maps[i].size());
        for (const auto* entries : {&got.maps[i], &wanted.maps[i]})
            for (const auto& [key, value] : *entries)
                text += fmt::format("\n  {} {} = {}", entries == &got.maps[i] ? "got" : "expected",
                                    hex(key), hex(value));
        return text;
    }
    return {};
}

std::string listing(const vm::ProgramSpec& spec) {
    return vm::disassemble_program(spec.insns);
}

}  // namespace weir::tests
