#pragma once
// The fields of trace.h's messages, as fields.h has those of the others.

#include "dataplane/api/fields.h"
#include "dataplane/api/trace.h"

namespace weir::dataplane::api {

constexpr uint32_t kTracedPacketsMax = 64;  ///< in one reply

template <typename V, Of<TraceStart> M>
void fields(V& visit, M& m) {
    visit("filter", m.filter);
    visit("port", m.port, kNameBytesMax);
    visit("count", m.count);
}

template <typename V, Of<TracePoll> M>
void fields(V& visit, M& m) {
    visit("packets_max", m.packets_max);
}

template <typename V, Of<vm::TracedValue> M>
void fields(V& visit, M& m) {
    visit("number", m.number);
    visit("space", m.space, vm::Space::Elsewhere);
    visit("map", m.map);
}

template <typename V, Of<vm::TracedBytes> M>
void fields(V& visit, M& m) {
    visit("offset", m.offset);
    visit("bytes", m.bytes);
}

template <typename V, Of<vm::TracedStep> M>
void fields(V& visit, M& m) {
    visit("insn", m.insn);
    visit("program", m.program);
    visit("depth", m.depth);
    visit("jumped", m.jumped);
    visit("a", m.a);
    visit("b", m.b);
}

template <typename V, Of<vm::TracedCall> M>
void fields(V& visit, M& m) {
    visit("step", m.step);
    visit("id", m.id);
    visit("is_kfunc", m.is_kfunc);
    visit("is_done", m.is_done);
    visit("map", m.map);
    visit("r1", m.args[0]);
    visit("r2", m.args[1]);
    visit("r3", m.args[2]);
    visit("r4", m.args[3]);
    visit("r5", m.args[4]);
    visit("result", m.result);
    visit("key", m.key);
    visit("value", m.value);
    visit("before", m.before);
}

template <typename V, Of<vm::TracedWrite> M>
void fields(V& visit, M& m) {
    visit("step", m.step);
    visit("map", m.map);
    visit("bytes", m.bytes);
    visit("offset", m.offset);
    visit("before", m.before);
    visit("after", m.after);
    visit("key", m.key);
}

template <typename V, Of<vm::TracedRun> M>
void fields(V& visit, M& m) {
    visit("step", m.step);
    visit("program", m.program);
    visit("ingress_ifindex", m.ingress_ifindex);
    visit("egress_ifindex", m.egress_ifindex);
    visit("retval", m.retval);
    visit("redirect_ifindex", m.redirect_ifindex);
    visit("packet", m.packet);
}

/// Who they are is said beside it.
template <typename V, Of<vm::RunRecord> M>
void fields(V& visit, M& m) {
    visit("steps", m.steps, vm::kTracedStepsMax);
    visit("calls", m.calls, vm::kTracedCallsMax);
    visit("writes", m.writes, vm::kTracedWritesMax);
    visit("runs", m.runs, vm::kTracedRunsMax);
    visit("steps_total", m.steps_total);
    visit("is_cut", m.is_cut);
    visit("packet", m.packet);
    visit("bytes", m.bytes, vm::kTracedBytesMax);
}

template <typename V, Of<TracedObject> M>
void fields(V& visit, M& m) {
    visit("handle", m.handle);
    visit("name", m.name, kTextBytesMax);
}

template <typename V, Of<TracedFate> M>
void fields(V& visit, M& m) {
    visit("kind", m.kind, FateKind::ToWorker);
    visit("port", m.port, kNameBytesMax);
    visit("reason", m.reason, kNameBytesMax);
    visit("worker", m.worker);
}

template <typename V, Of<TracedPacket> M>
void fields(V& visit, M& m) {
    visit("generation", m.generation);
    visit("time_ns", m.time_ns);
    visit("worker", m.worker);
    visit("port", m.port, kNameBytesMax);
    visit("queue", m.queue);
    visit("fates", m.fates, kTracedFatesMax);
    visit("record", m.record);
    visit("programs", m.programs, vm::kTracedProgramsMax);
    visit("maps", m.maps, vm::kTracedMapsMax);
}

template <typename V, Of<TracedPackets> M>
void fields(V& visit, M& m) {
    visit("packets", m.packets, kTracedPacketsMax);
    visit("is_done", m.is_done);
    visit("passed_over", m.passed_over);
}

template <typename V, Of<ReadProgram> M>
void fields(V& visit, M& m) {
    visit("program", m.program);
}

template <typename V, Of<ProgramText> M>
void fields(V& visit, M& m) {
    visit("handle", m.handle);
    visit("name", m.name, kNameBytesMax);
    visit("object", m.object, kTextBytesMax);
    visit("spec", m.spec);
    visit("maps", m.maps, kMapsPerProgramMax);
}

template <typename V, Of<RoutesRead> M>
void fields(V& visit, M& m) {
    visit("routes", m.routes, kRoutesMax);
    visit("neighbours", m.neighbours, kNeighboursMax);
}

}  // namespace weir::dataplane::api
