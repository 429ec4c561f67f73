#include "vm/verifier/stack_depth.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "vm/program/stack_chain.h"

namespace weir::vm::verifier {
namespace {

/// Frames above a tail call may use less than this (check_max_stack_depth_subprog,
/// kernel/bpf/verifier.c).
constexpr uint32_t kTailCallerBytesMax = 256;

/// For each number of frames still possible: the largest sum from a function on, and where it goes
/// on. By frames, since who calls whom may form a circle that no path walks.
class Chains {
public:
    Chains(const Env& env, const std::vector<uint32_t>& own) : env_(env), own_(own) {
        best_[0].assign(own.size(), {});
        for (size_t frames = 1; frames <= kCallDepthMax; ++frames) extend(frames);
    }

    uint32_t bytes(uint32_t root) const { return best_[kCallDepthMax][root].bytes; }

    std::vector<uint32_t> deepest(uint32_t root) const {
        std::vector<uint32_t> chain = {root};
        for (size_t frames = kCallDepthMax; best_[frames][chain.back()].next != kNobody; --frames)
            chain.push_back(best_[frames][chain.back()].next);
        return chain;
    }

private:
    static constexpr uint32_t kNobody = UINT32_MAX;
    struct Best {
        uint32_t bytes = 0;
        uint32_t next = kNobody;
    };

    void extend(size_t frames) {
        best_[frames].resize(own_.size());
        for (uint32_t caller = 0; caller < own_.size(); ++caller) {
            Best& best = best_[frames][caller];
            best.bytes = own_[caller];
            const auto consider = [&](uint32_t callee) {
                const uint32_t sum = own_[caller] + best_[frames - 1][callee].bytes;
                if (sum > best.bytes) best = {sum, callee};
            };
            std::ranges::for_each(env_.cfg.calls[caller], consider);
            std::ranges::for_each(env_.callbacks[caller], consider);
        }
    }

    const Env& env_;
    const std::vector<uint32_t>& own_;
    std::array<std::vector<Best>, kCallDepthMax + 1> best_;
};

std::vector<uint32_t> counted(const Env& env) {
    std::vector<uint32_t> bytes;
    for (const uint32_t used : env.stack_bytes) bytes.push_back(counted_stack(used));
    return bytes;
}

/// Bytes of the frames above each function, on the worst chain from a root.
std::vector<uint32_t> bytes_above(const Env& env, const std::vector<uint32_t>& own) {
    std::vector<uint32_t> above(own.size());
    for (uint32_t round = 0; round < kCallDepthMax; ++round)
        for (uint32_t caller = 0; caller < own.size(); ++caller)
            for (const uint32_t callee : env.cfg.calls[caller])
                above[callee] = std::max(above[callee], above[caller] + own[caller]);
    return above;
}

}  // namespace

uint32_t stack_bytes_total(const Env& env) {
    const Chains chains(env, env.stack_bytes);
    uint32_t most = 0;
    for (const Root& root : env.roots) most = std::max(most, chains.bytes(root.subprogram));
    return most;
}

Checked check_stack_depth(const Env& env) {
    const std::vector<uint32_t> own = counted(env);
    const Chains chains(env, own);
    const auto name = [&](uint32_t subprogram) {
        return std::string_view(env.program.subprograms[subprogram].name);
    };
    for (const Root& root : env.roots) {
        const std::vector<uint32_t> chain = chains.deepest(root.subprogram);
        std::vector<ChainFrame> frames;
        for (const uint32_t subprogram : chain)
            frames.push_back({name(subprogram), own[subprogram]});
        if (const std::optional<std::string> refusal = stack_chain_refusal(frames))
            return fault("stack-depth", *refusal, env.program.subprograms[chain.back()].insn);
    }
    const std::vector<uint32_t> above = bytes_above(env, own);
    for (uint32_t i = 0; i < own.size(); ++i)
        if (env.tail_calls[i] != 0 && above[i] >= kTailCallerBytesMax)
            return fault("tail-call",
                         fmt::format("{} makes a tail call below frames of {} bytes; less than {} "
                                     "must be used above it",
                                     name(i), above[i], kTailCallerBytesMax),
                         env.program.subprograms[i].insn);
    return {};
}

}  // namespace weir::vm::verifier
