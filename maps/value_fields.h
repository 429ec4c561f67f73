#pragma once
// A value whose bytes are not all data: the kernel's own fields in it (struct bpf_spin_lock, struct
// bpf_timer; spec.h says where) are neither written by an update nor shown by a look-up, as in
// copy_map_value and check_and_init_map_value (include/linux/bpf.h).

#include <cstdint>

#include "maps/words.h"
#include "vm/base/result.h"
#include "vm/program/spec.h"

namespace weir::maps {

/// Refuses fields outside of the value, out of alignment, overlapping, or in a kind that the kernel
/// has none in.
Result<void> check_value_fields(const vm::MapSpec& spec);

class ValueFields {
public:
    explicit ValueFields(const vm::MapSpec& spec)
        : bytes_(spec.value_bytes), lock_(spec.spin_lock_offset), timer_(spec.timer_offset) {}

    bool has_lock() const { return lock_ != vm::kNoOffset; }

    /// Of what a process before left: whoever held the lock of this value was about to change it.
    bool is_locked(const uint8_t* shared) const {
        return has_lock() && load_partial(shared + lock_, vm::kSpinLockBytes) != 0;
    }

    // `shared` is map memory: aligned to 8, with room for whole words.
    /// Writes the data of a value, the fields stay.
    void store(uint8_t* shared, const uint8_t* value) const;
    /// The same while holding the value's own spin lock (BPF_F_LOCK).
    void store_locked(uint8_t* shared, const uint8_t* value) const;
    /// Reads the data of a value; fields read as zero.
    void load(uint8_t* value, const uint8_t* shared) const;
    /// Ends the timer in a value: whoever finds zeroes knows that there is none.
    void end_timer(uint8_t* shared) const;
    /// Makes the fields those of an element that nobody has used.
    void clear(uint8_t* shared) const;

private:
    bool is_plain() const { return lock_ == vm::kNoOffset && timer_ == vm::kNoOffset; }
    bool is_field(uint32_t at) const {
        return (lock_ != vm::kNoOffset && at >= lock_ && at < lock_ + vm::kSpinLockBytes) ||
               (timer_ != vm::kNoOffset && at >= timer_ && at < timer_ + vm::kTimerBytes);
    }

    uint32_t bytes_;
    uint32_t lock_;
    uint32_t timer_;
};

}  // namespace weir::maps
