#pragma once
// What single keys and queues do one operation at a time: the models that recorded histories are
// checked against (tests/support/linear.h).

#include <cerrno>
#include <cstdint>
#include <vector>

#include "vm/program/map.h"

namespace weir::maps {

/// One key of a map, its value a number. For per-CPU kinds: one slot of one key.
struct KeyModel {
    /// The map evicts: a key may be gone where the answer says so. It never comes back by itself.
    bool vanishes = false;

    struct State {
        bool present = false;
        uint64_t value = 0;
        bool operator<(const State& other) const {
            return present != other.present ? present < other.present : value < other.value;
        }
    };
    enum class Kind : uint8_t {
        Read,            ///< status and value
        Presence,        ///< status alone
        Write,           ///< an update with `flags`
        WriteElsewhere,  ///< of another slot of the key: a new key's other slots are zero
        Erase,
        FetchAdd  ///< adds 1; value: what was there before
    };
    struct Operation {
        Kind kind = Kind::Read;
        uint64_t flags = 0, value = 0;
        int status = 0;
    };

    bool apply(State& state, const Operation& operation) const {
        if (operation.status != expected_status(state, operation)) {
            if (!vanishes || operation.status != expected_status({}, operation)) return false;
            state = {};
        }
        if (operation.status != 0) return true;
        switch (operation.kind) {
            case Kind::Read:
                // A slot of a key that went, and was inserted again by another cpu.
                if (vanishes && operation.value == 0) state.value = 0;
                return state.value == operation.value;
            case Kind::Presence: return true;
            case Kind::Write: state = {true, operation.value}; return true;
            case Kind::WriteElsewhere: state = {true, state.present ? state.value : 0}; return true;
            case Kind::Erase: state = {}; return true;
            case Kind::FetchAdd: return state.value++ == operation.value;
        }
        return false;
    }

private:
    static int expected_status(const State& state, const Operation& operation) {
        const bool writes = operation.kind == Kind::Write || operation.kind == Kind::WriteElsewhere;
        if (!writes) return state.present ? 0 : -ENOENT;
        if (state.present) return operation.flags == vm::kUpdateNoExist ? -EEXIST : 0;
        return operation.flags == vm::kUpdateExist ? -ENOENT : 0;
    }
};

/// A whole queue or stack.
struct QueueModel {
    using State = std::vector<uint64_t>;  ///< oldest first
    enum class Kind : uint8_t { Push, Pop, Peek };
    struct Operation {
        Kind kind = Kind::Push;
        uint64_t flags = 0, value = 0;
        int status = 0;
    };

    bool is_stack = false;
    uint32_t entries_max = 0;

    bool apply(State& state, const Operation& operation) const {
        return operation.kind == Kind::Push ? push(state, operation) : take(state, operation);
    }

private:
    bool push(State& state, const Operation& operation) const {
        const bool full = state.size() == entries_max;
        if (full && operation.flags != vm::kUpdateExist) return operation.status == -E2BIG;
        if (operation.status != 0) return false;
        if (full) state.erase(state.begin());
        state.push_back(operation.value);
        return true;
    }
    bool take(State& state, const Operation& operation) const {
        if (state.empty()) return operation.status == -ENOENT;
        const auto at = is_stack ? state.end() - 1 : state.begin();
        if (operation.status != 0 || *at != operation.value) return false;
        if (operation.kind == Kind::Pop) state.erase(at);
        return true;
    }
};

}  // namespace weir::maps
