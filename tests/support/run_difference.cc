#include "tests/support/run_difference.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

namespace weir::tests {

namespace {

constexpr size_t kShownBytes = 8;

std::string hex_at(const Bytes& bytes, size_t offset) {
    std::string text;
    for (size_t i = offset; i < std::min(bytes.size(), offset + kShownBytes); ++i)
        text += fmt::format("{:02x}", bytes[i]);
    return text;
}

std::string hex(const Bytes& bytes) {
    return hex_at(bytes, 0) + (bytes.size() > kShownBytes ? "…" : "");
}

/// Numbers lie in words of eight bytes in what programs of the corpus keep: whole words are shown.
std::optional<std::string> bytes_difference(const Bytes& expected, const Bytes& actual) {
    if (expected == actual) return std::nullopt;
    if (expected.size() != actual.size())
        return fmt::format("{} bytes, got {}", expected.size(), actual.size());
    const auto at =
        static_cast<size_t>(std::ranges::mismatch(expected, actual).in1 - expected.begin());
    const size_t word = at / kShownBytes * kShownBytes;
    return fmt::format("at byte {} {}, got {}", word, hex_at(expected, word), hex_at(actual, word));
}

std::string packets_difference(const RunResult& expected, const RunResult& actual,
                               std::span<const TestPacket> packets) {
    if (expected.packets.size() != actual.packets.size())
        return fmt::format("{} packets, got {}", expected.packets.size(), actual.packets.size());
    for (size_t i = 0; i < expected.packets.size(); ++i) {
        const PacketResult &wanted = expected.packets[i], &got = actual.packets[i];
        const std::string place = fmt::format("packet {} {}", i, packets[i].name);
        if (wanted.retval != got.retval)
            return fmt::format("{}: verdict {}, got {}", place, wanted.retval, got.retval);
        if (const auto difference = bytes_difference(wanted.bytes, got.bytes))
            return fmt::format("{}: {}", place, *difference);
    }
    return "";
}

std::string entries_difference(const MapEntries& expected, const MapEntries& actual) {
    for (size_t i = 0; i < std::min(expected.size(), actual.size()); ++i) {
        if (expected[i].first != actual[i].first)
            return "key " + *bytes_difference(expected[i].first, actual[i].first);
        if (const auto difference = bytes_difference(expected[i].second, actual[i].second))
            return fmt::format("key {}: {}", hex(expected[i].first), *difference);
    }
    if (expected.size() == actual.size()) return "";
    return fmt::format("{} elements, got {}", expected.size(), actual.size());
}

std::string records_difference(const EventRecords& expected, const EventRecords& actual) {
    for (size_t i = 0; i < std::min(expected.size(), actual.size()); ++i)
        if (const auto difference = bytes_difference(expected[i], actual[i]))
            return fmt::format("record {}: {}", i, *difference);
    if (expected.size() == actual.size()) return "";
    return fmt::format("{} records, got {}", expected.size(), actual.size());
}

/// Both ways: what one side alone has is a difference too.
template <typename Content, typename Compare>
std::string contents_difference(const std::map<std::string, Content>& expected,
                                const std::map<std::string, Content>& actual,
                                const Compare& compare) {
    for (const auto& [name, content] : expected) {
        const auto found = actual.find(name);
        const std::string difference =
            found == actual.end() ? "missing" : compare(content, found->second);
        if (!difference.empty()) return fmt::format("map {}: {}", name, difference);
    }
    for (const auto& [name, content] : actual)
        if (!expected.contains(name)) return fmt::format("map {}: unexpected", name);
    return "";
}

}  // namespace

std::string first_difference(const RunResult& expected, const RunResult& actual,
                             std::span<const TestPacket> packets) {
    std::string difference = packets_difference(expected, actual, packets);
    if (difference.empty())
        difference = contents_difference(expected.maps, actual.maps, entries_difference);
    if (difference.empty())
        difference = contents_difference(expected.events, actual.events, records_difference);
    return difference;
}

}  // namespace weir::tests
