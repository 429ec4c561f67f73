#include "controlplane/cli/trace_events.h"

#include <fmt/core.h>

#include <cstring>

#include "controlplane/telemetry/network_text.h"
#include "vm/isa/helper_ids.h"
#include "vm/isa/helper_info.h"
#include "vm/isa/insn.h"

namespace weir::controlplane::cli {
namespace {

using vm::Format;
using vm::Space;

constexpr int64_t kErrnoMax = 4095;

std::string signed_offset(uint64_t offset) {
    return fmt::format("{:+}", static_cast<int64_t>(offset));
}

std::string number_text(uint64_t number) {
    constexpr uint64_t kDecimalMax = 1'000'000;
    const auto as_signed = static_cast<int64_t>(number);
    if (as_signed < 0 && as_signed >= -kErrnoMax) return std::to_string(as_signed);
    return number <= kDecimalMax ? std::to_string(number) : fmt::format("{:#x}", number);
}

std::string error_text(uint64_t result) {
    const auto as_signed = static_cast<int64_t>(result);
    const auto as_int = static_cast<int32_t>(result);
    const int64_t value = result <= UINT32_MAX ? as_int : as_signed;
    if (value >= 0 || value < -kErrnoMax) return number_text(result);
    const char* const name = strerrorname_np(static_cast<int>(-value));
    return fmt::format("{} ({})", value, name == nullptr ? "unknown" : name);
}

/// Keys of prefixes as prefixes, whatever the type calls its members.
std::string prefix_text(ByteSpan key) {
    uint32_t bits = 0;
    std::memcpy(&bits, key.data(), sizeof bits);
    return fmt::format("{}/{}", address_text(key.subspan(sizeof bits)), bits);
}

class EventBuilder {
public:
    EventBuilder(const vm::RunRecord& record, const TraceNames& names)
        : record_(record), names_(names) {}

    std::vector<TraceEvent> build(uint32_t begin, uint32_t end) {
        size_t call = 0, write = 0;
        while (call < record_.calls.size() && record_.calls[call].step < begin) ++call;
        while (write < record_.writes.size() && record_.writes[write].step < begin) ++write;
        for (uint32_t step = begin; step <= end; ++step) {
            if (step < end) add_branch(step);
            const bool all = step == end && end == record_.steps.size();
            for (; call < record_.calls.size() && is_at(record_.calls[call].step, step, end, all);
                 ++call)
                add_call(record_.calls[call]);
            for (;
                 write < record_.writes.size() && is_at(record_.writes[write].step, step, end, all);
                 ++write)
                add_write(record_.writes[write]);
        }
        return std::move(events_);
    }

private:
    /// What has no step any more, since those were cut, comes at the end.
    static bool is_at(uint32_t at, uint32_t step, uint32_t end, bool all) {
        return all || (at == step && step < end);
    }

    const vm::TracedStep* step_at(uint32_t step) const {
        return step < record_.steps.size() ? &record_.steps[step] : nullptr;
    }

    TraceEvent& add(uint32_t step, std::string_view kind) {
        TraceEvent& event = events_.emplace_back();
        event.step = step;
        event.json = {{"kind", kind}};
        const vm::TracedStep* const at = step_at(step);
        if (at == nullptr) return event;
        event.insn = at->insn;
        event.program = at->program;
        event.shape = fmt::format("{} {} {}", kind, at->program, at->insn);
        event.json["insn"] = at->insn;
        const TraceNames::Program& program = names_.program(at->program);
        const vm::LineInfo* line =
            program.spec == nullptr ? nullptr : line_of(*program.spec, at->insn);
        if (line == nullptr) return event;
        const std::string file = line->file.substr(line->file.find_last_of('/') + 1);
        event.place = fmt::format("{}:{}", file, line->line);
        event.source = line->text;
        event.json["place"] = event.place;
        event.json["source"] = line->text;
        return event;
    }

    Json value_json(const vm::TracedValue& value) const {
        if (value.space == Space::Number) return value.number;
        return traced_value_text(value, names_);
    }

