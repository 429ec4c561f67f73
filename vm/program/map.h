#pragma once
// The abstract map: what programs, helpers and the control side need of every kind. Kinds live in
// maps/.

#include <cstdint>
#include <optional>
#include <span>

#include "vm/base/bytes.h"
#include "vm/program/spec.h"

namespace weir::vm {

/// Flags of an update, the kernel's values.
constexpr uint64_t kUpdateAny = 0;
constexpr uint64_t kUpdateNoExist = 1;
constexpr uint64_t kUpdateExist = 2;
constexpr uint64_t kUpdateLock = 4;  ///< BPF_F_LOCK: while holding the value's own spin lock

/// Elements that never move, so that machine code can look them up without a call: element i of
/// plane p (the cpu in per-CPU kinds, else 0) lies at base + p * plane_bytes + i * stride_bytes.
struct ArrayLayout {
    uint8_t* base = nullptr;
    uint32_t entries = 0;
    uint32_t stride_bytes = 0;
    uint32_t planes = 1;
    uint64_t plane_bytes = 0;
};

class Map;
class Runnable;
struct LookupLayout;  // vm/program/lookup_layout.h
struct RunEnv;

/// What Map::for_each calls per element; another value than 0 ends it. `value` is this cpu's slot.
using ElementVisitor = uint64_t (*)(void* opaque, const uint8_t* key, uint8_t* value);
/// What Map::drain_events calls per record, oldest first.
using EventVisitor = void (*)(void* opaque, std::span<const uint8_t> record);

/// Map::lookup of one kind, without the virtual call.
using LookupFn = uint8_t* (*)(Map& map, const uint8_t* key, uint32_t cpu);

/// A look-up of one kind in steps, for callers that can do other work while memory comes. `ask`
/// requests the first lines that lookup() of this key will wait for and gives a ticket; `ask_on`
/// reads what has come, requests what that leads to and gives the next ticket. Requests only:
/// neither changes anything, and the answer of the look-up is the one at its own time.
struct LookupSteps {
    /// The look-up waits for nothing (more).
    static constexpr uint64_t kNoWait = 0;
    /// Set in a ticket: when what was requested has come, the look-up itself is next; else ask_on.
    static constexpr uint64_t kLast = uint64_t{1} << 63;

    uint64_t (*ask)(const Map& map, const uint8_t* key, uint32_t cpu) = nullptr;
    uint64_t (*ask_on)(const Map& map, const uint8_t* key, uint32_t cpu, uint64_t ticket) = nullptr;
};

/// Errors are negative errno values, as the kernel gives them (-ENOENT, -EEXIST, -E2BIG, -EINVAL,
/// -ENOMEM). Program side: any number of workers at once, no lock that a reader waits for. Control
/// side: any thread.
class Map {
public:
    virtual ~Map() = default;
    Map(const Map&) = delete;
    Map& operator=(const Map&) = delete;

    const MapSpec& spec() const { return spec_; }

    // -- program side -----------------------------------------------------------------------------
    /// Address of the value (of this cpu's slot for per-CPU kinds), or nullptr. `key` has key_bytes
    /// bytes.
    virtual uint8_t* lookup(const uint8_t* key, uint32_t cpu) = 0;
    /// values[i] = lookup(keys[i], cpu) for i < count, 0 < count <= kBurstPacketsMax, as if one
    /// after the other; kinds that wait for memory overlap their waits.
    virtual void lookup_bulk(const uint8_t* const* keys, uint32_t count, uint8_t** values,
                             uint32_t cpu);
    virtual int update(const uint8_t* key, const uint8_t* value, uint64_t flags, uint32_t cpu) = 0;
    virtual int erase(const uint8_t* key) = 0;
    /// Base address of the only element, for LoadMapValue; nullptr for kinds that have no such
    /// thing.
    virtual uint8_t* direct_value() { return nullptr; }
    /// Where the elements lie, for kinds whose keys are indices.
    virtual std::optional<ArrayLayout> array_layout() const { return std::nullopt; }
    /// For callers that know the map long before the key.
    virtual LookupFn lookup_function() const {
        return [](Map& map, const uint8_t* key, uint32_t cpu) { return map.lookup(key, cpu); };
    }
    /// How machine code finds elements by itself. The memory it names never moves.
    virtual LookupLayout lookup_layout() const;
    /// For callers with many keys in hand; nullopt of kinds that wait for little.
    virtual std::optional<LookupSteps> lookup_steps() const { return std::nullopt; }

