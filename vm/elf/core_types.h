#pragma once
// CO-RE: when a type of the object and a type of the target are the same for a relocation's purpose
// (the rules of libbpf's relo_core.c).

#include <cstdint>

#include "vm/base/result.h"
#include "vm/elf/btf_view.h"

namespace weir::vm::elf {

constexpr uint64_t kCoreStepsMax = 20'000'000;  ///< comparisons for one object; keeps it below 1 s

/// What comparing may still cost. Hostile types can make it exponential.
struct CoreBudget {
    uint64_t steps_left = kCoreStepsMax;

    /// False when it is spent.
    bool spend(uint64_t steps) {
        const bool enough = steps <= steps_left;
        steps_left -= enough ? steps : steps_left;
        return enough;
    }
    static std::unexpected<Error> spent();
};

/// The types of two sides; both must outlive it.
class CoreTypes {
public:
    CoreTypes(const BtfView& local, const BtfView& target, CoreBudget& budget)
        : local_(local), target_(target), budget_(budget) {}

    /// For field accesses: may a member of the one type be read as the other? Struct with union,
    /// int of any size with int, pointer with pointer; enums and forward declarations by name.
    Result<bool> fields_compatible(uint32_t local, uint32_t target) const;
    /// For type_exists, type_size and type ids: the same kind all the way down.
    Result<bool> types_compatible(uint32_t local, uint32_t target) const;
    /// For type_matches: all members of the one are in the other, with types that match.
    Result<bool> types_match(uint32_t local, uint32_t target) const;

    /// Same kind; enum and enum64 count as one.
    bool same_kind(uint32_t local, uint32_t target) const;
    /// Equal apart from flavors.
    static bool same_name(std::string_view local, std::string_view target);

private:
    struct Pair {
        uint32_t local = 0, target = 0;
        bool behind_pointer = false;
    };
    Result<bool> compatible(Pair pair, uint32_t level) const;
    Result<bool> compatible_functions(Pair& pair, uint32_t level) const;
    Result<bool> match(Pair pair, uint32_t level) const;
    Result<bool> match_functions(Pair& pair, uint32_t level) const;
    bool match_forward(const Pair& pair) const;
    Result<bool> match_enums(const Pair& pair) const;
    Result<bool> match_composites(const Pair& pair, uint32_t level) const;
    Result<bool> match_members(const Pair& pair, uint32_t level) const;
    bool ints_plain(const Pair& pair) const;
    Result<void> strip(Pair& pair) const;

    const BtfView& local_;
    const BtfView& target_;
    CoreBudget& budget_;
};

}  // namespace weir::vm::elf