    void add_branch(uint32_t index) {
        const vm::TracedStep& step = record_.steps[index];
        const TraceNames::Program& program = names_.program(step.program);
        if (program.spec == nullptr) return;
        const Result<vm::DecodedInsn> insn = vm::decode(program.spec->insns, step.insn);
        if (!insn) return;
        const vm::OpInfo& info = op_info(insn->op);
        if (info.format != Format::JumpImm && info.format != Format::JumpReg) return;
        TraceEvent& event = add(index, "branch");
        event.is_branch = true;
        event.shape += step.jumped ? " yes" : " no";
        event.text = fmt::format("{} {} {}: {}", traced_value_text(step.a, names_), info.spelling,
                                 traced_value_text(step.b, names_), step.jumped ? "yes" : "no");
        event.json["left"] = value_json(step.a);
        event.json["operator"] = info.spelling;
        event.json["right"] = value_json(step.b);
        event.json["taken"] = step.jumped;
    }

    // -- keys and values
    Json key_json(const vm::MapSpec& spec, ByteSpan key) const {
        const bool is_prefix =
            spec.type == vm::MapType::LpmTrie && (key.size() == 8 || key.size() == 20);
        return is_prefix ? Json(prefix_text(key)) : to_json(spec.key_type, key);
    }
    static std::string in_words(const Json& json) {
        constexpr size_t kShown = 160;
        std::string text = json.is_string() ? json.get<std::string>() : json.dump();
        if (text.size() > kShown) text = text.substr(0, kShown) + "…";
        return text;
    }

    void add_call(const vm::TracedCall& call) {
        const bool is_map = call.map != vm::TracedCall::kNoMap;
        TraceEvent& event = add(call.step, is_map ? "map" : "call");
        const vm::HelperInfo* const info =
            call.is_kfunc ? vm::kfunc_info(call.id) : vm::helper_info(call.id);
        const std::string name =
            info == nullptr ? fmt::format("helper {}", call.id) : std::string(info->name);
        event.json["call"] = name;
        event.shape += call.result.number == 0 ? " 0" : " 1";
        if (!is_map || info == nullptr) {
            describe_plain(event, name, info, call);
            return;
        }
        const TraceNames::Map& map = names_.map(call.map);
        event.json["map"] = map.name;
        if (!call.is_kfunc && call.id == number_of(vm::HelperId::tail_call))
            describe_tail_call(event, call, map.name);
        else
            describe_access(event, *info, call, map);
    }

    void describe_plain(TraceEvent& event, const std::string& name, const vm::HelperInfo* info,
                        const vm::TracedCall& call) const {
        std::string arguments;
        Json list = Json::array();
        for (size_t i = 0; info != nullptr && i < info->args.size(); ++i) {
            if (info->args[i] == vm::ArgKind::None) continue;
            arguments += (arguments.empty() ? "" : ", ") + traced_value_text(call.args[i], names_);
            list.push_back(value_json(call.args[i]));
        }
        const std::string result = call.result.space == Space::Number
                                       ? error_text(call.result.number)
                                       : traced_value_text(call.result, names_);
        event.text = fmt::format("{}({}) = {}", name, arguments, result);
        event.json["arguments"] = std::move(list);
        event.json["result"] = value_json(call.result);
    }

    static void describe_tail_call(TraceEvent& event, const vm::TracedCall& call,
                                   const std::string& map) {
        const uint64_t index = call.args[2].number;
        event.text = fmt::format("tail_call {}[{}]: {}", map, index,
                                 call.is_done ? "nothing there, or too many" : "goes on there");
        event.json["index"] = index;
        event.json["taken"] = !call.is_done;
    }

    void describe_access(TraceEvent& event, const vm::HelperInfo& info, const vm::TracedCall& call,
                         const TraceNames::Map& map) const {
        static const vm::MapSpec kNoSpec;
        const vm::MapSpec& spec = map.spec == nullptr ? kNoSpec : *map.spec;
        std::string text = fmt::format("{} {}", info.name, map.name);
        if (const ByteSpan key = bytes_of(record_, call.key); !key.empty()) {
            event.json["key"] = key_json(spec, key);
            text += fmt::format("[{}]", in_words(event.json["key"]));
        }
        const ByteSpan value = bytes_of(record_, call.value);
        if (!value.empty()) event.json["value"] = to_json(spec.value_type, value);
        if (const ByteSpan before = bytes_of(record_, call.before); !before.empty()) {
            event.json["before"] = to_json(spec.value_type, before);
            text += fmt::format(" (held {})", in_words(event.json["before"]));
        }
        const bool looks = info.returns == vm::ReturnKind::MapValueOrNull;
        const bool is_there = call.result.number != 0 || call.result.space != Space::Number;
        if (looks) {
            event.json["hit"] = is_there;
            text += is_there ? ": hit" : ": miss";
            if (call.result.space == Space::Map)
                text += ", " + traced_value_text(call.result, names_);
            else if (!value.empty())
                text += ", held " + in_words(event.json["value"]);
        } else {
            if (!value.empty()) text += " " + in_words(event.json["value"]);
            event.json["result"] = value_json(call.result);
            text += ": " + (call.result.space == Space::Number
                                ? error_text(call.result.number)
                                : traced_value_text(call.result, names_));
        }
        event.text = std::move(text);
    }

