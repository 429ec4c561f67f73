#pragma once
// The states that the verifier assumed, by instruction.

#include <cstdint>
#include <span>
#include <vector>

#include "vm/verifier/observer.h"
#include "vm/verifier/state.h"

namespace weir::tests {

constexpr uint64_t kBookStatesMax = 200'000;

class StateBook : public vm::verifier::Observer {
public:
    explicit StateBook(size_t slots) : at_(slots) {}

    void at(uint32_t pc, const vm::verifier::State& state) override {
        ++seen_;
        if (seen_ > kBookStatesMax) return;
        order_.push_back(pc);
        at_[pc].push_back(state);
    }
    void forget(uint64_t kept) override {
        for (; order_.size() > kept; order_.pop_back()) at_[order_.back()].pop_back();
        seen_ = kept;
    }

    /// There were more than the book holds: nothing can be said.
    bool is_full() const { return seen_ > kBookStatesMax; }
    std::span<const vm::verifier::State> states(uint32_t pc) const { return at_[pc]; }

private:
    std::vector<std::vector<vm::verifier::State>> at_;
    std::vector<uint32_t> order_;
    uint64_t seen_ = 0;
};

}  // namespace weir::tests
