#include "tests/differential/trial_world.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "maps/maps.h"
#include "maps/user_ringbuf_map.h"
#include "vm/base/check.h"
#include "vm/base/limits.h"

namespace weir::tests {
namespace {

constexpr uint32_t kCpuSlots = 2;
constexpr uint32_t kElementsMax = 6;
constexpr size_t kSampleBytes = 20;  ///< of a user ring buffer

bool is_filled_by_keys(vm::MapType type) {
    constexpr auto kTypes = std::to_array(
        {vm::MapType::Hash, vm::MapType::Array, vm::MapType::PercpuHash, vm::MapType::PercpuArray,
         vm::MapType::LruHash, vm::MapType::LruPercpuHash, vm::MapType::LpmTrie,
         vm::MapType::Devmap, vm::MapType::DevmapHash, vm::MapType::Cpumap});
    return std::ranges::find(kTypes, type) != kTypes.end();
}

bool has_index_keys(vm::MapType type) {
    return type == vm::MapType::Array || type == vm::MapType::PercpuArray;
}

void put_number(std::span<uint8_t> bytes, uint64_t number) {
    std::memcpy(bytes.data(), &number, std::min(bytes.size(), sizeof number));
}

/// Small numbers, as programs look them up.
void fill_key(std::span<uint8_t> key, vm::MapType type, Random& random) {
    std::ranges::fill(key, 0);
    if (type == vm::MapType::LpmTrie) {
        put_number(key.first(4), random.below(static_cast<uint32_t>(key.size() - 4) * 8 + 1));
        fill_bytes(key.subspan(4), random);
    } else if (random.one_in(4)) {
        fill_bytes(key, random);
    } else {
        put_number(key, random.below(8));
    }
}

void drop(void*, std::span<const uint8_t>) {}

}  // namespace

uint64_t edge_number(Random& random) {
    constexpr uint64_t kEdges[] = {
        0,       1,       2,         3,          4,          7,           8,
        15,      16,      31,        32,         48,         63,          64,
        127,     128,     255,       256,        0x7fff,     0x8000,      0xffff,
        0x10000, 1 << 29, INT32_MAX, 0x80000000, 0xffffffff, 0x100000000, INT64_MAX};
    const uint64_t edge = kEdges[random.below(std::size(kEdges))];
    switch (random.below(4)) {
        case 0: return -edge;
        case 1: return edge + random.below(3) - 1;
        default: return edge;
    }
}

void fill_bytes(std::span<uint8_t> bytes, Random& random) {
    switch (random.below(5)) {
        case 0: std::ranges::fill(bytes, random.one_in(2) ? uint8_t{0} : uint8_t{0xff}); return;
        case 1:
            for (size_t at = 0; at < bytes.size(); at += 8)
                put_number(bytes.subspan(at), edge_number(random));
            return;
        case 2:
            for (uint8_t& byte : bytes) byte = static_cast<uint8_t>(random.below(8));
            return;
        case 3: {
            constexpr uint8_t kEdges[] = {0, 1, 0x7f, 0x80, 0xff, 0x3f, 0x40, 8};
            for (uint8_t& byte : bytes) byte = kEdges[random.below(std::size(kEdges))];
            return;
        }
        default:
            for (size_t at = 0; at < bytes.size(); at += 8)
                put_number(bytes.subspan(at), random.next());
    }
}

TrialMaps::TrialMaps(const std::vector<vm::MapSpec>& specs) {
    for (const vm::MapSpec& spec : specs) {
        auto map = maps::create_map(spec, kCpuSlots);
        WEIR_CHECK(map.has_value());
        owned_.push_back(std::move(*map));
        pointers_.push_back(owned_.back().get());
    }
    for (vm::Map* outer : pointers_) {
        if (!vm::is_map_in_map(outer->spec().type) || !outer->spec().inner) continue;
        for (size_t i = 0; i < pointers_.size(); ++i) {
            const uint32_t key = 0;
            if (!pointers_[i]->spec().same_definition(*outer->spec().inner)) continue;
            outer->bind_map(reinterpret_cast<const uint8_t*>(&key), pointers_[i],
                            static_cast<uint32_t>(i + 1));
            break;
        }
    }
}

void TrialMaps::empty(vm::Map& map) {
    const vm::MapSpec& spec = map.spec();
    Bytes bytes(std::max(spec.key_bytes, spec.value_bytes));
    switch (spec.type) {
        case vm::MapType::Hash:
        case vm::MapType::PercpuHash:
        case vm::MapType::LruHash:
        case vm::MapType::LruPercpuHash:
        case vm::MapType::LpmTrie:
        case vm::MapType::DevmapHash:
            while (map.next_key(nullptr, bytes.data()) == 0 &&
                   map.control_erase(bytes.data()) == 0) {
            }
            return;
        case vm::MapType::Queue:
        case vm::MapType::Stack:
            while (map.pop(bytes.data()) == 0) {
            }
            return;
        case vm::MapType::Ringbuf:
        case vm::MapType::PerfEventArray: map.drain_events(0, drop, nullptr); return;
        case vm::MapType::UserRingbuf:
            static_cast<maps::UserRingbufMap&>(map).consume(
                [](void*, uint8_t*, uint32_t) -> uint64_t { return 0; }, nullptr);
            return;
        case vm::MapType::Array:
        case vm::MapType::ProgArray:
        case vm::MapType::PercpuArray:
        case vm::MapType::ArrayOfMaps:
        case vm::MapType::HashOfMaps:
        case vm::MapType::Devmap:
        case vm::MapType::Cpumap:
        case vm::MapType::Xskmap:
        case vm::MapType::BloomFilter: return;
    }
}

void TrialMaps::fill(Random& random) {
    Bytes key, value;
    for (vm::Map* map : pointers_) {
        const vm::MapSpec& spec = map->spec();
        empty(*map);
        key.resize(spec.key_bytes);
        value.resize(spec.value_bytes);
        if (spec.type == vm::MapType::Queue || spec.type == vm::MapType::Stack ||
            spec.type == vm::MapType::BloomFilter) {
            fill_bytes(value, random);
            map->push(value.data(), 0);
        }
        if (spec.type == vm::MapType::UserRingbuf) {
            value.resize(kSampleBytes);
            for (uint32_t i = 0; i < kElementsMax; ++i) {
                fill_bytes(value, random);
                static_cast<maps::UserRingbufMap*>(map)->produce(value);
            }
        }
        if (!is_filled_by_keys(spec.type) || spec.frozen) continue;
        for (uint32_t i = 0; i < std::min(spec.entries_max, kElementsMax); ++i) {
            if (has_index_keys(spec.type))
                put_number(key, i);
            else
                fill_key(key, spec.type, random);
            fill_bytes(value, random);
            map->control_update(key.data(), value, vm::kUpdateAny);
        }
    }
}

TrialFrame::TrialFrame()
    : page_(static_cast<size_t>(sysconf(_SC_PAGESIZE))),
      bytes_((kTrialPacketMax + 2 * page_ - 1) / page_ * page_) {
    void* const all =
        mmap(nullptr, bytes_ + 2 * page_, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    WEIR_CHECK(all != MAP_FAILED);
    base_ = static_cast<uint8_t*>(all);
    WEIR_CHECK(mprotect(base_ + page_, bytes_, PROT_READ | PROT_WRITE) == 0);
}

TrialFrame::~TrialFrame() {
    munmap(base_, bytes_ + 2 * page_);
}

/// Each of its own, so that a sanitizer sees a step over its end.
void TrialFrame::cut_pieces(std::span<const uint8_t> bytes) {
    constexpr size_t kPieceBytes = 20;
    pieces_.clear();
    segments_.clear();
    for (; !bytes.empty(); bytes = bytes.subspan(std::min(kPieceBytes, bytes.size()))) {
        const auto piece = bytes.first(std::min(kPieceBytes, bytes.size()));
        pieces_.push_back(std::make_unique<uint8_t[]>(piece.size()));
        std::ranges::copy(piece, pieces_.back().get());
        const auto size = static_cast<uint32_t>(piece.size());
        segments_.push_back({pieces_.back().get(), size, size});
    }
}

vm::XdpContext TrialFrame::place(std::span<const uint8_t> packet, const Room& room) {
    cut_pieces(packet.last(room.apart));
    packet = packet.first(packet.size() - room.apart);
    const size_t all = room.head + room.meta + packet.size() + room.tail;
    WEIR_CHECK(all <= bytes_);
    uint8_t* const start = base_ + page_ + (room.at_end ? bytes_ - all : 0);
    uint8_t* const meta = start + room.head;
    std::memset(start, 0, room.head + room.meta);
    std::ranges::copy(packet, meta + room.meta);
    std::memset(meta + room.meta + packet.size(), 0, room.tail);
    vm::XdpContext context{};
    context.frame_start = start;
    context.data_meta = meta;
    context.data = meta + room.meta;
    context.data_end = context.data + packet.size();
    context.frame_limit = context.data_end + room.tail;
    context.ingress_ifindex = 1;
    context.rx_queue_index = 3;
    context.segment_count = static_cast<uint32_t>(segments_.size());
    context.segments = segments_.data();
    return context;
}

}  // namespace weir::tests
