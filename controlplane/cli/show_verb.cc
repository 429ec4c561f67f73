// weir prog show: what is in an object; or what a running node says of a program.

#include <fmt/core.h>

#include "controlplane/cli/node_client.h"
#include "controlplane/cli/object_options.h"
#include "controlplane/cli/object_text.h"
#include "controlplane/cli/verbs.h"

namespace weir::controlplane::cli {
namespace {

int show_node_program(const Parsed& parsed) {
    const Result<Json> programs = ask_node(parsed, "GET", "/programs");
    if (!programs) return report(programs.error());
    const std::string name = parsed.text("OBJ");
    for (const Json& program : *programs) {
        if (program.value("name", "") != name) continue;
        if (parsed.json())
            print_json(program, parsed);
        else
            for (const auto& [key, value] : program.items())
                fmt::print("{}: {}\n", key,
                           value.is_string() ? value.get<std::string>() : value.dump());
        return kExitDone;
    }
    return report({ErrorKind::kNotFound,
                   fmt::format("'{}' is neither a file nor a program of the running node", name)});
}

}  // namespace

int verb_prog_show(const Words& words) {
    Options options(
        "prog show", "OBJ|NAME",
        "What is in an object file; or, if there is no such file, a program of the running node.");
    add_object_options(options);
    const Result<Parsed> parsed = options.with_json().with_run_dir().parse(words);
    if (!parsed) return report(parsed.error());
    if (parsed->help_shown) return kExitDone;
    if (!names_object(*parsed)) return show_node_program(*parsed);
    const Result<vm::ObjectSpec> object = load_object_of(*parsed);
    if (!object) return report(object.error());
    if (parsed->json())
        print_json(object_json(*object), *parsed);
    else
        print_object(*object);
    return kExitDone;
}

}  // namespace weir::controlplane::cli
