#include "controlplane/cli/capture_request.h"

#include <fmt/core.h>
#include <pcap/dlt.h>

#include <array>

#include "vm/base/limits.h"
#include "vm/cbpf/compile.h"
#include "vm/cbpf/convert.h"

namespace weir::controlplane::cli {
namespace {

namespace api = dataplane::api;

constexpr uint64_t kSnapBytesMost = 262'144;  ///< what other tools take for "all"

template <typename T>
struct Word {
    std::string_view word;
    T meaning;
};

constexpr auto kVerdicts = std::to_array<Word<std::string_view>>({{"drop", "XDP_DROP"},
                                                                  {"pass", "XDP_PASS"},
                                                                  {"tx", "XDP_TX"},
                                                                  {"redirect", "XDP_REDIRECT"},
                                                                  {"aborted", "XDP_ABORTED"}});
constexpr auto kHooks = std::to_array<Word<api::CaptureHook>>(
    {{"ingress", api::CaptureHook::Ingress}, {"egress", api::CaptureHook::Egress}});
constexpr auto kPoints =
    std::to_array<Word<api::CapturePoint>>({{"before", api::CapturePoint::Before},
                                            {"after", api::CapturePoint::After},
                                            {"both", api::CapturePoint::Both}});
constexpr auto kWhenFull = std::to_array<Word<api::WhenFull>>(
    {{"end", api::WhenFull::End}, {"drop", api::WhenFull::Drop}});

template <typename T, size_t N>
Result<T> meaning_of(const std::array<Word<T>, N>& words, const std::string& word,
                     const char* option) {
    std::string known;
    for (const Word<T>& each : words) {
        if (each.word == word) return each.meaning;
        known += fmt::format("{}{}", known.empty() ? "" : ", ", each.word);
    }
    return fail(ErrorKind::kInvalid,
                fmt::format("--{}: value '{}', expected one of: {}", option, word, known));
}

template <typename T, size_t N>
Result<T> word_option(const Parsed& parsed, const char* option, const std::array<Word<T>, N>& words,
                      T otherwise) {
    if (!parsed.has(option)) return otherwise;
    return meaning_of(words, parsed.text(option), option);
}

/// Words between commas; empty ones are left in, to be refused by name.
Words list_of(const std::string& text) {
    Words words;
    if (text.empty()) return words;
    for (size_t begin = 0;;) {
        const size_t end = text.find(',', begin);
        words.push_back(text.substr(begin, end - begin));
        if (end == std::string::npos) return words;
        begin = end + 1;
    }
}

Result<void> add_filter(const Parsed& parsed, api::CaptureOpen& request) {
    if (!parsed.has("filter")) return {};
    request.filter_text = parsed.text("filter");
    Result<vm::cbpf::ClassicProgram> classic = vm::cbpf::compile(request.filter_text, DLT_EN10MB);
    if (!classic) return fail(classic.error().kind, "--filter: " + classic.error().message);
    request.filter = vm::cbpf::convert(*classic, "capture");
    return {};
}

Result<void> add_numbers(const Parsed& parsed, api::CaptureOpen& request) {
    const Result<uint64_t> snap = number_option(parsed, "snaplen", 0, 1, kSnapBytesMost);
    if (!snap) return std::unexpected(snap.error());
    const Result<uint64_t> sample = number_option(parsed, "sample", 1, 1, UINT32_MAX);
    if (!sample) return std::unexpected(sample.error());
    const Result<uint64_t> count = number_option(parsed, "count", 0, 1, INT64_MAX);
    if (!count) return std::unexpected(count.error());
    request.snap_bytes = static_cast<uint32_t>(*snap);
    request.sample = static_cast<uint32_t>(*sample);
    request.count = *count;
    return {};
}

Result<void> add_words(const Parsed& parsed, api::CaptureOpen& request) {
    const auto hook = word_option(parsed, "hook", kHooks, api::CaptureHook::Any);
    if (!hook) return std::unexpected(hook.error());
    const auto point = word_option(parsed, "at", kPoints, api::CapturePoint::Before);
    if (!point) return std::unexpected(point.error());
    const auto when_full = word_option(parsed, "when-full", kWhenFull, api::WhenFull::End);
    if (!when_full) return std::unexpected(when_full.error());
    for (const std::string& word : list_of(parsed.text("verdict"))) {
        const auto verdict = meaning_of(kVerdicts, word, "verdict");
        if (!verdict) return std::unexpected(verdict.error());
        request.verdicts.emplace_back(*verdict);
    }
    request.hook = *hook;
    request.point = *point;
    request.when_full = *when_full;
    return {};
}

}  // namespace

void add_capture_options(Options& options) {
    options.value("filter", "EXPR", "only packets that match this expression of pcap-filter(7)")
        .value("verdict", "drop|pass|tx|redirect|aborted,…",
               "only packets that a program gave one of these verdicts")
        .value("reason", "NAME,…", "only packets dropped for one of these reasons (weir stats)")
        .value("program", "NAME", "only packets whose verdict this program gave")
        .value("port", "NAME,…",
               "only packets that came in by one of these ports (with --at after: that leave by)")
        .value("hook", "ingress|egress", "only packets that this hook decided about")
        .value("at", "before|after|both",
               "keep the bytes as received (default), as they leave, or both")
        .value("snaplen", "N", "keep at most N bytes of a packet (default: all)")
        .value("sample", "N", "keep every Nth packet that matches, on each worker")
        .value("count,c", "COUNT", "end after COUNT packets")
        .value("when-full", "end|drop",
               "when the output takes no more: end (default), or drop until there is room");
}

Result<api::CaptureOpen> capture_request(const Parsed& parsed) {
    api::CaptureOpen request;
    if (const Result<void> added = add_filter(parsed, request); !added)
        return std::unexpected(added.error());
    if (const Result<void> added = add_numbers(parsed, request); !added)
        return std::unexpected(added.error());
    if (const Result<void> added = add_words(parsed, request); !added)
        return std::unexpected(added.error());
    request.ports = list_of(parsed.text("port"));
    request.reasons = list_of(parsed.text("reason"));
    request.program = parsed.text("program");
    return request;
}

}  // namespace weir::controlplane::cli
