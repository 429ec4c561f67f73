#pragma once
// What a program has taken and must give back before it ends, and the objects on its stack that
// only helpers may write (dynptrs, iterators). The kernel's verifier proves both beforehand; here
// they are kept in a list.

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "vm/program/run.h"

namespace weir::vm {

enum class HeldKind : uint8_t { Record, SpinLock, Socket, Connection };

struct Held {
    HeldKind kind = HeldKind::Record;
    uint64_t address = 0;
    const Map* map = nullptr;  ///< of a record or lock
    uint32_t insn = 0;         ///< that took it
};

/// SampleDynptr: of a user ring buffer's sample, lent for a callback, or a clone of it.
enum class StackObjectKind : uint8_t { Dynptr, RecordDynptr, SampleDynptr, Iterator };

constexpr uint32_t kDynptrStackBytes = 16;   ///< struct bpf_dynptr
constexpr uint32_t kIteratorStackBytes = 8;  ///< struct bpf_iter_num

/// Bytes of stack, as the helper that made or last changed them left them.
struct StackObject {
    StackObjectKind kind = StackObjectKind::Dynptr;
    uint64_t address = 0;
    uint32_t number = 0;  ///< of its memory: clones share it; never 0
    uint32_t insn = 0;
    std::array<uint8_t, kDynptrStackBytes> bytes{};

    uint32_t size() const {
        return kind == StackObjectKind::Iterator ? kIteratorStackBytes : kDynptrStackBytes;
    }
    /// Of the memory behind a dynptr, at most: vm/helpers/dynptr.h, as the kernel's
    /// bpf_dynptr_kern.
    uint32_t dynptr_bytes() const {
        return bytes[8] | uint32_t{bytes[9]} << 8 | uint32_t{bytes[10]} << 16;
    }
    /// Must be submitted, discarded or destroyed.
    bool is_held() const {
        return kind == StackObjectKind::RecordDynptr || kind == StackObjectKind::Iterator;
    }
};

constexpr size_t kHeldMax = 256;  ///< at once

class Holdings {
public:
    // -- records, locks, sockets
    /// False: kHeldMax.
    bool take(const Held& held);
    const Held* find(HeldKind kind, uint64_t address) const;
    void give_back(HeldKind kind, uint64_t address);
    const Held* lock() const;

    // -- objects on the stack
    /// What made it has written it; an object that stood there is gone. `number`: a clone's; 0: a
    /// new one.
    void make(StackObjectKind kind, uint64_t address, uint32_t insn, uint32_t number = 0);
    /// The object at this address, or nullptr where there is none or the program wrote over it.
    StackObject* intact(uint64_t address);
    /// One of these bytes is a live object's.
    StackObject* overlapping(uint64_t address, uint64_t bytes);
    void refresh(StackObject& object);
    void remove(uint64_t address);
    /// It and its clones: their memory was given back.
    void remove_all(uint32_t number);
    /// [low, high) is no longer a frame: plain dynptrs there end. What is held there can no longer
    /// be given back: it is a leak.
    std::optional<std::string> end_frame(uint64_t low, uint64_t high);

    // -- the end of a run
    /// "record of events, reserved at insn 12, is neither submitted nor discarded", or nothing.
    std::optional<std::string> leak() const;
    /// Gives everything back, so that a faulty program spoils no map.
    void give_everything_back(const HelperTable& helpers, RunEnv& env);

private:
    std::vector<Held> held_;
    std::vector<StackObject> objects_;
    std::vector<StackObject> lost_;  ///< held, but their frame has ended
    uint32_t numbers_ = 0;
};

}  // namespace weir::vm
