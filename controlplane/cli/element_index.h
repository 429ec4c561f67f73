#pragma once
// Which keys of a list of records were there before.

#include <cstdint>
#include <vector>

#include "controlplane/cli/element_file.h"

namespace weir::controlplane::cli {

/// Over the records of one map. Keys of an lpm_trie are the same where their prefixes are, whatever
/// the bits behind.
class ElementIndex {
public:
    /// `records` outlives this and grows beneath it; `expected` records will come.
    ElementIndex(const ElementRecords& records, bool is_prefix, size_t expected);

    /// Where a record with the key of the last one is, which itself is not counted; else takes the
    /// last one in and gives its index.
    size_t place_of_last();

private:
    uint32_t hash_of(ByteSpan key) const;
    bool same_key(ByteSpan one, ByteSpan other) const;
    void grow();

    struct Slot {
        uint32_t hash = 0;
        uint32_t place = 0;  ///< index + 1; 0: free
    };
    const ElementRecords& records_;
    bool is_prefix_;
    std::vector<Slot> slots_;  ///< a power of two, at most half full
    size_t used_ = 0;
};

}  // namespace weir::controlplane::cli
