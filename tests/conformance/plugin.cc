// weir-conformance-plugin [MEMORY-HEX] [--engine jit|interp] < PROGRAM-HEX
//
// The plug-in protocol of the public eBPF conformance suites: bytes in hex on stdin are run without
// the verifier, over the memory given in hex (r1 its address, r2 its length); r0 is printed in hex.
// Helper 5 returns its first argument.

#include <sys/wait.h>
#include <unistd.h>

#include <cctype>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <iostream>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "tests/conformance/engines.h"
#include "vm/base/bytes.h"
#include "vm/base/limits.h"

namespace {

using weir::Bytes;
using weir::ErrorKind;
using weir::fail;
using weir::Result;

constexpr std::string_view kUsage =
    "usage: weir-conformance-plugin [MEMORY-HEX] [--engine jit|interp] < PROGRAM-HEX";

struct Options {
    std::string memory_hex;
    std::string engine = "jit";
};

int hex_digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

/// "b7 00 00 00 01" or "b700000001"; blanks may stand between bytes.
Result<Bytes> parse_hex(std::string_view what, std::string_view text) {
    Bytes bytes;
    for (size_t i = 0; i < text.size();) {
        if (std::isspace(static_cast<unsigned char>(text[i]))) {
            ++i;
            continue;
        }
        const int high = hex_digit(text[i]);
        const int low = i + 1 < text.size() ? hex_digit(text[i + 1]) : -1;
        if (high < 0 || low < 0)
            return fail(ErrorKind::kInvalid,
                        fmt::format("{}: character {}: expected two hex digits", what, i + 1));
        bytes.push_back(static_cast<uint8_t>(high * 16 + low));
        i += 2;
    }
    return bytes;
}

Result<Options> parse_arguments(std::span<char*> arguments) {
    Options options;
    for (size_t i = 0; i < arguments.size(); ++i) {
        const std::string_view argument = arguments[i];
        if (argument == "--engine" && i + 1 < arguments.size())
            options.engine = arguments[++i];
        else if (argument.starts_with("--engine="))
            options.engine = argument.substr(9);
        else if (i == 0 && !argument.starts_with("--"))
            options.memory_hex = argument;
        else
            return fail(ErrorKind::kInvalid,
                        fmt::format("unexpected argument '{}'; {}", argument, kUsage));
    }
    return options;
}

Result<std::vector<weir::vm::Insn>> read_program(std::istream& in) {
    const std::string text{std::istreambuf_iterator<char>(in), {}};
    const Result<Bytes> bytes = parse_hex("program", text);
    if (!bytes) return std::unexpected(bytes.error());
    if (bytes->empty() || bytes->size() % sizeof(weir::vm::Insn) != 0)
        return fail(
            ErrorKind::kInvalid,
            fmt::format("program: {} bytes, expected a multiple of 8 above 0", bytes->size()));
    std::vector<weir::vm::Insn> insns(bytes->size() / sizeof(weir::vm::Insn));
    if (insns.size() > weir::kProgramInsnsMax)
        return fail(ErrorKind::kInvalid,
                    fmt::format("program: more than {} instructions", weir::kProgramInsnsMax));
    std::memcpy(static_cast<void*>(insns.data()), bytes->data(), bytes->size());
    return insns;
}

Result<uint64_t> run(std::span<char*> arguments) {
    const Result<Options> options = parse_arguments(arguments);
    if (!options) return std::unexpected(options.error());
    Result<Bytes> memory = parse_hex("memory", options->memory_hex);
    if (!memory) return std::unexpected(memory.error());
    const Result<std::vector<weir::vm::Insn>> insns = read_program(std::cin);
    if (!insns) return std::unexpected(insns.error());
    return weir::conformance::run_unverified(options->engine, *insns, *memory);
}

constexpr unsigned kSecondsMax = 10;  ///< longer than the interpreter's step limit takes

void print(const Result<uint64_t>& result) {
    if (result)
        std::cout << fmt::format("{:x}", *result) << std::endl;
    else
        std::cerr << "weir-conformance-plugin: " << result.error().message << std::endl;
}

/// Machine code of a program that nobody verified may read anywhere and run for ever: it does so in
/// a process of its own, whose end by a signal is told like any other error.
int run_in_child(std::span<char*> arguments) {
    const pid_t child = fork();
    if (child == 0) {
        alarm(kSecondsMax);
        const Result<uint64_t> result = run(arguments);
        print(result);
        _exit(result ? 0 : weir::exit_status(result.error().kind));
    }
    int status = 0;
    if (child < 0 || waitpid(child, &status, 0) != child) {
        print(fail(ErrorKind::kResource, fmt::format("fork: {}", std::strerror(errno))));
        return weir::exit_status(ErrorKind::kResource);
    }
    if (WIFEXITED(status)) return WEXITSTATUS(status);
    const int number = WTERMSIG(status);
    print(fail(ErrorKind::kInvalid,
               number == SIGALRM ? fmt::format("program did not end within {} s", kSecondsMax)
                                 : fmt::format("program crashed: signal {}", number)));
    return weir::exit_status(ErrorKind::kInvalid);
}

}  // namespace

int main(int argc, char** argv) {
    return run_in_child(std::span(argv, static_cast<size_t>(argc)).subspan(argc > 0 ? 1 : 0));
}
