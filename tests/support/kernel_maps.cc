#include "tests/support/kernel_maps.h"

#include <bpf/bpf.h>
#include <fmt/format.h>
#include <linux/if_xdp.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

namespace weir::tests {

namespace {

constexpr size_t kPerfPages = 64;  ///< as many as in ours; nothing is lost in a run
constexpr uint32_t kXskFrames = 16, kXskFrameBytes = 4096;

Result<MapEntries> pop_all(const LiveMap& map) {
    MapEntries entries;
    Bytes value(map.value_bytes);
    while (bpf_map_lookup_and_delete_elem(map.fd, nullptr, value.data()) == 0)
        entries.emplace_back(Bytes{}, value);
    if (errno != ENOENT) return kernel_failure(fmt::format("map {}: pop", map.name), errno);
    return entries;
}

/// The kernel gives an inner map's id, which differs between runs: its name instead.
Result<Bytes> inner_name(const Bytes& id_bytes, const std::vector<LiveMap>& maps) {
    uint32_t id = 0;
    std::memcpy(&id, id_bytes.data(), sizeof id);
    for (const LiveMap& map : maps) {
        bpf_map_info info{};
        uint32_t info_bytes = sizeof info;
        if (bpf_obj_get_info_by_fd(map.fd, &info, &info_bytes) == 0 && info.id == id)
            return Bytes(map.name.begin(), map.name.end());
    }
    return fail(ErrorKind::kNotFound, fmt::format("no map of the object has the id {}", id));
}

Result<Bytes> value_of(const LiveMap& map, const Bytes& raw, const std::vector<LiveMap>& maps) {
    if (vm::is_map_in_map(map.type)) return inner_name(raw, maps);
    if (!vm::is_percpu(map.type)) return raw;
    const auto slot_bytes = static_cast<ptrdiff_t>((map.value_bytes + 7u) / 8 * 8);
    if (std::any_of(raw.begin() + slot_bytes, raw.end(), [](uint8_t byte) { return byte != 0; }))
        return fail(ErrorKind::kResource,
                    fmt::format("map {}: another CPU than {} has written", map.name, kKernelCpu));
    return Bytes(raw.begin(), raw.begin() + slot_bytes);
}

/// What xskmaps take: a socket with its memory and receive ring set up, bound to no device.
Result<FileDescriptor> make_xsk() {
    FileDescriptor xsk(socket(AF_XDP, SOCK_RAW, 0));
    if (xsk.get() < 0) return kernel_failure("AF_XDP socket", errno);
    static void* const memory = mmap(nullptr, size_t{kXskFrames} * kXskFrameBytes,
                                     PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) return kernel_failure("memory of an AF_XDP socket", errno);
    xdp_umem_reg umem{};
    umem.addr = reinterpret_cast<uint64_t>(memory);
    umem.len = uint64_t{kXskFrames} * kXskFrameBytes;
    umem.chunk_size = kXskFrameBytes;
    const int entries = kXskFrames;
    if (setsockopt(xsk.get(), SOL_XDP, XDP_UMEM_REG, &umem, sizeof umem) != 0 ||
        setsockopt(xsk.get(), SOL_XDP, XDP_UMEM_FILL_RING, &entries, sizeof entries) != 0 ||
        setsockopt(xsk.get(), SOL_XDP, XDP_UMEM_COMPLETION_RING, &entries, sizeof entries) != 0 ||
        setsockopt(xsk.get(), SOL_XDP, XDP_RX_RING, &entries, sizeof entries) != 0)
        return kernel_failure("rings of an AF_XDP socket", errno);
    return xsk;
}

int collect_record(void* records, void* data, size_t bytes) {
    const auto* first = static_cast<const uint8_t*>(data);
    static_cast<EventRecords*>(records)->emplace_back(first, first + bytes);
    return 0;
}

void collect_sample(void* records, int, void* data, uint32_t bytes) {
    collect_record(records, data, bytes);
}

Result<void> put_sample(const LiveMap& map, const Bytes& bytes) {
    const std::unique_ptr<user_ring_buffer, decltype(&user_ring_buffer__free)> ring(
        user_ring_buffer__new(map.fd, nullptr), user_ring_buffer__free);
    if (!ring) return kernel_failure(fmt::format("map {}: open", map.name), errno);
    void* const sample = user_ring_buffer__reserve(ring.get(), static_cast<uint32_t>(bytes.size()));
    if (sample == nullptr) return kernel_failure(fmt::format("map {}: sample", map.name), errno);
    std::ranges::copy(bytes, static_cast<uint8_t*>(sample));
    user_ring_buffer__submit(ring.get(), sample);
    return {};
}

}  // namespace

FileDescriptor::~FileDescriptor() {
    if (fd_ >= 0) close(fd_);
}

std::unexpected<Error> kernel_failure(const std::string& what, int error) {
    return fail(ErrorKind::kResource,
                fmt::format("{}: {}", what, std::strerror(error < 0 ? -error : error)));
}

bool has_contents(vm::MapType type) {
    constexpr auto kTypes =
        std::to_array({vm::MapType::Hash, vm::MapType::Array, vm::MapType::PercpuHash,
                       vm::MapType::PercpuArray, vm::MapType::LruHash, vm::MapType::LruPercpuHash,
                       vm::MapType::LpmTrie, vm::MapType::ArrayOfMaps, vm::MapType::HashOfMaps,
                       vm::MapType::Queue, vm::MapType::Stack});
    return std::ranges::find(kTypes, type) != kTypes.end();
}

Result<MapEntries> read_entries(const LiveMap& map, const std::vector<LiveMap>& maps) {
    if (map.type == vm::MapType::Queue || map.type == vm::MapType::Stack) return pop_all(map);
    MapEntries entries;
    const size_t slots =
        vm::is_percpu(map.type) ? static_cast<size_t>(libbpf_num_possible_cpus()) : 1;
    const size_t slot_bytes =
        vm::is_percpu(map.type) ? (map.value_bytes + 7u) / 8 * 8 : map.value_bytes;
    Bytes key(map.key_bytes), next(map.key_bytes), raw(slot_bytes * slots);
    for (const void* previous = nullptr; bpf_map_get_next_key(map.fd, previous, next.data()) == 0;
         previous = key.data()) {
        key = next;
        if (bpf_map_lookup_elem(map.fd, key.data(), raw.data()) != 0) {
            if (vm::is_map_in_map(map.type) && errno == ENOENT) continue;  // an empty slot
            return kernel_failure(fmt::format("map {}: look up", map.name), errno);
        }
        auto value = value_of(map, raw, maps);
        if (!value) return std::unexpected(value.error());
        entries.emplace_back(key, std::move(*value));
    }
    std::ranges::sort(entries);
    return entries;
}

Result<FilledMaps> fill_maps(const std::vector<LiveMap>& maps, const std::vector<MapFill>& fills) {
    FilledMaps filled;
    for (const MapFill& fill : fills) {
        const auto map = std::ranges::find(maps, fill.map, &LiveMap::name);
        if (map == maps.end())
            return fail(ErrorKind::kNotFound, fmt::format("the object has no map {}", fill.map));
        Bytes value = fill.value;
        if (map->type == vm::MapType::Xskmap) {
            auto xsk = make_xsk();
            if (!xsk) return std::unexpected(xsk.error());
            const int fd = xsk->get();
            value.assign(reinterpret_cast<const uint8_t*>(&fd),
                         reinterpret_cast<const uint8_t*>(&fd) + sizeof fd);
            filled.sockets.push_back(std::move(*xsk));
        }
        if (map->type == vm::MapType::UserRingbuf) {
            if (const Result<void> put = put_sample(*map, value); !put)
                return std::unexpected(put.error());
            continue;
        }
        if (bpf_map_update_elem(map->fd, fill.key.data(), value.data(), BPF_ANY) != 0)
            return kernel_failure(fmt::format("map {}: fill", fill.map), errno);
    }
    return filled;
}

Result<void> KernelEvents::open(const std::vector<LiveMap>& maps, bool with_perf) {
    for (const LiveMap& map : maps) {
        if (map.type == vm::MapType::Ringbuf) {
            rings_.emplace_back(
                ring_buffer__new(map.fd, collect_record, &records_[map.name], nullptr));
            if (!rings_.back()) return kernel_failure(fmt::format("map {}: open", map.name), errno);
        }
        if (map.type == vm::MapType::PerfEventArray && with_perf) {
            perf_.emplace_back(perf_buffer__new(map.fd, kPerfPages, collect_sample, nullptr,
                                                &records_[map.name], nullptr));
            if (!perf_.back()) return kernel_failure(fmt::format("map {}: open", map.name), errno);
        }
    }
    return {};
}

Result<void> KernelEvents::collect() {
    for (const auto& ring : rings_) {
        const int records = ring_buffer__consume(ring.get());
        if (records < 0) return kernel_failure("ring buffer", records);
    }
    for (const auto& buffer : perf_) {
        const int error = perf_buffer__consume(buffer.get());
        if (error < 0) return kernel_failure("perf buffer", error);
    }
    return {};
}

}  // namespace weir::tests
