#include "controlplane/cli/map_text.h"

#include <fmt/core.h>

#include "controlplane/cli/map_options.h"
#include "controlplane/cli/text_table.h"
#include "controlplane/telemetry/type_text.h"

namespace weir::controlplane::cli {
namespace {

constexpr uint32_t kIndent = 12;  ///< of what `show` says, behind its name

uint64_t number_of(const Json& map, const char* name) {
    return map.value(name, uint64_t{0});
}

std::string count_text(const Json& map, const char* name) {
    return std::to_string(number_of(map, name));
}

std::string words_of(const Json& list, const char* otherwise) {
    std::string words;
    for (const Json& word : list) words += (words.empty() ? "" : ", ") + word.get<std::string>();
    return words.empty() ? otherwise : words;
}

std::string line(const char* name, const std::string& text) {
    return fmt::format("  {:<{}}{}\n", name, kIndent - 2, text);
}

/// "8 bytes", and below it the type as C.
std::string typed_line(const char* name, uint64_t bytes, const vm::TypeRef& type) {
    std::string text = fmt::format("{} bytes", bytes);
    if (bytes == 0) text = "none";
    if (type == nullptr) return line(name, text + (bytes == 0 ? "" : ", no BTF type"));
    const std::string c = type_text(type, kIndent);
    return c.find('\n') == std::string::npos ? line(name, text + ", " + c.substr(kIndent))
                                             : line(name, text) + c + "\n";
}

std::string warnings_text(const Json& map) {
    std::string text;
    for (const Json& warning : map.value("warnings", Json::array()))
        text += "warning: " + warning.get<std::string>() + "\n";
    return text;
}

}  // namespace

std::string map_list_text(const Json& maps) {
    TextTable table({{"map", false},
                     {"type", false},
                     {"key", true},
                     {"value", true},
                     {"elements", true},
                     {"max", true},
                     {"used", true},
                     {"memory", true},
                     {"full", true},
                     {"busy", true},
                     {"evicted", true},
                     {"lost", true}});
    std::string warnings;
    for (const Json& map : maps) {
        table.add({map.value("name", ""), map.value("type", ""), count_text(map, "key_bytes"),
                   count_text(map, "value_bytes"), count_text(map, "entries"),
                   count_text(map, "max_entries"), size_text(number_of(map, "used_bytes")),
                   size_text(number_of(map, "memory_bytes")), count_text(map, "full_count"),
                   count_text(map, "busy_count"), count_text(map, "evicted_count"),
                   count_text(map, "lost_events")});
        warnings += warnings_text(map);
    }
    return table.take() + warnings;
}

std::string map_show_text(const NodeMap& map) {
    const Json& document = map.document;
    std::string text = fmt::format("{}: {}\n", map.info.name, document.value("type", ""));
    text += typed_line("key", map.info.spec.key_bytes, map.info.spec.key_type);
    text += typed_line("value", map.info.spec.value_bytes, map.info.spec.value_type);
    if (vm::is_percpu(map.info.spec.type))
        text +=
            line("slots", fmt::format("{} values an element, one a worker", map.info.cpu_slots));
    text += line("elements",
                 fmt::format("{} of at most {}", map.info.entries, map.info.spec.entries_max));
    text += line("memory", fmt::format("{} used of {} taken ({} of {} bytes)",
                                       size_text(number_of(document, "used_bytes")),
                                       size_text(number_of(document, "memory_bytes")),
                                       count_text(document, "used_bytes"),
                                       count_text(document, "memory_bytes")));
    text += line("flags", words_of(document.value("flag_names", Json::array()), "none"));
    if (document.value("frozen", false)) text += line("frozen", "contents never change");
    if (document.value("persists", false))
        text += line("kept", fmt::format("{} elements of the file, {} torn and dropped",
                                         count_text(document, "restored_count"),
                                         count_text(document, "torn_count")));
    text += line("full", count_text(document, "full_count") + " inserts refused");
    text += line("busy", count_text(document, "busy_count") + " writes given up on a lock");
    text += line("evicted", count_text(document, "evicted_count") + " elements made room");
    text += line("lost", count_text(document, "lost_events") + " records did not fit");
    text += line("programs", words_of(document.value("programs", Json::array()), "none"));
    return text + warnings_text(document);
}

}  // namespace weir::controlplane::cli
