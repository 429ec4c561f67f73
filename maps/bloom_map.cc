#include "maps/bloom_map.h"

#include <algorithm>
#include <bit>
#include <cerrno>

#include <fmt/core.h>

#include "maps/jenkins_hash.h"
#include "maps/spec_check.h"

namespace weir::maps {
namespace {

constexpr uint32_t kFlagsAllowed = kMapNumaNode | vm::kMapZeroSeed | kAccessFlags;
constexpr uint64_t kHashesMax = 15;
constexpr uint32_t kHashesUsual = 5;
constexpr uint64_t kBitsMin = 64;
constexpr uint64_t kBitsMax = uint64_t{1} << 32;

/// A power of two near max_entries * hashes / ln 2, with the kernel's rounding and bounds.
uint64_t bits_of(uint32_t entries_max, uint32_t hashes) {
    const uint64_t product = uint64_t{entries_max} * hashes;
    if (product > UINT32_MAX) return kBitsMax;
    const uint64_t wanted = product / 5 * 7;
    if (wanted > kBitsMax / 2) return kBitsMax;
    return std::bit_ceil(std::max(wanted, kBitsMin));
}

}  // namespace

Result<std::unique_ptr<vm::Map>> BloomMap::create(const vm::MapSpec& spec, MapMemory& memory) {
    if (const Result<void> ok = check_keyless_spec(spec, kFlagsAllowed); !ok)
        return std::unexpected(ok.error());
    if (spec.extra > kHashesMax) {
        return refuse(spec, fmt::format("map_extra {} asks for more than {} hash functions",
                                        spec.extra, kHashesMax));
    }
    const uint32_t hashes = spec.extra == 0 ? kHashesUsual : static_cast<uint32_t>(spec.extra);
    const uint64_t bits = bits_of(spec.entries_max, hashes);
    Result<Region> region = memory.take(bits / 8);
    if (!region) return std::unexpected(region.error());
    const bool zero_seed = (spec.flags & vm::kMapZeroSeed) != 0;
    const uint32_t seed = zero_seed ? 0 : static_cast<uint32_t>(memory.secrets()[0]);
    return std::unique_ptr<vm::Map>(
        new BloomMap(spec, std::move(*region), static_cast<uint32_t>(bits - 1), hashes, seed));
}

uint32_t BloomMap::bit_of(const uint8_t* value, uint32_t hash) const {
    return jenkins_hash(value, spec().value_bytes, seed_ + hash) & mask_;
}

std::atomic<uint64_t>& BloomMap::word_of(uint32_t bit) const {
    return reinterpret_cast<std::atomic<uint64_t>*>(memory_.data())[bit / 64];
}

uint8_t* BloomMap::lookup(const uint8_t*, uint32_t) {
    return nullptr;
}
int BloomMap::update(const uint8_t*, const uint8_t*, uint64_t, uint32_t) {
    return -EINVAL;
}
int BloomMap::erase(const uint8_t*) {
    return -EOPNOTSUPP;
}

int BloomMap::push(const uint8_t* value, uint64_t flags) {
    if (flags != vm::kUpdateAny) return -EINVAL;
    for (uint32_t hash = 0; hash < hashes_; ++hash) {
        const uint32_t bit = bit_of(value, hash);
        const uint64_t mask = uint64_t{1} << bit % 64;
        // Most bits are set already in a filter in use: then no line is taken from other cores.
        if ((word_of(bit).load(std::memory_order_relaxed) & mask) == 0)
            word_of(bit).fetch_or(mask, std::memory_order_relaxed);
    }
    return 0;
}

int BloomMap::peek(uint8_t* value) {
    for (uint32_t hash = 0; hash < hashes_; ++hash) {
        const uint32_t bit = bit_of(value, hash);
        if ((word_of(bit).load(std::memory_order_relaxed) >> bit % 64 & 1) == 0) return -ENOENT;
    }
    return 0;
}

int BloomMap::control_lookup(const uint8_t*, std::span<uint8_t> value) {
    if (const int error = control_read_error(spec()); error != 0) return error;
    return value.size() < spec().value_bytes ? -EINVAL : peek(value.data());
}

int BloomMap::control_update(const uint8_t*, std::span<const uint8_t> value, uint64_t flags) {
    if (const int error = control_write_error(spec()); error != 0) return error;
    return value.size() != spec().value_bytes ? -EINVAL : push(value.data(), flags);
}

int BloomMap::control_erase(const uint8_t*) {
    const int error = control_write_error(spec());
    return error != 0 ? error : -EOPNOTSUPP;
}

int BloomMap::next_key(const uint8_t*, uint8_t*) {
    const int error = control_read_error(spec());
    return error != 0 ? error : -EOPNOTSUPP;
}

Salvaged BloomMap::salvage(vm::Map& into) {
    auto& fresh = static_cast<BloomMap&>(into);
    uint64_t bits = 0;
    for (uint64_t bit = 0; bit <= mask_; bit += 64) {
        const uint64_t word = word_of(static_cast<uint32_t>(bit)).load(std::memory_order_relaxed);
        fresh.word_of(static_cast<uint32_t>(bit)).store(word, std::memory_order_relaxed);
        bits += static_cast<uint64_t>(std::popcount(word));
    }
    return {.kept = bits / hashes_};
}

}  // namespace weir::maps
