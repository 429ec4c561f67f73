#pragma once
// Typed reading of a document's values. The first error is kept and everything after it is skipped,
// so that the code that reads a section is a straight line. Errors are "FILE:LINE:COLUMN: KEY:
// value 'X', expected …".

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "controlplane/config/document.h"

namespace weir::controlplane {

/// A key that a map may have. One that is known but not offered yet is refused by name.
struct KnownKey {
    std::string_view name;
    bool offered = true;
};

/// A word of the configuration and the value it stands for.
template <typename T>
struct Choice {
    std::string_view word;
    T value;
};

class Reader {
public:
    explicit Reader(std::string file) : file_(std::move(file)) {}

    bool ok() const { return !error_; }
    const Error& error() const { return *error_; }
    const std::string& file() const { return file_; }

    /// Keeps "FILE:LINE:COLUMN: KEY: message", if it is the first.
    void refuse(const Place& place, const std::string& key, const std::string& message,
                ErrorKind kind = ErrorKind::kInvalid);
    /// The same with "value 'X', expected …".
    void refuse_value(const Node& node, const std::string& key, const std::string& expected);

    /// True if `node` is a map all of whose keys are known and offered. An empty value counts as an
    /// empty map.
    bool open_map(const Node& node, const std::string& key, std::span<const KnownKey> known);
    /// True if `node` is a map at all (for maps whose keys are names); refuses names that are
    /// empty, too long or hold characters other than letters, digits, '_', '-', '.', '/' and a
    /// first character that is no letter or digit or '.'.
    bool open_names(const Node& node, const std::string& key);
    bool open_list(const Node& node, const std::string& key);

    std::string text(const Node& node, const std::string& key);
    uint64_t number(const Node& node, const std::string& key, uint64_t min, uint64_t max);
    bool boolean(const Node& node, const std::string& key);
    uint64_t size_bytes(const Node& node, const std::string& key, uint64_t min, uint64_t max);

    template <typename T>
    T choice(const Node& node, const std::string& key, std::initializer_list<Choice<T>> choices) {
        std::string words;
        for (const Choice<T>& choice : choices) {
            if (node.kind == NodeKind::Scalar && node.text == choice.word) return choice.value;
            words += (words.empty() ? "" : ", ") + std::string(choice.word);
        }
        refuse_value(node, key, "one of " + words);
        return choices.begin()->value;
    }

private:
    std::string file_;
    std::optional<Error> error_;
};

/// "a.b", or "b" at the top.
std::string join_key(const std::string& path, std::string_view key);

/// The candidate nearest to `word` in edit distance, if it is near enough to be a slip (a third of
/// its letters), else empty.
std::string did_you_mean(std::string_view word, std::span<const std::string> candidates);

}  // namespace weir::controlplane
