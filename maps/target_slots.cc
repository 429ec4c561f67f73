#include "maps/target_slots.h"

#include <cstring>

#include <fmt/core.h>

#include "maps/index_key.h"
#include "maps/spec_check.h"
#include "maps/words.h"

namespace weir::maps {

Target Target::from(const uint8_t* value, size_t bytes) {
    Target target;
    std::memcpy(&target.number, value, sizeof target.number);
    if (bytes == kTargetBytes)
        std::memcpy(&target.program_id, value + kTargetShortBytes, sizeof target.program_id);
    return target;
}

void Target::copy_to(uint8_t* value, size_t bytes) const {
    std::memcpy(value, &number, sizeof number);
    if (bytes == kTargetBytes)
        std::memcpy(value + kTargetShortBytes, &program_id, sizeof program_id);
}

Result<void> check_target_spec(const vm::MapSpec& spec, uint32_t flags_allowed) {
    const Result<void> common = check_common(spec, flags_allowed);
    if (!common) return common;
    if (spec.key_bytes != kIndexKeyBytes)
        return refuse(spec, fmt::format("key size {} must be {}", spec.key_bytes, kIndexKeyBytes));
    if (spec.value_bytes != kTargetShortBytes && spec.value_bytes != kTargetBytes) {
        return refuse(spec, fmt::format("value size {} must be {}, or {} with a program",
                                        spec.value_bytes, kTargetShortBytes, kTargetBytes));
    }
    return {};
}

Result<TargetSlots> TargetSlots::take(uint32_t slots, const std::string& map_name) {
    Result<Region> memory = Region::take(uint64_t{slots} * kTargetBytes, map_name);
    if (!memory) return std::unexpected(memory.error());
    Result<Region> programs =
        Region::take(uint64_t{slots} * sizeof(std::atomic<const vm::Runnable*>), map_name);
    if (!programs) return std::unexpected(programs.error());
    return TargetSlots(std::move(*memory), std::move(*programs));
}

Target TargetSlots::get(uint32_t slot) const {
    const uint64_t word = load_shared_word(memory_.data() + uint64_t{slot} * kTargetBytes);
    return {static_cast<uint32_t>(word), static_cast<uint32_t>(word >> 32)};
}

uint8_t* TargetSlots::value(uint32_t slot) const {
    return get(slot).number == 0 ? nullptr : memory_.data() + uint64_t{slot} * kTargetBytes;
}

const vm::Runnable* TargetSlots::program(uint32_t slot) const {
    return program_slot(slot).load(std::memory_order_acquire);
}

/// The word says whether there is a program; where pointer and word disagree, or the word changes
/// meanwhile, a writer is between its two stores.
Destination TargetSlots::destination(uint32_t slot) const {
    for (;;) {
        const Target before = get(slot);
        const vm::Runnable* const found = program(slot);
        const Target after = get(slot);
        const bool is_whole = (found != nullptr) == (after.program_id != 0);
        if (is_whole && before.number == after.number && before.program_id == after.program_id)
            return {after.number, found};
    }
}

void TargetSlots::set(uint32_t slot, const Target& target, const vm::Runnable* program) {
    filled_.change(get(slot).number != 0, target.number != 0);
    program_slot(slot).store(program, std::memory_order_release);
    store_shared_word(memory_.data() + uint64_t{slot} * kTargetBytes,
                      target.number | uint64_t{target.program_id} << 32);
}

}  // namespace weir::maps
