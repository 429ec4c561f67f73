#include "controlplane/config/document.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/stat.h>
#include <unistd.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <map>
#include <optional>
#include <sstream>

namespace weir::controlplane {
namespace {

Place place_of(const YAML::Mark& mark) {
    if (mark.is_null() || mark.line < 0 || mark.column < 0) return {};
    return {static_cast<uint32_t>(mark.line) + 1, static_cast<uint32_t>(mark.column) + 1};
}

/// Builds the tree from yaml-cpp's events. After the first error it ignores the rest.
class TreeBuilder : public YAML::EventHandler {
public:
    explicit TreeBuilder(const std::string& file) : file_(file) {}

    void OnDocumentStart(const YAML::Mark&) override {}
    void OnDocumentEnd() override {}
    void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
        Node node;
        node.place = place_of(mark);
        add(std::move(node), anchor);
    }
    void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  const std::string& value) override {
        Node node;
        node.place = place_of(mark);
        node.quoted = tag == "!";
        // yaml-cpp reports "~" and "null" as plain scalars.
        const bool is_null = !node.quoted && (value == "~" || value == "null" || value.empty());
        node.kind = is_null ? NodeKind::Null : NodeKind::Scalar;
        if (!is_null) node.text = value;
        add(std::move(node), anchor);
    }
    void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
        if (error_) return;
        const auto found = anchors_.find(anchor);
        if (found == anchors_.end())
            return refuse(place_of(mark), "an alias must follow the end of its anchor's value");
        count_ += found->second.second;
        if (!within_bounds(place_of(mark))) return;
        Node copy = found->second.first;
        copy.place = place_of(mark);
        add(std::move(copy), 0);
    }
    void OnSequenceStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                         YAML::EmitterStyle::value) override {
        open(NodeKind::List, mark, anchor);
    }
    void OnMapStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                    YAML::EmitterStyle::value) override {
        open(NodeKind::Map, mark, anchor);
    }
    void OnSequenceEnd() override { close(); }
    void OnMapEnd() override { close(); }

    Result<Node> take() {
        if (error_) return std::unexpected(*error_);
        return std::move(root_);
    }

private:
    struct Open {
        Node node;
        YAML::anchor_t anchor = 0;
        uint32_t count_before = 0;
        std::optional<NodeEntry> key;  ///< Map: waits for its value
    };

    void refuse(const Place& place, const std::string& message) {
        if (!error_)
            error_ = Error{ErrorKind::kInvalid,
                           fmt::format("{}:{}:{}: {}", file_, place.line, place.column, message)};
    }
    bool within_bounds(const Place& place) {
        if (count_ > kConfigValuesMax)
            refuse(place, fmt::format("more than {} values (aliases counted)", kConfigValuesMax));
        return !error_;
    }
    void open(NodeKind kind, const YAML::Mark& mark, YAML::anchor_t anchor) {
        if (error_) return;
        if (stack_.size() >= kConfigDepthMax)
            return refuse(place_of(mark),
                          fmt::format("nested deeper than {} levels", kConfigDepthMax));
        Open level;
        level.node.kind = kind;
        level.node.place = place_of(mark);
        level.anchor = anchor;
        level.count_before = count_;
        stack_.push_back(std::move(level));
    }
    void close() {
        if (error_ || stack_.empty()) return;
        Open level = std::move(stack_.back());
        stack_.pop_back();
        const uint32_t inner = count_ - level.count_before;
        add(std::move(level.node), level.anchor, inner);
    }
    void add(Node node, YAML::anchor_t anchor, uint32_t inner = 0) {
        if (error_) return;
        ++count_;
        if (!within_bounds(node.place)) return;
        if (anchor != 0) {
            count_ += inner;  // the copy kept for aliases
            if (!within_bounds(node.place)) return;
            anchors_[anchor] = {node, inner + 1};
        }
        if (stack_.empty()) {
            root_ = std::move(node);
            return;
        }
        Open& parent = stack_.back();
        if (parent.node.kind == NodeKind::List) {
            parent.node.items.push_back(std::move(node));
        } else if (!parent.key) {
            add_key(parent, std::move(node));
        } else {
            parent.key->value = std::move(node);
            parent.node.entries.push_back(std::move(*parent.key));
            parent.key.reset();
        }
    }
    void add_key(Open& parent, Node node) {
        if (node.kind != NodeKind::Scalar)
            return refuse(node.place, fmt::format("a key must be a word, not {}", describe(node)));
        if (const auto [it, fresh] = key_places(parent).emplace(node.text, node.place); !fresh)
            return refuse(node.place,
                          fmt::format("duplicate key '{}', expected it once (first at line {})",
                                      node.text, it->second.line));
        parent.key = NodeEntry{std::move(node.text), node.place, {}};
    }
    /// Keys seen so far of the open map, by depth: sets with many keys stay linear.
    std::map<std::string, Place>& key_places(const Open& parent) {
        keys_.resize(stack_.size());
        if (parent.node.entries.empty() && !parent.key) keys_.back().clear();
        return keys_.back();
    }

    const std::string& file_;
    Node root_;
    std::vector<Open> stack_;
    std::vector<std::map<std::string, Place>> keys_;
    std::map<YAML::anchor_t, std::pair<Node, uint32_t>>
        anchors_;  ///< value, and how many values it holds
    uint32_t count_ = 0;
    std::optional<Error> error_;
};

}  // namespace

