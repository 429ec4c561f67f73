// A breach in one sentence: the packet, what else there was, and what happened.

#include <algorithm>

#include <fmt/core.h>

#include "controlplane/cli/search_breach.h"
#include "vm/isa/helper_info.h"

namespace weir::controlplane::cli {
namespace {

constexpr size_t kHexBytesMax = 48;  ///< of a packet or value in the sentence
constexpr size_t kElementsMax = 4;

bool is_zero(const Bytes& bytes) {
    return std::ranges::all_of(bytes, [](uint8_t byte) { return byte == 0; });
}

std::string short_hex(const Bytes& bytes) {
    constexpr std::string_view kDigits = "0123456789abcdef";
    std::string text;
    for (const uint8_t byte : ByteSpan(bytes).first(std::min(bytes.size(), kHexBytesMax))) {
        text += kDigits[byte >> 4];
        text += kDigits[byte & 15];
    }
    return bytes.size() <= kHexBytesMax ? text : text + "…";
}

std::string joined(const std::vector<std::string>& texts) {
    std::string all;
    for (size_t i = 0; i < texts.size(); ++i)
        all += (i == 0 ? "" : i + 1 == texts.size() ? " and " : ", ") + texts[i];
    return all;
}

/// Bytes from the first to the last of them that is not zero.
struct Patch {
    size_t first = 0, last = 0;
};

std::vector<Patch> patches_of(const Bytes& packet) {
    constexpr size_t kGap = 3;  ///< so many zeroes part two of them
    std::vector<Patch> patches;
    for (size_t i = 0; i < packet.size(); ++i) {
        if (packet[i] == 0) continue;
        if (patches.empty() || i > patches.back().last + kGap) patches.push_back({i, i});
        patches.back().last = i;
    }
    return patches;
}

/// "an 18-byte packet"
std::string size_text(size_t bytes) {
    const std::string number = std::to_string(bytes);
    const bool is_vowel = number.starts_with('8') || bytes == 11 || bytes == 18;
    return fmt::format("{} {}-byte packet", is_vowel ? "an" : "a", number);
}

std::string packet_text(const Bytes& packet) {
    constexpr size_t kPatchesMax = 6;
    const std::string what = size_text(packet.size());
    if (is_zero(packet)) return what + " of zeroes";
    const auto hex_of = [&](const Patch& patch) {
        return short_hex(Bytes(packet.begin() + static_cast<ptrdiff_t>(patch.first),
                               packet.begin() + static_cast<ptrdiff_t>(patch.last + 1)));
    };
    const std::vector<Patch> patches = patches_of(packet);
    const Patch front{0, patches.back().last};
    if ((patches.size() == 1 && patches[0].first == 0) || patches.size() > kPatchesMax)
        return fmt::format("{} (hex {}{})", what, hex_of(front),
                           front.last + 1 < packet.size() ? " and zeroes" : "");
    std::vector<std::string> texts;
    for (const Patch& patch : patches)
        texts.push_back(fmt::format("{} at {}", hex_of(patch), patch.first));
    return fmt::format("{} (hex {}, else zeroes)", what, joined(texts));
}

/// Short ones whole, of others what comes before the zeroes at the end.
std::string value_text(Bytes value, uint32_t bytes) {
    constexpr uint32_t kShort = 16;
    value.resize(bytes);
    if (is_zero(value)) return "zeroes";
    while (bytes > kShort && value.back() == 0) value.pop_back();
    return "0x" + short_hex(value) + (value.size() < bytes ? " and zeroes" : "");
}

std::string element_text(const FoundElement& element, const SearchInput& input) {
    Bytes value;
    if (element.lookup && *element.lookup < input.lookups.size())
        value = input.lookups[*element.lookup].value;
    return fmt::format("{}[0x{}] = {}", element.map, short_hex(element.key),
                       value_text(std::move(value), element.value_bytes));
}

/// What look-ups found, and of which maps they found nothing.
std::vector<std::string> map_texts(const SearchRun& run, const SearchInput& input) {
    std::vector<std::string> texts, empty;
    const auto is_filled = [&](const std::string& map) {
        return std::ranges::any_of(run.found, [&](const FoundElement& element) {
            return element.map == map && element.present;
        });
    };
    for (const FoundElement& element : run.found) {
        const bool chosen = element.lookup && *element.lookup < input.lookups.size() &&
                            input.lookups[*element.lookup].hit;
        const bool valued = chosen || (element.lookup && *element.lookup < input.lookups.size() &&
                                       !is_zero(input.lookups[*element.lookup].value));
        if (element.present && valued && texts.size() < kElementsMax)
            texts.push_back(element_text(element, input));
        else if (!is_filled(element.map) && std::ranges::find(empty, element.map) == empty.end())
            empty.push_back(element.map);
    }
    for (const std::string& map : empty) texts.push_back(map + " empty");
    return texts;
}

std::vector<std::string> global_texts(const SearchBench& bench, const SearchInput& input) {
    std::vector<std::string> texts;
    const SearchInput plain = bench.first_input(kFrameBytesMin);
    for (const auto& [map, bytes] : input.globals) {
        const auto first = plain.globals.find(map);
        if (first == plain.globals.end() || first->second == bytes) continue;
        const Bytes& before = first->second;
        size_t low = 0, high = std::min(bytes.size(), before.size());
        while (low < high && bytes[low] == before[low]) ++low;
        while (high > low && bytes[high - 1] == before[high - 1]) --high;
        texts.push_back(
            fmt::format("{}+{} = 0x{}", bench.spec().maps[map].name, low,
                        short_hex(Bytes(bytes.begin() + static_cast<ptrdiff_t>(low),
                                        bytes.begin() + static_cast<ptrdiff_t>(high)))));
    }
    return texts;
}

/// " with flows[0x0a] = zeroes, ingress_ifindex 3 and get_prandom_u32 giving 7"
std::string surroundings(const SearchBench& bench, const SearchInput& input, const SearchRun& run) {
    std::vector<std::string> has = map_texts(run, input);
    std::ranges::move(global_texts(bench, input), std::back_inserter(has));
    constexpr std::array<std::string_view, 3> kFields = {"ingress_ifindex", "rx_queue_index",
                                                         "egress_ifindex"};
    const SearchInput plain;
    for (size_t i = 0; i < kFields.size(); ++i)
        if (input.context[i] != plain.context[i])
            has.push_back(fmt::format("{} {}", kFields[i], input.context[i]));
    for (const ForcedAnswer& answer : run.forced) {
        const auto number = static_cast<int64_t>(answer.number);
        const bool is_null = number == 0 && answer.helper == vm::HelperId::ringbuf_reserve;
        has.push_back(fmt::format("{} giving {}", vm::helper_name(vm::number_of(answer.helper)),
                                  is_null ? "null" : std::to_string(number)));
    }
    return has.empty() ? "" : " with " + joined(has);
}

std::string place_text(const vm::ProgramSpec& program, uint32_t insn) {
    const vm::LineInfo* const line = vm::line_of(program, insn);
    if (line == nullptr) return fmt::format("insn {}", insn);
    const std::string file = line->file.substr(line->file.rfind('/') + 1);
    return fmt::format("insn {} ({}:{})", insn, file, line->line);
}

/// "reads packet byte 38" of a load or store beside the packet; else nothing.
std::string packet_access_text(const SearchBench& bench, const Breach& breach,
                               const LastMoment& last, size_t packet_bytes) {
    if (!breach.message.contains(" at packet ") || last.insn != breach.insn) return {};
    const vm::DecodedInsn& insn = bench.code()[breach.insn].insn;
    const vm::OpInfo& row = vm::op_info(insn.op);
    const bool reads = row.format == vm::Format::Load;
    const bool writes = row.format == vm::Format::StoreReg || row.format == vm::Format::StoreImm;
    if (!reads && !writes) return {};
    const uint64_t address =
        last.registers[reads ? insn.src : insn.dst] + static_cast<uint64_t>(insn.off);
    const auto offset = static_cast<int64_t>(address - last.packet_start);
    const int64_t end = offset + row.bits / 8 - 1;
    const uint64_t bytes_now = last.packet_end - last.packet_start;
    std::string text = fmt::format("{} packet byte", reads ? "reads" : "writes");
    text += end == offset ? fmt::format(" {}", offset) : fmt::format("s {} to {}", offset, end);
    if (bytes_now != packet_bytes) text += fmt::format(" of the {} that it then has", bytes_now);
    return text;
}

/// What the interpreter says, without addresses, which no two runs share, and without its advice,
/// which is the hint's matter.
std::string fault_text(const Breach& breach, const std::string& place) {
    std::string message = breach.message.substr(0, breach.message.find(';'));
    if (const size_t at = message.find(" at 0x"); at != std::string::npos)
        message = message.substr(0, at) + " at an address that the program was not given";
    if (const size_t at = message.find(" at number "); at != std::string::npos)
        message = message.substr(0, at) + " at a number, which is no pointer";
    const bool is_access = (message.starts_with("load of ") || message.starts_with("store of ") ||
                            message.starts_with("atomic access of ")) &&
                           message.contains(" at ") && !message.contains(" touches ");
    const std::string_view article = message.starts_with('a') ? "an" : "a";
    return is_access ? fmt::format(" leads {} to {} {}", place, article, message)
                     : fmt::format(" breaks a rule at {}: {}", place, message);
}

std::string_view leak_text(const vm::DecodedInsn& insn) {
    if (vm::op_info(insn.op).format == vm::Format::Exit) return "returns an address";
    if (vm::op_info(insn.op).format == vm::Format::Call) return "hands an address to the helper";
    return "stores an address where others read it";
}

/// Frames of callers lie above.
std::string stack_text(int64_t offset) {
    constexpr auto kFrame = static_cast<int64_t>(kStackBytes);
    if (offset < 0) return fmt::format("stack at r10{:+}", offset);
    return fmt::format("stack at r10{:+} of a caller", offset % kFrame - kFrame);
}

std::string event_text(const SearchBench& bench, const SearchInput& input, const Shadow& shadow,
                       const Breach& breach) {
    const std::string place = place_text(bench.spec(), breach.insn);
    switch (breach.kind) {
        case BreachKind::Endless:
            return fmt::format(" runs for more than {} million instructions round {}",
                               kEndlessInsns / 1'000'000, place);
        case BreachKind::Unwritten:
            return fmt::format(" makes {} read {}, which nothing has written", place,
                               stack_text(breach.stack_offset));
        case BreachKind::Circle:
            return fmt::format(" never ends: {} comes again and nothing has changed", place);
        case BreachKind::Leak:
            return fmt::format(" leads to {}, which {}", place,
                               leak_text(bench.code()[breach.insn].insn));
        case BreachKind::Fault: break;
    }
    const std::string access =
        packet_access_text(bench, breach, shadow.last(), input.packet.size());
    return access.empty() ? fault_text(breach, place) : fmt::format(" {} at {}", access, place);
}

}  // namespace

std::string breach_text(const SearchBench& bench, const SearchInput& input, const SearchRun& run,
                        const Shadow& shadow, const Breach& breach) {
    return packet_text(input.packet) + surroundings(bench, input, run) +
           event_text(bench, input, shadow, breach);
}

}  // namespace weir::controlplane::cli
