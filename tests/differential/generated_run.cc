#include "tests/differential/generated_run.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <span>

#include <fmt/format.h>

#include "jit/traced_run.h"
#include "maps/maps.h"
#include "vm/base/check.h"
#include "vm/base/limits.h"
#include "vm/isa/disassemble.h"

namespace weir::tests {
namespace {

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

/// Of a map of maps the ids of the inner ones.
MapContents dump(vm::Map& map) {
    MapContents entries;
    Bytes key(map.spec().key_bytes), next(map.spec().key_bytes), value(map.control_value_bytes());
    const size_t slot_bytes =
        vm::is_percpu(map.spec().type) ? (map.spec().value_bytes + 7) / 8 * 8 : value.size();
    for (int more = map.next_key(nullptr, next.data()); more == 0;
         more = map.next_key(key.data(), next.data())) {
        key = next;
        const int error = map.control_lookup(key.data(), value);
        if (error == -ENOENT && vm::is_map_in_map(map.spec().type)) continue;  // an empty slot
        WEIR_CHECK(error == 0);
        entries.emplace_back(key, sum_of_slots(value, slot_bytes));
    }
    std::sort(entries.begin(), entries.end());
    return entries;
}

/// Packets [first, first + count).
void run_some(const jit::CompiledProgram& program, std::span<vm::XdpContext> contexts,
              const Way& way, size_t first, vm::RunEnv& env, vm::RunRecorder* recorder,
              Outcome& outcome) {
    if (way.burst > 1) {
        const std::span verdicts = std::span(outcome.verdicts).subspan(first, contexts.size());
        const std::span redirects = std::span(outcome.redirects).subspan(first, contexts.size());
        return program.run_burst(contexts, verdicts, redirects, env);
    }
    for (size_t i = 0; i < contexts.size(); ++i) {
        if (way.traced && (first + i) % 2 == 0) {
            recorder->begin(contexts[i]);
            outcome.verdicts[first + i] = jit::run_traced(program, contexts[i], env, *recorder);
        } else {
            outcome.verdicts[first + i] = program.run(contexts[i], env);
        }
        outcome.redirects[first + i] = env.redirect_ifindex;
    }
}

std::string hex(const Bytes& bytes) {
    std::string text;
    for (const uint8_t byte : bytes) text += fmt::format("{:02x}", byte);
    return text;
}

using MapList = std::vector<std::unique_ptr<vm::Map>>;

void look_at(const MapList& maps, Outcome& outcome) {
    for (const auto& map : maps)
        if (map->spec().type != vm::MapType::ProgArray) outcome.maps.push_back(dump(*map));
}

void run_all(const jit::CompiledProgram& program, std::span<vm::XdpContext> contexts,
             const Way& way, const Traffic& traffic, const MapList& maps, Outcome& outcome) {
    vm::RunEnv env;
    const auto recorder = way.traced ? std::make_unique<vm::RunRecorder>() : nullptr;
    env.cpu = traffic.cpu_slots - 1;
    const size_t look_every = traffic.look_every == 0 ? contexts.size() : traffic.look_every;
    WEIR_CHECK(look_every % way.burst == 0 || traffic.look_every == 0);
    for (size_t first = 0; first < contexts.size(); first += way.burst) {
        if (first != 0 && first % look_every == 0) look_at(maps, outcome);
        const size_t count = std::min(way.burst, contexts.size() - first);
        run_some(program, contexts.subspan(first, count), way, first, env, recorder.get(), outcome);
    }
    look_at(maps, outcome);
    outcome.prandom_state = env.prandom_state;
}

Result<MapList> make_maps(const vm::ProgramSpec& spec, const Traffic& traffic) {
    MapList maps;
    for (const vm::MapSpec& map_spec : spec.maps) {
        Result<std::unique_ptr<vm::Map>> map = maps::create_map(map_spec, traffic.cpu_slots);
        if (!map) return std::unexpected(map.error());
        maps.push_back(std::move(*map));
    }
    for (const Fill& fill : traffic.fills) {
        vm::Map& map = *maps[fill.map];
        const bool is_inner = vm::is_map_in_map(map.spec().type);
        Bytes value = fill.value;
        value.resize(is_inner ? 0 : map.control_value_bytes());  // per-CPU: the other slots are 0
        const int error =
            is_inner ? map.bind_map(fill.key.data(), maps[fill.inner].get(), fill.inner + 1)
                     : map.control_update(fill.key.data(), value, vm::kUpdateAny);
        WEIR_CHECK(error == 0);
    }
    return maps;
}

/// Prog arrays hold the program in their first slot.
void put_into_itself(const jit::CompiledProgram& program, const MapList& maps) {
    constexpr uint32_t kFirst = 0, kId = 1;
    for (const auto& map : maps)
        if (map->spec().type == vm::MapType::ProgArray)
            WEIR_CHECK(map->bind_program(reinterpret_cast<const uint8_t*>(&kFirst),
                                         program.runnable(), kId) == 0);
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
                            const Traffic& traffic, const Way& way) {
    const Result<MapList> maps = make_maps(program->spec(), traffic);
    if (!maps) return std::unexpected(maps.error());
    std::vector<vm::Map*> pointers;
    for (const auto& map : *maps) pointers.push_back(map.get());
    jit::CompileOptions options;
    options.overlap = way.overlap;
    options.blind_constants = way.blind_constants;
    const auto compiled = jit::compile(program, pointers, maps::all_helpers(), way.engine, options);
    if (!compiled) return std::unexpected(compiled.error());
    if ((*compiled)->engine() != way.engine)
        return fail(ErrorKind::kResource, "this machine has no machine code");

    put_into_itself(**compiled, *maps);
    std::vector<Frame> frames(traffic.packets.begin(), traffic.packets.end());
    std::vector<vm::XdpContext> contexts;
    for (Frame& frame : frames) contexts.push_back(frame.context());
    Outcome outcome;
    outcome.verdicts.resize(frames.size());
    outcome.redirects.resize(frames.size());
    run_all(**compiled, contexts, way, traffic, *maps, outcome);
    for (const vm::XdpContext& context : contexts)
        outcome.packets.emplace_back(context.data_meta, context.data_end);
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
    if (wanted.prandom_state != got.prandom_state) return "the state of the random numbers";
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
