#include "maps/lpm_map.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include <fmt/core.h>

#include "maps/lpm_map_find.h"
#include "maps/spec_check.h"
#include "maps/words.h"

// The trie is changed first, then its picture for full-length keys (lpm_fib.h), then what the
// change took out of sight is handed to the grace periods. A key is looked up in one of the two,
// or in the trie from where the picture leads to, so that it sees a change at one store.

namespace weir::maps {
namespace {

constexpr uint32_t kFlagsAllowed = vm::kMapNoPrealloc | kMapNumaNode | kAccessFlags;
/// How long the control side waits for readers when all nodes wait for them, and how often.
constexpr uint64_t kGraceWaitMs = 20;
constexpr uint32_t kGraceWaits = 200;
/// Node numbers share 32 bits with what a slot leads to.
constexpr uint32_t kEntriesMax = (kLpmNumberMax - 1) / 2 - 65536;

Result<void> check(const vm::MapSpec& spec) {
    const Result<void> common = check_common(spec, kFlagsAllowed);
    if (!common) return common;
    if ((spec.flags & vm::kMapNoPrealloc) == 0) {
        return refuse(spec,
                      fmt::format("flags {:#x} must contain BPF_F_NO_PREALLOC (0x1)", spec.flags));
    }
    constexpr uint32_t kKeyBytesMax = kLpmLengthBytes + kLpmAddressBytesMax;
    if (spec.key_bytes <= kLpmLengthBytes || spec.key_bytes > kKeyBytesMax) {
        return refuse(spec, fmt::format("key size {} must lie between {} and {}", spec.key_bytes,
                                        kLpmLengthBytes + 1, kKeyBytesMax));
    }
    if (!spec.contents.empty())
        return refuse(spec, "first contents are for arrays of one element only");
    if (spec.entries_max > kEntriesMax) {
        return fail(ErrorKind::kResource,
                    fmt::format("map {} (lpm_trie): max_entries {} exceeds {}", spec.name,
                                spec.entries_max, kEntriesMax));
    }
    return {};
}

/// Where the nodes begin, behind the look-up structure.
uint64_t nodes_offset(const LpmFib::Shape& fib) {
    return round_up_to(LpmFib::bytes_needed(fib), kLpmUnitBytes);
}

}  // namespace

Result<std::unique_ptr<vm::Map>> LpmMap::create(const vm::MapSpec& spec, MapMemory& memory) {
    if (const Result<void> ok = check(spec); !ok) return std::unexpected(ok.error());
    const LpmNodes::Shape nodes{.entries_max = spec.entries_max,
                                .address_bytes = spec.key_bytes - kLpmLengthBytes,
                                .value_bytes = spec.value_bytes};
    const LpmFib::Shape fib = LpmFib::shape_for(spec.entries_max, nodes.address_bytes);
    Result<Region> region = memory.take(nodes_offset(fib) + LpmNodes::bytes_needed(nodes));
    if (!region) return std::unexpected(region.error());
    return std::unique_ptr<vm::Map>(new LpmMap(spec, std::move(*region), nodes, fib));
}

LpmMap::LpmMap(const vm::MapSpec& spec, Region memory, const LpmNodes::Shape& nodes,
               const LpmFib::Shape& fib)
    : Map(spec),
      memory_(std::move(memory)),
      readers_(readers_for(fib.layout, nodes.address_bytes)),
      nodes_(memory_.data() + nodes_offset(fib), nodes),
      trie_(nodes_),
      fib_(memory_.data(), fib, trie_, nodes_) {}

// -- readers
// -----------------------------------------------------------------------------------------

template <LpmLayout kLayout, uint32_t kAddressBytes>
uint8_t* LpmMap::look_up_one(vm::Map& map, const uint8_t* key, uint32_t /*cpu*/) {
    return static_cast<const LpmMap&>(map).look_up<kLayout, kAddressBytes>(key);
}

template <LpmLayout kLayout, uint32_t kAddressBytes>
void LpmMap::look_up_many(LpmMap& map, const uint8_t* const* keys, uint32_t count,
                          uint8_t** values) {
    const uint32_t bytes = kAddressBytes != 0 ? kAddressBytes : map.nodes_.address_bytes();
    if (map.fib_.find_many<kLayout, kAddressBytes>(keys, count, values)) [[likely]]
        return;
    for (uint32_t i = 0; i < count; ++i) {
        if (LpmKey::bits_of(keys[i]) != bytes * 8) values[i] = map.look_up_shorter(keys[i]);
    }
}

/// Shorter keys are looked for in the trie, whose ways cannot be told ahead.
template <LpmLayout kLayout, uint32_t kAddressBytes>
uint64_t LpmMap::ask(const vm::Map& map, const uint8_t* key, uint32_t /*cpu*/) {
    const auto& self = static_cast<const LpmMap&>(map);
    const uint32_t bytes = kAddressBytes != 0 ? kAddressBytes : self.nodes_.address_bytes();
    if (LpmKey::bits_of(key) != bytes * 8) return vm::LookupSteps::kNoWait;
    return self.fib_.ask<kLayout>(key + kLpmLengthBytes);
}

template <LpmLayout kLayout, uint32_t kAddressBytes>
uint64_t LpmMap::ask_on(const vm::Map& map, const uint8_t* key, uint32_t /*cpu*/, uint64_t ticket) {
    const auto& self = static_cast<const LpmMap&>(map);
    return self.fib_.ask_on<kLayout, kAddressBytes>(key + kLpmLengthBytes, ticket);
}

template <LpmLayout kLayout>
LpmMap::Readers LpmMap::readers_of_size(uint32_t address_bytes) {
    const auto readers = []<uint32_t kBytes>() -> Readers {
        return {.one = look_up_one<kLayout, kBytes>,
                .many = look_up_many<kLayout, kBytes>,
                .steps = {.ask = ask<kLayout, kBytes>, .ask_on = ask_on<kLayout, kBytes>}};
    };
    switch (address_bytes) {
        case 4: return readers.template operator()<4>();
        case 16: return readers.template operator()<16>();
        default: return readers.template operator()<0>();
    }
}

LpmMap::Readers LpmMap::readers_for(LpmLayout layout, uint32_t address_bytes) {
    switch (layout) {
        case LpmLayout::Byte: return readers_of_size<LpmLayout::Byte>(address_bytes);
        case LpmLayout::Pair: return readers_of_size<LpmLayout::Pair>(address_bytes);
        case LpmLayout::Wide: break;
    }
    return readers_of_size<LpmLayout::Wide>(address_bytes);
}

vm::LookupLayout LpmMap::lookup_layout() const {
    vm::PrefixLayout layout = fib_.layout_of_tables();
    layout.address_bytes = nodes_.address_bytes();
    layout.values = nodes_.values().base;
    layout.value_stride = nodes_.values().stride;
    return {layout};
}

uint8_t* LpmMap::look_up_shorter(const uint8_t* raw) const {
    LpmKey key;
    if (!key.parse(raw, nodes_.address_bytes())) return nullptr;
    return nodes_.values().of_or_null(
        trie_.walk<0>(trie_.root(), kNoNode, key.words.data(), key.prefix_bits));
}

int LpmMap::control_lookup(const uint8_t* key, std::span<uint8_t> value) {
    if (const int error = control_read_error(spec()); error != 0) return error;
    if (value.size() < control_value_bytes()) return -EINVAL;
    const ReaderScope reading;
    const uint8_t* found = lookup(key, 0);
    if (found == nullptr) return -ENOENT;
    load_words(value.data(), found, spec().value_bytes);
    return 0;
}

int LpmMap::next_key(const uint8_t* raw, uint8_t* next) {
    if (const int error = control_read_error(spec()); error != 0) return error;
    const ReaderScope reading;
    LpmKey key;
    const bool from_start = raw == nullptr || !key.parse(raw, nodes_.address_bytes());
    const uint32_t found = trie_.next(from_start ? nullptr : &key);
    if (found == kNoNode) return -ENOENT;
    write_key(nodes_.at(found), next);
    return 0;
}

void LpmMap::write_key(const LpmNode& node, uint8_t* key) const {
    const uint32_t prefix_bits = node.prefix_bits;
    std::memcpy(key, &prefix_bits, kLpmLengthBytes);
    for (uint32_t at = 0; at < nodes_.address_bytes(); at += 8) {
        const uint64_t word = __builtin_bswap64(node.words[at / 8]);
        std::memcpy(key + kLpmLengthBytes + at, &word, std::min(nodes_.address_bytes() - at, 8u));
    }
}

Salvaged LpmMap::salvage(vm::Map& into) {
    Salvaged salvaged;
    std::array<uint8_t, kLpmLengthBytes + kLpmAddressBytesMax> key;
    Bytes value(spec().value_bytes);
    for (const uint32_t entry : trie_.whole_entries(salvaged.torn)) {
        write_key(nodes_.at(entry), key.data());
        load_words(value.data(), nodes_.values().of(entry), value.size());
        restore_element(into, key.data(), value, vm::kUpdateNoExist, salvaged);
    }
    return salvaged;
}

uint64_t LpmMap::used_bytes() const {
    const uint64_t per_entry = nodes_.entry_bytes() + nodes_.fork_bytes();
    return fib_.used_bytes() + entries() * per_entry;
}

// -- writers
// -----------------------------------------------------------------------------------------

/// trie_check_add_elem of the kernel.
int LpmMap::admission_error(uint64_t flags) {
    if (flags == vm::kUpdateExist) return -ENOENT;
    if (entries() < spec().entries_max) return 0;
    full_.fetch_add(1, std::memory_order_relaxed);
    return -ENOSPC;
}

void LpmMap::show(const LpmChange& change) {
    fib_.apply(change);
    for (const uint32_t node : change.gone) {
        if (node != kNoNode) nodes_.retire(node);
    }
}

int LpmMap::put_locked(const LpmKey& key, const uint8_t* value, uint64_t flags) {
    const LpmTrie::Place place = trie_.place_of(key, fib_.anchor(key));
    const bool present = trie_.entry_at(place, key) != kNoNode;
    if (present && flags == vm::kUpdateNoExist) return -EEXIST;
    if (!present) {
        if (const int error = admission_error(flags); error != 0) return error;
    }
    if (!nodes_.reserve(1, trie_.parts(place, key) ? 1 : 0)) return -ENOMEM;
    if (!present) entries_.store(entries() + 1, std::memory_order_relaxed);
    show(trie_.put(place, key, value, spec().value_bytes));
    return 0;
}

int LpmMap::put(const uint8_t* raw, const uint8_t* value, uint64_t flags, Side side) {
    if (flags > vm::kUpdateExist) return -EINVAL;
    LpmKey key;
    if (!key.parse(raw, nodes_.address_bytes())) return -EINVAL;
    if (!writers_.acquire(side)) return -EBUSY;
    const int status = put_locked(key, value, flags);
    writers_.release();
    return status;
}

int LpmMap::remove_locked(const LpmKey& key) {
    const LpmTrie::Place place = trie_.place_of(key, fib_.anchor(key));
    if (trie_.entry_at(place, key) == kNoNode) return -ENOENT;
    if (!nodes_.reserve(0, 1)) return -ENOMEM;
    show(trie_.remove(place, key));
    entries_.store(entries() - 1, std::memory_order_relaxed);
    return 0;
}

int LpmMap::remove(const uint8_t* raw, Side side) {
    LpmKey key;
    if (!key.parse(raw, nodes_.address_bytes())) return -EINVAL;
    if (!writers_.acquire(side)) return -EBUSY;
    const int status = remove_locked(key);
    writers_.release();
    return status;
}

int LpmMap::update(const uint8_t* key, const uint8_t* value, uint64_t flags, uint32_t /*cpu*/) {
    const int status = put(key, value, flags, Side::Program);
    if (status == -ENOMEM) full_.fetch_add(1, std::memory_order_relaxed);
    if (status == -EBUSY) busy_.fetch_add(1, std::memory_order_relaxed);
    return status;
}

int LpmMap::erase(const uint8_t* key) {
    const int status = remove(key, Side::Program);
    if (status != -ENOMEM && status != -EBUSY) return status;
    busy_.fetch_add(1, std::memory_order_relaxed);
    return -EBUSY;
}

/// Nodes that wait for readers are to be had once these move on: the control side may wait.
template <typename Attempt>
int LpmMap::outlast_readers(Attempt attempt) {
    int status = attempt();
    for (uint32_t waits = 0; status == -ENOMEM && waits < kGraceWaits; ++waits) {
        wait_for_readers(kGraceWaitMs);
        status = attempt();
    }
    return status;
}

int LpmMap::control_update(const uint8_t* key, std::span<const uint8_t> value, uint64_t flags) {
    if (const int error = control_write_error(spec()); error != 0) return error;
    if (value.size() != spec().value_bytes) return -EINVAL;
    const int status =
        outlast_readers([&] { return put(key, value.data(), flags, Side::Control); });
    if (status == -ENOMEM) full_.fetch_add(1, std::memory_order_relaxed);
    return status;
}

int LpmMap::control_erase(const uint8_t* key) {
    if (const int error = control_write_error(spec()); error != 0) return error;
    return outlast_readers([&] { return remove(key, Side::Control); });
}

}  // namespace weir::maps
