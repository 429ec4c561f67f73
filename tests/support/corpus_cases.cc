#include "tests/support/corpus_cases.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <filesystem>
#include <string_view>
#include <utility>

#include "tests/support/kernel_network.h"

namespace weir::tests {

namespace {

/// Folders of the corpus whose programs are not for running.
constexpr auto kNotRun = std::to_array<std::string_view>({"large", "loader", "unsafe"});

std::vector<std::string> themes_of(const std::string& folder) {
    std::vector<std::string> themes;
    for (const auto& entry : std::filesystem::directory_iterator(folder)) {
        const std::string name = entry.path().filename().string();
        if (entry.is_directory() && std::ranges::find(kNotRun, name) == kNotRun.end())
            themes.push_back(name);
    }
    std::ranges::sort(themes);
    return themes;
}

template <typename T>
Bytes bytes_of(const T& value) {
    Bytes bytes(sizeof value);
    std::memcpy(bytes.data(), &value, sizeof value);
    return bytes;
}

MapFill number(const char* map, uint32_t key, uint32_t value) {
    return {map, bytes_of(key), bytes_of(value)};
}

/// struct bpf_devmap_val and bpf_cpumap_val: a number, and no program behind it.
MapFill pair(const char* map, uint32_t key, uint32_t value) {
    return {map, bytes_of(key), bytes_of(std::array<uint32_t, 2>{value, 0})};
}

/// bpf_prog_test_run_skb wants a whole header of IP where the Ethernet header promises one, and
/// else a byte.
size_t least_skb_bytes(const Bytes& packet) {
    constexpr size_t kEthernetBytes = 14, kIpv4Bytes = 20, kIpv6Bytes = 40;
    const int type = packet[12] << 8 | packet[13];
    return kEthernetBytes + (type == 0x0800 ? kIpv4Bytes : type == 0x86dd ? kIpv6Bytes : 1);
}

/// Of every length up to 32 bytes, an empty one among them.
std::vector<MapFill> samples_for(const char* map) {
    std::vector<MapFill> samples;
    for (uint8_t i = 0; i < 66; ++i) samples.push_back({map, {}, Bytes(i % 33, i)});
    return samples;
}

std::vector<MapFill> fills_of(std::string_view name) {
    if (name == "devmap")
        return {number("ports", 0, kFirstIfindex), number("ports", 2, kSecondIfindex),
                number("ports", 7, kLoopbackIfindex), pair("ports_with_program", 1, kFirstIfindex)};
    if (name == "devmap_hash")
        return {pair("ports", 42, kFirstIfindex), pair("ports", 700'000, kSecondIfindex)};
    if (name == "cpumap") return {pair("cpus", 0, 192), pair("cpus", 1, 2)};
    if (name == "xskmap") return {number("sockets", 3, 0)};
    if (name == "user_ringbuf") return samples_for("samples");
    return {};
}

/// timer_expiry counts the callbacks that have ended, first in its data.
bool timers_are_over(const std::map<std::string, MapEntries>& maps) {
    constexpr uint64_t kCallbacks = 64;
    const auto data = maps.find(".bss");
    if (data == maps.end() || data->second.empty()) return false;
    uint64_t expired = 0;
    std::memcpy(&expired, data->second.front().second.data(), sizeof expired);
    return expired >= kCallbacks;
}

}  // namespace

std::vector<CorpusObject> all_corpus_objects(const std::string& folder) {
    std::vector<CorpusObject> objects = corpus_objects(folder);
    for (const std::string& theme : themes_of(folder)) {
        for (CorpusObject& object : corpus_objects(folder + "/" + theme)) {
            object.theme = theme;
            objects.push_back(std::move(object));
        }
    }
    return objects;
}

KernelPath kernel_path(const CorpusObject& object) {
    constexpr auto kLinked =
        std::to_array<std::string_view>({"legacy_maps", "legacy_iproute2", "legacy_samples",
                                         "functions_elsewhere", "many_sections"});
    if (object.name == "metadata" || object.name == "device_types") return KernelPath::LoadOnly;
    return std::ranges::find(kLinked, object.name) != kLinked.end() ? KernelPath::Linked
                                                                    : KernelPath::Libbpf;
}

bool is_program(const CorpusObject& object, const std::string& name) {
    return object.name != "functions_elsewhere" || name != "weigh";
}

RunSetup run_setup(const CorpusObject& object) {
    RunSetup setup;
    setup.fills = fills_of(object.name);
    setup.opens_perf_events = object.name != "perf_unopened";
    if (object.name == "timer_expiry") setup.is_done = timers_are_over;
    if (object.name == "xskmap" || object.name == "context_fields") {
        setup.ingress_ifindex = kFirstIfindex;
        setup.rx_queue_index = 3;
    }
    return setup;
}

std::vector<TestPacket> packets_for(bool is_socket_filter, bool has_frags) {
    std::vector<TestPacket> packets = test_packets();
    if (is_socket_filter)
        std::erase_if(packets, [](const TestPacket& packet) {
            return packet.bytes.size() < least_skb_bytes(packet.bytes);
        });
    if (has_frags)
        for (TestPacket& packet : jumbo_packets()) packets.push_back(std::move(packet));
    return packets;
}

}  // namespace weir::tests
