#include "tests/support/weir_runner.h"

#include <fmt/format.h>
#include <linux/if_packet.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <optional>
#include <thread>

#include "maps/maps.h"
#include "maps/user_ringbuf_map.h"
#include "tests/support/kernel_network.h"
#include "vm/base/check.h"
#include "vm/base/limits.h"
#include "vm/helpers/clocks.h"
#include "vm/helpers/fib.h"
#include "vm/helpers/timers.h"

namespace weir::tests {

namespace {

// The kernel's test run: a page, its headroom less struct xdp_frame, its tail less struct
// skb_shared_info.
constexpr size_t kPageBytes = 4096;
constexpr size_t kXdpFrameBytes = 40;
constexpr size_t kSharedInfoBytes = 320;
constexpr size_t kEthernetBytes = 14;
constexpr uint32_t kTimersMax = 1024;
constexpr uint32_t kCpuSlots = 2;

template <typename T>
Bytes bytes_of(const T& value) {
    Bytes bytes(sizeof value);
    std::memcpy(bytes.data(), &value, sizeof value);
    return bytes;
}

/// eth_type_trans (net/ethernet/eth.c) for a device whose address is all zeroes.
uint32_t packet_type(const uint8_t* frame) {
    if ((frame[0] & 1) != 0)
        return std::all_of(frame, frame + 6, [](uint8_t byte) { return byte == 0xff; })
                   ? PACKET_BROADCAST
                   : PACKET_MULTICAST;
    const bool to_loopback = std::all_of(frame, frame + 6, [](uint8_t byte) { return byte == 0; });
    return to_loopback ? PACKET_HOST : PACKET_OTHERHOST;
}

uint32_t protocol_be16(const uint8_t* frame, size_t bytes) {
    constexpr uint16_t kLeast = 0x0600, kRaw = 0x0001, kLlc = 0x0004;
    const auto type = static_cast<uint16_t>(frame[12] << 8 | frame[13]);
    const bool is_raw = bytes >= kEthernetBytes + 2 && frame[14] == 0xff && frame[15] == 0xff;
    return __builtin_bswap16(type >= kLeast ? type : is_raw ? kRaw : kLlc);
}

MapEntries pop_all(vm::Map& map) {
    MapEntries entries;
    Bytes value(map.spec().value_bytes);
    while (map.pop(value.data()) == 0) entries.emplace_back(Bytes{}, value);
    return entries;
}

void collect(void* records, std::span<const uint8_t> record) {
    static_cast<EventRecords*>(records)->emplace_back(record.begin(), record.end());
}

/// As perf_prepare_sample pads: with four bytes of length before it a multiple of eight.
void pad_as_perf(EventRecords& records) {
    for (Bytes& record : records) record.resize((record.size() + 4 + 7) / 8 * 8 - 4);
}

EventRecords drain(vm::Map& map) {
    EventRecords records;
    map.drain_events(0, collect, &records);
    if (map.spec().type == vm::MapType::PerfEventArray) pad_as_perf(records);
    return records;
}

bool has_contents(vm::MapType type) {
    constexpr auto kTypes =
        std::to_array({vm::MapType::Hash, vm::MapType::Array, vm::MapType::PercpuHash,
                       vm::MapType::PercpuArray, vm::MapType::LruHash, vm::MapType::LruPercpuHash,
                       vm::MapType::LpmTrie, vm::MapType::ArrayOfMaps, vm::MapType::HashOfMaps});
    return std::ranges::find(kTypes, type) != kTypes.end();
}

Bytes slot_of_first_cpu(const vm::Map& map, const Bytes& value) {
    if (!vm::is_percpu(map.spec().type)) return value;
    return {value.begin(), value.begin() + static_cast<ptrdiff_t>(value.size() / kCpuSlots)};
}

/// Ids of inner maps are one more than their place in the object.
MapEntries entries_of(vm::Map& map, std::span<const std::unique_ptr<vm::Map>> maps) {
    MapEntries entries;
    Bytes key(map.spec().key_bytes), next(key.size()), value(map.control_value_bytes());
    for (const uint8_t* previous = nullptr; map.next_key(previous, next.data()) == 0;
         previous = key.data()) {
        key = next;
        const int error = map.control_lookup(key.data(), value);
        if (error == -ENOENT && vm::is_map_in_map(map.spec().type)) continue;  // an empty slot
        WEIR_CHECK(error == 0);
        if (!vm::is_map_in_map(map.spec().type)) {
            entries.emplace_back(key, slot_of_first_cpu(map, value));
            continue;
        }
        uint32_t id = 0;
        std::memcpy(&id, value.data(), sizeof id);
        const std::string& name = maps[id - 1]->spec().name;
        entries.emplace_back(key, Bytes(name.begin(), name.end()));
    }
    std::ranges::sort(entries);
    return entries;
}

using CheckedPrograms = std::vector<std::unique_ptr<vm::CheckedProgram>>;

/// Every program that some prog array holds, and the one to run, which comes first.
Result<CheckedPrograms> make_programs(const vm::ObjectSpec& object, const std::string& name,
                                      const TestMaps& maps) {
    CheckedPrograms programs;
    const auto add = [&](const std::string& wanted) -> Result<const vm::CheckedProgram*> {
        for (const auto& program : programs)
            if (program->spec().name == wanted) return program.get();
        const auto spec = std::ranges::find(object.programs, wanted, &vm::ProgramSpec::name);
        if (spec == object.programs.end())
            return fail(ErrorKind::kNotFound, fmt::format("no program {}", wanted));
        auto made = vm::CheckedProgram::make(*spec, maps.of(*spec), maps::all_helpers());
        if (!made) return std::unexpected(made.error());
        programs.push_back(std::move(*made));
        return programs.back().get();
    };
    if (const auto first = add(name); !first) return std::unexpected(first.error());
    for (const auto& map : maps.all()) {
        if (map->spec().type != vm::MapType::ProgArray) continue;
        for (const vm::InitialSlot& slot : map->spec().slots) {
            const auto program = add(slot.target);
            if (!program) return std::unexpected(program.error());
            const Bytes key = bytes_of(slot.index);
            if (const int error = map->bind_program(key.data(), *program, slot.index + 1))
                return fail(ErrorKind::kInvalid,
                            fmt::format("slot {}: {}", slot.index, std::strerror(-error)));
        }
    }
    return programs;
}

/// Of one program.
struct Watched {
    PacketWatch* watch;
    std::vector<vm::Map*> maps;

