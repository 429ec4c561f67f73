#include "controlplane/config/prefix.h"

#include <arpa/inet.h>
#include <fmt/core.h>

#include <charconv>
#include <cstring>

namespace weir::controlplane {
namespace {

constexpr const char* kExpected = "a prefix like 192.0.2.0/24 or 2001:db8::/32";

void clear_host_bits(Prefix& prefix) {
    uint32_t byte = prefix.length_bits / 8u;
    if (prefix.length_bits % 8 != 0) {
        const uint32_t mask = 0xff00u >> (prefix.length_bits % 8);
        prefix.address[byte] = static_cast<uint8_t>(prefix.address[byte] & mask);
        ++byte;
    }
    for (; byte < prefix.address_bytes(); ++byte) prefix.address[byte] = 0;
}

/// Four decimal numbers without leading zeros; several times as fast as inet_pton, which files with
/// millions of prefixes notice.
bool parse_ipv4(std::string_view text, uint8_t* address) {
    const char* at = text.data();
    const char* const end = at + text.size();
    for (int i = 0; i < 4; ++i) {
        if (i != 0 && (at == end || *at++ != '.')) return false;
        const auto [stop, problem] = std::from_chars(at, end, address[i]);
        if (problem != std::errc() || (*at == '0' && stop - at > 1)) return false;
        at = stop;
    }
    return at == end;
}

bool parse_ipv6(std::string_view text, uint8_t* address) {
    char copy[INET6_ADDRSTRLEN] = {};
    if (text.size() >= sizeof copy) return false;
    text.copy(copy, text.size());
    return inet_pton(AF_INET6, copy, address) == 1;
}

}  // namespace

Result<Prefix> parse_prefix_loosely(std::string_view text) {
    const size_t slash = text.find('/');
    const std::string_view written = text.substr(0, slash);
    Prefix prefix;
    if (parse_ipv4(written, prefix.address.data()))
        prefix.is_ipv6 = false;
    else if (parse_ipv6(written, prefix.address.data()))
        prefix.is_ipv6 = true;
    else
        return fail(ErrorKind::kInvalid, kExpected);
    const uint32_t bits_max = prefix.address_bytes() * 8;
    uint32_t length = bits_max;
    if (slash != std::string_view::npos) {
        const std::string_view digits = text.substr(slash + 1);
        const auto [end, problem] =
            std::from_chars(digits.data(), digits.data() + digits.size(), length);
        if (problem != std::errc() || digits.empty() || end != digits.data() + digits.size())
            return fail(ErrorKind::kInvalid, kExpected);
        if (length > bits_max)
            return fail(ErrorKind::kInvalid,
                        fmt::format("a prefix length of at most {}", bits_max));
    }
    prefix.length_bits = static_cast<uint8_t>(length);
    clear_host_bits(prefix);
    return prefix;
}

Result<Prefix> parse_prefix(std::string_view text) {
    Result<Prefix> prefix = parse_prefix_loosely(text);
    if (!prefix) return prefix;
    std::array<uint8_t, 16> written{};
    const std::string address(text.substr(0, text.find('/')));
    inet_pton(prefix->is_ipv6 ? AF_INET6 : AF_INET, address.c_str(), written.data());
    if (written != prefix->address)
        return fail(ErrorKind::kInvalid,
                    fmt::format("no bits behind the prefix length: {}", to_string(*prefix)));
    return prefix;
}

std::string to_string(const Prefix& prefix) {
    char text[INET6_ADDRSTRLEN] = {};
    inet_ntop(prefix.is_ipv6 ? AF_INET6 : AF_INET, prefix.address.data(), text, sizeof text);
    return fmt::format("{}/{}", text, prefix.length_bits);
}

Bytes address_bytes(const Prefix& prefix) {
    return {prefix.address.begin(), prefix.address.begin() + prefix.address_bytes()};
}

Bytes lpm_key(const Prefix& prefix) {
    Bytes key(4 + prefix.address_bytes());
    const uint32_t length = prefix.length_bits;
    std::memcpy(key.data(), &length, 4);
    std::memcpy(key.data() + 4, prefix.address.data(), prefix.address_bytes());
    return key;
}

}  // namespace weir::controlplane