    // -- writes
    struct Field {
        std::string path;
        vm::TypeRef type;
    };

    /// The member that these bytes are, through structs and arrays.
    static Field field_at(const vm::TypeRef& type, uint32_t offset, uint32_t bytes) {
        if (type == nullptr || (offset == 0 && type->size_bytes == bytes && type->members.empty()))
            return {"", type};
        if (type->kind == vm::TypeKind::Array && type->element && type->element->size_bytes != 0) {
            const uint32_t step = type->element->size_bytes;
            Field inner = field_at(type->element, offset % step, bytes);
            return {fmt::format("[{}]{}", offset / step, inner.path), inner.type};
        }
        for (const vm::TypeMember& member : type->members) {
            const uint32_t start = member.bit_offset / 8;
            if (member.type == nullptr || member.bit_size != 0 || offset < start ||
                offset + bytes > start + member.type->size_bytes)
                continue;
            Field inner = field_at(member.type, offset - start, bytes);
            return {(member.name.empty() ? "" : "." + member.name) + inner.path, inner.type};
        }
        return {fmt::format("+{}", offset), nullptr};
    }

    static Json number_json(const vm::TypeRef& type, uint64_t number, uint32_t bytes) {
        uint8_t raw[8];
        std::memcpy(raw, &number, sizeof raw);
        return to_json(type, ByteSpan(raw, std::min<size_t>(bytes, sizeof raw)));
    }

    void add_write(const vm::TracedWrite& write) {
        const TraceNames::Map& map = names_.map(write.map);
        TraceEvent& event = add(write.step, "write");
        const vm::TypeRef value_type = map.spec == nullptr ? nullptr : map.spec->value_type;
        const Field field = field_at(value_type, write.offset, write.bytes);
        std::string where = map.name;
        event.json["map"] = map.name;
        const ByteSpan key = bytes_of(record_, write.key);
        if (!key.empty() && map.spec != nullptr) {
            event.json["key"] = key_json(*map.spec, key);
            where += fmt::format("[{}]", in_words(event.json["key"]));
        }
        event.json["field"] = field.path;
        event.json["before"] = number_json(field.type, write.before, write.bytes);
        event.json["after"] = number_json(field.type, write.after, write.bytes);
        event.text = fmt::format("{}{}: {} -> {}", where, field.path,
                                 in_words(event.json["before"]), in_words(event.json["after"]));
    }

    const vm::RunRecord& record_;
    const TraceNames& names_;
    std::vector<TraceEvent> events_;
};

}  // namespace

std::string traced_value_text(const vm::TracedValue& value, const TraceNames& names) {
    switch (value.space) {
        case Space::Number: return number_text(value.number);
        case Space::Packet: return "packet" + signed_offset(value.number);
        case Space::PacketEnd: return fmt::format("packet end ({})", value.number);
        case Space::Stack: return "stack" + signed_offset(value.number);
        case Space::Context: return "context" + signed_offset(value.number);
        case Space::MapValue:
            return fmt::format("value of {}{}", names.map(value.map).name,
                               signed_offset(value.number));
        case Space::Map: return names.map(value.map).name;
        case Space::Elsewhere: return "memory" + signed_offset(value.number);
    }
    return "";
}

std::vector<TraceEvent> trace_events(const vm::RunRecord& record, const TraceNames& names,
                                     uint32_t begin, uint32_t end) {
    return EventBuilder(record, names).build(begin, end);
}

}  // namespace weir::controlplane::cli