    template <typename Context>
    vm::CheckedResult run(const vm::CheckedProgram& program, Context& context,
                          const vm::XdpContext& packet, vm::RunEnv& env) const {
        vm::RunWatcher* const watcher =
            watch == nullptr ? nullptr
                             : watch->begin(packet, reinterpret_cast<uint64_t>(&context), maps);
        vm::CheckedResult result =
            vm::run_checked(program, context, env, vm::kCheckedInsnsMax, watcher);
        if (watch != nullptr) watch->end();
        return result;
    }
};

Result<PacketResult> run_packet(const vm::CheckedProgram& program, TestFrame& frame,
                                vm::RunEnv& env, const Watched& watched) {
    vm::CheckedResult result;
    vm::XdpContext left;
    if (program.spec().type == vm::ProgramType::SocketFilter) {
        vm::SkbContext context = frame.socket_context();
        result = watched.run(program, context, context.frame, env);
        left = context.frame;
    } else {
        result = watched.run(program, frame.context(), frame.context(), env);
        left = frame.context();
    }
    if (result.fault)
        return fail(ErrorKind::kInvalid, fmt::format("{} insn {}: {}", result.fault->program,
                                                     result.fault->insn, result.fault->message));
    PacketResult packet{result.retval, TestFrame::bytes_of(left)};
    // The kernel puts an empty Ethernet header in front again.
    if (program.spec().type == vm::ProgramType::SocketFilter)
        packet.bytes.insert(packet.bytes.begin(), kEthernetBytes, 0);
    return packet;
}

}  // namespace

TestFrame::TestFrame(const Bytes& packet, const vm::ProgramSpec& program, const RunSetup& setup)
    : room_(kPageBytes) {
    constexpr size_t kLinearBytes = kPageBytes - kPacketHeadroomBytes - kSharedInfoBytes;
    const size_t linear = std::min(packet.size(), kLinearBytes);
    WEIR_CHECK(linear == packet.size() || program.has_frags);
    std::copy_n(packet.begin(), linear, room_.begin() + kPacketHeadroomBytes);
    for (size_t at = linear; at < packet.size(); at += kPageBytes) {
        const size_t bytes = std::min(packet.size() - at, kPageBytes);
        Bytes& piece = pieces_.emplace_back(kPageBytes);
        std::copy_n(packet.begin() + static_cast<ptrdiff_t>(at), bytes, piece.begin());
        segments_.push_back({piece.data(), static_cast<uint32_t>(bytes), kPageBytes});
    }
    context_.data = context_.data_meta = room_.data() + kPacketHeadroomBytes;
    context_.data_end = context_.data + linear;
    context_.frame_start = room_.data() + kXdpFrameBytes;
    context_.frame_limit = room_.data() + kPageBytes - kSharedInfoBytes;
    context_.ingress_ifindex =
        setup.ingress_ifindex == 0 ? kLoopbackIfindex : setup.ingress_ifindex;
    context_.rx_queue_index = setup.rx_queue_index;
    context_.egress_ifindex = setup.egress_ifindex;
    context_.segment_count = static_cast<uint32_t>(segments_.size());
    context_.segments = segments_.empty() ? nullptr : segments_.data();
}

vm::SkbContext TestFrame::socket_context() const {
    vm::SkbContext skb;
    skb.frame = context_;
    const uint8_t* ethernet = context_.data;
    const auto bytes = static_cast<size_t>(context_.data_end - ethernet);
    skb.frame.data = skb.frame.data_meta = context_.data + kEthernetBytes;
    skb.len = static_cast<uint32_t>(bytes - kEthernetBytes);
    skb.pkt_type = packet_type(ethernet);
    skb.protocol_be16 = protocol_be16(ethernet, bytes);
    skb.ifindex = kLoopbackIfindex;
    skb.mac_offset = -static_cast<int32_t>(kEthernetBytes);
    return skb;
}

Bytes TestFrame::bytes_of(const vm::XdpContext& context) {
    Bytes bytes(context.data_meta, context.data_end);
    for (uint32_t i = 0; i < context.segment_count; ++i) {
        const vm::Segment& segment = context.segments[i];
        bytes.insert(bytes.end(), segment.data, segment.data + segment.bytes);
    }
    return bytes;
}

Result<TestMaps> TestMaps::make(const vm::ObjectSpec& object, const RunSetup& setup) {
    TestMaps made;
    for (const vm::MapSpec& spec : object.maps) {
        auto map = maps::create_map(spec, kCpuSlots);
        if (!map) return std::unexpected(map.error());
        made.maps_.push_back(std::move(*map));
    }
    for (const auto& map : made.maps_) {
        if (!vm::is_map_in_map(map->spec().type)) continue;
        for (const vm::InitialSlot& slot : map->spec().slots) {
            const auto inner = std::ranges::find(object.maps, slot.target, &vm::MapSpec::name);
            if (inner == object.maps.end())
                return fail(ErrorKind::kNotFound, fmt::format("no map {}", slot.target));
            const auto place = static_cast<uint32_t>(inner - object.maps.begin());
            const Bytes key = bytes_of(slot.index);
            if (const int error = map->bind_map(key.data(), made.maps_[place].get(), place + 1))
                return fail(ErrorKind::kInvalid, fmt::format("map {} slot {}: {}", map->spec().name,
                                                             slot.index, std::strerror(-error)));
        }
    }
    for (const MapFill& fill : setup.fills) {
        vm::Map* map = made.find(fill.map);
        if (map == nullptr) return fail(ErrorKind::kNotFound, "no map " + fill.map);
        const int error = map->spec().type == vm::MapType::UserRingbuf
                              ? static_cast<maps::UserRingbufMap*>(map)->produce(fill.value)
                              : map->control_update(fill.key.data(), fill.value, vm::kUpdateAny);
        if (error != 0)
            return fail(ErrorKind::kInvalid,
                        fmt::format("map {}: fill: {}", fill.map, std::strerror(-error)));
    }
    return made;
}

vm::Map* TestMaps::find(const std::string& name) const {
    for (const auto& map : maps_)
        if (map->spec().name == name) return map.get();
    return nullptr;
}

std::vector<vm::Map*> TestMaps::of(const vm::ProgramSpec& program) const {
    std::vector<vm::Map*> found;
    for (const vm::MapSpec& spec : program.maps) {
        found.push_back(find(spec.name));
        WEIR_CHECK(found.back() != nullptr);
    }
    return found;
}

void TestMaps::read(RunResult& result) const {
    for (const auto& map : maps_) {
        const vm::MapType type = map->spec().type;
        if (type == vm::MapType::Queue || type == vm::MapType::Stack)
            result.maps[map->spec().name] = pop_all(*map);
        if (has_contents(type)) result.maps[map->spec().name] = entries_of(*map, maps_);
        if (type == vm::MapType::Ringbuf || type == vm::MapType::PerfEventArray)
            result.events[map->spec().name] = drain(*map);
    }
}

TestMachine::TestMachine() : timers_(std::make_unique<vm::Timers>(kTimersMax)) {
    auto fib = vm::Fib::build(test_fib());
    WEIR_CHECK(fib.has_value());
    fib_ = std::move(*fib);
    env_.fib = fib_.get();
    env_.timers = timers_.get();
    env_.syncookies.keys = {{{1, 2}, {3, 4}}};
}

TestMachine::~TestMachine() = default;

void wait_for_timers(TestMachine& machine, const TestMaps& maps, const IsDone& is_done) {
    const auto end = std::chrono::steady_clock::now() + kPatience;
    for (RunResult run; is_done && std::chrono::steady_clock::now() < end;) {
        machine.timers().run_due(vm::system_clock_ns(CLOCK_MONOTONIC), machine.env());
        maps.read(run);
        if (is_done(run.maps)) return;
        std::this_thread::sleep_for(kPause);
    }
}

Result<RunResult> run_checked(const vm::ObjectSpec& object, const std::string& program,
                              std::span<const Bytes> packets, const RunSetup& setup,
                              PacketWatch* watch) {
    const auto maps = TestMaps::make(object, setup);
    if (!maps) return std::unexpected(maps.error());
    const auto programs = make_programs(object, program, *maps);
    if (!programs) return std::unexpected(programs.error());
    const vm::CheckedProgram& first = *programs->front();
    std::optional<vm::RunFault> callback_fault;
    for (const auto& each : *programs)
        each->report_faults_to([&](const vm::RunFault& fault) { callback_fault = fault; });
    TestMachine machine;
    const Watched watched{watch, maps->of(first.spec())};
    RunResult run;
    for (const Bytes& packet : packets) {
        TestFrame frame(packet, first.spec(), setup);
        machine.env().redirect_ifindex = 0;
        auto result = run_packet(first, frame, machine.env(), watched);
        if (!result)
            return fail(result.error().kind,
                        fmt::format("packet {}: {}", run.packets.size(), result.error().message));
        run.packets.push_back(std::move(*result));
    }
    wait_for_timers(machine, *maps, setup.is_done);
    if (callback_fault)
        return fail(ErrorKind::kInvalid,
                    fmt::format("a timer's callback, {} insn {}: {}", callback_fault->program,
                                callback_fault->insn, callback_fault->message));
    maps->read(run);
    if (!setup.opens_perf_events) run.events.clear();
    return run;
}

}  // namespace weir::tests
