// weir: the command line. Finds the verb; everything else is the verb's own.

#include <fmt/core.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <exception>
#include <string_view>
#include <system_error>

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include "controlplane/cli/bypass_verb.h"
#include "controlplane/cli/verbs.h"
#include "controlplane/config/reader.h"

namespace weir::controlplane::cli {
namespace {

struct Verb {
    std::string_view object;  ///< "prog", "map", "filter" or empty
    std::string_view name;
    std::string_view arguments;
    std::string_view about;
    int (*run)(const Words&);
};

constexpr std::array<Verb, 32> kVerbs = {{
    {"", "run", "CONFIG", "start a node in the foreground with this configuration", verb_run},
    {"", "check", "CONFIG", "parse, validate, build and verify everything; change nothing",
     verb_check},
    {"", "apply", "CONFIG", "make a running node do what the configuration says", verb_apply},
    {"", "status", "", "what a running node is and does", verb_status},
    {"", "stats", "", "packets, verdicts and drops of a running node", verb_stats},
    {"", "top", "", "how busy a running node is, live", verb_top},
    {"", "explain", "--packet PACKET", "which way a packet goes, and why", verb_explain},
    {"", "trace", "[--filter EXPR] -c N", "how a running node judges the next packets", verb_trace},
    {"", "capture", "-w FILE", "packets of a running node, with what became of them", verb_capture},
    {"", "doctor", "[CONFIG]", "what is wrong with this machine, and what to do about it",
     verb_doctor},
    {"", "bypass", "[on --for TIME|off]", "for a time, forward everything unfiltered", verb_bypass},
    {"prog", "list", "", "programs of the running node", verb_prog_list},
    {"prog", "swap", "NAME OBJ", "replace a program under traffic, maps carried over",
     verb_prog_swap},
    {"prog", "show", "OBJ|NAME", "what is in an object; a program of the running node",
     verb_prog_show},
    {"prog", "verify", "OBJ", "prove every program of an object safe, or say why not",
     verb_prog_verify},
    {"prog", "run", "OBJ", "run a program over a capture", verb_prog_run},
    {"prog", "bench", "OBJ", "time a program on a packet", verb_prog_bench},
    {"prog", "disasm", "OBJ", "list the instructions of an object", verb_prog_disasm},
    {"prog", "asm", "FILE", "instructions as text to bytes", verb_prog_asm},
    {"prog", "dump", "jited OBJ|NAME", "the machine code of a program", verb_prog_dump},
    {"filter", "compile", "EXPR", "a pcap expression as classic BPF and eBPF", verb_filter_compile},
    {"filter", "run", "EXPR", "which packets of a capture match a pcap expression",
     verb_filter_run},
    {"map", "list", "", "maps of the running node", verb_map_list},
    {"map", "show", "NAME", "one map's definition and size", verb_map_show},
    {"map", "dump", "NAME", "all elements of a map", verb_map_dump},
    {"map", "lookup", "NAME KEY…", "elements of a map by their keys", verb_map_lookup},
    {"map", "update", "NAME KEY VALUE", "write one element of a map", verb_map_update},
    {"map", "delete", "NAME KEY…", "remove elements of a map", verb_map_delete},
    {"map", "import", "NAME FILE", "write elements from a file, or replace all by them",
     verb_map_import},
    {"map", "push", "NAME VALUE", "add an element to a queue, stack or bloom filter",
     verb_map_push},
    {"map", "enqueue", "NAME VALUE", "the same", verb_map_push},
    {"map", "peek", "NAME", "what a pop from a queue or stack would give", verb_map_peek},
}};

/// Words that will be verbs: whoever types one learns that it is not a slip.
constexpr std::array<std::string_view, 8> kVerbsToCome = {
    "history", "diff", "confirm", "rollback", "fleet", "prog unload", "map pop", "map dequeue"};

void print_overview(FILE* stream) {
    fmt::print(stream,
               "weir: a packet filter that runs verified, compiled eBPF on DPDK ports\n\nUsage: "
               "weir VERB …\n\n");
    for (const Verb& verb : kVerbs) {
        const std::string words = fmt::format(
            "{}{}{} {}", verb.object, verb.object.empty() ? "" : " ", verb.name, verb.arguments);
        fmt::print(stream, "  {:<28}{}\n", words, verb.about);
    }
    fmt::print(stream,
               "\n'weir VERB --help' says more. Exit status: 0 done, 1 the answer is no, 2 wrong "
               "usage or input.\n");
}

int unknown_verb(const std::string& typed) {
    if (std::ranges::find(kVerbsToCome, typed) != kVerbsToCome.end())
        return report({ErrorKind::kUnsupported, fmt::format("'{}' is not offered yet", typed)});
    std::vector<std::string> names;
    for (const Verb& verb : kVerbs)
        names.push_back(
            fmt::format("{}{}{}", verb.object, verb.object.empty() ? "" : " ", verb.name));
    const std::string near = did_you_mean(typed, names);
    const std::string hint =
        near.empty() ? "see 'weir --help'" : fmt::format("did you mean '{}'?", near);
    return report(
        {ErrorKind::kInvalid, fmt::format("unknown verb '{}', {}", typed.substr(0, 80), hint)});
}

int dispatch(Words words) {
    if (words.empty()) {
        print_overview(stderr);
        return kExitError;
    }
    if (words[0] == "--help" || words[0] == "-h" || words[0] == "help") {
        print_overview(stdout);
        return kExitDone;
    }
    if (words[0] == "--version") {
        fmt::print("weir {}\n", WEIR_VERSION);
        return kExitDone;
    }
    for (const Verb& verb : kVerbs) {
        const size_t taken = verb.object.empty() ? 1 : 2;
        if (words.size() < taken || words[taken - 1] != verb.name ||
            (taken == 2 && words[0] != verb.object))
            continue;
        words.erase(words.begin(), words.begin() + static_cast<std::ptrdiff_t>(taken));
        return verb.run(words);
    }
    const bool is_object = words[0] == "prog" || words[0] == "map" || words[0] == "filter";
    if (is_object && (words.size() == 1 || words[1] == "--help" || words[1] == "-h")) {
        print_overview(words.size() == 1 ? stderr : stdout);
        return words.size() == 1 ? kExitError : kExitDone;
    }
    return unknown_verb(is_object && words.size() > 1 ? words[0] + " " + words[1] : words[0]);
}

}  // namespace
}  // namespace weir::controlplane::cli

/// What was printed may have met a full disk. A reader that left early is no error.
static bool output_arrived() {
    if (std::fflush(stdout) == 0 && std::ferror(stdout) == 0) return true;
    pollfd reader{.fd = STDOUT_FILENO, .events = 0, .revents = 0};
    return poll(&reader, 1, 0) == 1 && (reader.revents & POLLERR) != 0;
}

int main(int argc, char** argv) {
    std::signal(SIGPIPE, SIG_IGN);
    std::signal(SIGXFSZ, SIG_IGN);  // machine code is written to a file, which may have a limit
    // What libraries say is no part of the answer, which goes to standard output.
    spdlog::set_default_logger(spdlog::stderr_logger_st("weir"));
    spdlog::set_pattern("%n: %v");
    try {
        const int status = weir::controlplane::cli::dispatch({argv + 1, argv + argc});
        return output_arrived()
                   ? status
                   : weir::controlplane::cli::report({weir::ErrorKind::kResource,
                                                      "standard output: not everything could be "
                                                      "written, expected room for it"});
    } catch (const std::exception&
                 error) {  // memory, or a library's exception that a border let through
        return weir::controlplane::cli::report({weir::ErrorKind::kResource, error.what()});
    }
}
