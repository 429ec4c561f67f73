// weir check: everything that a deployment would do before its first frame.

#include <fmt/core.h>

#include "controlplane/cli/verbs.h"
#include "controlplane/config/parse.h"
#include "controlplane/deploy/bundle.h"

namespace weir::controlplane::cli {

int verb_check(const Words& words) {
    Options options("check", "CONFIG",
                    "Parses and validates a configuration, loads and verifies every program, fits "
                    "sets into maps. Changes nothing.\n"
                    "Exit 0: it would be deployed; 1: the verifier rejects a program; 2: it is "
                    "wrong, with line and column.");
    options.positional("CONFIG", false);
    const Result<Parsed> parsed = options.with_json().parse(words);
    if (!parsed) return report(parsed.error());
    if (parsed->help_shown) return kExitDone;
    const std::string path =
        parsed->has("CONFIG") ? parsed->text("CONFIG") : std::string(kDefaultConfigFile);
    const Result<Config> config = load_config(path);
    if (!config) return report(config.error());
    vm::VerdictCache verdicts;
    const Result<Bundle> bundle = build_bundle(*config, verdicts);
    if (!bundle) return report(bundle.error());
    for (const std::string& notice : bundle->notices) fmt::print(stderr, "weir: {}\n", notice);
    if (parsed->json()) {
        Json programs = Json::object();
        for (const PlannedProgram& program : bundle->programs)
            programs[program.name] = {{"object", program.object},
                                      {"function", program.spec.name},
                                      {"insns", program.spec.insns.size()},
                                      {"visited_insns", program.visited_insns},
                                      {"time_us", program.verify_us}};
        print_json({{"config", path}, {"hash", bundle->hash}, {"programs", std::move(programs)}},
                   *parsed);
        return kExitDone;
    }
    for (const PlannedProgram& program : bundle->programs)
        fmt::print("program {}: {} of {}, {} instructions, verified in {} us{}\n", program.name,
                   program.spec.name, program.object, program.spec.insns.size(), program.verify_us,
                   program.in_chain ? "" : " (in no chain)");
    for (const PlannedMap& map : bundle->maps)
        if (map.is_policy) fmt::print("map {}: {} prefixes\n", map.name, map.contents.size());
    fmt::print("{}: in order, {} ports, {} programs\n", path, config->ports.size(),
               bundle->programs.size());
    return kExitDone;
}

}  // namespace weir::controlplane::cli
