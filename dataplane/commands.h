#pragma once
// What each request of the command socket does: the dataplane as its control side sees it. Control
// thread only.

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "dataplane/api/codec.h"
#include "dataplane/bypass.h"
#include "dataplane/forwarding.h"
#include "dataplane/map_commands.h"
#include "dataplane/prover.h"
#include "dataplane/registry.h"
#include "dataplane/replay.h"
#include "dataplane/server.h"
#include "dataplane/trace_commands.h"

namespace weir::dataplane {

struct OutReport;  // out_of_service.h

class Commands : public FrameSink {
public:
    /// `replay_path`: where the last confirmed generation is kept. `version`: for Status.
    Commands(std::unique_ptr<Prover> prover, std::string run_dir, std::string version);
    ~Commands() override;

    Bytes answer(Owner owner, const Frame& frame, bool& malformed) override;
    void disconnected(Owner owner) override;
    void tick() override;
    int wake_fd() const override;
    bool wants_shutdown() const override { return shutdown_; }

    /// Boots from a file: every program is proven again. The generation that it publishes is 1.
    Result<void> replay(const Replay& replay);

private:
    struct Refusal {
        Error error;
        std::optional<vm::Rejection> rejection;
    };

    Result<api::Status> run(Owner owner, const api::Configure& request);
    Result<api::MapCreated> run(Owner owner, const api::MapCreate& request);
    Result<api::MapLookupReply> run(Owner owner, const api::MapLookup& request);
    Result<api::MapCount> run(Owner owner, const api::MapUpdate& request);
    Result<api::MapCount> run(Owner owner, const api::MapFill& request);
    Result<api::MapCount> run(Owner owner, const api::MapErase& request);
    Result<api::MapCount> run(Owner owner, const api::SlotBind& request);
    Result<api::ProgramCode> run(Owner owner, const api::ReadCode& request);
    Result<api::MapElements> run(Owner owner, const api::MapDump& request);
    Result<api::ProgramLoaded> run(Owner owner, const api::ProgramLoad& request);
    Result<api::Published> run(Owner owner, const api::Publish& request);
    Result<api::Published> run(Owner owner, const api::ReplaceMaps& request);
    Result<api::Empty> run(Owner owner, const api::TraceStart& request);
    Result<api::TracedPackets> run(Owner owner, const api::TracePoll& request);
    Result<api::ProgramText> run(Owner owner, const api::ReadProgram& request);
    Result<api::BypassState> run(Owner owner, const api::BypassRequest& request);

    api::Empty stop(Owner owner);

    // capture_commands.cc
    Result<api::CaptureId> open_capture(Owner owner, const api::CaptureOpen& request, int output);
    Result<api::CaptureInfo> close_capture(Owner owner, uint32_t id);
    Result<Bytes> dispatch_capture(Owner owner, const Frame& frame, bool& malformed);

    Result<Bytes> dispatch(Owner owner, const Frame& frame, bool& malformed);
    template <typename Request>
    Result<Bytes> decode_and_run(Owner owner, const Frame& frame, bool& malformed);

    MapHome map_home(const api::Configure& configure) const;
    Result<void> need_configured() const;
    Result<std::shared_ptr<LoadedMap>> find_map(Handle handle) const;
    Result<std::unique_ptr<Generation>> build_generation(const api::Publish& request) const;
    Result<void> add_chain(Generation& generation, const api::Chain& chain) const;
    void keep_replay();
    Result<api::MapCreated> begin_without_file(Owner owner, const api::MapCreate& request,
                                               const Error& problem);
    /// What runs, with maps and programs as the registry has them now.
    Result<api::Published> publish_again();
    Writer on_worker();

    // failures.cc
    /// Forwarding::publish, whose error says where a worker is that does not come to rest.
    Result<api::Published> publish_now(std::unique_ptr<Generation> generation);
    void tend_failures();
    void give_up_privileges_once();
    void note_fault(const OutReport& report);
    void note_overrun(const OutReport& report);
    void note_stuck_workers();
    std::string stuck_text(uint32_t worker) const;
    void leave_out_slow(Generation& generation) const;
    void leave_out_faulty(const api::Chain& chain, PortChains& chains) const;
    std::string out_of_service_text(const api::PortConfig& port) const;
    void add_failures(api::Status& status) const;

    api::Status status() const;
    api::MapList list_maps(Owner owner) const;
    api::ProgramList list_programs() const;
    api::Stats stats() const;

    // Members end in reverse order: the workers stop first, then maps and programs go.
    std::unique_ptr<Prover> prover_;
    std::string run_dir_, version_;
    std::chrono::steady_clock::time_point started_ = std::chrono::steady_clock::now();
    std::unique_ptr<Registry> registry_;
    api::Configure configure_;
    TraceCommands traces_;  ///< workers write into what it holds
    std::unique_ptr<Forwarding> forwarding_;
    api::Publish published_;                  ///< what runs, as it was asked for
    std::optional<vm::Rejection> rejection_;  ///< of the request at hand
    std::string replay_trouble_;
    std::vector<std::string> lost_files_;  ///< of maps that began empty at the replay, and why
    bool replay_is_stale_ = false;
    Bypass bypass_;
    std::map<std::string, std::string> over_budget_;  ///< ports whose chains are, and how far
    std::set<uint32_t> stuck_workers_;                ///< of whom the log knows
    bool has_published_ = false;
    bool has_given_up_ = false;
    std::string privilege_trouble_;
    std::chrono::steady_clock::time_point replay_tried_{};
    bool shutdown_ = false;
};

}  // namespace weir::dataplane
