#include "controlplane/cli/search_calls.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "maps/maps.h"

namespace weir::controlplane::cli {
namespace {

using vm::HelperId;
using vm::MapType;

SteeredCalls& calls_of(vm::RunEnv& env) {
    return *static_cast<SteeredEnv&>(env).calls;
}

vm::HelperFn natural(HelperId id) {
    return maps::all_helpers().at(id);
}

template <HelperId id>
uint64_t look_up(uint64_t map, uint64_t key, uint64_t cpu, uint64_t, uint64_t, vm::RunEnv& env) {
    return calls_of(env).look_up(*reinterpret_cast<vm::Map*>(map), key, cpu, natural(id), env);
}

/// A number of `bits` bits that nothing in the program decides. Unless it is chosen, it is the same
/// in every run.
template <HelperId id, uint32_t bits>
uint64_t give(uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, vm::RunEnv& env) {
    constexpr uint64_t kUsual = 1'000'000'000'000;  // of a clock in ns: it has an upper half
    return calls_of(env)
        .answer(id, UnknownKind::CallResult, bits)
        .value_or(kUsual & ~uint64_t{0} >> (64 - bits));
}

/// A call that may fail with this errno (0: gives null) whatever its arguments are.
template <HelperId id, uint32_t error>
uint64_t fail_or(uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e, vm::RunEnv& env) {
    const auto chosen = calls_of(env).answer(id, UnknownKind::FailableCall, error);
    return chosen ? *chosen : natural(id)(a, b, c, d, e, env);
}

uint64_t update(uint64_t map, uint64_t key, uint64_t value, uint64_t flags, uint64_t,
                vm::RunEnv& env) {
    vm::Map& target = *reinterpret_cast<vm::Map*>(map);
    SteeredCalls& calls = calls_of(env);
    calls.begin_call();
    calls.note_change(target, key);
    if (!has_all_elements(target.spec().type))
        if (const auto chosen =
                calls.answer(HelperId::map_update_elem, UnknownKind::FailableCall, ENOMEM))
            return *chosen;
    return natural(HelperId::map_update_elem)(map, key, value, flags, 0, env);
}

uint64_t erase(uint64_t map, uint64_t key, uint64_t, uint64_t, uint64_t, vm::RunEnv& env) {
    calls_of(env).begin_call();
    calls_of(env).note_change(*reinterpret_cast<vm::Map*>(map), key);
    return natural(HelperId::map_delete_elem)(map, key, 0, 0, 0, env);
}

/// Of the first element of a map that the call goes over, pops or peeks at.
template <HelperId id>
uint64_t touch_first(uint64_t map, uint64_t b, uint64_t c, uint64_t d, uint64_t e,
                     vm::RunEnv& env) {
    calls_of(env).touch_first(*reinterpret_cast<vm::Map*>(map));
    return natural(id)(map, b, c, d, e, env);
}

vm::HelperTable make_table() {
    constexpr uint32_t kClockBits = 62;
    vm::HelperTable table = maps::all_helpers();
    vm::set(table, HelperId::map_lookup_elem, look_up<HelperId::map_lookup_elem>);
    vm::set(table, HelperId::map_lookup_percpu_elem, look_up<HelperId::map_lookup_percpu_elem>);
    vm::set(table, HelperId::map_update_elem, update);
    vm::set(table, HelperId::map_delete_elem, erase);
    vm::set(table, HelperId::for_each_map_elem, touch_first<HelperId::for_each_map_elem>);
    vm::set(table, HelperId::map_pop_elem, touch_first<HelperId::map_pop_elem>);
    vm::set(table, HelperId::map_peek_elem, touch_first<HelperId::map_peek_elem>);
    vm::set(table, HelperId::get_prandom_u32, give<HelperId::get_prandom_u32, 32>);
    vm::set(table, HelperId::ktime_get_ns, give<HelperId::ktime_get_ns, kClockBits>);
    vm::set(table, HelperId::ktime_get_boot_ns, give<HelperId::ktime_get_boot_ns, kClockBits>);
    vm::set(table, HelperId::ktime_get_coarse_ns, give<HelperId::ktime_get_coarse_ns, kClockBits>);
    vm::set(table, HelperId::ktime_get_tai_ns, give<HelperId::ktime_get_tai_ns, kClockBits>);
    vm::set(table, HelperId::jiffies64, give<HelperId::jiffies64, kClockBits>);
    vm::set(table, HelperId::ringbuf_reserve, fail_or<HelperId::ringbuf_reserve, 0>);
    vm::set(table, HelperId::xdp_adjust_head, fail_or<HelperId::xdp_adjust_head, EINVAL>);
    vm::set(table, HelperId::xdp_adjust_meta, fail_or<HelperId::xdp_adjust_meta, EINVAL>);
    vm::set(table, HelperId::xdp_adjust_tail, fail_or<HelperId::xdp_adjust_tail, EINVAL>);
    return table;
}

/// The value, cut or filled with zeroes. Locks and timers in it stay as they are in a new element.
Bytes whole_value(const vm::MapSpec& spec, const Bytes& chosen) {
    Bytes value = chosen;
    value.resize(spec.value_bytes);
    const auto clear = [&](uint32_t offset, uint32_t bytes) {
        if (offset != vm::kNoOffset && offset + bytes <= value.size())
            std::fill_n(value.begin() + offset, bytes, uint8_t{0});
    };
    clear(spec.spin_lock_offset, vm::kSpinLockBytes);
    clear(spec.timer_offset, vm::kTimerBytes);
    return value;
}

}  // namespace

bool has_all_elements(MapType type) {
    return type == MapType::Array || type == MapType::PercpuArray;
}

bool has_no_keys(MapType type) {
    return type == MapType::Queue || type == MapType::Stack;
}

TouchedElement* SteeredCalls::find(const vm::Map& map, std::span<const uint8_t> key) {
    const auto found = std::ranges::find_if(touched_, [&](const TouchedElement& element) {
        return element.map == &map && std::ranges::equal(element.key, key);
    });
    return found == touched_.end() ? nullptr : &*found;
}

void SteeredCalls::choose(vm::Map& map, const uint8_t* key, const LookupChoice& choice) {
    const vm::MapSpec& spec = map.spec();
    if (!choice.hit && !has_all_elements(spec.type)) return;
    if (vm::is_map_in_map(spec.type)) {
        if (vm::Map* const inner = make_inner_(opaque_, map)) map.bind_map(key, inner, 1);
        return;
    }
    const Bytes value = whole_value(spec, choice.value);
    if (has_no_keys(spec.type)) {
        map.push(value.data(), vm::kUpdateAny);
        return;
    }
    if (map.update(key, value.data(), vm::kUpdateAny, 0) != 0)
        map.control_update(key, value, vm::kUpdateAny);
}

TouchedElement& SteeredCalls::touch(vm::Map& map, std::span<const uint8_t> key) {
    if (TouchedElement* const known = find(map, key)) return *known;
    const uint32_t lookup = lookups_++;
    if (lookup < input_.lookups.size()) choose(map, key.data(), input_.lookups[lookup]);
    touched_.push_back({&map, Bytes(key.begin(), key.end()), lookup, 0});
    return touched_.back();
}

uint64_t SteeredCalls::look_up(vm::Map& map, uint64_t key, uint64_t cpu, vm::HelperFn natural,
                               vm::RunEnv& env) {
    begin_call();
    const std::span<const uint8_t> bytes(reinterpret_cast<const uint8_t*>(key),
                                         map.spec().key_bytes);
    TouchedElement& element = touch(map, bytes);
    const uint64_t found = natural(reinterpret_cast<uint64_t>(&map), key, cpu, 0, 0, env);
    if (element.address == 0) element.address = found;
    last_.element = static_cast<size_t>(&element - touched_.data());
    return found;
}

void SteeredCalls::touch_first(vm::Map& map) {
    begin_call();
    if (map.spec().type == MapType::BloomFilter || vm::is_map_in_map(map.spec().type)) return;
    const Bytes key(map.spec().key_bytes);
    TouchedElement& element = touch(map, key);
    last_.element = static_cast<size_t>(&element - touched_.data());
    if (element.address == 0 && !has_no_keys(map.spec().type))
        element.address = reinterpret_cast<uint64_t>(map.lookup(key.data(), 0));
}

void SteeredCalls::note_change(vm::Map& map, uint64_t key) {
    const std::span<const uint8_t> wanted(reinterpret_cast<const uint8_t*>(key),
                                          map.spec().key_bytes);
    if (find(map, wanted) == nullptr)
        touched_.push_back({&map, Bytes(wanted.begin(), wanted.end()), std::nullopt, 0});
}

std::optional<uint64_t> SteeredCalls::answer(HelperId helper, UnknownKind kind, uint32_t offset) {
    last_ = {};
    last_.result = Unknown{kind, calls_++, offset};
    const std::optional<uint64_t> chosen = read_unknown(input_, *last_.result);
    if (chosen) forced_.push_back({helper, *chosen});
    if (!chosen && kind == UnknownKind::FailableCall) failable_.push_back(*last_.result);
    return chosen;
}

const vm::HelperTable& steered_helpers() {
    static const vm::HelperTable table = make_table();
    return table;
}

}  // namespace weir::controlplane::cli