const Node* Node::find(std::string_view key) const {
    for (const NodeEntry& entry : entries)
        if (entry.key == key) return &entry.value;
    return nullptr;
}

std::string describe(const Node& node) {
    switch (node.kind) {
        case NodeKind::Null: return "an empty value";
        case NodeKind::List: return "a list";
        case NodeKind::Map: return "a map";
        case NodeKind::Scalar: break;
    }
    constexpr size_t kShownBytesMax = 80;
    std::string shown = node.text.substr(0, kShownBytesMax);
    for (char& letter : shown)
        if (static_cast<unsigned char>(letter) < 0x20) letter = ' ';
    return fmt::format("value '{}{}'", shown, node.text.size() > kShownBytesMax ? "…" : "");
}

Result<Node> parse_document(const std::string& text, const std::string& file) {
    if (text.size() > kConfigBytesMax)
        return fail(ErrorKind::kInvalid, fmt::format("{}: {} bytes, expected at most {}", file,
                                                     text.size(), kConfigBytesMax));
    if (text.find('\0') != std::string::npos)
        return fail(ErrorKind::kInvalid,
                    fmt::format("{}: holds a zero byte at offset {}, expected YAML text", file,
                                text.find('\0')));
    TreeBuilder builder(file);
    try {
        std::istringstream stream(text);
        YAML::Parser parser(stream);
        if (!parser.HandleNextDocument(builder))
            return fail(
                ErrorKind::kInvalid,
                fmt::format("{}:1:1: empty, expected a configuration starting with 'version: 1'",
                            file));
        Result<Node> root = builder.take();
        if (!root) return root;
        TreeBuilder second(file);
        if (parser.HandleNextDocument(second))
            return fail(
                ErrorKind::kInvalid,
                fmt::format("{}: holds a second YAML document ('---'), expected one", file));
        return root;
    } catch (const YAML::Exception& error) {
        const Place place = place_of(error.mark);
        return fail(ErrorKind::kInvalid, fmt::format("{}:{}:{}: no valid YAML: {}", file,
                                                     place.line, place.column, error.msg));
    } catch (const std::exception& error) {
        return fail(ErrorKind::kInvalid, fmt::format("{}: no valid YAML: {}", file, error.what()));
    }
}

Result<std::string> read_file(const std::string& path, size_t bytes_max, bool takes_pipe) {
    const auto refused = [&](const char* what) {
        return fail(ErrorKind::kInvalid,
                    fmt::format("{}: {}: {}", path, what, std::strerror(errno)));
    };
    const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) return refused("cannot open");
    struct stat info{};
    std::string text;
    const bool known = fstat(fd, &info) == 0;
    const bool is_pipe = known && takes_pipe && S_ISFIFO(info.st_mode);
    if (!is_pipe && (!known || !S_ISREG(info.st_mode))) {
        close(fd);
        return fail(ErrorKind::kInvalid, fmt::format("{}: no regular file", path));
    }
    if (is_pipe) fcntl(fd, F_SETFL, 0);  // what is still to be written is waited for
    std::vector<char> block(1u << 16);
    for (;;) {
        const ssize_t got = read(fd, block.data(), block.size());
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) {
            close(fd);
            return refused("cannot read");
        }
        if (got == 0) break;
        text.append(block.data(), static_cast<size_t>(got));
        if (text.size() > bytes_max) {
            close(fd);
            return fail(ErrorKind::kInvalid,
                        fmt::format("{}: larger than {} bytes", path, bytes_max));
        }
    }
    close(fd);
    return text;
}

}  // namespace weir::controlplane
