#pragma once
// Runs proven programs as interpret() does, with everything noted: the same state, the same maps,
// the same result. Serves programs of any engine, so that a run of machine code can be traced.

#include "vm/interp/interp.h"
#include "vm/interp/run_recorder.h"

namespace weir::vm {

/// The program behind what a prog array holds, or nullptr where it is not known: such a tail call
/// falls through. Takes no lock and no memory.
using FindCode = const ProvenCode* (*)(const Runnable* program);

/// Told of each access before it is made, while what the map holds can still be filled in. For runs
/// away from the packet path.
class BeforeAccess {
public:
    virtual ~BeforeAccess() = default;
    /// A helper is called with this map; `key` has key_bytes, nullptr where the call has none.
    virtual void access(Map& map, const HelperInfo& helper, const uint8_t* key) = 0;
    virtual void tail_call(Map& map, uint32_t index) = 0;
};

struct TraceOptions {
    FindCode find = nullptr;
    BeforeAccess* before = nullptr;
};

/// One packet; returns r0's low 32 bits. `program` has its runnable and its spec. The caller calls
/// recorder.begin() for each packet and zeroes env.redirect_ifindex, as before any run.
uint32_t interpret_traced(const ProvenCode& program, XdpContext& context, RunEnv& env,
                          RunRecorder& recorder, const TraceOptions& options);

}  // namespace weir::vm
