#include "controlplane/telemetry/network_text.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <charconv>

namespace weir::controlplane {
namespace {

constexpr size_t kMacBytes = 6;

std::string mac_text(ByteSpan bytes) {
    constexpr char kDigits[] = "0123456789abcdef";
    std::string text;
    for (const uint8_t byte : bytes) {
        if (!text.empty()) text += ':';
        text += kDigits[byte >> 4];
        text += kDigits[byte & 15];
    }
    return text;
}

bool parse_mac(std::string_view text, std::span<uint8_t> bytes) {
    std::array<uint8_t, kMacBytes> mac{};
    if (text.size() != kMacBytes * 3 - 1) return false;
    for (size_t i = 0; i < kMacBytes; ++i) {
        const char* begin = text.data() + i * 3;
        const auto [end, problem] = std::from_chars(begin, begin + 2, mac[i], 16);
        if (problem != std::errc() || end != begin + 2) return false;
        if (i + 1 < kMacBytes && *end != ':') return false;
    }
    std::ranges::copy(mac, bytes.begin());
    return true;
}

}  // namespace

bool is_big_endian(const vm::TypeInfo& type) {
    if (type.kind != vm::TypeKind::Int) return false;
    std::string_view name = type.name;
    if (name.starts_with("__")) name.remove_prefix(2);
    return (name == "be16" && type.size_bytes == 2) || (name == "be32" && type.size_bytes == 4) ||
           (name == "be64" && type.size_bytes == 8);
}

bool is_address_type(const vm::TypeInfo& type) {
    if (type.size_bytes == 4) return is_big_endian(type);
    return type.size_bytes == 16 && type.kind == vm::TypeKind::Struct && type.name == "in6_addr";
}

std::string address_text(ByteSpan bytes) {
    char text[INET6_ADDRSTRLEN] = {};
    if (bytes.size() == 4) return inet_ntop(AF_INET, bytes.data(), text, sizeof text);
    if (bytes.size() == 16) return inet_ntop(AF_INET6, bytes.data(), text, sizeof text);
    return bytes.size() == kMacBytes ? mac_text(bytes) : std::string();
}

bool parse_address(std::string_view text, std::span<uint8_t> bytes) {
    char copy[INET6_ADDRSTRLEN] = {};
    if (text.size() >= sizeof copy) return false;
    std::ranges::copy(text, copy);
    if (bytes.size() == kMacBytes) return parse_mac(text, bytes);
    if (bytes.size() == 4) return inet_pton(AF_INET, copy, bytes.data()) == 1;
    return bytes.size() == 16 && inet_pton(AF_INET6, copy, bytes.data()) == 1;
}

uint64_t big_endian_number(ByteSpan bytes) {
    uint64_t number = 0;
    for (const uint8_t byte : bytes) number = number << 8 | byte;
    return number;
}

void put_big_endian(uint64_t number, std::span<uint8_t> bytes) {
    for (size_t i = bytes.size(); i-- > 0; number >>= 8) bytes[i] = static_cast<uint8_t>(number);
}

}  // namespace weir::controlplane
