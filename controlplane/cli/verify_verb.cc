// weir prog verify

#include <fmt/core.h>

#include <chrono>

#include "controlplane/cli/counterexample.h"
#include "controlplane/cli/object_options.h"
#include "controlplane/cli/program_use.h"
#include "controlplane/cli/verbs.h"
#include "controlplane/deploy/sha256.h"
#include "vm/verifier/explanation.h"

namespace weir::controlplane::cli {
namespace {

/// An accepted program fills it in; of others nobody knows what they cost.
Json entry_json(const std::string& section, const std::string& name, const std::string& type,
                size_t insns) {
    return {{"section", section},      {"name", name},           {"type", type},
            {"insns", insns},          {"accepted", false},      {"visited_insns", 0u},
            {"time_us", 0u},           {"worst_insns", nullptr}, {"stack_bytes", nullptr},
            {"states_peak", nullptr},  {"bytes_peak", nullptr},  {"helpers", Json::array()},
            {"kfuncs", Json::array()}, {"maps", Json::array()},  {"error", nullptr}};
}

Json example_json(const std::optional<Counterexample>& example) {
    if (!example) return nullptr;
    return {
        {"packet_hex", to_hex(example->packet)}, {"insn", example->insn}, {"what", example->what}};
}

Json error_json(const vm::Rejection& rejection, const SearchOutcome& search) {
    Json path = Json::array();
    for (const vm::PathStep& step : rejection.path)
        path.push_back({{"insn", step.insn},
                        {"taken", step.taken},
                        {"condition", step.condition},
                        {"line", step.line}});
    return {{"insn", rejection.insn},
            {"line", rejection.line},
            {"rule", rejection.rule},
            {"message", rejection.message},
            {"state", rejection.state},
            {"insn_text", rejection.insn_text},
            {"hint", rejection.hint},
            {"path", std::move(path)},
            {"path_left_out", rejection.path_left_out},
            {"verdict", search.example ? "unsafe" : "not proven"},
            {"counterexample", example_json(search.example)},
            {"no_counterexample", search.example ? Json(nullptr) : Json(search.why_not)}};
}

/// What is known of one program, and of a rejected one the text for a person.
struct Answer {
    Json entry;
    std::vector<std::string> explanation;
};

/// `replays`: a rejected one is searched for a counterexample.
Answer verify_program(const vm::ProgramSpec& program, bool replays) {
    Json entry = entry_json(program.section, program.name,
                            std::string(vm::program_type_name(program.type)), program.insns.size());
    const auto start = std::chrono::steady_clock::now();
    const std::expected<vm::Proof, vm::Rejection> proof = vm::verify(program);
    const auto spent = std::chrono::steady_clock::now() - start;
    entry["time_us"] = std::chrono::duration_cast<std::chrono::microseconds>(spent).count();
    const ProgramUse use = program_use(program, proof ? &*proof : nullptr);
    entry["helpers"] = use.helpers;
    entry["kfuncs"] = use.kfuncs;
    entry["maps"] = use.maps;
    if (!proof) {
        const SearchOutcome search = replays ? find_counterexample(program, proof.error())
                                             : SearchOutcome{{}, "nothing was run (--no-replay)"};
        entry["error"] = error_json(proof.error(), search);
        return {std::move(entry), vm::explanation_lines(proof.error(), verdict_text(search))};
    }
    entry["accepted"] = true;
    entry["visited_insns"] = proof->visited_insns;
    if (proof->worst_insns != UINT64_MAX) entry["worst_insns"] = proof->worst_insns;
    entry["stack_bytes"] = proof->stack_bytes_total;
    entry["states_peak"] = proof->states_peak;
    entry["bytes_peak"] = proof->bytes_peak;
    return {std::move(entry), {}};
}

Answer not_offered(const vm::UnsupportedProgram& program) {
    Json entry = entry_json(program.section, program.name, program.type, program.insn_count);
    entry["error"] = {{"insn", 0},
                      {"line", ""},
                      {"rule", "unsupported"},
                      {"message", program.reason},
                      {"state", ""}};
    return {std::move(entry), {}};
}

/// "  helpers  csum_diff, map_lookup_elem"; nothing of an empty list.
void print_list(const char* label, const Json& list) {
    if (list.empty()) return;
    fmt::print("  {:<8} {}", label, list[0].get<std::string>());
    for (size_t i = 1; i < list.size(); ++i) fmt::print(", {}", list[i].get<std::string>());
    fmt::print("\n");
}

void print_accepted(const Json& entry) {
    constexpr uint64_t kKiB = 1024;
    fmt::print("{}: accepted, {} instructions, {} visited, {} us\n",
               entry["name"].get<std::string>(), entry["insns"].get<uint64_t>(),
               entry["visited_insns"].get<uint64_t>(), entry["time_us"].get<int64_t>());
    const Json& worst = entry["worst_insns"];
    fmt::print("  {:<8} {}, {} bytes of stack\n", "a run",
               worst.is_null() ? "more instructions than can be counted"
                               : fmt::format("at most {} instructions", worst.get<uint64_t>()),
               entry["stack_bytes"].get<uint64_t>());
    fmt::print("  {:<8} at most {} states in {} KiB\n", "a proof",
               entry["states_peak"].get<uint64_t>(),
               (entry["bytes_peak"].get<uint64_t>() + kKiB - 1) / kKiB);
    print_list("helpers", entry["helpers"]);
    print_list("kfuncs", entry["kfuncs"]);
    print_list("maps", entry["maps"]);
}

void print_answer(const Answer& answer) {
    const std::string name = answer.entry["name"];
    if (answer.entry["accepted"]) return print_accepted(answer.entry);
    const Json& error = answer.entry["error"];
    if (error["rule"] == "unsupported") {
        fmt::print("{}: not offered: {}\n", name, error["message"].get<std::string>());
        return;
    }
    fmt::print("{}: rejected\n", name);
    for (const std::string& line : answer.explanation) fmt::print("  {}\n", line);
}

}  // namespace

int verb_prog_verify(const Words& words) {
    Options options(
        "prog verify", "OBJ",
        "Proves every program of an object safe and says what it costs, or says at which "
        "instruction and why it cannot, by which path, and what would help.\n"
        "A rejected program is run over packets that are led along that path, for half a second at "
        "most: one that goes wrong\n"
        "is shown, and the program is unsafe; else it is not proven.\n"
        "Exit 1 if a program is rejected; programs of types that Weir does not offer are listed "
        "and do not count.");
    add_object_options(options);
    const Result<Parsed> parsed =
        options.flag("no-replay", "do not look for a packet that shows what is wrong")
            .with_json()
            .parse(words);
    if (!parsed) return report(parsed.error());
    if (parsed->help_shown) return kExitDone;
    const Result<vm::ObjectSpec> object = load_object_of(*parsed);
    if (!object) return report(object.error());
    const std::string wanted = parsed->text("prog");
    std::vector<Answer> answers;
    bool rejected = false;
    for (const vm::ProgramSpec& program : object->programs) {
        if (!wanted.empty() && program.name != wanted) continue;
        answers.push_back(verify_program(program, !parsed->has("no-replay")));
        rejected = rejected || !answers.back().entry["accepted"];
    }
    for (const vm::UnsupportedProgram& program : object->unsupported) {
        if (!wanted.empty() && program.name != wanted) continue;
        answers.push_back(not_offered(program));
    }
    if (answers.empty()) {
        const Result<vm::ProgramSpec> none = pick_program(*object, *parsed);
        return report(none ? Error{ErrorKind::kInvalid, parsed->text("OBJ") + ": has no program"}
                           : none.error());
    }
    if (parsed->json()) {
        Json entries = Json::array();
        for (Answer& answer : answers) entries.push_back(std::move(answer.entry));
        print_json(entries, *parsed);
    } else {
        for (const Answer& answer : answers) print_answer(answer);
    }
    return rejected ? kExitNo : kExitDone;
}

}  // namespace weir::controlplane::cli
