#pragma once
// Every message of the command socket as a list of its fields, each once: name, place, bound. A
// visitor makes of the list what it wants: the encoder and the decoder (codec.cc), generated
// contents and comparison (the tests).
//
// A visitor is called as visit(name, value) for numbers, booleans, specs and nested messages,
// visit(name, value, bound) for strings and byte strings (bytes), lists and tables (elements),
// enums (greatest value).

#include <concepts>
#include <type_traits>

#include "dataplane/api/frame.h"
#include "vm/base/limits.h"

namespace weir::dataplane::api {

constexpr uint32_t kTextBytesMax =
    8192;  ///< paths, device strings, messages, the verifier's state line
constexpr uint32_t kPortsMax = 64;
constexpr uint32_t kMapsMax = 4096;      ///< alive at once
constexpr uint32_t kProgramsMax = 1024;  ///< alive at once
constexpr uint32_t kChainProgramsMax = 64;
constexpr uint32_t kRoutesMax = 65'536;
constexpr uint32_t kNeighboursMax = 65'536;
constexpr uint32_t kAddressBytesMax = 16;
constexpr uint32_t kMacBytes = 6;
constexpr uint32_t kReasonsMax = 256;  ///< drop reasons, verdicts
constexpr uint32_t kWarningsMax = 256;
constexpr uint32_t kCodePlacesMax = 8 * kProgramInsnsMax;  ///< each insn, in up to four copies
constexpr uint32_t kCodeNamesMax = 4096;
constexpr uint32_t kAbortedPlacesMax = 16;
constexpr uint32_t kLatencyBucketsMax = 64;
constexpr uint32_t kQueuesOfWorkerMax = 4096;
constexpr uint32_t kFeaturesMax = 64;

/// M is Message or const Message.
template <typename M, typename Message>
concept Of = std::same_as<std::remove_const_t<M>, Message>;

template <typename V, Of<Empty> M>
void fields(V&, M&) {}

template <typename V, Of<PortConfig> M>
void fields(V& visit, M& m) {
    visit("name", m.name, kNameBytesMax);
    visit("device", m.device, kTextBytesMax);
    visit("pass", m.pass, PassKind::Drop);
    visit("pass_port", m.pass_port, kNameBytesMax);
    visit("fail", m.fail, FailMode::Open);
    visit("ifindex", m.ifindex);
    visit("queues", m.queues);
    visit("mtu", m.mtu);
    visit("rx_descriptors", m.rx_descriptors);
    visit("promiscuous", m.promiscuous);
    visit("allmulticast", m.allmulticast);
    visit("distribution", m.distribution, Distribution::Off);
    visit("link_follow", m.link_follow, kNameBytesMax);
    visit("chain_budget_ns", m.chain_budget_ns);
}

template <typename V, Of<Configure> M>
void fields(V& visit, M& m) {
    visit("lcores", m.lcores, kWorkersMax);
    visit("workers_max", m.workers_max);
    visit("idle", m.idle, IdleMode::Monitor);
    visit("hugepages", m.hugepages, HugepageMode::Off);
    visit("memory_bytes", m.memory_bytes);
    visit("jit_harden", m.jit_harden);
    visit("jit_symbols", m.jit_symbols, SymbolMode::All);
    visit("ports", m.ports, kPortsMax);
}

template <typename V, Of<MapCreate> M>
void fields(V& visit, M& m) {
    visit("name", m.name, kNameBytesMax);
    visit("spec", m.spec);
    visit("persistence", m.persistence, Persistence::Fresh);
}

template <typename V, Of<MapInfo> M>
void fields(V& visit, M& m) {
    visit("handle", m.handle);
    visit("name", m.name, kNameBytesMax);
    visit("published", m.published);
    visit("spec", m.spec);
    visit("entries", m.entries);
    visit("memory_bytes", m.memory_bytes);
    visit("used_bytes", m.used_bytes);
    visit("full_count", m.full_count);
    visit("busy_count", m.busy_count);
    visit("evicted_count", m.evicted_count);
    visit("lost_events", m.lost_events);
    visit("persists", m.persists);
    visit("restored_count", m.restored_count);
    visit("torn_count", m.torn_count);
    visit("cpu_slots", m.cpu_slots);
}

template <typename V, Of<ProgramLoad> M>
void fields(V& visit, M& m) {
    visit("name", m.name, kNameBytesMax);
    visit("maps", m.maps, kMapsPerProgramMax);
    visit("object", m.object, kTextBytesMax);
    visit("object_hash", m.object_hash, kNameBytesMax);
    visit("skip_on_fault", m.skip_on_fault);
    visit("spec", m.spec);
}

template <typename V, Of<ProgramLoaded> M>
void fields(V& visit, M& m) {
    visit("handle", m.handle);
    visit("verify_us", m.verify_us);
    visit("compile_us", m.compile_us);
    visit("jited_bytes", m.jited_bytes);
}

template <typename V, Of<ReadCode> M>
void fields(V& visit, M& m) {
    visit("program", m.program);
}

template <typename V, Of<CodeFunction> M>
void fields(V& visit, M& m) {
    visit("entry", m.entry, CodeEntry::Callback);
    visit("subprogram", m.subprogram);
    visit("begin", m.begin);
    visit("end", m.end);
}

template <typename V, Of<CodePlace> M>
void fields(V& visit, M& m) {
    visit("offset", m.offset);
    visit("slot", m.slot);
}

template <typename V, Of<CodeName> M>
void fields(V& visit, M& m) {
    visit("address", m.address);
    visit("bytes", m.bytes);
    visit("name", m.name, kTextBytesMax);
}

template <typename V, Of<ProgramCode> M>
void fields(V& visit, M& m) {
    visit("spec", m.spec);
    visit("address", m.address);
    visit("code", m.code, kFrameBytesMax);
    visit("functions", m.functions, kProgramInsnsMax);
    visit("places", m.places, kCodePlacesMax);
    visit("names", m.names, kCodeNamesMax);
}

template <typename V, Of<Chain> M>
void fields(V& visit, M& m) {
    visit("port", m.port, kNameBytesMax);
    visit("egress", m.egress);
    visit("programs", m.programs, kChainProgramsMax);
}

template <typename V, Of<Route> M>
void fields(V& visit, M& m) {
    visit("prefix", m.prefix, kAddressBytesMax);
    visit("length_bits", m.length_bits);
    visit("type", m.type, RouteType::Prohibit);
    visit("ifindex", m.ifindex);
    visit("via", m.via, kAddressBytesMax);
    visit("source", m.source, kAddressBytesMax);
    visit("table", m.table);
    visit("metric", m.metric);
    visit("mtu", m.mtu);
}

template <typename V, Of<Neighbour> M>
void fields(V& visit, M& m) {
    visit("address", m.address, kAddressBytesMax);
    visit("mac", m.mac, kMacBytes);
    visit("ifindex", m.ifindex);
}

template <typename V, Of<Publish> M>
void fields(V& visit, M& m) {
    visit("chains", m.chains, 2 * kPortsMax);
    visit("routes", m.routes, kRoutesMax);
    visit("neighbours", m.neighbours, kNeighboursMax);
    visit("config_hash", m.config_hash, kNameBytesMax);
}

template <typename V, Of<Published> M>
void fields(V& visit, M& m) {
    visit("generation", m.generation);
    visit("swap_us", m.swap_us);
}

template <typename V, Of<AbortedAt> M>
void fields(V& visit, M& m) {
    visit("insn", m.insn);
    visit("count", m.count);
}

template <typename V, Of<ProgramInfo> M>
void fields(V& visit, M& m) {
    visit("handle", m.handle);
    visit("name", m.name, kNameBytesMax);
    visit("function", m.function, kNameBytesMax);
    visit("object", m.object, kTextBytesMax);
    visit("object_hash", m.object_hash, kNameBytesMax);
    visit("type", m.type, kNameBytesMax);
    visit("insns", m.insns);
    visit("jited_bytes", m.jited_bytes);
    visit("runs", m.runs);
    visit("verdicts", m.verdicts, kReasonsMax);
    visit("maps", m.maps, kMapsPerProgramMax);
    visit("aborted", m.aborted, kAbortedPlacesMax);
    visit("fault", m.fault, kTextBytesMax);
}

template <typename V, Of<Counters> M>
void fields(V& visit, M& m) {
    visit("rx", m.rx);
    visit("rx_bytes", m.rx_bytes);
    visit("tx", m.tx);
    visit("tx_bytes", m.tx_bytes);
    visit("to_kernel", m.to_kernel);
    visit("cloned", m.cloned);
    visit("generated", m.generated);
    visit("in_flight", m.in_flight);
    visit("drops", m.drops, kReasonsMax);
    visit("verdicts", m.verdicts, kReasonsMax);
}

template <typename V, Of<QueueStats> M>
void fields(V& visit, M& m) {
    visit("port", m.port, kNameBytesMax);
    visit("queue", m.queue);
    visit("distributed", m.distributed);
    visit("rx", m.rx);
}

template <typename V, Of<WorkerStats> M>
void fields(V& visit, M& m) {
    visit("index", m.index);
    visit("lcore", m.lcore);
    visit("generation", m.generation);
    visit("polls", m.polls);
    visit("busy_polls", m.busy_polls);
    visit("state", m.state, WorkerState::Stuck);
    visit("stuck_in", m.stuck_in, kTextBytesMax);
    visit("rx_cycles", m.rx_cycles);
    visit("program_cycles", m.program_cycles);
    visit("tx_cycles", m.tx_cycles);
    visit("idle_cycles", m.idle_cycles);
    visit("sleeps", m.sleeps);
    visit("latency", m.latency, kLatencyBucketsMax);
    visit("queues", m.queues, kQueuesOfWorkerMax);
    visit("counters", m.counters);
}

template <typename V, Of<ChainStats> M>
void fields(V& visit, M& m) {
    visit("port", m.port, kNameBytesMax);
    visit("egress", m.egress);
    visit("packets", m.packets);
    visit("verdicts", m.verdicts, kReasonsMax);
}

template <typename V, Of<TimerStats> M>
void fields(V& visit, M& m) {
    visit("in_use", m.in_use);
    visit("most", m.most);
    visit("calls", m.calls);
    visit("late", m.late);
    visit("full", m.full);
}

template <typename V, Of<Stats> M>
void fields(V& visit, M& m) {
    visit("generation", m.generation);
    visit("time_ns", m.time_ns);
    visit("total", m.total);
    visit("ports", m.ports, kPortsMax);
    visit("workers", m.workers, kWorkersMax);
    visit("chains", m.chains, 2 * kPortsMax);
    visit("programs", m.programs, kProgramsMax);
    visit("timers", m.timers);
    visit("tsc_hz", m.tsc_hz);
}

template <typename V, Of<PortInfo> M>
void fields(V& visit, M& m) {
    visit("name", m.name, kNameBytesMax);
    visit("device", m.device, kTextBytesMax);
    visit("driver", m.driver, kTextBytesMax);
    visit("ifindex", m.ifindex);
    visit("mtu", m.mtu);
    visit("queues", m.queues);
    visit("link_up", m.link_up);
    visit("mac", m.mac, kNameBytesMax);
    visit("imissed", m.imissed);
    visit("rx_nombuf", m.rx_nombuf);
    visit("ierrors", m.ierrors);
    visit("oerrors", m.oerrors);
    visit("bad_checksums", m.bad_checksums);
    visit("heads_moved", m.heads_moved);
    visit("link_mbps", m.link_mbps);
    visit("link_downs", m.link_downs);
    visit("removed", m.removed);
    visit("distributed", m.distributed);
    visit("features", m.features, kFeaturesMax);
    visit("out_of_service", m.out_of_service, kTextBytesMax);
}

template <typename V, Of<Status> M>
void fields(V& visit, M& m) {
    visit("version", m.version, kNameBytesMax);
    visit("pid", m.pid);
    visit("uptime_ms", m.uptime_ms);
    visit("configured", m.configured);
    visit("generation", m.generation);
    visit("config_hash", m.config_hash, kNameBytesMax);
    visit("hugepages", m.hugepages);
    visit("configure", m.configure);
    visit("ports", m.ports, kPortsMax);
    visit("chains", m.chains, 2 * kPortsMax);
    visit("bypass_left_ms", m.bypass_left_ms);
    visit("warnings", m.warnings, kWarningsMax);
}

template <typename V, Of<MapLookup> M>
void fields(V& visit, M& m) {
    visit("map", m.map);
    visit("key", m.key, kMapKeyBytesMax);
}

template <typename V, Of<MapLookupReply> M>
void fields(V& visit, M& m) {
    visit("value", m.value, kFrameBytesMax);
}

template <typename V, Of<MapUpdate> M>
void fields(V& visit, M& m) {
    visit("map", m.map);
    visit("flags", m.flags);
    visit("policy", m.policy);
    visit("elements", m.elements, kBatchElementsMax);
}

template <typename V, Of<MapFill> M>
void fields(V& visit, M& m) {
    visit("map", m.map);
    visit("flags", m.flags);
    visit("records", m.records, kFrameBytesMax);
}

template <typename V, Of<MapReplacement> M>
void fields(V& visit, M& m) {
    visit("map", m.map);
    visit("fresh", m.fresh);
}

template <typename V, Of<ReplaceMaps> M>
void fields(V& visit, M& m) {
    visit("replacements", m.replacements, kMapsPerProgramMax);
}

template <typename V, Of<SlotBind> M>
void fields(V& visit, M& m) {
    visit("map", m.map);
    visit("key", m.key, kMapKeyBytesMax);
    visit("target", m.target);
}

template <typename V, Of<MapErase> M>
void fields(V& visit, M& m) {
    visit("map", m.map);
    visit("keys", m.keys, kBatchElementsMax);
}

template <typename V, Of<MapCount> M>
void fields(V& visit, M& m) {
    visit("count", m.count);
}

template <typename V, Of<MapDump> M>
void fields(V& visit, M& m) {
    visit("map", m.map);
    visit("after", m.after, kMapKeyBytesMax);
    visit("count_max", m.count_max);
}

template <typename V, Of<MapElements> M>
void fields(V& visit, M& m) {
    visit("elements", m.elements, kBatchElementsMax);
    visit("after", m.after, kMapKeyBytesMax);
}

template <typename V, Of<MapCreated> M>
void fields(V& visit, M& m) {
    visit("handle", m.handle);
}

template <typename V, Of<MapList> M>
void fields(V& visit, M& m) {
    visit("maps", m.maps, kMapsMax);
}

template <typename V, Of<ProgramList> M>
void fields(V& visit, M& m) {
    visit("programs", m.programs, kProgramsMax);
}

template <typename V, Of<vm::Rejection> M>
void fields(V& visit, M& m) {
    visit("insn", m.insn);
    visit("line", m.line, kTextBytesMax);
    visit("rule", m.rule, kNameBytesMax);
    visit("message", m.message, kTextBytesMax);
    visit("state", m.state, kTextBytesMax);
}

template <typename V, Of<ErrorReply> M>
void fields(V& visit, M& m) {
    visit("kind", m.kind, ErrorKind::kResource);
    visit("message", m.message, kTextBytesMax);
    visit("rejection", m.rejection);
}

}  // namespace weir::dataplane::api
