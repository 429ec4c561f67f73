// weir map list, show.

#include <fmt/core.h>

#include "controlplane/cli/map_options.h"
#include "controlplane/cli/map_text.h"
#include "controlplane/cli/verbs.h"

namespace weir::controlplane::cli {

int verb_map_list(const Words& words) {
    Options options("map list", "",
                    "Maps of the running node, as PROGRAM/MAP: sizes, memory, and what was lost: "
                    "inserts into a full map, writes given\n"
                    "up on a lock, elements evicted, records that a ring had no room for.");
    int status = kExitDone;
    const std::optional<Parsed> parsed = parse_words(options, words, status);
    if (!parsed) return status;
    const Result<Json> maps = ask_node(*parsed, "GET", "/maps");
    if (!maps) return report(maps.error());
    if (parsed->json())
        print_json(*maps, *parsed);
    else
        fmt::print("{}", map_list_text(*maps));
    return kExitDone;
}

int verb_map_show(const Words& words) {
    Options options("map show", "NAME",
                    "One map: types of key and value, sizes, memory, losses, and the programs "
                    "that use it.");
    options.positional("NAME", true);
    int status = kExitDone;
    const std::optional<Parsed> parsed = parse_words(options, words, status);
    if (!parsed) return status;
    const Result<NodeMap> map = ask_map(*parsed);
    if (!map) return report(map.error());
    if (parsed->json())
        print_json(map->document, *parsed);
    else
        fmt::print("{}", map_show_text(*map));
    return kExitDone;
}

}  // namespace weir::controlplane::cli
