#include "vm/interp/holdings.h"

#include <algorithm>
#include <cstring>

#include <fmt/format.h>

namespace weir::vm {
namespace {

std::string map_name(const Map* map) {
    return map == nullptr ? std::string() : " of " + map->spec().name;
}

std::string describe(const Held& held) {
    switch (held.kind) {
        case HeldKind::Record:
            return fmt::format("record{}, reserved at insn {}, is neither submitted nor discarded",
                               map_name(held.map), held.insn);
        case HeldKind::SpinLock:
            return fmt::format("bpf_spin_lock{}, taken at insn {}, is not released",
                               map_name(held.map), held.insn);
        case HeldKind::Socket:
            return fmt::format("socket, looked up at insn {}, is not released", held.insn);
        case HeldKind::Connection:
            return fmt::format("connection, looked up at insn {}, is not released", held.insn);
    }
    return {};
}

std::string describe(const StackObject& object) {
    if (object.kind == StackObjectKind::Iterator)
        return fmt::format("iterator, begun at insn {}, is not destroyed", object.insn);
    return fmt::format("dynptr, reserved at insn {}, is neither submitted nor discarded",
                       object.insn);
}

uint64_t number(const void* pointer) {
    return reinterpret_cast<uint64_t>(pointer);
}

void call(HelperFn function, uint64_t argument, RunEnv& env) {
    if (function != nullptr) function(argument, 0, 0, 0, 0, env);
}

void give_back(const Held& held, const HelperTable& helpers, RunEnv& env) {
    switch (held.kind) {
        case HeldKind::Record:
            call(helpers.at(HelperId::ringbuf_discard), held.address, env);
            return;
        case HeldKind::SpinLock: call(helpers.at(HelperId::spin_unlock), held.address, env); return;
        case HeldKind::Socket: call(helpers.at(HelperId::sk_release), held.address, env); return;
        case HeldKind::Connection:
            call(helpers.kfunc_at(KfuncId::bpf_ct_release), held.address, env);
            return;
    }
}

}  // namespace

bool Holdings::take(const Held& held) {
    if (held_.size() >= kHeldMax) return false;
    held_.push_back(held);
    return true;
}

const Held* Holdings::find(HeldKind kind, uint64_t address) const {
    const auto found = std::ranges::find_if(
        held_, [&](const Held& each) { return each.kind == kind && each.address == address; });
    return found == held_.end() ? nullptr : &*found;
}

void Holdings::give_back(HeldKind kind, uint64_t address) {
    std::erase_if(held_,
                  [&](const Held& each) { return each.kind == kind && each.address == address; });
}

const Held* Holdings::lock() const {
    const auto found = std::ranges::find(held_, HeldKind::SpinLock, &Held::kind);
    return found == held_.end() ? nullptr : &*found;
}

void Holdings::make(StackObjectKind kind, uint64_t address, uint32_t insn, uint32_t number) {
    remove(address);
    StackObject object{.kind = kind,
                       .address = address,
                       .number = number != 0 ? number : ++numbers_,
                       .insn = insn};
    refresh(object);
    objects_.push_back(object);
}

StackObject* Holdings::intact(uint64_t address) {
    const auto found = std::ranges::find(objects_, address, &StackObject::address);
    if (found == objects_.end() ||
        std::memcmp(found->bytes.data(), reinterpret_cast<const void*>(address), found->size()) !=
            0)
        return nullptr;
    return &*found;
}

StackObject* Holdings::overlapping(uint64_t address, uint64_t bytes) {
    const auto found = std::ranges::find_if(objects_, [&](const StackObject& each) {
        return each.address < address + bytes && address < each.address + each.size();
    });
    return found == objects_.end() ? nullptr : &*found;
}

void Holdings::refresh(StackObject& object) {
    std::memcpy(object.bytes.data(), reinterpret_cast<const void*>(object.address), object.size());
}

void Holdings::remove(uint64_t address) {
    std::erase_if(objects_, [&](const StackObject& each) { return each.address == address; });
}

void Holdings::remove_all(uint32_t number) {
    std::erase_if(objects_, [&](const StackObject& each) { return each.number == number; });
}

std::optional<std::string> Holdings::end_frame(uint64_t low, uint64_t high) {
    const auto ended = std::ranges::stable_partition(objects_, [&](const StackObject& each) {
        return each.address < low || each.address >= high;
    });
    const std::vector<StackObject> gone(ended.begin(), ended.end());
    objects_.erase(ended.begin(), ended.end());
    for (const StackObject& each : gone)  // a clone may live on in a caller's frame
        if (each.is_held() &&
            std::ranges::find(objects_, each.number, &StackObject::number) == objects_.end())
            lost_.push_back(each);
    return lost_.empty() ? std::nullopt : std::optional(describe(lost_.front()));
}

std::optional<std::string> Holdings::leak() const {
    if (!held_.empty()) return describe(held_.front());
    if (!lost_.empty()) return describe(lost_.front());
    const auto held = std::ranges::find_if(objects_, &StackObject::is_held);
    return held == objects_.end() ? std::nullopt : std::optional(describe(*held));
}

void Holdings::give_everything_back(const HelperTable& helpers, RunEnv& env) {
    for (const Held& each : held_) vm::give_back(each, helpers, env);
    objects_.insert(objects_.end(), lost_.begin(), lost_.end());
    while (!objects_.empty()) {
        const StackObject object = objects_.back();
        alignas(8) std::array<uint8_t, kDynptrStackBytes> copy = object.bytes;
        if (object.kind == StackObjectKind::RecordDynptr)
            call(helpers.at(HelperId::ringbuf_discard_dynptr), number(copy.data()), env);
        remove_all(object.number);
    }
    held_.clear();
    lost_.clear();
}

}  // namespace weir::vm
