// One pass over words, each with its column. A word that is not understood says where it stands and
// what could have stood there.

#include "controlplane/cli/packet_text.h"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>

#include "controlplane/cli/packet_build.h"
#include "controlplane/telemetry/network_text.h"
#include "vm/base/limits.h"

namespace weir::controlplane::cli {
namespace {

struct Word {
    std::string_view text;
    size_t column = 1;
};

constexpr std::string_view kProtocols = "tcp, udp, icmp, icmpv6, arp or 'ip proto N'";
constexpr std::string_view kFlagLetters = "FSRPAUEC";
constexpr size_t kTextBytesMax = 64u << 10;

/// At blanks; an arrow is a word of its own, and so are both sides of the first '='.
std::vector<Word> split(std::string_view text) {
    std::vector<Word> words;
    size_t start = std::string_view::npos;
    const auto end_word = [&](size_t at) {
        if (start != std::string_view::npos)
            words.push_back({text.substr(start, at - start), start + 1});
        start = std::string_view::npos;
    };
    for (size_t i = 0; i < text.size(); ++i) {
        const bool is_arrow = text.substr(i, 2) == "->";
        if (is_arrow || text[i] == ' ' || text[i] == '\t' || text[i] == '=') {
            end_word(i);
            if (is_arrow) words.push_back({text.substr(i++, 2), i});
        } else if (start == std::string_view::npos) {
            start = i;
        }
    }
    end_word(text.size());
    return words;
}

class PacketReader {
public:
    explicit PacketReader(std::string_view text) : text_(text), words_(split(text)) {}

    Result<PacketPlan> read() {
        for (const auto step : {&PacketReader::read_protocol, &PacketReader::read_ends,
                                &PacketReader::read_options, &PacketReader::check})
            if (const Result<void> done = (this->*step)(); !done)
                return std::unexpected(done.error());
        return std::move(plan_);
    }

private:
    std::unexpected<Error> expected(const Word& word, std::string_view what) const {
        const std::string found =
            word.text.empty() ? "the end" : fmt::format("'{}'", word.text.substr(0, 60));
        return fail(ErrorKind::kInvalid,
                    fmt::format("packet: column {}: {}, expected {}", word.column, found, what));
    }
    Word peek() const { return at_ < words_.size() ? words_[at_] : Word{{}, text_.size() + 1}; }
    Word take() {
        const Word word = peek();
        at_ += at_ < words_.size();
        return word;
    }

    Result<uint32_t> number(uint32_t most, std::string_view what) {
        const Word word = take();
        std::string_view digits = word.text;
        const bool is_hex = digits.starts_with("0x");
        if (is_hex) digits.remove_prefix(2);
        uint32_t value = 0;
        const auto [end, error] =
            std::from_chars(digits.data(), digits.data() + digits.size(), value, is_hex ? 16 : 10);
        if (error == std::errc() && end == digits.data() + digits.size() && value <= most)
            return value;
        return expected(word, fmt::format("{} of 0 to {}", what, most));
    }

    Result<void> read_protocol() {
        const Word word = take();
        struct Known {
            std::string_view name;
            uint8_t protocol;
        };
        constexpr Known kKnown[] = {{"tcp", kProtocolTcp},
                                    {"udp", kProtocolUdp},
                                    {"icmp", kProtocolIcmp},
                                    {"icmpv6", kProtocolIcmpv6}};
        for (const Known& known : kKnown) {
            if (word.text != known.name) continue;
            plan_.protocol = known.protocol;
            return {};
        }
        if (word.text == "arp") {
            plan_.kind = PacketPlan::Kind::Arp;
            plan_.to.fill(0xff);
            return {};
        }
        if (word.text != "ip") return expected(word, kProtocols);
        if (const Word next = take(); next.text != "proto") return expected(next, "'proto N'");
        const Result<uint32_t> protocol = number(255, "a protocol");
        if (!protocol) return std::unexpected(protocol.error());
        plan_.protocol = static_cast<uint8_t>(*protocol);
        is_raw_ = true;
        return {};
    }

    bool has_ports() const {
        return !is_raw_ && plan_.kind == PacketPlan::Kind::Ip &&
               (plan_.protocol == kProtocolTcp || plan_.protocol == kProtocolUdp);
    }

