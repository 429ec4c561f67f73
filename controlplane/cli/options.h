#pragma once
// One verb's options: declared once, parsed by Boost.Program_options, shown by --help.

#include <boost/program_options.hpp>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <vector>

#include "controlplane/telemetry/type_json.h"
#include "vm/base/result.h"

namespace weir::controlplane::cli {

constexpr int kExitDone = 0;
constexpr int kExitNo = 1;
constexpr int kExitError = 2;

using Words = std::vector<std::string>;
using Values = boost::program_options::variables_map;

/// What a verb was called with.
struct Parsed {
    Values values;
    bool help_shown = false;  ///< --help was asked for and printed: exit 0

    bool has(const char* name) const { return values.count(name) != 0; }
    std::string text(const char* name) const {
        return has(name) ? values[name].as<std::string>() : std::string();
    }
    Words words(const char* name) const { return has(name) ? values[name].as<Words>() : Words(); }
    bool json() const { return has("json") || has("pretty"); }
};

class Options {
public:
    /// `verb` as typed ("prog run"), `arguments` as in usage ("OBJ"), `about` one or more
    /// sentences.
    Options(std::string verb, std::string arguments, std::string about);

    /// The next positional argument. `required` ones come first.
    Options& positional(const char* name, bool required);
    /// All further arguments; at least one where it is `required`.
    Options& rest(const char* name, bool required = false);
    /// `spelling` as Boost has it: "name" or "name,n".
    Options& flag(const char* spelling, const char* help);
    Options& value(const char* spelling, const char* argument, const char* help);
    /// A value that may be left out: `otherwise`, then. What follows counts as the value if it
    /// starts with a digit.
    Options& optional_value(const char* name, const char* argument, const char* otherwise,
                            const char* help);
    /// A value that was declared must be given.
    Options& required(const char* name);
    Options& values(const char* spelling, const char* argument, const char* help);
    Options& with_json();     ///< -j, -p
    Options& with_run_dir();  ///< --run-dir

    /// Usage errors are kInvalid and name the verb.
    Result<Parsed> parse(const Words& words);

private:
    void print_help() const;
    Words joined(const Words& words) const;

    std::string verb_, arguments_, about_;
    boost::program_options::options_description shown_, hidden_;
    boost::program_options::positional_options_description positional_;
    std::vector<std::string> required_, required_options_, optional_values_;
};

/// Prints "weir: message" on stderr, in one line; returns the exit status of the error's kind.
int report(const Error& error);
/// One document on stdout, with a newline; `-p` gives it lines.
void print_json(const Json& document, const Parsed& parsed);
/// A whole number in [min, max]; the message names the option.
Result<uint64_t> number_option(const Parsed& parsed, const char* name, uint64_t otherwise,
                               uint64_t min, uint64_t max);
/// Seconds, with fractions; the message names the option.
Result<double> seconds_option(const Parsed& parsed, const char* name, double otherwise);

}  // namespace weir::controlplane::cli
