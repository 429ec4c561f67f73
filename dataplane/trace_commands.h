#pragma once
// The control side of traces: who has one, what the workers recorded, and which programs and maps
// that was. Control thread only.

#include <memory>
#include <optional>
#include <vector>

#include "dataplane/api/trace.h"
#include "dataplane/forwarding.h"
#include "dataplane/packet_trace.h"
#include "dataplane/prover.h"
#include "dataplane/registry.h"

namespace weir::dataplane {

class TraceCommands {
public:
    /// kResource while another connection has a trace; a new one of the same connection ends the
    /// one before. Refusals of the filter are load_filter's.
    Result<void> start(Owner owner, const api::TraceStart& request, Forwarding& forwarding,
                       const Registry& registry, Prover& prover,
                       std::optional<vm::Rejection>& rejection);
    /// kNotFound without a trace. Once it is done its programs can still be read.
    Result<api::TracedPackets> poll(Owner owner, const api::TracePoll& request,
                                    Forwarding& forwarding, const Registry& registry);
    void disconnected(Owner owner, Forwarding& forwarding);
    /// After every publication: records name what ran when they were made.
    void remember(const Registry& registry);
    /// Frees what workers cannot hold any more. Now and then.
    void tend();
    /// A program that the trace knows, or nullptr.
    std::shared_ptr<const LoadedProgram> find(Handle handle) const;

private:
    struct Session {
        Owner owner = kNobody;
        std::shared_ptr<TraceOrder> order;
        std::vector<std::unique_ptr<WorkerTrace>> workers;
        uint64_t count = 0, given = 0;  ///< packets
        /// Kept alive so that records can be named; the oldest that are out of service go first.
        std::vector<std::shared_ptr<LoadedProgram>> programs;
        std::vector<std::shared_ptr<LoadedMap>> maps;
    };
    struct Grave {
        maps::GraceToken token;
        std::unique_ptr<Session> session;
    };

    static void disarm(Forwarding& forwarding);
    void end(Forwarding& forwarding);
    static api::TracedFate fate_of(const PacketFate& fate, const Forwarding& forwarding);
    api::TracedPacket packet_of(const PacketTrace& trace, const Forwarding& forwarding) const;
    api::TracedObject name_of(const vm::Runnable* program) const;
    api::TracedObject name_of(const vm::Map* map) const;

    std::unique_ptr<Session> session_;
    std::vector<Grave> graves_;
};

}  // namespace weir::dataplane