    Result<void> read_ends() {
        bool source_is_v6 = false;
        source_ = peek();
        if (const Result<void> end = read_end(plan_.source, plan_.source_port, source_is_v6); !end)
            return end;
        if (const Word arrow = take(); arrow.text != "->") return expected(arrow, "'->'");
        const Word place = peek();
        destination_ = place;
        if (const Result<void> end =
                read_end(plan_.destination, plan_.destination_port, plan_.is_v6);
            !end)
            return end;
        if (source_is_v6 != plan_.is_v6)
            return expected(place, source_is_v6 ? "an IPv6 address as before the arrow"
                                                : "an IPv4 address as before the arrow");
        const bool must_be_v6 = plan_.protocol == kProtocolIcmpv6 && !is_raw_;
        const bool must_be_v4 =
            plan_.kind == PacketPlan::Kind::Arp || (plan_.protocol == kProtocolIcmp && !is_raw_);
        if (must_be_v6 && !plan_.is_v6) return expected(place, "an IPv6 address for icmpv6");
        if (must_be_v4 && plan_.is_v6)
            return expected(place, plan_.kind == PacketPlan::Kind::Arp
                                       ? "an IPv4 address for arp"
                                       : "an IPv4 address for icmp");
        return {};
    }

    /// ADDRESS, ADDRESS:PORT of IPv4; ADDRESS, [ADDRESS], [ADDRESS]:PORT of IPv6.
    Result<void> read_end(std::array<uint8_t, 16>& address, std::optional<uint16_t>& port,
                          bool& is_v6) {
        const Word word = take();
        std::string_view host = word.text, tail;
        const bool bracketed = host.starts_with('[');
        const auto colons = std::ranges::count(host, ':');
        if (bracketed) {
            const size_t close = host.find(']');
            if (close == std::string_view::npos) return expected(word, "']' behind the address");
            tail = host.substr(close + 1);
            host = host.substr(1, close - 1);
        } else if (colons == 1) {
            tail = host.substr(host.find(':'));
            host = host.substr(0, host.find(':'));
        }
        is_v6 = parse_address(host, std::span(address).first(16));
        if (!is_v6 && (bracketed || !parse_address(host, std::span(address).first(4))))
            return expected(word, has_ports() ? "ADDRESS:PORT, of IPv6 [ADDRESS]:PORT"
                                              : "an IPv4 or IPv6 address");
        if (tail.empty()) return {};
        if (!has_ports()) return expected(word, "an address without a port");
        return read_port(word, tail, port);
    }

    Result<void> read_port(const Word& word, std::string_view tail, std::optional<uint16_t>& port) {
        uint16_t value = 0;
        const char* const end = tail.data() + tail.size();
        const auto parsed = std::from_chars(tail.data() + 1, end, value);
        if (tail.front() != ':' || parsed.ec != std::errc() || parsed.ptr != end)
            return expected(word, "a port of 0 to 65535 behind the address");
        port = value;
        return {};
    }

    Result<void> read_options() {
        while (at_ < words_.size())
            if (const Result<void> read = read_option(take()); !read) return read;
        return {};
    }

    template <typename T>
    Result<void> into(T& field, uint32_t most, std::string_view what) {
        const Result<uint32_t> value = number(most, what);
        if (!value) return std::unexpected(value.error());
        field = static_cast<T>(*value);
        return {};
    }

    Result<void> read_option(const Word& word) {
        const std::string_view name = word.text;
        const bool is_ip = plan_.kind == PacketPlan::Kind::Ip;
        const bool is_icmp = !is_raw_ && is_ip && !has_ports();
        if (name == "vlan") return read_vlan(word);
        if (name == "len") return into(plan_.frame_bytes.emplace(), kFrameBytesMax, "a length");
        if (name == "from") return read_mac(plan_.from);
        if (name == "to") return read_mac(plan_.to);
        if (is_ip && name == "ttl") return into(plan_.ttl, 255, "a hop limit");
        if (is_ip && name == "tos") return into(plan_.tos, 255, "a traffic class");
        if (is_ip && name == "id")
            return into(plan_.id, plan_.is_v6 ? UINT32_MAX : 65535, "an identification");
        if (is_ip && name == "frag") return read_fragment();
        if (is_ip && !plan_.is_v6 && name == "df") return into(plan_.dont_fragment, 1, "a bit");
        if (is_ip && name == "data") return read_data();
        if (has_ports() && plan_.protocol == kProtocolTcp && name == "flags") return read_flags();
        if (is_icmp && name == "type") return into(plan_.icmp_type.emplace(), 255, "an ICMP type");
        if (is_icmp && name == "code") return into(plan_.icmp_code, 255, "an ICMP code");
        return expected(word, option_names());
    }

