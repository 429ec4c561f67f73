// Folding: branches of one line one after the other become one entry; entries that repeat one after
// the other, up to kCycleMax at a time, are a loop, whose first round is shown.

#include "controlplane/cli/trace_report.h"

#include <fmt/chrono.h>
#include <fmt/core.h>

#include <algorithm>

#include "controlplane/cli/packet_text.h"
#include "controlplane/deploy/sha256.h"
#include "vm/isa/disassemble.h"
#include "vm/program/context.h"

namespace weir::controlplane::cli {
namespace {

constexpr size_t kCycleMax = 24;
constexpr size_t kRoundsToFold = 3;
constexpr size_t kShownBytes = 24;

struct Reason {
    std::string_view name, text;
};
constexpr Reason kReasons[] = {
#define REASON(name, text) {#name, text},
#include "dataplane/api/drop_reasons.def"
#undef REASON
};

/// In the dataplane's words; empty for none of its names.
std::string_view drop_reason_text(std::string_view reason) {
    for (const Reason& known : kReasons)
        if (known.name == reason) return known.text;
    return "";
}

struct Entry {
    std::string shape, place, source, text;
    uint32_t insn = 0;
};

std::vector<Entry> merge_lines(const std::vector<TraceEvent>& events) {
    std::vector<Entry> entries;
    const TraceEvent* before = nullptr;
    for (const TraceEvent& event : events) {
        const bool same_line = before != nullptr && before->is_branch && event.is_branch &&
                               before->program == event.program && !event.place.empty() &&
                               before->place == event.place;
        if (same_line) {
            entries.back().text += ", " + event.text;
            entries.back().shape += "; " + event.shape;
        } else {
            entries.push_back({event.shape, event.place, event.source, event.text, event.insn});
        }
        before = &event;
    }
    return entries;
}

/// Rounds of the `length` entries from `at` on that follow one another.
size_t rounds_at(const std::vector<Entry>& entries, size_t at, size_t length) {
    size_t rounds = 1;
    const auto same = [&](size_t round) {
        for (size_t i = 0; i < length; ++i)
            if (entries[at + i].shape != entries[at + round * length + i].shape) return false;
        return true;
    };
    while (at + (rounds + 1) * length <= entries.size() && same(rounds)) ++rounds;
    return rounds;
}

std::string bytes_text(ByteSpan bytes) {
    const ByteSpan shown = bytes.first(std::min(bytes.size(), kShownBytes));
    return to_hex(shown) + (bytes.size() > kShownBytes ? "…" : "");
}

struct Change {
    size_t offset = 0;
    ByteSpan before, after;
};

/// Where both have the same length, the stretches that differ; else what stands between what is
/// common to their beginnings and ends.
std::vector<Change> changes_of(ByteSpan before, ByteSpan after) {
    std::vector<Change> changes;
    if (before.size() != after.size()) {
        size_t front = 0, back = 0;
        const size_t shorter = std::min(before.size(), after.size());
        while (front < shorter && before[front] == after[front]) ++front;
        while (back < shorter - front &&
               before[before.size() - 1 - back] == after[after.size() - 1 - back])
            ++back;
        changes.push_back({front, before.subspan(front, before.size() - front - back),
                           after.subspan(front, after.size() - front - back)});
        return changes;
    }
    for (size_t i = 0; i < before.size(); ++i) {
        if (before[i] == after[i]) continue;
        size_t end = i;
        while (end < before.size() && before[end] != after[end]) ++end;
        changes.push_back({i, before.subspan(i, end - i), after.subspan(i, end - i)});
        i = end;
    }
    return changes;
}

class Report {
public:
    Report(const TracedStory& story, bool every_insn)
        : story_(story),
          every_insn_(every_insn),
          packet_(bytes_of(story.record, story.record.packet)) {}

