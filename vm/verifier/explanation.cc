// Lines are shared out: what is said of the place first, the rest to the path.

#include "vm/verifier/explanation.h"

#include <algorithm>
#include <span>

#include <fmt/format.h>

namespace weir::vm {
namespace {

constexpr std::string_view kCut = "…";
constexpr std::string_view kIndent = "         ";  ///< as wide as a label
constexpr size_t kMessageLinesMax = 4, kSourceLinesMax = 1, kStateLinesMax = 8, kHintLinesMax = 3,
                 kVerdictLinesMax = 8;

bool continues(char byte) {
    return (static_cast<uint8_t>(byte) & 0xc0) == 0x80;
}

/// Characters of UTF-8.
size_t columns(std::string_view text) {
    return static_cast<size_t>(std::ranges::count_if(text, [](char c) { return !continues(c); }));
}

/// Where `count` characters end.
size_t bytes_of(std::string_view text, size_t count) {
    size_t at = 0;
    while (at < text.size() && count > 0) {
        ++at;
        while (at < text.size() && continues(text[at])) ++at;
        --count;
    }
    return at;
}

/// Debug information is the object's, which may hold anything.
std::string printable(std::string_view text) {
    std::string clean;
    for (const char c : text) {
        const auto byte = static_cast<uint8_t>(c);
        clean += byte == '\t' ? ' ' : byte < 0x20 || byte == 0x7f ? '?' : c;
    }
    return clean;
}

std::string cut_to(std::string_view text, size_t width) {
    if (columns(text) <= width) return std::string(text);
    return std::string(text.substr(0, bytes_of(text, width - 1))) + std::string(kCut);
}

/// Breaks at blanks where it can.
std::vector<std::string> wrapped(std::string_view text, size_t width, size_t lines_max) {
    std::vector<std::string> lines;
    while (!text.empty()) {
        if (lines.size() + 1 == lines_max || columns(text) <= width) {
            lines.push_back(cut_to(text, width));
            break;
        }
        const size_t fits = bytes_of(text, width);
        size_t end = text.substr(0, fits + 1).rfind(' ');
        if (end == std::string_view::npos || end == 0) end = fits;
        lines.emplace_back(text.substr(0, end));
        text.remove_prefix(end);
        if (!text.empty() && text.front() == ' ') text.remove_prefix(1);
    }
    return lines;
}

void add_labelled(std::vector<std::string>& lines, std::string_view label, std::string_view text,
                  size_t lines_max) {
    if (text.empty()) return;
    const std::vector<std::string> parts =
        wrapped(printable(text), kExplanationColumnsMax - kIndent.size(), lines_max);
    for (size_t i = 0; i < parts.size(); ++i)
        lines.push_back((i == 0 ? fmt::format("  {:<7}", label) : std::string(kIndent)) + parts[i]);
}

/// "src/filter.c:30: text" without the folders.
std::string short_line(std::string_view line) {
    const size_t slash = line.substr(0, line.find(':')).rfind('/');
    return std::string(slash == std::string_view::npos ? line : line.substr(slash + 1));
}

/// "insn 9: r2 (pkt+14) > r3 (pkt_end): not taken | filter.c:30: if (data + 34 > data_end)"
std::string step_line(const PathStep& step) {
    std::string text = fmt::format("insn {}: {}", step.insn, step.condition);
    if (!step.line.empty()) text += " | " + short_line(step.line);
    return std::string(kIndent) + cut_to(printable(text), kExplanationColumnsMax - kIndent.size());
}

/// A line of the path, and how many of its steps it stands for.
struct PathLine {
    std::string text;
    uint64_t steps = 1;
};

PathLine gap_line(uint64_t steps, std::string_view what) {
    return {fmt::format("{}{} {} {} {}", kIndent, kCut, steps, what, kCut), steps};
}

bool same_way(const PathStep& a, const PathStep& b) {
    return a.insn == b.insn && a.taken == b.taken;
}

/// How often the first `period` steps come one time after the other.
size_t rounds_of(std::span<const PathStep> steps, size_t period) {
    size_t at = period;
    while (at < steps.size() && same_way(steps[at], steps[at - period])) ++at;
    return at / period;
}

/// Of the rounds of a loop, the first and the last.
void add_steps(std::vector<PathLine>& lines, std::span<const PathStep> steps) {
    constexpr size_t kPeriodMax = 12, kRoundsMin = 4;
    const auto add = [&](std::span<const PathStep> some) {
        for (const PathStep& step : some) lines.push_back({step_line(step)});
    };
    while (!steps.empty()) {
        size_t period = 1;
        while (period <= kPeriodMax && rounds_of(steps, period) < kRoundsMin) ++period;
        if (period > kPeriodMax) {
            add(steps.first(1));
            steps = steps.subspan(1);
            continue;
        }
        const size_t rounds = rounds_of(steps, period);
        add(steps.first(period));
        lines.push_back(gap_line(rounds - 2, "rounds like this"));
        lines.back().steps = (rounds - 2) * period;
        add(steps.subspan((rounds - 1) * period, period));
        steps = steps.subspan(rounds * period);
    }
}

/// The path in at most `room` lines, its two ends alike.
std::vector<std::string> path_lines(const Rejection& rejection, size_t room) {
    const std::span<const PathStep> path = rejection.path;
    std::vector<PathLine> all;
    const size_t before = rejection.path_left_out == 0 ? path.size() : path.size() / 2;
    add_steps(all, path.first(before));
    if (rejection.path_left_out != 0) all.push_back(gap_line(rejection.path_left_out, "more"));
    add_steps(all, path.subspan(before));
    std::vector<std::string> lines;
    const bool fits = all.size() <= room;
    const size_t head = fits ? all.size() : (room - 1) / 2, tail = fits ? 0 : room - 1 - head;
    uint64_t left_out = 0;
    for (size_t i = 0; i < all.size(); ++i) {
        const bool is_shown = i < head || i >= all.size() - tail;
        if (is_shown && left_out != 0) lines.push_back(gap_line(left_out, "more").text);
        left_out = is_shown ? 0 : left_out + all[i].steps;
        if (is_shown) lines.push_back(std::move(all[i].text));
    }
    if (!lines.empty()) lines.front().replace(2, 4, "path");
    return lines;
}

/// Where the budget ran out the walk was somewhere; the message names the loop.
void add_place(std::vector<std::string>& lines, const Rejection& rejection) {
    if (rejection.rule == "map-definition" || rejection.rule == "program-type") return;
    const bool is_chance = rejection.rule == "budget";
    std::string place = fmt::format("insn {}", rejection.insn);
    if (!rejection.insn_text.empty()) place += ": " + rejection.insn_text;
    add_labelled(lines, is_chance ? "last" : "at", place, 1);
    if (!is_chance) add_labelled(lines, "source", short_line(rejection.line), kSourceLinesMax);
}

}  // namespace

std::vector<std::string> explanation_lines(const Rejection& rejection, std::string_view verdict) {
    std::vector<std::string> lines = wrapped(printable(rejection.rule + ": " + rejection.message),
                                             kExplanationColumnsMax, kMessageLinesMax);
    add_place(lines, rejection);
    std::vector<std::string> rest;
    add_labelled(rest, "known", rejection.state, kStateLinesMax);
    add_labelled(rest, "hint", rejection.hint, kHintLinesMax);
    add_labelled(rest, "so", verdict, kVerdictLinesMax);
    const std::vector<std::string> path =
        path_lines(rejection, kExplanationLinesMax - lines.size() - rest.size());
    lines.insert(lines.end(), path.begin(), path.end());
    lines.insert(lines.end(), rest.begin(), rest.end());
    return lines;
}

}  // namespace weir::vm
