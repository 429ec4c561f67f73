#include "jit/overlap_run.h"

#include <algorithm>
#include <new>

#include "vm/base/check.h"

namespace weir::jit {

void OverlapCode::run_some(std::span<vm::XdpContext> contexts, uint32_t* verdicts,
                           uint32_t* redirects, vm::RunEnv& env) const {
    alignas(64) uint8_t memory[kOverlapPackets * overlap_stride_bytes(kStackBytes)];
    const uint32_t stride = overlap_stride_bytes(stack_bytes);
    uint8_t* const first = memory + overlap_stack_bytes(stack_bytes);
    uint8_t* const end = first + contexts.size() * stride;
    uint8_t* at = first;
    for (vm::XdpContext& context : contexts) {
        auto& frame = *reinterpret_cast<OverlapFrame*>(at);
        frame.next = start;
        frame.finish = through;
        frame.context = &context;
        frame.redirect = 0;
        at += stride;
    }
    // Every pass takes some packet further on a way that ends.
    while (advance(first, end, &env) != 0) {
    }
    complete(first, end, &env);
    for (at = first; at != end; at += stride) {
        const auto& frame = *reinterpret_cast<const OverlapFrame*>(at);
        *verdicts++ = frame.verdict;
        *redirects++ = frame.redirect;
    }
}

void OverlapCode::run(std::span<vm::XdpContext> contexts, uint32_t* verdicts, uint32_t* redirects,
                      vm::RunEnv& env) const {
    WEIR_CHECK(stack_bytes <= kStackBytes);
    for (size_t done = 0; done < contexts.size(); done += kOverlapPackets) {
        const size_t count = std::min<size_t>(kOverlapPackets, contexts.size() - done);
        run_some(contexts.subspan(done, count), verdicts + done, redirects + done, env);
    }
}

}  // namespace weir::jit
