#include "vm/helpers/syncookie.h"

#include <arpa/inet.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "vm/helpers/clocks.h"
#include "vm/helpers/groups.h"
#include "vm/helpers/siphash.h"

namespace weir::vm {
namespace {

constexpr uint32_t kCountBits = 24;  ///< below the minute counter
constexpr uint32_t kDataMask = (1u << kCountBits) - 1;
constexpr uint32_t kMinuteMask = 0xff;
constexpr size_t kTcpBytes = 20, kTcpFlagsAt = 12;
constexpr uint8_t kOptionEnd = 0, kOptionNothing = 1, kOptionMss = 2;
constexpr size_t kOptionMssBytes = 4;
constexpr uint16_t kMssDefaultV4 = 536, kMssDefaultV6 = 1280 - 60;

using MssTable = std::array<uint16_t, 4>;
constexpr MssTable kMssV4 = {536, 1300, 1440, 1460};
constexpr MssTable kMssV6 = {1280 - 60, 1480 - 60, 1500 - 60, 9000 - 60};

template <typename T>
T read(const uint8_t* at) {
    T value;
    std::memcpy(&value, at, sizeof value);
    return value;
}

/// As in Linux: IPv4 hashes four words, with the words of the packet as this machine reads them;
/// IPv6 a struct of the addresses, the count, and the ports.
uint32_t cookie_hash(const SyncookieKeys& keys, const CookieFlow& flow, uint32_t count,
                     size_t which) {
    std::array<uint8_t, 40> input;
    size_t bytes = 0;
    const auto append = [&](const void* from, size_t size) {
        std::memcpy(input.data() + bytes, from, size);
        bytes += size;
    };
    const size_t address_bytes = flow.is_ipv6 ? 16 : 4;
    append(flow.source, address_bytes);
    append(flow.destination, address_bytes);
    if (flow.is_ipv6) {
        append(&count, sizeof count);
        append(&flow.source_port_be, sizeof flow.source_port_be);
        append(&flow.destination_port_be, sizeof flow.destination_port_be);
    } else {
        const uint32_t ports = uint32_t{flow.source_port_be} << 16 | flow.destination_port_be;
        append(&ports, sizeof ports);
        append(&count, sizeof count);
    }
    return static_cast<uint32_t>(siphash({input.data(), bytes}, keys.keys[which]));
}

const MssTable& mss_table(bool is_ipv6) {
    return is_ipv6 ? kMssV6 : kMssV4;
}

uint32_t minute_now() {
    constexpr uint64_t kSecondsPerMinute = 60;
    return static_cast<uint32_t>(jiffies_now() / (jiffies_per_second() * kSecondsPerMinute));
}

// -- helpers --------------------------------------------------------------------------------------

struct IpLayout {
    size_t source, destination;
};
constexpr IpLayout kIpv4 = {12, 16}, kIpv6 = {8, 24};

CookieFlow flow_of(bool is_ipv6, const uint8_t* ip, const uint8_t* tcp) {
    const IpLayout& layout = is_ipv6 ? kIpv6 : kIpv4;
    return {is_ipv6, ip + layout.source, ip + layout.destination, read<uint16_t>(tcp),
            read<uint16_t>(tcp + 2)};
}
uint32_t sequence_of(const uint8_t* tcp) {
    return ntohl(read<uint32_t>(tcp + 4));
}
uint32_t acknowledgement_of(const uint8_t* tcp) {
    return ntohl(read<uint32_t>(tcp + 8));
}

/// The cookie, with its MSS above.
template <bool is_ipv6>
uint64_t raw_gen(uint64_t r1, uint64_t r2, uint64_t r3, uint64_t, uint64_t, RunEnv& env) {
    const auto* const tcp = reinterpret_cast<const uint8_t*>(r2);
    const auto bytes = static_cast<uint32_t>(r3);
    if (bytes < kTcpBytes || bytes != (tcp[kTcpFlagsAt] >> 4) * 4u) return error_value(-EINVAL);
    const uint16_t announced = announced_mss({tcp, bytes});
    const CookieMss mss =
        cookie_mss(is_ipv6, announced != 0 ? announced : (is_ipv6 ? kMssDefaultV6 : kMssDefaultV4));
    const CookieFlow flow = flow_of(is_ipv6, reinterpret_cast<const uint8_t*>(r1), tcp);
    const uint32_t cookie =
        make_cookie(env.syncookies, flow, sequence_of(tcp), mss.index, minute_now());
    return cookie | uint64_t{mss.mss} << 32;
}

template <bool is_ipv6>
uint64_t raw_check(uint64_t r1, uint64_t r2, uint64_t, uint64_t, uint64_t, RunEnv& env) {
    const auto* const tcp = reinterpret_cast<const uint8_t*>(r2);
    const CookieFlow flow = flow_of(is_ipv6, reinterpret_cast<const uint8_t*>(r1), tcp);
    const bool ours = check_cookie(env.syncookies, flow, sequence_of(tcp) - 1,
                                   acknowledgement_of(tcp) - 1, minute_now())
                          .has_value();
    return ours ? 0 : error_value(-EACCES);
}

}  // namespace

uint16_t announced_mss(std::span<const uint8_t> tcp) {
    uint16_t mss = 0;
    for (size_t i = kTcpBytes; i < tcp.size();) {
        const uint8_t kind = tcp[i];
        if (kind == kOptionEnd) break;
        if (kind == kOptionNothing) {
            ++i;
            continue;
        }
        if (tcp.size() - i < 2) break;
        const size_t bytes = tcp[i + 1];
        if (bytes < 2 || bytes > tcp.size() - i) break;
        if (kind == kOptionMss && bytes == kOptionMssBytes) {
            const uint16_t announced = ntohs(read<uint16_t>(tcp.data() + i + 2));
            if (announced != 0) mss = announced;
        }
        i += bytes;
    }
    return mss;
}

CookieMss cookie_mss(bool is_ipv6, uint16_t mss) {
    const MssTable& table = mss_table(is_ipv6);
    auto index = static_cast<uint32_t>(table.size() - 1);
    while (index != 0 && mss < table[index]) --index;
    return {index, table[index]};
}

uint32_t make_cookie(const SyncookieKeys& keys, const CookieFlow& flow, uint32_t sequence,
                     uint32_t mss_index, uint32_t minute) {
    const uint32_t hidden = (cookie_hash(keys, flow, minute, 1) + mss_index) & kDataMask;
    return cookie_hash(keys, flow, 0, 0) + sequence + (minute << kCountBits) + hidden;
}

std::optional<uint16_t> check_cookie(const SyncookieKeys& keys, const CookieFlow& flow,
                                     uint32_t sequence, uint32_t cookie, uint32_t minute) {
    const uint32_t left = cookie - cookie_hash(keys, flow, 0, 0) - sequence;
    const uint32_t age = (minute - (left >> kCountBits)) & kMinuteMask;
    if (age >= kCookieAgeMaxMinutes) return std::nullopt;
    const uint32_t index = (left - cookie_hash(keys, flow, minute - age, 1)) & kDataMask;
    const MssTable& table = mss_table(flow.is_ipv6);
    return index < table.size() ? std::optional(table[index]) : std::nullopt;
}

void add_cookie_helpers(HelperTable& table) {
    set(table, HelperId::tcp_raw_gen_syncookie_ipv4, raw_gen<false>);
    set(table, HelperId::tcp_raw_gen_syncookie_ipv6, raw_gen<true>);
    set(table, HelperId::tcp_raw_check_syncookie_ipv4, raw_check<false>);
    set(table, HelperId::tcp_raw_check_syncookie_ipv6, raw_check<true>);
}

}  // namespace weir::vm
