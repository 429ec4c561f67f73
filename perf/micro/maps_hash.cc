// Look-ups in hash tables, one key at a time and 32 at a time, called directly. Each row draws its
// keys at random from a list that was drawn beforehand. What comes back is the place of the value;
// nobody reads the value, since rte_hash_lookup gives a number only.

#include <array>
#include <optional>

#include "perf/micro/maps_rows.h"
#include "perf/micro/maps_tables.h"
#include "perf/micro/maps_urcu.h"

namespace weir::perf {
namespace {

struct Shape {
    uint32_t key_bytes;
    uint32_t entries;
};
constexpr std::array<Shape, 7> kShapes = {{{4, 1u << 10},
                                           {8, 1u << 10},
                                           {16, 1u << 10},
                                           {4, 1u << 20},
                                           {8, 1u << 20},
                                           {16, 1u << 20},
                                           {8, 1u << 24}}};

template <typename Add>
bool add_all(const Shape& shape, const Add& add) {
    for (uint64_t number = 0; number < shape.entries; ++number)
        if (!add(key_of_number(number).data(), number)) return false;
    return true;
}

std::unique_ptr<vm::Map> filled_map(const Shape& shape) {
    auto map = make_map({.name = "hash",
                         .type = vm::MapType::Hash,
                         .key_bytes = shape.key_bytes,
                         .value_bytes = 8,
                         .entries_max = shape.entries},
                        1);
    const auto add = [&](const uint8_t* key, uint64_t number) {
        return map->update(key, reinterpret_cast<const uint8_t*>(&number), 0, 0) == 0;
    };
    if (map && !add_all(shape, add)) map.reset();
    return map;
}

std::unique_ptr<DpdkHash> filled_dpdk(const Shape& shape) {
    auto hash = DpdkHash::make(shape.key_bytes, shape.entries);
    const auto add = [&](const uint8_t* key, uint64_t) {
        return rte_hash_add_key(hash->table(), key) >= 0;
    };
    if (hash && !add_all(shape, add)) hash.reset();
    return hash;
}

std::unique_ptr<UrcuHash> filled_urcu(const Shape& shape) {
    auto hash = make_urcu_hash(shape.key_bytes, shape.entries);
    add_all(shape, [&](const uint8_t* key, uint64_t) {
        hash->add(key);
        return true;
    });
    return hash;
}

/// The rows of one shape and one answer.
class HashRows {
public:
    HashRows(const Shape& shape, std::shared_ptr<Group> group)
        : shape_(shape),
          group_(group),
          map_(Lazy<vm::Map>::in(group, [shape] { return filled_map(shape); })),
          dpdk_(Lazy<DpdkHash>::in(group, [shape] { return filled_dpdk(shape); })),
          urcu_(Lazy<UrcuHash>::in(group, [shape] { return filled_urcu(shape); })) {}

    void add(bool hit) const {
        const uint64_t first = hit ? 0 : shape_.entries;
        const auto make = [shape = shape_, first] {
            return std::make_unique<KeyList>(draw_keys(shape.key_bytes, first, shape.entries));
        };
        const auto keys = Lazy<KeyList>::in(group_, make);
        const std::string what = "hash " + std::to_string(shape_.key_bytes) +
                                 (hit ? " hit " : " miss ") + power_of(shape_.entries);
        add_single(what, keys);
        add_bulk(what + " bulk", keys);
    }

private:
    using Keys = std::shared_ptr<Lazy<KeyList>>;

    /// Calls lookup(key) once for each iteration.
    template <typename Lookup>
    static void walk(benchmark::State& state, const KeyList& keys, const Lookup& lookup) {
        const size_t mask = keys.size() - 1;
        size_t at = 0;
        for (auto _ : state) benchmark::DoNotOptimize(lookup(keys.at(at++ & mask)));
    }
    /// Calls lookup(keys) once for kBulkKeys iterations.
    template <typename Lookup>
    static void walk_bulk(benchmark::State& state, const KeyList& keys, const Lookup& lookup) {
        std::array<const uint8_t*, kBulkKeys> bulk;
        const size_t mask = keys.size() - 1;
        size_t at = 0;
        while (state.KeepRunningBatch(kBulkKeys)) {
            for (const uint8_t*& key : bulk) key = keys.at(at++ & mask);
            lookup(bulk.data());
            benchmark::ClobberMemory();
        }
    }

    void note_sizes(const char* way, uint64_t bytes) const {
        note_memory("hash " + std::to_string(shape_.key_bytes) + ", values of 8, " +
                        power_of(shape_.entries),
                    way, bytes);
    }

    void add_single(const std::string& what, const Keys& keys) const {
        add_row(what, kWeir, [*this, keys](benchmark::State& state) {
            vm::Map* const map = map_->get(state);
            if (map == nullptr) return;
            note_sizes(kWeir, map->memory_bytes());
            // As the machine code of a program does, which knows the map long before the key.
            const vm::LookupFn function = map->lookup_function();
            walk(state, *keys->get(state),
                 [&](const uint8_t* key) { return function(*map, key, 0); });
        });
        add_row(what, kDpdk, [*this, keys](benchmark::State& state) {
            const DpdkHash* const hash = dpdk_->get(state);
            if (hash == nullptr) return;
            note_sizes(kDpdk, hash->memory_bytes());
            walk(state, *keys->get(state),
                 [&](const uint8_t* key) { return rte_hash_lookup(hash->table(), key); });
        });
        if (!has_urcu()) return;
        add_row(what, kLiburcu, [*this, keys](benchmark::State& state) {
            const UrcuHash* const hash = urcu_->get(state);
            note_sizes(kLiburcu, hash->memory_bytes());
            walk(state, *keys->get(state), [&](const uint8_t* key) { return hash->lookup(key); });
        });
    }

    void add_bulk(const std::string& what, const Keys& keys) const {
        add_row(what, kWeir, [*this, keys](benchmark::State& state) {
            vm::Map* const map = map_->get(state);
            if (map == nullptr) return;
            std::array<uint8_t*, kBulkKeys> values;
            walk_bulk(state, *keys->get(state), [&](const uint8_t* const* bulk) {
                map->lookup_bulk(bulk, kBulkKeys, values.data(), 0);
                benchmark::DoNotOptimize(values.data());
            });
        });
        add_row(what, kDpdk, [*this, keys](benchmark::State& state) {
            const DpdkHash* const hash = dpdk_->get(state);
            if (hash == nullptr) return;
            std::array<int32_t, kBulkKeys> positions;
            walk_bulk(state, *keys->get(state), [&](const uint8_t* const* bulk) {
                auto** const plain =
                    reinterpret_cast<const void**>(const_cast<const uint8_t**>(bulk));
                rte_hash_lookup_bulk(hash->table(), plain, kBulkKeys, positions.data());
                benchmark::DoNotOptimize(positions.data());
            });
        });
    }

    Shape shape_;
    std::shared_ptr<Group> group_;
    std::shared_ptr<Lazy<vm::Map>> map_;
    std::shared_ptr<Lazy<DpdkHash>> dpdk_;
    std::shared_ptr<Lazy<UrcuHash>> urcu_;
};

}  // namespace

void add_hash_rows() {
    if (!has_urcu()) leave_out("liburcu: the build found no liburcu");
    for (const Shape& shape : kShapes) {
        const HashRows rows(shape, std::make_shared<Group>());
        rows.add(true);
        rows.add(false);
    }
}

}  // namespace weir::perf