    /// Queue and stack; of a bloom filter push adds and peek asks (0 or -ENOENT). -EOPNOTSUPP
    /// elsewhere.
    virtual int push(const uint8_t* value, uint64_t flags);
    virtual int pop(uint8_t* value);
    virtual int peek(uint8_t* value);
    /// Calls the visitor once per element, also while others change the map; the number of calls,
    /// or -EOPNOTSUPP. Array, hash, LRU kinds and their per-CPU forms; devmaps: entries that are
    /// set.
    virtual int64_t for_each(ElementVisitor visit, void* opaque, uint32_t cpu);
    /// The key of the element whose value starts at `value` (as lookup gave it). False where there
    /// is none.
    virtual bool key_of(const uint8_t* value, uint8_t* key) const;
    /// Map in map: lookup() gives the inner Map* itself.
    /// Prog array: the program in a slot; devmap, cpumap: the one behind the entry of that key.
    /// nullptr where there is none.
    virtual const Runnable* program_at(uint32_t index) const;

    // -- control side -----------------------------------------------------------------------------
    /// Bytes of one element as the control side sees it: value_bytes, or for per-CPU kinds
    /// cpu_slots * round_up(value_bytes, 8), slot after slot.
    virtual uint32_t control_value_bytes() const = 0;
    virtual int control_lookup(const uint8_t* key, std::span<uint8_t> value) = 0;
    /// For per-CPU kinds `value` holds all slots (control_value_bytes), or value_bytes to set every
    /// slot.
    virtual int control_update(const uint8_t* key, std::span<const uint8_t> value,
                               uint64_t flags) = 0;
    virtual int control_erase(const uint8_t* key) = 0;
    /// Puts a map into a slot of a map in map, a program into a slot of a prog array (or behind an
    /// entry of a devmap or cpumap). Neither is owned: it outlives the slot, and the readers of the
    /// slot. `id` is what control_lookup gives for it. -EINVAL where the inner map does not fit
    /// spec().inner; -EOPNOTSUPP for other kinds. control_erase empties the slot.
    virtual int bind_map(const uint8_t* key, Map* inner, uint32_t id);
    virtual int bind_program(const uint8_t* key, const Runnable* program, uint32_t id);
    /// Ring buffer (cpu is ignored) and perf event array: hands out what programs wrote and
    /// forgets it. The number of records, or -EOPNOTSUPP.
    virtual int64_t drain_events(uint32_t cpu, EventVisitor visit, void* opaque);
    /// Records that did not fit, since creation.
    virtual uint64_t lost_events() const { return 0; }
    /// Iterates: nullptr gives the first key. -ENOENT at the end. A key deleted meanwhile restarts,
    /// as in the kernel.
    virtual int next_key(const uint8_t* key, uint8_t* next) = 0;
    virtual uint32_t entries() const = 0;
    /// What the map takes and never exceeds.
    virtual uint64_t memory_bytes() const = 0;
    /// Of these, what the elements that are there now need; kinds whose elements always exist use
    /// all.
    virtual uint64_t used_bytes() const { return memory_bytes(); }

    // What was lost, from either side, since creation. Any thread.
    /// Inserts that failed because the map was full.
    virtual uint64_t full_count() const = 0;
    /// Updates and deletions that gave up because another writer held a lock (-EBUSY).
    virtual uint64_t busy_count() const { return 0; }
    /// Elements that left to make room for another (LRU kinds).
    virtual uint64_t evicted_count() const { return 0; }

protected:
    explicit Map(MapSpec spec) : spec_(std::move(spec)) {}

private:
    MapSpec spec_;
};

}  // namespace weir::vm
