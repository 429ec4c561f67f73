#pragma once
// Where the key of a look-up lies, and in which pieces it was stored.
//
// Compilers write keys to the stack in pieces of the fields' sizes, and look-ups want words of
// eight bytes. A processor hands a store's bytes to a load that follows soon only if one store
// wrote all of them; else the load waits for the stores to reach the cache (some 15 cycles). So
// machine code loads as the program stored. The pieces are a guess that costs time where it is
// wrong, and nothing else: they are the bytes of the key either way.
//
// Bytes that every run stores alike need not be loaded: padding, a fixed index, the length of an
// address. That is no guess: nothing between their store and the look-up can have written them.

#include <array>
#include <cstdint>
#include <optional>

#include "jit/emission.h"

namespace weir::jit {

struct KeyPiece {
    uint32_t from = 0;   ///< byte of the key
    uint32_t bytes = 0;  ///< 1, 2, 4 or 8; 0: there is none
};

class KeyPlace {
public:
    /// Of the key that r2 points to at the call in `slot`.
    static KeyPlace find(const Emission& e, size_t slot, uint32_t key_bytes);

    /// True where the key lies in the frame: then r2 itself is not needed.
    bool is_on_stack() const { return on_stack_; }
    asmjit::x86::Mem at(uint32_t byte, uint32_t bytes) const;
    /// The longest piece that begins at byte `from` and ends at `end` or before.
    KeyPiece piece(uint32_t from, uint32_t end) const;
    /// These bytes as a number, up to eight, where every run stores the same.
    std::optional<uint64_t> known(KeyPiece bytes) const;

private:
    /// Keys of up to so many bytes; of longer ones the rest is taken for one piece.
    static constexpr uint32_t kBytesMax = 64;

    void note_stores(const Emission& e, size_t slot, uint32_t key_bytes);
    void note_known(const Emission& e, size_t slot, uint32_t key_bytes);
    void settle(int32_t byte, uint64_t& open, std::optional<uint64_t> value);

    bool on_stack_ = false;
    int32_t offset_ = 0;   ///< from r10
    uint64_t begins_ = 0;  ///< bit i: another store wrote byte i than the one before
    uint64_t known_ = 0;   ///< bit i: byte i is values_[i]
    std::array<uint8_t, kBytesMax> values_{};
};

/// to = bytes [from, from + bytes) of the key as a number, zeroes above. Up to eight.
void emit_key_bytes(Emission& e, const KeyPlace& key, KeyPiece bytes, const Gp& to,
                    const Gp& scratch);

}  // namespace weir::jit
