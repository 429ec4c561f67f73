#pragma once
// What a packet meets in an explanation: ports with their chains, programs and maps, in this
// process, as a configuration says (explain_config.cc) or as a node has them (explain_node.cc).

#include <memory>
#include <string>
#include <vector>

#include "controlplane/cli/trace_names.h"
#include "dataplane/api/messages.h"
#include "vm/helpers/fib.h"
#include "vm/helpers/timers.h"
#include "vm/interp/traced.h"

namespace weir::controlplane::cli {

struct ExplainProgram {
    std::string name, object;
    std::shared_ptr<const vm::VerifiedProgram> verified;
    std::unique_ptr<vm::ProvenProgram> runnable;
};

struct ExplainPort {
    std::string name;
    uint32_t ifindex = 0;
    dataplane::api::PassKind pass = dataplane::api::PassKind::Drop;
    std::string pass_port;
    uint32_t frame_bytes_max = 0;  ///< of what may leave here; 0: not known
    std::vector<const ExplainProgram*> ingress, egress;
};

class ExplainWorld {
public:
    virtual ~ExplainWorld() = default;

    /// nullptr: there is none of that name.
    const ExplainPort* port(const std::string& name) const;
    const std::vector<ExplainPort>& ports() const { return ports_; }

    /// Takes the packet through the chains, as the dataplane would. Maps keep what programs write,
    /// for the packets to come; those of a node stay as they are.
    Result<TracedStory> explain(const ExplainPort& port, ByteSpan frame);

protected:
    ExplainWorld();

    /// Fills in what the maps of the world have not yet of where they come from.
    virtual vm::BeforeAccess* before() { return nullptr; }
    /// Why what was filled in is not to be trusted; the explanation ends with it.
    virtual Result<void> trouble() { return {}; }
    virtual TraceNames::Map name_of(const vm::Map& map) const = 0;

    const ExplainProgram& add_program(std::string name, std::string object,
                                      std::shared_ptr<const vm::VerifiedProgram> verified,
                                      std::span<vm::Map* const> maps);

    std::vector<ExplainPort> ports_;
    /// In order of their making; what prog arrays hold. Outlived by the maps, which are the
    /// subclass's.
    std::vector<std::unique_ptr<ExplainProgram>> programs_;
    std::unique_ptr<const vm::Fib> fib_;
    std::vector<std::string> notes_;           ///< of the packet at hand
    std::vector<std::string> standing_notes_;  ///< of every packet

    /// Before the maps end, to which programs and timers point.
    void let_go() {
        ports_.clear();
        programs_.clear();
        timers_.reset();
    }

private:
    uint32_t run(const vm::ProvenCode& program, vm::XdpContext& context);
    uint32_t run_chain(const std::vector<const ExplainProgram*>& chain, vm::XdpContext& context);
    void settle(const ExplainPort& port, uint32_t verdict, vm::XdpContext& context,
                TracedStory& story);
    // explain_redirect.cc
    void redirect(const ExplainPort& port, vm::XdpContext& context, TracedStory& story);
    void redirect_by_map(const ExplainPort& port, vm::XdpContext& context, TracedStory& story);
    void go_to_worker(const ExplainPort& port, vm::Map& map, uint32_t key, vm::XdpContext& context,
                      TracedStory& story);
    void go_to_entry(const ExplainPort& port, vm::Map& map, uint32_t key, vm::XdpContext& context,
                     TracedStory& story);
    void leave(const ExplainPort& out, vm::XdpContext& context, TracedStory& story);
    TraceNames names() const;

    uint32_t hops_ = 0;  ///< of the packet at hand, from worker to worker
    std::unique_ptr<vm::Timers> timers_;
    vm::RunEnv env_;
    vm::RunRecorder recorder_;
};

/// The programs and chains of a configuration, verified here; maps filled from its sets.
Result<std::unique_ptr<ExplainWorld>> world_of_config(const std::string& path);
/// The live generation of the node with this run directory; its maps are read as they are asked
/// for, and not changed.
Result<std::unique_ptr<ExplainWorld>> world_of_node(const std::string& run_dir);

}  // namespace weir::controlplane::cli
