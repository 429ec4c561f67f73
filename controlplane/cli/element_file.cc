#include "controlplane/cli/element_file.h"

#include <fmt/core.h>

#include <algorithm>
#include <functional>

#include "controlplane/cli/element_index.h"
#include "controlplane/cli/element_list.h"
#include "controlplane/cli/element_text.h"
#include "controlplane/config/document.h"
#include "controlplane/deploy/sha256.h"
#include "controlplane/telemetry/stats_json.h"

namespace weir::controlplane::cli {
namespace {

using dataplane::api::MapInfo;

constexpr size_t kElementFileBytesMax = size_t{1} << 30;
constexpr size_t kReservedBytesMax = size_t{256} << 20;  ///< before any line is read

/// Length of the JSON document at the front of `text`; npos where it does not end.
size_t json_length(std::string_view text) {
    size_t depth = 0;
    bool in_text = false;
    for (size_t at = 0; at < text.size(); ++at) {
        const char c = text[at];
        if (in_text) {
            if (c == '\\') ++at;
            if (c == '"') in_text = false;
        } else if (c == '"') {
            in_text = true;
        } else if (c == '{' || c == '[') {
            ++depth;
        } else if (c == '}' || c == ']') {
            if (depth == 0) return std::string_view::npos;
            --depth;
        }
        if (depth == 0 && !in_text) return at + 1;
    }
    return std::string_view::npos;
}

/// One line's words, and where they are.
struct Line {
    std::string_view key, value;
    size_t key_column = 1, value_column = 1;
};

bool is_blank(char c) {
    return c == ' ' || c == '\t' || c == '\r';
}

size_t skip_blanks(std::string_view text, size_t at) {
    while (at < text.size() && is_blank(text[at])) ++at;
    return at;
}

/// Length of the word at the front of `text`: a document of JSON or what ends at a blank.
size_t word_length(std::string_view text) {
    if (text[0] == '{' || text[0] == '[' || text[0] == '"')
        return std::min(json_length(text), text.size());
    size_t length = 0;
    while (length < text.size() && !is_blank(text[length])) ++length;
    return length;
}

/// False if there are not two words in `line`, whose first begins at `begin`.
bool split_line(std::string_view line, size_t begin, Line& words) {
    while (is_blank(line.back())) line.remove_suffix(1);
    words.key = line.substr(begin, word_length(line.substr(begin)));
    words.key_column = begin + 1;
    const size_t value_begin = skip_blanks(line, begin + words.key.size());
    words.value = line.substr(value_begin);
    words.value_column = value_begin + 1;
    return !words.value.empty();
}

std::string place_of(const std::string& path, size_t line, size_t column) {
    return fmt::format("{}:{}:{}", path, line, column);
}

/// Calls visit(Line, number) for each line that has words, until one fails.
template <typename Visit>
Result<void> for_each_line(std::string_view text, const std::string& path, Visit visit) {
    for (size_t number = 1; !text.empty(); ++number) {
        const size_t end = std::min(text.find('\n'), text.size());
        const std::string_view line = text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));
        const size_t begin = skip_blanks(line, 0);
        if (begin == line.size() || line[begin] == '#') continue;
        Line words;
        if (!split_line(line, begin, words))
            return fail(ErrorKind::kInvalid, fmt::format("{}: line: value '{}', expected KEY VALUE",
                                                         place_of(path, number, words.key_column),
                                                         words.key.substr(0, 80)));
        if (const Result<void> visited = visit(words, number); !visited) return visited;
    }
    return {};
}

