#pragma once
// liburcu's cds_lfht in its QSBR flavour, as many buckets as entries.

#include <cstdint>
#include <memory>
#include <vector>

namespace weir::perf {

class UrcuHash {
public:
    virtual ~UrcuHash() = default;
    /// Once per key.
    virtual void add(const uint8_t* key) = 0;
    /// Address of what holds the key, or nullptr.
    virtual const void* lookup(const uint8_t* key) const = 0;
    /// "I hold no pointer": now and then.
    virtual void quiescent() const = 0;
    virtual uint64_t memory_bytes() const = 0;
};

/// For keys of 4, 8 or 16 bytes. nullptr where the build had no liburcu. Used by one thread.
std::unique_ptr<UrcuHash> make_urcu_hash(uint32_t key_bytes, uint32_t entries);
bool has_urcu();

}  // namespace weir::perf
