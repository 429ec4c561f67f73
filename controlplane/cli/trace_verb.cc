// weir trace: packets of a running node, as they come, run by its live generation with everything
// noted.

#include <fmt/core.h>
#include <pcap/dlt.h>
#include <unistd.h>

#include <map>

#include "controlplane/api/http_message.h"
#include "controlplane/cli/node_client.h"
#include "controlplane/cli/trace_report.h"
#include "controlplane/cli/verbs.h"
#include "dataplane/api/client.h"
#include "vm/cbpf/compile.h"
#include "vm/cbpf/convert.h"

namespace weir::controlplane::cli {
namespace {

namespace api = dataplane::api;

constexpr useconds_t kPollUs = 20'000;
constexpr uint32_t kPacketsAtOnce = 8;
constexpr uint64_t kTracePacketsMax = 100'000;

/// Who the handles of a trace's packets are. Asked for once each.
class TraceBook {
public:
    explicit TraceBook(api::Client& client) : client_(client) {}

    Result<void> learn_ports() {
        const Result<api::Status> status = client_.status();
        if (!status) return std::unexpected(status.error());
        for (const api::PortConfig& port : status->configure.ports)
            ports_[port.ifindex] = port.name;
        return {};
    }

    TracedStory story_of(api::TracedPacket packet) {
        TracedStory story;
        story.port = packet.port;
        for (const api::TracedFate& fate : packet.fates) {
            switch (fate.kind) {
                case api::FateKind::Left: story.out_ports.push_back(fate.port); break;
                case api::FateKind::ToKernel: story.to_kernel = true; break;
                case api::FateKind::Dropped: story.drop(fate.port, fate.reason); break;
                case api::FateKind::ToWorker: story.to_workers.push_back(fate.worker); break;
            }
        }
        if (packet.fates.size() == api::kTracedFatesMax)
            story.notes.push_back(
                fmt::format("what became of its first {} copies is told, and not of more",
                            packet.fates.size()));
        story.generation = packet.generation;
        story.time_ns = packet.time_ns;
        story.worker = packet.worker;
        for (const api::TracedObject& program : packet.programs)
            story.names.programs.push_back(program_of(program));
        for (const api::TracedObject& map : packet.maps)
            story.names.maps.push_back({name_of(map, "map"), map_of(map.handle)});
        story.names.ports = ports_;
        story.record = std::move(packet.record);
        return story;
    }

private:
    static std::string name_of(const api::TracedObject& object, const char* what) {
        return object.handle == 0 ? fmt::format("a {} that is gone", what) : object.name;
    }

    TraceNames::Program program_of(const api::TracedObject& program) {
        const auto known = programs_.find(program.handle);
        if (known != programs_.end()) return known->second;
        TraceNames::Program made{name_of(program, "program"), "", nullptr};
        if (const Result<api::ProgramText> text = client_.read_program(program.handle)) {
            made.object = text->object;
            made.spec = std::make_shared<const vm::ProgramSpec>(text->spec);
            for (size_t i = 0; i < std::min(text->maps.size(), made.spec->maps.size()); ++i)
                maps_[text->maps[i]] = {made.spec, &made.spec->maps[i]};
        }
        return programs_[program.handle] = made;
    }

    /// Maps in maps are in no program's list.
    std::shared_ptr<const vm::MapSpec> map_of(api::Handle handle) {
        if (const auto known = maps_.find(handle); known != maps_.end()) return known->second;
        if (const Result<std::vector<api::MapInfo>> infos = client_.list_maps())
            for (const api::MapInfo& info : *infos)
                if (info.handle == handle)
                    return maps_[handle] = std::make_shared<const vm::MapSpec>(info.spec);
        return nullptr;
    }

    api::Client& client_;
    std::map<uint32_t, std::string> ports_;
    std::map<api::Handle, TraceNames::Program> programs_;
    std::map<api::Handle, std::shared_ptr<const vm::MapSpec>> maps_;
};

Result<api::TraceStart> request_of(const Parsed& parsed) {
    api::TraceStart request;
    const Result<uint64_t> count = number_option(parsed, "count", 1, 1, kTracePacketsMax);
    if (!count) return std::unexpected(count.error());
    request.count = static_cast<uint32_t>(*count);
    request.port = parsed.text("port");
    if (parsed.has("filter")) {
        const Result<vm::cbpf::ClassicProgram> classic =
            vm::cbpf::compile(parsed.text("filter"), DLT_EN10MB);
        if (!classic) return fail_in("--filter", classic.error());
        request.filter = vm::cbpf::convert(*classic, "filter");
    }
    return request;
}

Result<int> trace(const Parsed& parsed) {
    const Result<api::TraceStart> request = request_of(parsed);
    if (!request) return std::unexpected(request.error());
    const Result<double> seconds = seconds_option(parsed, "seconds", 0);
    if (!seconds) return std::unexpected(seconds.error());
    Result<api::Client> client = api::Client::connect(run_dir_of(parsed) + "/" + api::kSocketName);
    if (!client) return std::unexpected(client.error());
    TraceBook book(*client);
    if (const Result<void> learned = book.learn_ports(); !learned)
        return std::unexpected(learned.error());
    if (const Result<void> started = client->start_trace(*request); !started)
        return std::unexpected(started.error());
    const auto polls_max = static_cast<uint64_t>(*seconds * 1e6 / kPollUs);
    Json list = Json::array();
    uint64_t seen = 0, passed_over = 0;
    for (uint64_t polls = 0; *seconds == 0 || polls <= polls_max; ++polls) {
        Result<api::TracedPackets> reply = client->poll_trace(kPacketsAtOnce);
        if (!reply) return std::unexpected(reply.error());
        passed_over = reply->passed_over;
        for (api::TracedPacket& packet : reply->packets) {
            const TracedStory story = book.story_of(std::move(packet));
            if (parsed.json())
                list.push_back(trace_json(story, parsed.has("verbose")));
            else
                fmt::print("{}{}", seen == 0 ? "" : "\n", trace_text(story, parsed.has("verbose")));
            ++seen;
        }
        if (reply->is_done) break;
        if (!reply->packets.empty()) continue;
        std::fflush(stdout);
        usleep(kPollUs);
    }
    if (parsed.json())
        print_json({{"packets", std::move(list)}, {"passed_over", passed_over}}, parsed);
    else if (passed_over != 0)
        fmt::print(stderr,
                   "weir: {} packets came while the trace was at its rate and were not "
                   "looked at\n",
                   passed_over);
    return seen == request->count ? kExitDone : kExitNo;
}

}  // namespace

int verb_trace(const Words& words) {
    Options options(
        "trace", "[--filter EXPR] -c N",
        "Shows how the running node judges the next packets that match: every branch, what the "
        "maps said, the verdict and what became of it. They are real packets with their real "
        "effects. Other packets cost the filter meanwhile, no more.\n"
        "A few hundred packets a second at most are traced on each worker. Exit 0: as many as "
        "asked for; 1: fewer came in time.");
    options.value("filter", "EXPR", "a pcap expression; every packet unless said")
        .value("port", "NAME", "only packets that arrive there")
        .value("count,c", "N", "how many packets (1)")
        .value("seconds", "SEC", "give up after this long; never unless said")
        .flag("verbose,v", "every instruction with its result")
        .with_run_dir();
    const Result<Parsed> parsed = options.with_json().parse(words);
    if (!parsed) return report(parsed.error());
    if (parsed->help_shown) return kExitDone;
    const Result<int> done = trace(*parsed);
    return done ? *done : report(done.error());
}

}  // namespace weir::controlplane::cli
