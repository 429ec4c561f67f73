#include "vm/interp/run_recorder.h"

#include <algorithm>
#include <cstring>

namespace weir::vm {
namespace {

/// nullptr, and the record is cut, where the list has no room.
template <typename T>
T* append(std::vector<T>& list, bool& is_cut) {
    if (list.size() == list.capacity()) {
        is_cut = true;
        return nullptr;
    }
    return &list.emplace_back();
}

template <typename T>
uint16_t index_of(std::vector<const T*>& list, const T* item, bool& is_cut) {
    const auto found = std::ranges::find(list, item);
    if (found == list.end()) {
        if (const T** place = append(list, is_cut))
            *place = item;
        else
            return 0;
        return static_cast<uint16_t>(list.size() - 1);
    }
    return static_cast<uint16_t>(found - list.begin());
}

/// Reserved and written once, so that no page of it is new when a packet is traced.
template <typename T>
void take_memory(std::vector<T>& list, size_t count) {
    list.resize(count);
    list.clear();
}

}  // namespace

RunRecorder::RunRecorder() {
    take_memory(record_.steps, kTracedStepsMax);
    take_memory(record_.calls, kTracedCallsMax);
    take_memory(record_.writes, kTracedWritesMax);
    take_memory(record_.runs, kTracedRunsMax);
    take_memory(record_.bytes, kTracedBytesMax);
    take_memory(record_.programs, kTracedProgramsMax);
    take_memory(record_.maps, kTracedMapsMax);
}

void RunRecorder::begin(const XdpContext& context) {
    record_.steps.clear();
    record_.calls.clear();
    record_.writes.clear();
    record_.runs.clear();
    record_.bytes.clear();
    record_.programs.clear();
    record_.maps.clear();
    record_.steps_total = 0;
    record_.is_cut = false;
    regions_seen_ = 0;
    record_.packet = last_packet_ = keep_packet(context);
}

void RunRecorder::begin_run(const Runnable* program, const XdpContext& context) {
    context_ = &context;
    if (TracedRun* run = append(record_.runs, record_.is_cut)) {
        *run = {.step = static_cast<uint32_t>(record_.steps.size()),
                .program = program_index(program),
                .ingress_ifindex = context.ingress_ifindex,
                .egress_ifindex = context.egress_ifindex,
                .packet = {}};
    }
}

void RunRecorder::end_run(uint32_t retval, const XdpContext& context, const RunEnv& env) {
    context_ = nullptr;
    if (record_.runs.empty()) return;
    TracedRun& run = record_.runs.back();
    run.retval = retval;
    run.redirect_ifindex = env.redirect_ifindex;
    if (!is_as_kept(context)) run.packet = last_packet_ = keep_packet(context);
}

bool RunRecorder::is_as_kept(const XdpContext& context) const {
    if (last_packet_.offset == TracedBytes::kNone) return false;
    return std::ranges::equal(
        std::span(context.data, context.data_end),
        std::span(record_.bytes).subspan(last_packet_.offset, last_packet_.bytes));
}

TracedBytes RunRecorder::keep_packet(const XdpContext& context) {
    const auto count = static_cast<uint32_t>(context.data_end - context.data);
    if (record_.bytes.size() + count <= record_.bytes.capacity()) {
        const TracedBytes kept{static_cast<uint32_t>(record_.bytes.size()), count};
        record_.bytes.insert(record_.bytes.end(), context.data, context.data_end);
        return kept;
    }
    record_.is_cut = true;
    return {};
}

TracedBytes RunRecorder::keep(const uint8_t* bytes, uint32_t count) {
    const uint32_t kept = std::min(count, kTracedValueBytesMax);
    if (record_.bytes.size() + kept > record_.bytes.capacity()) {
        record_.is_cut = true;
        return {};
    }
    const TracedBytes made{static_cast<uint32_t>(record_.bytes.size()), kept};
    if (kept != 0) record_.bytes.insert(record_.bytes.end(), bytes, bytes + kept);
    return made;
}

uint16_t RunRecorder::program_index(const Runnable* program) {
    return index_of(record_.programs, program, record_.is_cut);
}

uint16_t RunRecorder::map_index(const Map* map) {
    return index_of(record_.maps, map, record_.is_cut);
}

TracedStep* RunRecorder::step(const Runnable* program, uint32_t insn, uint32_t depth) {
    ++record_.steps_total;
    TracedStep* const made = append(record_.steps, record_.is_cut);
    if (made != nullptr) {
        made->insn = insn;
        made->program = program_index(program);
        made->depth = static_cast<uint8_t>(std::min(depth, 255u));
    }
    return made;
}

TracedCall* RunRecorder::call(int64_t id, bool is_kfunc) {
    const bool steps_cut = record_.steps_total > record_.steps.size();
    TracedCall* const made = append(record_.calls, record_.is_cut);
    if (made != nullptr) {
        made->step = static_cast<uint32_t>(record_.steps.size() - (steps_cut ? 0 : 1));
        made->id = static_cast<int32_t>(id);
        made->is_kfunc = is_kfunc;
    }
    return made;
}

TracedWrite* RunRecorder::write(uint64_t address, uint32_t bytes) {
    const Region* const region = region_of(address);
    if (region == nullptr || region->space != Space::MapValue) return nullptr;
    const bool steps_cut = record_.steps_total > record_.steps.size();
    TracedWrite* const made = append(record_.writes, record_.is_cut);
    if (made != nullptr) {
        made->step = static_cast<uint32_t>(record_.steps.size() - (steps_cut ? 0 : 1));
        made->map = region->map;
        made->bytes = static_cast<uint8_t>(bytes);
        made->offset = static_cast<uint32_t>(address - region->base);
        made->key = region->key;
    }
    return made;
}

void RunRecorder::learn(const uint8_t* base, uint32_t bytes, const Map* map, TracedBytes key) {
    regions_[regions_seen_++ % kRegions] = {.base = reinterpret_cast<uint64_t>(base),
                                            .bytes = bytes,
                                            .space = map ? Space::MapValue : Space::Elsewhere,
                                            .map = map ? map_index(map) : uint16_t{0},
                                            .key = key};
}

/// The latest first: memory may have been used again.
const RunRecorder::Region* RunRecorder::region_of(uint64_t address) const {
    const uint32_t kept = std::min(regions_seen_, kRegions);
    for (uint32_t i = 1; i <= kept; ++i) {
        const Region& region = regions_[(regions_seen_ - i) % kRegions];
        if (address - region.base < region.bytes) return &region;
    }
    return nullptr;
}

TracedValue RunRecorder::value_of(uint64_t number) const {
    constexpr uint64_t kNoAddress = 4096;
    if (number < kNoAddress) return {number};
    const auto within = [&](const void* low, const void* high) {
        return number >= reinterpret_cast<uint64_t>(low) &&
               number <= reinterpret_cast<uint64_t>(high);
    };
    if (within(stack_.data(), stack_.data() + stack_.size()))
        return {number - frame_pointer_, Space::Stack};
    if (context_ != nullptr) {
        const auto start = reinterpret_cast<uint64_t>(context_->data);
        if (number == reinterpret_cast<uint64_t>(context_->data_end))
            return {number - start, Space::PacketEnd};
        if (within(context_->frame_start, context_->frame_limit))
            return {number - start, Space::Packet};
        if (within(context_, context_ + 1))
            return {number - reinterpret_cast<uint64_t>(context_), Space::Context};
    }
    if (const Region* region = region_of(number))
        return {number - region->base, region->space, region->map};
    for (size_t i = 0; i < record_.maps.size(); ++i)
        if (number == reinterpret_cast<uint64_t>(record_.maps[i]))
            return {0, Space::Map, static_cast<uint16_t>(i)};
    return {number};
}

}  // namespace weir::vm
