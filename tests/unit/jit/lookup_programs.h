#pragma once
// Programs that look up what stands in the packet, in all the ways that compilers bring a key to a
// look-up.

#include <algorithm>
#include <array>
#include <functional>
#include <random>
#include <vector>

#include "tests/unit/jit/proven.h"

namespace weir::tests {

/// How r2 comes to point to the key.
enum class KeyForm {
    kStack,         ///< r10 and an offset, right before the call
    kSaved,         ///< the same in a register that was set before
    kBehindALabel,  ///< the same, where a jump lands between the two
    kPacket         ///< the packet itself
};
/// How the result is compared with 0.
enum class NullCheck {
    kEqual,
    kNotEqual,
    kOfACopy,
    kBehindMoves,          ///< as clang does it
    kNotEqualBehindMoves,  ///< the same the other way around
    kUnderALabel           ///< a jump lands between the two
};

constexpr std::array<KeyForm, 4> kKeyForms = {KeyForm::kStack, KeyForm::kSaved,
                                              KeyForm::kBehindALabel, KeyForm::kPacket};
constexpr std::array<NullCheck, 6> kNullChecks = {NullCheck::kEqual,
                                                  NullCheck::kNotEqual,
                                                  NullCheck::kOfACopy,
                                                  NullCheck::kBehindMoves,
                                                  NullCheck::kNotEqualBehindMoves,
                                                  NullCheck::kUnderALabel};
constexpr int32_t kNothingFound = 0x7fff'ffff;

/// Widths of the pieces that a key is stored in, one after the other. Each lies aligned to itself.
using Split = std::vector<uint32_t>;

inline bool fits_at(uint32_t width, uint32_t at, uint32_t bytes) {
    return at % width == 0 && at + width <= bytes;
}
inline Split even_split(uint32_t bytes, uint32_t width) {
    Split split;
    for (uint32_t at = 0; at < bytes; at += split.back()) {
        uint32_t fitting = width;
        while (!fits_at(fitting, at, bytes)) fitting /= 2;
        split.push_back(fitting);
    }
    return split;
}
inline Split random_split(uint32_t bytes, std::mt19937& random) {
    Split split;
    for (uint32_t at = 0; at < bytes; at += split.back()) {
        uint32_t fitting = 1u << random() % 4;
        while (!fits_at(fitting, at, bytes)) fitting /= 2;
        split.push_back(fitting);
    }
    return split;
}

inline void copy_piece(InsnWriter& w, uint32_t width, int16_t from, int16_t to) {
    using vm::Op;
    const bool is8 = width == 8, is4 = width == 4, is2 = width == 2;
    w.put(is8 ? Op::kLoad64 : is4 ? Op::kLoad32 : is2 ? Op::kLoad16 : Op::kLoad8, 3, 7, from);
    w.put(is8   ? Op::kStoreReg64
          : is4 ? Op::kStoreReg32
          : is2 ? Op::kStoreReg16
                : Op::kStoreReg8,
          10, 3, to);
}

inline void put_null_check(InsnWriter& w, NullCheck check) {
    using vm::Op;
    const auto put_ends = [&](uint8_t present, bool present_first) {
        if (present_first) w.put(Op::kLoad32, 0, present, 0).exit();
        w.mov(0, kNothingFound).exit();
        if (!present_first) w.put(Op::kLoad32, 0, present, 0).exit();
    };
    switch (check) {
        case NullCheck::kEqual: w.put(Op::kJeq64Imm, 0, 0, 2, 0); return put_ends(0, true);
        case NullCheck::kNotEqual: w.put(Op::kJne64Imm, 0, 0, 2, 0); return put_ends(0, false);
        case NullCheck::kOfACopy:
            w.mov_reg(6, 0).put(Op::kJeq64Imm, 6, 0, 2, 0);
            return put_ends(6, true);
        case NullCheck::kBehindMoves:
            w.mov_reg(1, 0).put(Op::kMov32Imm, 0, 0, 0, kNothingFound).put(Op::kJeq64Imm, 1, 0, 1);
            w.put(Op::kLoad32, 0, 1, 0).exit();
            return;
        case NullCheck::kNotEqualBehindMoves:
            w.mov_reg(9, 0).mov(0, kNothingFound).mov(3, 5).put(Op::kJne64Imm, 9, 0, 1).exit();
            w.put(Op::kLoad32, 0, 9, 0).exit();
            return;
        case NullCheck::kUnderALabel:
            w.put(Op::kLoad8, 4, 7, 0).put(Op::kJne64Imm, 4, 0, 1, 7).mov(5, 1);
            w.put(Op::kJeq64Imm, 0, 0, 2, 0);
            return put_ends(0, true);
    }
}

/// Looks up the first bytes of a packet of at least 64 in map 0; the first word of the value, or
/// kNothingFound.
inline std::vector<vm::Insn> lookup_program(const Split& split, KeyForm form, NullCheck check) {
    using vm::Op;
    constexpr int16_t kKey = -64;
    InsnWriter w;
    w.put(Op::kLoad32, 7, 1, 0).put(Op::kLoad32, 2, 1, 4).mov_reg(3, 7).add(3, 64);
    w.put(Op::kJle64Reg, 3, 2, 2).mov(0, 0).exit();
    w.mov_reg(8, 10).add(8, kKey);
    int16_t at = 0;
    for (const uint32_t width : split) {
        copy_piece(w, width, at, static_cast<int16_t>(kKey + at));
        at = static_cast<int16_t>(at + width);
    }
    w.load_map(1, 0);
    switch (form) {
        case KeyForm::kStack: w.mov_reg(2, 10).add(2, kKey); break;
        case KeyForm::kSaved: w.mov_reg(2, 8); break;
        case KeyForm::kBehindALabel:
            w.put(Op::kLoad8, 4, 7, 0).put(Op::kJeq64Imm, 4, 0, 1, 5).mov(4, 1).mov_reg(2, 8);
            break;
        case KeyForm::kPacket: w.mov_reg(2, 7); break;
    }
    w.call(1);
    put_null_check(w, check);
    return w.insns();
}

/// Packets of a burst; each begins with its key.
class KeyPackets {
public:
    explicit KeyPackets(const std::vector<Bytes>& keys) : packets_(keys.size()) {
        for (size_t i = 0; i < keys.size(); ++i) {
            std::copy(keys[i].begin(), keys[i].end(), packets_[i].bytes);
            contexts_.push_back(packets_[i].context());
        }
    }
    std::span<vm::XdpContext> contexts() { return contexts_; }

private:
    std::vector<TestPacket> packets_;
    std::vector<vm::XdpContext> contexts_;
};

enum class Way { kInterp, kSingle, kBurst, kOverlapped };
constexpr std::array<Way, 4> kWays = {Way::kInterp, Way::kSingle, Way::kBurst, Way::kOverlapped};

inline std::unique_ptr<jit::CompiledProgram> compile_for(const Proven& proven, Way way) {
    const bool overlaps = way == Way::kOverlapped;
    return jit::compile(proven.program, proven.pointers, maps::all_helpers(),
                        way == Way::kInterp ? jit::Engine::kInterp : jit::Engine::kJit,
                        {.overlap = overlaps ? jit::Overlap::kAlways : jit::Overlap::kNever})
        .value();
}

/// What `proven` says to packets that begin with these keys.
inline std::vector<uint32_t> verdicts_of(const Proven& proven, Way way,
                                         const std::vector<Bytes>& keys, uint32_t cpu) {
    const auto program = compile_for(proven, way);
    KeyPackets packets(keys);
    vm::RunEnv env;
    env.cpu = cpu;
    std::vector<uint32_t> verdicts(keys.size()), redirects(keys.size());
    if (way == Way::kBurst || way == Way::kOverlapped) {
        program->run_burst(packets.contexts(), verdicts, redirects, env);
        return verdicts;
    }
    for (size_t i = 0; i < keys.size(); ++i) verdicts[i] = program->run(packets.contexts()[i], env);
    return verdicts;
}

/// The same from the map itself.
inline std::vector<uint32_t> looked_up(vm::Map& map, const std::vector<Bytes>& keys, uint32_t cpu) {
    std::vector<uint32_t> words;
    for (const Bytes& key : keys) {
        const uint8_t* value = map.lookup(key.data(), cpu);
        uint32_t word = kNothingFound;
        if (value != nullptr) std::memcpy(&word, value, sizeof word);
        words.push_back(word);
    }
    return words;
}

}  // namespace weir::tests
