#pragma once
// Fills a RunRecord while programs run. Takes its memory when it is made, none while it records;
// what has no room is left out, and the record says so.

#include <span>

#include "vm/interp/interp.h"
#include "vm/interp/run_record.h"

namespace weir::vm {

class RunRecorder {
public:
    RunRecorder();
    RunRecorder(const RunRecorder&) = delete;
    RunRecorder& operator=(const RunRecorder&) = delete;

    /// A packet comes; what was recorded before is forgotten.
    void begin(const XdpContext& context);
    void begin_run(const Runnable* program, const XdpContext& context);
    /// Also keeps the packet, if the run changed it.
    void end_run(uint32_t retval, const XdpContext& context, const RunEnv& env);

    // -- for the interpreter, in the order of execution
    TracedStep* step(const Runnable* program, uint32_t insn, uint32_t depth);
    TracedCall* call(int64_t id, bool is_kfunc);
    TracedWrite* write(uint64_t address, uint32_t bytes);

    /// `frame_pointer`: r10 of the frame that runs; `stack` all frames.
    void set_frame(uint64_t frame_pointer, std::span<const uint8_t> stack) {
        frame_pointer_ = frame_pointer;
        stack_ = stack;
    }
    TracedValue value_of(uint64_t number) const;
    uint16_t map_index(const Map* map);
    TracedBytes keep(const uint8_t* bytes, uint32_t count);
    /// Memory of an element of `map`; nullptr: other memory that a helper gave.
    void learn(const uint8_t* base, uint32_t bytes, const Map* map, TracedBytes key);

    const RunRecord& record() const { return record_; }

private:
    /// What pointers may lead to. The oldest make room.
    struct Region {
        uint64_t base = 0;
        uint32_t bytes = 0;
        Space space = Space::Elsewhere;
        uint16_t map = 0;
        TracedBytes key;
    };
    static constexpr uint32_t kRegions = 64;

    const Region* region_of(uint64_t address) const;
    uint16_t program_index(const Runnable* program);
    bool is_as_kept(const XdpContext& context) const;
    TracedBytes keep_packet(const XdpContext& context);

    RunRecord record_;
    const XdpContext* context_ = nullptr;
    uint64_t frame_pointer_ = 0;
    std::span<const uint8_t> stack_;
    std::array<Region, kRegions> regions_;
    uint32_t regions_seen_ = 0;
    TracedBytes last_packet_;
};

}  // namespace weir::vm