    std::string text() {
        out("{}: {}", story_.port, packet_summary(packet_));
        if (story_.generation != 0)
            fmt::format_to(std::back_inserter(text_), "  (generation {}, worker {}, {:%H:%M:%S})",
                           story_.generation, story_.worker,
                           fmt::gmtime(static_cast<std::time_t>(story_.time_ns / 1'000'000'000)));
        text_ += "\n";
        if (story_.record.runs.empty()) text_ += "  no program runs here\n";
        for (size_t i = 0; i < story_.record.runs.size(); ++i) run(i);
        fate();
        for (const std::string& note : story_.notes) line("  note: {}", note);
        if (story_.record.is_cut)
            line("  note: the record was full: of {} instructions {} are in it",
                 story_.record.steps_total, story_.record.steps.size());
        return std::move(text_);
    }

    Json json() {
        Json runs = Json::array();
        for (size_t i = 0; i < story_.record.runs.size(); ++i) runs.push_back(run_json(i));
        Json document = {{"port", story_.port},
                         {"packet", packet_summary(bytes_of(story_.record, story_.record.packet))},
                         {"bytes_hex", hex(packet_)},
                         {"programs", std::move(runs)},
                         {"drops", Json::array()}};
        for (const TracedStory::Drop& drop : story_.drops)
            document["drops"].push_back({{"port", drop.port}, {"reason", drop.reason}});
        document["leaves_by"] = story_.out_ports;
        document["to_kernel"] = story_.to_kernel;
        document["insns"] = story_.record.steps_total;
        document["is_cut"] = story_.record.is_cut;
        document["notes"] = story_.notes;
        if (story_.generation != 0) {
            document["generation"] = story_.generation;
            document["to_workers"] = story_.to_workers;
            document["worker"] = story_.worker;
            document["time_ns"] = story_.time_ns;
        }
        return document;
    }

private:
    static std::string hex(ByteSpan bytes) { return to_hex(Bytes(bytes.begin(), bytes.end())); }
    template <typename... Args>
    void out(fmt::format_string<Args...> format, Args&&... args) {
        fmt::format_to(std::back_inserter(text_), format, std::forward<Args>(args)...);
    }
    template <typename... Args>
    void line(fmt::format_string<Args...> format, Args&&... args) {
        out(format, std::forward<Args>(args)...);
        text_ += "\n";
    }

    const vm::TracedRun& run_of(size_t index) const { return story_.record.runs[index]; }
    uint32_t end_of(size_t index) const {
        const auto& runs = story_.record.runs;
        const auto all = static_cast<uint32_t>(story_.record.steps.size());
        return std::min(index + 1 < runs.size() ? runs[index + 1].step : all, all);
    }
    std::string hook_of(const vm::TracedRun& run) const {
        if (run.egress_ifindex == 0) return "ingress";
        return "egress of " + story_.names.port(run.egress_ifindex);
    }

    void run(size_t index) {
        const vm::TracedRun& run = run_of(index);
        const TraceNames::Program& program = story_.names.program(run.program);
        line("  {}: {}{}", hook_of(run), program.name,
             program.object.empty() ? "" : " (" + program.object + ")");
        if (every_insn_)
            steps(run.step, end_of(index));
        else
            entries(
                merge_lines(trace_events(story_.record, story_.names, run.step, end_of(index))));
        changes(run);
        verdict(run);
        if (run.packet.offset != vm::TracedBytes::kNone)
            packet_ = bytes_of(story_.record, run.packet);
    }

    void entries(const std::vector<Entry>& all) {
        size_t place_width = 0;
        for (const Entry& entry : all) place_width = std::max(place_width, entry.place.size());
        for (size_t at = 0; at < all.size();) {
            size_t length = 1, rounds = 1;
            for (size_t tried = 1; tried <= kCycleMax && rounds < kRoundsToFold; ++tried) {
                rounds = rounds_at(all, at, tried);
                length = tried;
            }
            if (rounds < kRoundsToFold) length = rounds = 1;
            for (size_t i = 0; i < length; ++i) entry(all[at + i], place_width);
            if (rounds > 1)
                line("    … {} more rounds like the {} line{} above", rounds - 1, length,
                     length == 1 ? "" : "s");
            at += length * rounds;
        }
    }

    void entry(const Entry& entry, size_t place_width) {
        out("    {:<{}}  insn {:<5} {}", entry.place, place_width, entry.insn, entry.text);
        if (!entry.source.empty()) out("   ; {}", trimmed(entry.source));
        text_ += "\n";
    }

    static std::string trimmed(const std::string& source) {
        const size_t begin = source.find_first_not_of(" \t");
        return begin == std::string::npos ? "" : source.substr(begin);
    }

    void steps(uint32_t begin, uint32_t end) {
        const std::vector<TraceEvent> events =
            trace_events(story_.record, story_.names, begin, end);
        size_t next = 0;
        std::string last_place;
        for (uint32_t i = begin; i < end; ++i) {
            step(i, last_place);
            for (; next < events.size() && events[next].step <= i; ++next)
                if (!events[next].is_branch) line("           {}", events[next].text);
        }
        for (; next < events.size(); ++next) line("           {}", events[next].text);
    }

    void step(uint32_t index, std::string& last_place) {
        const vm::TracedStep& step = story_.record.steps[index];
        const TraceNames::Program& program = story_.names.program(step.program);
        if (program.spec == nullptr) return line("    insn {} of {}", step.insn, program.name);
        const vm::LineInfo* source = line_of(*program.spec, step.insn);
        if (source != nullptr) {
            const std::string place = fmt::format(
                "{}:{}", source->file.substr(source->file.find_last_of('/') + 1), source->line);
            if (place != last_place) line("    ; {}  {}", place, trimmed(source->text));
            last_place = place;
        }
        const Result<vm::DecodedInsn> insn = vm::decode(program.spec->insns, step.insn);
        if (!insn) return;
        const std::string text = vm::disassemble(*insn);
        line("    {:>5}: {:{}}{:<40} {}", step.insn, "", std::min<int>(step.depth, 8) * 2, text,
             result_text(*insn, step));
    }

    std::string result_text(const vm::DecodedInsn& insn, const vm::TracedStep& step) const {
        const auto value = [&](const vm::TracedValue& of) {
            return traced_value_text(of, story_.names);
        };
        switch (op_info(insn.op).format) {
            case vm::Format::JumpImm:
            case vm::Format::JumpReg:
                return fmt::format("; {} {} {}: {}", value(step.a), op_info(insn.op).spelling,
                                   value(step.b), step.jumped ? "yes" : "no");
            case vm::Format::Load: return fmt::format("; {} at {}", value(step.a), value(step.b));
            case vm::Format::StoreImm:
            case vm::Format::StoreReg:
            case vm::Format::Atomic: return fmt::format("; {} to {}", value(step.a), value(step.b));
            case vm::Format::Goto:
            case vm::Format::GotoLong: return "";
            case vm::Format::MayGoto: return fmt::format("; {} left", value(step.a));
            default: return "; " + value(step.a);
        }
    }

    void changes(const vm::TracedRun& run) {
        if (run.packet.offset == vm::TracedBytes::kNone) return;
        const ByteSpan after = bytes_of(story_.record, run.packet);
        if (after.size() != packet_.size())
            line("    the packet: {} -> {} bytes", packet_.size(), after.size());
        for (const Change& change : changes_of(packet_, after))
            line("    packet+{}: {} -> {}", change.offset,
                 change.before.empty() ? "nothing" : bytes_text(change.before),
                 change.after.empty() ? "nothing" : bytes_text(change.after));
    }

    void verdict(const vm::TracedRun& run) {
        out("    {}", vm::verdict_name(run.retval));
        if (run.retval > vm::XDP_REDIRECT) out(" (it returned {}, no verdict)", run.retval);
        if (run.retval == vm::XDP_REDIRECT && run.redirect_ifindex < UINT32_MAX - 1)
            out(" to {}", story_.names.port(run.redirect_ifindex));
        text_ += "\n";
    }

    void fate() {
        for (const auto& [port, reason] : story_.drops)
            line("  dropped at {}: {}, {}", port, reason, drop_reason_text(reason));
        for (const std::string& port : story_.out_ports) line("  leaves by {}", port);
        if (story_.to_kernel) text_ += "  goes to the host's stack\n";
        for (const uint32_t worker : story_.to_workers) line("  goes on with worker {}", worker);
    }

    Json run_json(size_t index) {
        const vm::TracedRun& run = run_of(index);
        const TraceNames::Program& program = story_.names.program(run.program);
        Json events = Json::array();
        for (TraceEvent& event : trace_events(story_.record, story_.names, run.step, end_of(index)))
            events.push_back(std::move(event.json));
        Json document = {{"hook", run.egress_ifindex == 0 ? "ingress" : "egress"},
                         {"port", story_.names.port(run.egress_ifindex == 0 ? run.ingress_ifindex
                                                                            : run.egress_ifindex)},
                         {"program", program.name},
                         {"object", program.object},
                         {"events", std::move(events)},
                         {"retval", run.retval},
                         {"verdict", vm::verdict_name(run.retval)}};
        if (run.retval == vm::XDP_REDIRECT) document["redirect_ifindex"] = run.redirect_ifindex;
        Json changed = Json::array();
        if (run.packet.offset != vm::TracedBytes::kNone) {
            const ByteSpan after = bytes_of(story_.record, run.packet);
            for (const Change& change : changes_of(packet_, after))
                changed.push_back({{"offset", change.offset},
                                   {"before_hex", hex(change.before)},
                                   {"after_hex", hex(change.after)}});
            packet_ = after;
        }
        document["changed"] = std::move(changed);
        if (every_insn_) document["steps"] = steps_json(run.step, end_of(index));
        return document;
    }

    Json steps_json(uint32_t begin, uint32_t end) const {
        Json list = Json::array();
        for (uint32_t i = begin; i < end; ++i) {
            const vm::TracedStep& step = story_.record.steps[i];
            list.push_back({{"insn", step.insn},
                            {"depth", step.depth},
                            {"a", traced_value_text(step.a, story_.names)},
                            {"b", traced_value_text(step.b, story_.names)}});
        }
        return list;
    }

    const TracedStory& story_;
    const bool every_insn_;
    ByteSpan packet_;  ///< as the next program meets it
    std::string text_;
};

}  // namespace

std::string trace_text(const TracedStory& story, bool every_insn) {
    return Report(story, every_insn).text();
}

Json trace_json(const TracedStory& story, bool every_insn) {
    return Report(story, every_insn).json();
}

}  // namespace weir::controlplane::cli
