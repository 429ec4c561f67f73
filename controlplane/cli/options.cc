#include "controlplane/cli/options.h"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <iostream>
#include <sstream>

#include "controlplane/config/units.h"

namespace weir::controlplane::cli {

namespace po = boost::program_options;

Options::Options(std::string verb, std::string arguments, std::string about)
    : verb_(std::move(verb)),
      arguments_(std::move(arguments)),
      about_(std::move(about)),
      shown_("Options", 100) {
    shown_.add_options()("help,h", "show this help");
}

Options& Options::positional(const char* name, bool required) {
    hidden_.add_options()(name, po::value<std::string>());
    positional_.add(name, 1);
    if (required) required_.emplace_back(name);
    return *this;
}

Options& Options::rest(const char* name, bool required) {
    if (required) required_.emplace_back(name);
    hidden_.add_options()(name, po::value<Words>());
    positional_.add(name, -1);
    return *this;
}

Options& Options::flag(const char* spelling, const char* help) {
    shown_.add_options()(spelling, help);
    return *this;
}

Options& Options::value(const char* spelling, const char* argument, const char* help) {
    shown_.add_options()(spelling, po::value<std::string>()->value_name(argument), help);
    return *this;
}

Options& Options::optional_value(const char* name, const char* argument, const char* otherwise,
                                 const char* help) {
    shown_.add_options()(
        name, po::value<std::string>()->value_name(argument)->implicit_value(otherwise), help);
    optional_values_.push_back(std::string("--") + name);
    return *this;
}

Options& Options::required(const char* name) {
    required_options_.emplace_back(name);
    return *this;
}

Options& Options::values(const char* spelling, const char* argument, const char* help) {
    shown_.add_options()(spelling, po::value<Words>()->value_name(argument)->composing(), help);
    return *this;
}

Options& Options::with_json() {
    flag("json,j", "print one JSON document");
    return flag("pretty,p", "the same, over several lines");
}

Options& Options::with_run_dir() {
    return value("run-dir", "DIR", "directory of the node's sockets and state (default /run/weir)");
}

void Options::print_help() const {
    std::ostringstream options;
    options << shown_;
    fmt::print("Usage: weir {} {}{}[options]\n\n{}\n\n{}", verb_, arguments_,
               arguments_.empty() ? "" : " ", about_, options.str());
}

/// Boost takes the value of such an option only behind '='.
Words Options::joined(const Words& words) const {
    Words result;
    for (const std::string& word : words) {
        const bool is_number = !word.empty() && word[0] >= '0' && word[0] <= '9';
        if (is_number && !result.empty() &&
            std::ranges::find(optional_values_, result.back()) != optional_values_.end())
            result.back() += "=" + word;
        else
            result.push_back(word);
    }
    return result;
}

Result<Parsed> Options::parse(const Words& words) {
    Parsed parsed;
    po::options_description all;
    all.add(shown_).add(hidden_);
    try {
        using Style = po::command_line_style::style_t;
        const int style = Style::unix_style & ~Style::allow_guessing;
        po::store(po::command_line_parser(joined(words))
                      .options(all)
                      .positional(positional_)
                      .style(style)
                      .run(),
                  parsed.values);
        po::notify(parsed.values);
    } catch (const std::exception& error) {
        return fail(ErrorKind::kInvalid,
                    fmt::format("{}: {}, see 'weir {} --help'", verb_, error.what(), verb_));
    }
    if (parsed.has("help")) {
        print_help();
        parsed.help_shown = true;
        return parsed;
    }
    const auto missing = [&](const std::string& shown) {
        return fail(ErrorKind::kInvalid, fmt::format("{}: {} is missing, expected 'weir {} {}'",
                                                     verb_, shown, verb_, arguments_));
    };
    for (const std::string& name : required_)
        if (parsed.values.count(name) == 0) return missing(name);
    for (const std::string& name : required_options_)
        if (parsed.values.count(name) == 0) return missing("--" + name);
    return parsed;
}

int report(const Error& error) {
    std::string line = error.message;
    std::replace(line.begin(), line.end(), '\n', ' ');
    std::fflush(stdout);
    fmt::print(stderr, "weir: {}\n", line);
    return exit_status(error.kind);
}

void print_json(const Json& document, const Parsed& parsed) {
    const int indent = parsed.has("pretty") ? 2 : -1;
    const std::string text =
        document.dump(indent, ' ', false, nlohmann::detail::error_handler_t::replace);
    std::fwrite(text.data(), 1, text.size(), stdout);
    std::fputc('\n', stdout);
    std::fflush(stdout);
}

Result<uint64_t> number_option(const Parsed& parsed, const char* name, uint64_t otherwise,
                               uint64_t min, uint64_t max) {
    if (!parsed.has(name)) return otherwise;
    const Result<uint64_t> number = parse_number(parsed.text(name));
    if (number && *number >= min && *number <= max) return number;
    return fail(ErrorKind::kInvalid,
                fmt::format("--{}: value '{}', expected a whole number from {} to {}", name,
                            parsed.text(name), min, max));
}

Result<double> seconds_option(const Parsed& parsed, const char* name, double otherwise) {
    if (!parsed.has(name)) return otherwise;
    const std::string text = parsed.text(name);
    double seconds = 0;
    const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), seconds);
    constexpr double kSecondsMax = 366.0 * 24 * 3600;
    if (problem == std::errc() && end == text.data() + text.size() && seconds > 0 &&
        seconds <= kSecondsMax)
        return seconds;
    return fail(ErrorKind::kInvalid,
                fmt::format("--{}: value '{}', expected seconds, more than 0", name, text));
}

}  // namespace weir::controlplane::cli
