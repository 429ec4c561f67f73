#pragma once
// What a program under trial is given: maps of every kind with contents that tempt it, a packet
// that ends (or begins) where memory does.

#include <memory>
#include <span>
#include <vector>

#include "tests/differential/generated_program.h"
#include "vm/program/context.h"
#include "vm/program/map.h"

namespace weir::tests {

/// Values at which comparisons and sizes tip over.
uint64_t edge_number(Random& random);
/// Zeroes, ones, edges, small numbers, anything.
void fill_bytes(std::span<uint8_t> bytes, Random& random);

class TrialMaps {
public:
    /// Inner maps of maps in maps are the first map of the list that fits.
    explicit TrialMaps(const std::vector<vm::MapSpec>& specs);
    std::span<vm::Map* const> all() const { return pointers_; }
    vm::Map* at(size_t index) const { return pointers_[index]; }
    /// Empties them (but for bloom filters) and puts in a few elements each: the same in every
    /// world of these maps for the same state of `random`.
    void fill(Random& random);

private:
    static void empty(vm::Map& map);

    std::vector<std::unique_ptr<vm::Map>> owned_;
    std::vector<vm::Map*> pointers_;
};

constexpr size_t kTrialPacketMax = 2048;

/// Pages between two that fault.
class TrialFrame {
public:
    TrialFrame();
    ~TrialFrame();
    TrialFrame(const TrialFrame&) = delete;
    TrialFrame& operator=(const TrialFrame&) = delete;

    struct Room {
        uint32_t head = 0, meta = 0, tail = 0;
        bool at_end = true;  ///< the room behind it, or else the room before it, ends at the border
        uint32_t apart = 0;  ///< bytes at the packet's end that lie in pieces
    };
    /// A context for this packet, valid until the next.
    vm::XdpContext place(std::span<const uint8_t> packet, const Room& room);

private:
    void cut_pieces(std::span<const uint8_t> bytes);

    std::vector<std::unique_ptr<uint8_t[]>> pieces_;
    std::vector<vm::Segment> segments_;
    size_t page_;
    size_t bytes_;
    uint8_t* base_ = nullptr;
};

}  // namespace weir::tests