    std::string option_names() const {
        std::string names = "an option: vlan, len, from, to";
        if (plan_.kind == PacketPlan::Kind::Arp) return names;
        names += ", ttl, tos, id, frag, data";
        if (!plan_.is_v6) names += ", df";
        if (has_ports()) return plan_.protocol == kProtocolTcp ? names + ", flags" : names;
        return is_raw_ ? names : names + ", type, code";
    }

    Result<void> read_vlan(const Word& word) {
        constexpr size_t kTagsMax = 8;
        if (plan_.vlans.size() == kTagsMax) return expected(word, "at most 8 tags");
        return into(plan_.vlans.emplace_back(), 4095, "a VLAN");
    }

    Result<void> read_mac(std::array<uint8_t, 6>& mac) {
        const Word word = take();
        if (parse_address(word.text, mac)) return {};
        return expected(word, "a MAC address like 02:00:00:00:00:01");
    }

    Result<void> read_flags() {
        const Word word = take();
        plan_.tcp_flags = 0;
        for (const char letter : word.text) {
            const size_t bit = kFlagLetters.find(letter);
            if (bit == std::string_view::npos) return expected(word, "letters of FSRPAUEC");
            plan_.tcp_flags |= static_cast<uint8_t>(1u << bit);
        }
        return word.text.empty() ? expected(word, "letters of FSRPAUEC") : Result<void>{};
    }

    Result<void> read_fragment() {
        constexpr uint32_t kOffsetMax = 65528;
        Word word = take();
        plan_.more_fragments = word.text.ends_with('+');
        std::string_view digits = word.text;
        if (plan_.more_fragments) digits.remove_suffix(1);
        const char* const end = digits.data() + digits.size();
        const auto parsed = std::from_chars(digits.data(), end, plan_.fragment_offset);
        if (digits.empty() || parsed.ec != std::errc() || parsed.ptr != end ||
            plan_.fragment_offset > kOffsetMax || plan_.fragment_offset % 8 != 0)
            return expected(word,
                            "a byte offset of 0 to 65528, a multiple of 8, with '+' behind "
                            "where more follow");
        return {};
    }

    Result<void> read_data() {
        const Word word = take();
        std::string_view digits = word.text;
        const bool is_hex = digits.starts_with("0x") && digits.size() % 2 == 0;
        if (!is_hex || digits.size() / 2 > kFrameBytesMax)
            return expected(word, "bytes in hex after 0x");
        for (digits.remove_prefix(2); !digits.empty(); digits.remove_prefix(2)) {
            uint8_t byte = 0;
            const auto parsed = std::from_chars(digits.data(), digits.data() + 2, byte, 16);
            if (parsed.ec != std::errc() || parsed.ptr != digits.data() + 2)
                return expected(word, "bytes in hex after 0x");
            plan_.payload.push_back(byte);
        }
        return {};
    }

    /// Only behind a first fragment are there no ports.
    Result<void> check() {
        if (plan_.frame_bytes && *plan_.frame_bytes == 0)
            return fail(ErrorKind::kInvalid, "packet: len 0, expected at least 1");
        if (!has_ports() || plan_.fragment_offset != 0) return {};
        if (!plan_.source_port)
            return expected(source_, "a port behind the address (ADDRESS:PORT)");
        if (!plan_.destination_port)
            return expected(destination_, "a port behind the address (ADDRESS:PORT)");
        return {};
    }

    std::string_view text_;
    std::vector<Word> words_;
    size_t at_ = 0;
    PacketPlan plan_;
    Word source_, destination_;
    bool is_raw_ = false;
};

}  // namespace

Result<Bytes> packet_from_text(std::string_view text) {
    if (text.size() > kTextBytesMax)
        return fail(ErrorKind::kInvalid, fmt::format("packet: {} characters, expected at most {}",
                                                     text.size(), kTextBytesMax));
    const Result<PacketPlan> plan = PacketReader(text).read();
    if (!plan) return std::unexpected(plan.error());
    Bytes frame = build_packet(*plan);
    if (frame.size() > kFrameBytesMax)
        return fail(ErrorKind::kInvalid, fmt::format("packet: {} bytes, expected at most {}",
                                                     frame.size(), kFrameBytesMax));
    return frame;
}

}  // namespace weir::controlplane::cli
