#include "controlplane/cli/object_options.h"

#include <fmt/core.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "controlplane/cli/offline_routes.h"
#include "controlplane/cli/offline_set.h"
#include "controlplane/config/units.h"
#include "vm/base/limits.h"

namespace weir::controlplane::cli {
namespace {

Result<void> read_map_option(const std::string& text, vm::LoadOptions& options) {
    constexpr std::string_view kMiddle = ".max_entries=";
    const size_t middle = text.rfind(kMiddle);
    const Result<uint64_t> count = middle == std::string::npos
                                       ? fail(ErrorKind::kInvalid, "")
                                       : parse_number(text.substr(middle + kMiddle.size()));
    if (!count || middle == 0 || *count == 0 || *count > UINT32_MAX)
        return fail(ErrorKind::kInvalid,
                    fmt::format("--map: value '{}', expected NAME.max_entries=N", text));
    options.map_entries_max[text.substr(0, middle)] = static_cast<uint32_t>(*count);
    return {};
}

Result<void> read_global_option(const std::string& text, vm::LoadOptions& options) {
    const size_t equals = text.find('=');
    if (equals == std::string::npos || equals == 0)
        return fail(ErrorKind::kInvalid,
                    fmt::format("--global: value '{}', expected NAME=VALUE", text));
    options.globals[text.substr(0, equals)] = text.substr(equals + 1);
    return {};
}

Result<vm::LoadOptions> load_options_of(const Parsed& parsed) {
    vm::LoadOptions options;
    options.btf_path = parsed.text("btf");
    options.kconfig_path = parsed.text("kconfig");
    // Only programs that ask for it read it: what cannot be opened is wrong all the same.
    if (parsed.has("kconfig") && access(options.kconfig_path.c_str(), R_OK) != 0)
        return fail(ErrorKind::kInvalid,
                    fmt::format("--kconfig: value '{}', expected a file that can be read: {}",
                                options.kconfig_path, std::strerror(errno)));
    options.assume_entries_max = kAssumedEntriesMax;
    if (const std::string type = parsed.text("type"); type == "xdp") {
        options.type = vm::ProgramType::Xdp;
    } else if (type == "socket") {
        options.type = vm::ProgramType::SocketFilter;
    } else if (!type.empty()) {
        return fail(ErrorKind::kInvalid,
                    fmt::format("--type: value '{}', expected xdp or socket", type));
    }
    for (const std::string& text : parsed.words("map"))
        if (const Result<void> read = read_map_option(text, options); !read)
            return std::unexpected(read.error());
    for (const std::string& text : parsed.words("global"))
        if (const Result<void> read = read_global_option(text, options); !read)
            return std::unexpected(read.error());
    return options;
}

}  // namespace

void add_object_options(Options& options) {
    options.positional("OBJ", true)
        .value("prog", "NAME", "the program's function; needed where the object has several")
        .value("type", "xdp|socket", "what the programs are, whatever their sections say")
        .values("map", "NAME.max_entries=N", "size of a map; may be given several times")
        .values("global", "NAME=VALUE", "value of a global variable; may be given several times")
        .value("btf", "FILE",
               "types for CO-RE relocations: raw BTF or an ELF file (default the running kernel's)")
        .value("kconfig", "FILE",
               "kernel configuration for variables of .kconfig, plain or gzip (default the running "
               "kernel's)");
}

Result<vm::ObjectSpec> load_object_of(const Parsed& parsed) {
    const Result<vm::LoadOptions> options = load_options_of(parsed);
    if (!options) return std::unexpected(options.error());
    Result<vm::ObjectSpec> object = vm::load_object_file(parsed.text("OBJ"), *options);
    if (!object) return object;
    for (const std::string& notice : object->notices)
        fmt::print(stderr, "weir: {}: {}\n", parsed.text("OBJ"), notice);
    return object;
}

Result<vm::ProgramSpec> pick_program(const vm::ObjectSpec& object, const Parsed& parsed) {
    const std::string wanted = parsed.text("prog");
    std::string all;
    for (const vm::ProgramSpec& program : object.programs) {
        if (program.name == wanted) return program;
        all += (all.empty() ? "" : ", ") + program.name;
    }
    for (const vm::UnsupportedProgram& program : object.unsupported)
        if (program.name == wanted)
            return fail(ErrorKind::kUnsupported,
                        fmt::format("{}: program '{}' is not offered: {}", parsed.text("OBJ"),
                                    wanted, program.reason));
    if (object.programs.empty())
        return fail(ErrorKind::kInvalid, fmt::format("{}: has no program, expected one of type xdp",
                                                     parsed.text("OBJ")));
    if (!wanted.empty())
        return fail(ErrorKind::kInvalid, fmt::format("{}: --prog: value '{}', expected one of {}",
                                                     parsed.text("OBJ"), wanted, all));
    if (object.programs.size() == 1) return object.programs[0];
    return fail(ErrorKind::kInvalid,
                fmt::format("{}: has {} programs, expected --prog with one of {}",
                            parsed.text("OBJ"), object.programs.size(), all));
}

bool names_object(const Parsed& parsed) {
    std::error_code problem;
    const std::string name = parsed.text("OBJ");
    return name.find('/') != std::string::npos || name.ends_with(".o") ||
           std::filesystem::exists(name, problem);
}

Result<std::optional<jit::Engine>> engine_of(const Parsed& parsed) {
    const std::string engine = parsed.text("engine");
    if (!parsed.has("engine")) return std::nullopt;
    if (engine == "jit") return jit::Engine::kJit;
    if (engine == "interp") return jit::Engine::kInterp;
    return fail(ErrorKind::kInvalid,
                fmt::format("--engine: value '{}', expected jit or interp", engine));
}

void add_bench_options(Options& options) {
    options.value("pcap-in", "FILE", "capture to read packets from (pcap or pcapng, Ethernet)")
        .required("pcap-in")
        .values("map-fill", "NAME=FILE",
                "first contents of a map, as lines 'KEY VALUE' (of prog arrays and maps in maps "
                "'KEY NAME'); may be given several times")
        .value("engine", "jit|interp", "what runs the program (default jit)")
        .value("burst", "N", "packets per burst, 1 to 64 (default 64, as the dataplane)");
    add_jit_options(options);
}

void add_jit_options(Options& options) {
    options
        .flag("jit-harden",
              "no constant of 32 or 64 bits stands in machine code as written, as with "
              "'jit.harden' of a configuration")
        .value("jit-symbols", "none|perf|gdb|all", "which tools learn the names of its functions");
}

Result<jit::CompileOptions> compile_options_of(const Parsed& parsed) {
    jit::CompileOptions options;
    options.blind_constants = parsed.has("jit-harden");
    if (!parsed.has("jit-symbols")) return options;
    const std::string tools = parsed.text("jit-symbols");
    if (tools != "none" && tools != "perf" && tools != "gdb" && tools != "all")
        return fail(
            ErrorKind::kInvalid,
            fmt::format("--jit-symbols: value '{}', expected none, perf, gdb or all", tools));
    options.perf_symbols = tools == "perf" || tools == "all";
    options.gdb_symbols = tools == "gdb" || tools == "all";
    return options;
}

Result<std::unique_ptr<OfflineSet>> make_offline(const Parsed& parsed) {
    const Result<std::optional<jit::Engine>> engine = engine_of(parsed);
    if (!engine) return std::unexpected(engine.error());
    Result<jit::CompileOptions> compile = compile_options_of(parsed);
    if (!compile) return std::unexpected(compile.error());
    OfflineOptions options{.engine = *engine,
                           .compile = std::move(*compile),
                           .unverified = parsed.has("unverified"),
                           .fib = no_routes()};
    if (options.unverified && options.engine != jit::Engine::kInterp)
        return fail(ErrorKind::kInvalid,
                    "--unverified: expected with '--engine interp', which checks every access; "
                    "machine code checks none");
    if (parsed.has("config")) {
        Result<std::shared_ptr<const vm::Fib>> routes = routes_of_config(parsed.text("config"));
        if (!routes) return std::unexpected(routes.error());
        options.fib = std::move(*routes);
    }
    const Result<vm::ObjectSpec> object = load_object_of(parsed);
    if (!object) return std::unexpected(object.error());
    const Result<vm::ProgramSpec> program = pick_program(*object, parsed);
    if (!program) return std::unexpected(program.error());
    Result<std::unique_ptr<OfflineSet>> set = OfflineSet::make(*object, *program, options);
    if (!set) return fail_in(parsed.text("OBJ"), set.error());
    for (const std::string& fill : parsed.words("map-fill"))
        if (const Result<void> filled = (*set)->fill(fill); !filled)
            return std::unexpected(filled.error());
    return set;
}

Result<uint32_t> burst_of(const Parsed& parsed) {
    const Result<uint64_t> burst =
        number_option(parsed, "burst", kBurstPacketsMax, 1, kBurstPacketsMax);
    if (!burst) return std::unexpected(burst.error());
    return static_cast<uint32_t>(*burst);
}

std::string to_string(const vm::Rejection& rejection) {
    const std::string line = rejection.line.empty() ? "" : ", " + rejection.line;
    return fmt::format("{}: {} (insn {}{})", rejection.rule, rejection.message, rejection.insn,
                       line);
}

Result<std::shared_ptr<const vm::VerifiedProgram>> prove(const vm::ProgramSpec& spec) {
    std::expected<vm::Proof, vm::Rejection> proof = vm::verify(spec);
    if (!proof)
        return fail(ErrorKind::kRejected,
                    fmt::format("program {} is rejected: {}", spec.name, to_string(proof.error())));
    Result<vm::VerifiedProgram> program = vm::accept(spec, std::move(*proof));
    if (!program) return std::unexpected(program.error());
    return std::make_shared<const vm::VerifiedProgram>(std::move(*program));
}

}  // namespace weir::controlplane::cli