Result<ElementRecords> parse_lines(std::string_view text, const std::string& path,
                                   const MapInfo& map) {
    ElementRecords records{map.spec.key_bytes, control_value_bytes(map), {}};
    const size_t step = records.record_bytes();
    const size_t lines = static_cast<size_t>(std::ranges::count(text, '\n')) + 1;
    records.bytes.reserve(std::min(lines * step, kReservedBytesMax));
    ElementIndex index(records, map.spec.type == vm::MapType::LpmTrie,
                       map.spec.key_bytes == 0 ? 0 : lines);
    const Result<void> read =
        for_each_line(text, path, [&](const Line& words, size_t number) -> Result<void> {
            const size_t last = records.count();
            records.bytes.resize((last + 1) * step);
            const std::span<uint8_t> record = std::span(records.bytes).subspan(last * step);
            const std::span<uint8_t> value = record.subspan(records.key_bytes);
            const Result<void> key = parse_key(words.key, map, record.first(records.key_bytes));
            if (!key) return fail_in(place_of(path, number, words.key_column), key.error());
            const Result<void> parsed = parse_value(words.value, map, value);
            if (!parsed) return fail_in(place_of(path, number, words.value_column), parsed.error());
            if (records.key_bytes == 0) return {};
            const size_t place = index.place_of_last();
            if (place == last) return {};
            std::ranges::copy(value, records.bytes.begin() +
                                         static_cast<ptrdiff_t>(place * step + records.key_bytes));
            records.bytes.resize(last * step);
            return {};
        });
    if (!read) return std::unexpected(read.error());
    return records;
}

/// "[{" or "[]": a list of elements. A key that is an array of numbers starts a line with "[1".
bool is_element_list(std::string_view text) {
    constexpr std::string_view kSpace = " \t\r\n";
    const size_t begin = text.find_first_not_of(kSpace);
    if (begin == std::string_view::npos || text[begin] != '[') return false;
    const size_t next = text.find_first_not_of(kSpace, begin + 1);
    return next == std::string_view::npos || text[next] == '{' || text[next] == ']';
}

}  // namespace

Result<ElementRecords> parse_elements(std::string_view text, const std::string& path,
                                      const MapInfo& map) {
    if (!is_element_list(text)) return parse_lines(text, path, map);
    return parse_element_list(text, path, map);
}

Result<ElementRecords> read_elements(const std::string& path, const MapInfo& map) {
    const Result<std::string> text = read_file(path, kElementFileBytesMax, true);
    if (!text) return std::unexpected(text.error());
    return parse_elements(*text, path, map);
}

Result<void> check_count(const ElementRecords& records, const MapInfo& map) {
    const size_t count = records.count();
    if (count <= map.spec.entries_max || map.spec.type == vm::MapType::BloomFilter) return {};
    return fail(ErrorKind::kResource,
                fmt::format("map {}: {} elements with keys of their own, expected at most {} "
                            "(max_entries)",
                            map.name, count, map.spec.entries_max));
}

Result<std::vector<Bytes>> read_samples(const std::string& path) {
    const Result<std::string> text = read_file(path, kElementFileBytesMax, true);
    if (!text) return std::unexpected(text.error());
    std::vector<Bytes> samples;
    const Result<void> read =
        for_each_line(*text, path, [&](const Line& words, size_t number) -> Result<void> {
            const auto refuse = [&](size_t column, std::string_view word, const char* expected) {
                return fail(ErrorKind::kInvalid, fmt::format("{}: value '{}', expected {}",
                                                             place_of(path, number, column),
                                                             word.substr(0, 80), expected));
            };
            Bytes sample;
            if (words.key != "-")
                return refuse(words.key_column, words.key, "'-': this map has no keys");
            if (!words.value.starts_with("0x") || !from_hex(words.value.substr(2), sample))
                return refuse(words.value_column, words.value, "a sample as hex after 0x");
            samples.push_back(std::move(sample));
            return {};
        });
    if (!read) return std::unexpected(read.error());
    return samples;
}

Result<std::vector<ParsedBinding>> read_bindings(const std::string& path, const vm::MapSpec& map) {
    const Result<std::string> text = read_file(path, kElementFileBytesMax, true);
    if (!text) return std::unexpected(text.error());
    const MapInfo lone = lone_map(map);
    std::vector<ParsedBinding> bindings;
    const Result<void> read =
        for_each_line(*text, path, [&](const Line& words, size_t number) -> Result<void> {
            Result<Bytes> key = parse_key(words.key, lone);
            if (!key) return fail_in(place_of(path, number, words.key_column), key.error());
            bindings.push_back({std::move(*key), std::string(words.value)});
            return {};
        });
    if (!read) return std::unexpected(read.error());
    return bindings;
}

}  // namespace weir::controlplane::cli
