#include "controlplane/cli/explain_world.h"

#include <algorithm>

#include "controlplane/cli/offline_packet.h"
#include "maps/maps.h"

namespace weir::controlplane::cli {
namespace {

using dataplane::api::PassKind;

constexpr uint32_t kExplainTimersMax = 1024;
constexpr size_t kNotesMax = 32;

const vm::ProvenCode* find_code(const vm::Runnable* program) {
    return &static_cast<const vm::ProvenProgram*>(program)->bound();
}

}  // namespace

ExplainWorld::ExplainWorld() : timers_(std::make_unique<vm::Timers>(kExplainTimersMax)) {
    env_.timers = timers_.get();
    env_.printk_opaque = &notes_;
    env_.printk = [](void* notes, const char* text, uint32_t length) {
        auto& list = *static_cast<std::vector<std::string>*>(notes);
        if (list.size() < kNotesMax)
            list.push_back("the program printed: " + std::string(text, length));
    };
}

const ExplainPort* ExplainWorld::port(const std::string& name) const {
    const auto found = std::ranges::find(ports_, name, &ExplainPort::name);
    return found == ports_.end() ? nullptr : &*found;
}

const ExplainProgram& ExplainWorld::add_program(std::string name, std::string object,
                                                std::shared_ptr<const vm::VerifiedProgram> verified,
                                                std::span<vm::Map* const> maps) {
    auto made = std::make_unique<ExplainProgram>();
    made->name = std::move(name);
    made->object = std::move(object);
    made->runnable = std::make_unique<vm::ProvenProgram>(verified, maps, maps::all_helpers());
    made->verified = std::move(verified);
    programs_.push_back(std::move(made));
    return *programs_.back();
}

uint32_t ExplainWorld::run(const vm::ProvenCode& program, vm::XdpContext& context) {
    env_.redirect_ifindex = 0;
    return vm::interpret_traced(program, context, env_, recorder_,
                                {.find = find_code, .before = before()});
}

uint32_t ExplainWorld::run_chain(const std::vector<const ExplainProgram*>& chain,
                                 vm::XdpContext& context) {
    for (const ExplainProgram* program : chain) {
        const uint32_t verdict = run(program->runnable->bound(), context);
        if (verdict != vm::XDP_PASS) return verdict;
    }
    return vm::XDP_PASS;
}

Result<TracedStory> ExplainWorld::explain(const ExplainPort& port, ByteSpan frame) {
    TracedStory story;
    story.port = port.name;
    notes_.clear();
    hops_ = 0;
    OfflinePacket packet;
    vm::XdpContext context = packet.load_xdp(frame, false);
    context.ingress_ifindex = port.ifindex;
    env_.fib = fib_.get();
    recorder_.begin(context);
    if (frame.size() < kFrameBytesMin)
        story.drop(port.name, "runt");
    else
        settle(port, run_chain(port.ingress, context), context, story);
    if (const Result<void> trusted = trouble(); !trusted) return std::unexpected(trusted.error());
    story.record = recorder_.record();
    story.names = names();
    story.notes = standing_notes_;
    story.notes.insert(story.notes.end(), notes_.begin(), notes_.end());
    return story;
}

/// Worker::fate_of in the dataplane says the same.
void ExplainWorld::settle(const ExplainPort& port, uint32_t verdict, vm::XdpContext& context,
                          TracedStory& story) {
    switch (verdict) {
        case vm::XDP_PASS:
            if (port.pass == PassKind::Kernel) story.to_kernel = true;
            if (port.pass == PassKind::Drop) story.drop(port.name, "pass_drop");
            if (port.pass == PassKind::Port) leave(*this->port(port.pass_port), context, story);
            return;
        case vm::XDP_TX: return leave(port, context, story);
        case vm::XDP_REDIRECT: return redirect(port, context, story);
        case vm::XDP_DROP: return story.drop(port.name, "xdp_drop");
        case vm::XDP_ABORTED: return story.drop(port.name, "xdp_aborted");
        default: return story.drop(port.name, "invalid_verdict");
    }
}

void ExplainWorld::leave(const ExplainPort& out, vm::XdpContext& context, TracedStory& story) {
    if (!out.egress.empty()) {
        context.egress_ifindex = out.ifindex;
        const uint32_t verdict = run_chain(out.egress, context);
        if (verdict == vm::XDP_DROP) return story.drop(out.name, "egress_drop");
        if (verdict != vm::XDP_PASS) return story.drop(out.name, "egress_aborted");
    }
    const auto bytes = static_cast<uint64_t>(context.data_end - context.data);
    if (out.frame_bytes_max != 0 && bytes > out.frame_bytes_max)
        return story.drop(out.name, "exceeds_mtu");
    story.out_ports.push_back(out.name);
}

TraceNames ExplainWorld::names() const {
    TraceNames names;
    for (const vm::Runnable* runnable : recorder_.record().programs) {
        const auto found = std::ranges::find_if(
            programs_, [&](const auto& program) { return program->runnable.get() == runnable; });
        TraceNames::Program& named = names.programs.emplace_back();
        if (found == programs_.end()) continue;
        const ExplainProgram& program = **found;
        named = {program.name, program.object, {program.verified, &program.verified->spec()}};
    }
    for (const vm::Map* map : recorder_.record().maps) names.maps.push_back(name_of(*map));
    for (const ExplainPort& port : ports_) names.ports[port.ifindex] = port.name;
    return names;
}

}  // namespace weir::controlplane::cli
