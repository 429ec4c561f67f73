#include "maps/lru_map.h"

#include <algorithm>
#include <array>
#include <cerrno>

#include <fmt/core.h>

#include "maps/spec_check.h"
#include "maps/words.h"

namespace weir::maps {
namespace {

constexpr uint32_t kNoCommonLru = 1u << 1;  ///< BPF_F_NO_COMMON_LRU
constexpr uint32_t kFlagsAllowedPercpu = kNoCommonLru | vm::kMapZeroSeed | kAccessFlags;
constexpr uint32_t kFlagsAllowed = kFlagsAllowedPercpu | kMapNumaNode;
/// Whose elements the control side uses: those of the first cpu.
constexpr uint32_t kControlCpu = 0;

/// Looks for an element before an insert fails: some 100 milliseconds.
constexpr uint32_t kTakesMax = 1u << 16;
/// Threads of the control side that insert at once.
constexpr uint32_t kControlThreads = 4;

/// Elements of a map: with lists per cpu every cpu has the same share, at least one
/// (htab_map_alloc).
uint32_t capacity_of(const vm::MapSpec& spec, uint32_t cpu_slots) {
    if ((spec.flags & kNoCommonLru) == 0) return spec.entries_max;
    const uint64_t up = round_up_to(spec.entries_max, cpu_slots);
    return static_cast<uint32_t>(up <= UINT32_MAX ? up : up - cpu_slots);
}

int existence_error(bool present, uint64_t flags) {
    if (present && flags == vm::kUpdateNoExist) return -EEXIST;
    return !present && flags == vm::kUpdateExist ? -ENOENT : 0;
}

}  // namespace

Result<std::unique_ptr<vm::Map>> LruMap::create(const vm::MapSpec& spec, uint32_t cpu_slots,
                                                MapMemory& memory) {
    const bool percpu = vm::is_percpu(spec.type);
    const Result<void> ok = check_hash_spec(spec, percpu ? kFlagsAllowedPercpu : kFlagsAllowed);
    if (!ok) return std::unexpected(ok.error());
    const uint32_t capacity = capacity_of(spec, cpu_slots);
    const uint32_t spares = cpu_slots + kControlThreads;
    auto table = HashTable::create({.key_bytes = spec.key_bytes,
                                    .payload_bytes = 0,
                                    .entries_max = capacity,
                                    .spare_elements = spares,
                                    .threads = 1,
                                    .zero_seed = (spec.flags & vm::kMapZeroSeed) != 0},
                                   memory);
    if (!table) return std::unexpected(table.error());
    Result<ValuePlanes> values =
        ValuePlanes::take(spec, capacity + spares, percpu ? cpu_slots : 1, memory);
    if (!values) return std::unexpected(values.error());
    const bool common = (spec.flags & kNoCommonLru) == 0;
    auto lists = LruShards::create(
        {.elements = capacity, .spares = spares, .cpus = cpu_slots, .common = common}, memory);
    if (!lists) return std::unexpected(lists.error());
    return std::unique_ptr<vm::Map>(
        new LruMap(spec, std::move(*table), std::move(*values), std::move(*lists)));
}

LruMap::LruMap(const vm::MapSpec& spec, std::unique_ptr<HashTable> table, ValuePlanes values,
               std::unique_ptr<LruShards> lists)
    : Map(spec), table_(std::move(table)), values_(std::move(values)), lists_(std::move(lists)) {}

uint8_t* LruMap::lookup(const uint8_t* key, uint32_t cpu) {
    return use(table_->find(key).element, cpu);
}

vm::LookupFn LruMap::lookup_function() const {
    return with_key_bytes(spec().key_bytes, []<uint32_t kKeyBytes>() -> vm::LookupFn {
        return [](vm::Map& map, const uint8_t* key, uint32_t cpu) -> uint8_t* {
            return static_cast<LruMap&>(map).look_up<kKeyBytes>(key, cpu);
        };
    });
}

std::optional<vm::LookupSteps> LruMap::lookup_steps() const {
    return HashSteps::of<LruMap>(spec().key_bytes);
}

/// Value and mark lie apart from the element.
uint64_t LruMap::ask_element(uint64_t ticket, uint32_t cpu) const {
    const uint32_t element = table_->ask_element(ticket);
    if (element == kNoElement) return vm::LookupSteps::kNoWait;
    __builtin_prefetch(values_.at(element, is_percpu() ? cpu : 0));
    lists_->prefetch_mark(element);
    return vm::LookupSteps::kLast;
}

vm::LookupLayout LruMap::lookup_layout() const {
    vm::HashLayout layout = table_->layout();
    values_.describe(layout);
    layout.marks = lists_->marks();
    return {layout};
}

void LruMap::lookup_bulk(const uint8_t* const* keys, uint32_t count, uint8_t** values,
                         uint32_t cpu) {
    std::array<uint32_t, kBurstPacketsMax> elements;
    table_->find_bulk(keys, count, elements.data());
    for (uint32_t i = 0; i < count; ++i) {
        values[i] = use(elements[i], cpu);
        __builtin_prefetch(values[i]);  // it lies apart from its element, and is wanted next
    }
}

int LruMap::update(const uint8_t* key, const uint8_t* value, uint64_t flags, uint32_t cpu) {
    if (cpu >= lists_->cpus()) return -EINVAL;
    const uint32_t only_cpu = is_percpu() ? cpu : kAllCpus;
    return put(key, {.base = value, .step = 0, .only_cpu = only_cpu}, flags, cpu, Side::Program);
}

/// Makes room: any element but the one that was just inserted.
class LruMap::Evictor final : public LruEvictor {
public:
    Evictor(LruMap& map, uint32_t kept, Side side) : map_(map), kept_(kept), side_(side) {}
    ~Evictor() {
        if (gone_ == 0) return;
        map_.table_->removed(gone_);
        map_.evicted_.add(gone_);
    }
    Evictor(const Evictor&) = delete;
    Evictor& operator=(const Evictor&) = delete;
    bool evict(uint32_t element) override {
        if (element == kept_ || !map_.table_->try_remove(element, side_)) return false;
        map_.values_.clear_fields(element);
        ++gone_;
        return true;
    }
    void expect(uint32_t soon, uint32_t next) override {
        if (soon != kNoElement) map_.table_->prefetch_element(soon);
        if (next != kNoElement) {
            map_.table_->prefetch_bucket_of(next);
            prefetch_to_write(map_.values_.at(next, 0));
        }
    }

private:
    LruMap& map_;
    uint32_t kept_;
    Side side_;          ///< who holds the locks: workers wait longer for workers
    uint32_t gone_ = 0;  ///< a batch is counted at once
};

/// Again and again only in a map with fewer buckets than threads, where some hold all of these:
/// what they have in hand comes back.
uint32_t LruMap::take(uint32_t cpu, Side side) {
    for (uint32_t tries = 1;; ++tries) {
        Evictor evictor(*this, kNoElement, side);
        const uint32_t element = lists_->take(cpu, evictor);
        if (element != kNoElement || tries == kTakesMax) return element;
        wait_a_moment(side, tries);
    }
}

int LruMap::put(const uint8_t* key, const SlotValues& values, uint64_t flags, uint32_t cpu,
                Side side) {
    if (flags > vm::kUpdateExist) return -EINVAL;
    table_->prefetch_bucket(key);
    uint32_t fresh = kNoElement;
    if (!is_percpu() || flags != vm::kUpdateExist) {
        fresh = take(cpu, side);
        if (fresh == kNoElement) {
            full_.add(1);
            return -ENOMEM;
        }
    }
    const int status = is_percpu() ? put_in_place(key, values, flags, fresh, side)
                                   : put_replacing(key, values, flags, fresh, side);
    if (status == -EBUSY) busy_.add(1);
    if (lists_->has_loans()) {
        Evictor evictor(*this, fresh, side);
        lists_->repay(cpu, evictor);
    }
    return status;
}

/// htab_lru_map_update_elem, from where it has an element.
int LruMap::put_replacing(const uint8_t* key, const SlotValues& values, uint64_t flags,
                          uint32_t fresh, Side side) {
    table_->write_key(fresh, key);
    values_.write_new(fresh, values);
    uint32_t old = kNoElement;
    const int error = [&] {
        HashTable::Guard guard(*table_, key, side);
        if (!guard.locked()) return -EBUSY;
        old = guard.element();
        const bool present = old != kNoElement;
        if (const int refused = existence_error(present, flags); refused != 0) return refused;
        if (!present) {
            guard.insert(fresh);
        } else {
            guard.replace(fresh);
            lists_->mark(fresh);
        }
        return 0;
    }();
    if (error != 0) {
        lists_->give_back(fresh);
    } else if (old != kNoElement) {
        free(old);
    }
    return error;
}

/// __htab_lru_percpu_map_update_elem, from where it has an element, unless it needs none.
int LruMap::put_in_place(const uint8_t* key, const SlotValues& values, uint64_t flags,
                         uint32_t fresh, Side side) {
    const int error = [&] {
        HashTable::Guard guard(*table_, key, side);
        if (!guard.locked()) return -EBUSY;
        const uint32_t old = guard.element();
        const bool present = old != kNoElement;
        if (const int refused = existence_error(present, flags); refused != 0) return refused;
        if (present) {
            lists_->mark(old);
            values_.write(old, values);
        } else {
            table_->write_key(fresh, key);
            values_.write_new(fresh, values);
            guard.insert(fresh);
            fresh = kNoElement;
        }
        return 0;
    }();
    if (fresh != kNoElement) lists_->give_back(fresh);
    return error;
}

/// An element that has left the table.
void LruMap::free(uint32_t element) {
    values_.clear_fields(element);
    lists_->give_back(element);
}

int LruMap::remove(const uint8_t* key, Side side) {
    uint32_t element = kNoElement;
    {
        HashTable::Guard guard(*table_, key, side);
        if (!guard.locked()) {
            busy_.add(1);
            return -EBUSY;
        }
        element = guard.element();
        if (element == kNoElement) return -ENOENT;
        guard.remove();
    }
    free(element);
    return 0;
}

uint64_t LruMap::used_bytes() const {
    const uint64_t apart = LruShards::kElementBytes + uint64_t{values_.planes()} * values_.stride();
    return table_->used_bytes() + entries() * apart;
}

int64_t LruMap::for_each(vm::ElementVisitor visit, void* opaque, uint32_t cpu) {
    const uint32_t plane = is_percpu() ? cpu : 0;
    if (plane >= values_.planes()) return -EINVAL;
    return table_->for_each([&](const uint8_t* key, uint32_t element) {
        return visit(opaque, key, values_.at(element, plane));
    });
}

bool LruMap::key_of(const uint8_t* value, uint8_t* key) const {
    const auto place = values_.place_of(value);
    if (!place) return false;
    table_->read_key(place->element, key);
    return true;
}

int LruMap::control_lookup(const uint8_t* key, std::span<uint8_t> value) {
    if (const int error = control_read_error(spec()); error != 0) return error;
    if (value.size() < control_value_bytes()) return -EINVAL;
    return read_value(*table_, key, [&](uint32_t element) { values_.read(element, value.data()); });
}

int LruMap::control_update(const uint8_t* key, std::span<const uint8_t> value, uint64_t flags) {
    if (const int error = control_write_error(spec()); error != 0) return error;
    return put_all_slots(key, value, flags, kControlCpu);
}

int LruMap::put_all_slots(const uint8_t* key, std::span<const uint8_t> value, uint64_t flags,
                          uint32_t cpu) {
    const bool each_slot_apart = value.size() == control_value_bytes();
    if (!each_slot_apart && value.size() != spec().value_bytes) return -EINVAL;
    const uint64_t step = each_slot_apart ? values_.stride() : 0;
    return put(key, {.base = value.data(), .step = step, .only_cpu = kAllCpus}, flags, cpu,
               Side::Control);
}

/// Where each cpu has its share of the elements, the shares fill in turn.
Salvaged LruMap::salvage(vm::Map& into) {
    auto& fresh = static_cast<LruMap&>(into);
    const bool has_shares = (spec().flags & kNoCommonLru) != 0;
    Bytes value(uint64_t{values_.planes()} * values_.stride());
    Bytes slots(fresh.control_value_bytes());
    uint32_t cpu = kControlCpu;
    Salvaged salvaged;
    salvaged.torn += table_->salvage([&](const uint8_t* key, uint32_t element) {
        values_.read(element, value.data());
        std::copy_n(value.begin(), std::min(value.size(), slots.size()), slots.begin());
        const int status = fresh.put_all_slots(key, slots, vm::kUpdateNoExist, cpu);
        salvaged.torn += status != 0 ? 1 : 0;
        if (has_shares) cpu = (cpu + 1) % fresh.lists_->cpus();
    });
    salvaged.kept = fresh.entries();
    return salvaged;
}

int LruMap::control_erase(const uint8_t* key) {
    if (const int error = control_write_error(spec()); error != 0) return error;
    return remove(key, Side::Control);
}

int LruMap::next_key(const uint8_t* key, uint8_t* next) {
    if (const int error = control_read_error(spec()); error != 0) return error;
    return table_->next_key(key, next);
}

}  // namespace weir::maps
