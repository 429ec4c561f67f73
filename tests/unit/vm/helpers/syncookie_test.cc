// SipHash by the vectors of its paper (appendix A of Aumasson and Bernstein, 2012); cookies by what
// bpf_tcp_raw_gen_syncookie_* and _check_* of Linux 6.18 say of the same headers.

#include "vm/helpers/syncookie.h"

#include <cerrno>
#include <cstring>

#include <gtest/gtest.h>

#include "tests/unit/vm/helpers/frame.h"
#include "vm/helpers/siphash.h"

namespace weir::vm {
namespace {

constexpr int64_t kGenV4 = 204, kGenV6 = 205, kCheckV4 = 206, kCheckV6 = 207;
constexpr SyncookieKeys kKeys = {{{{1, 2}, {3, 4}}}};

TEST(SipHash, GivesThePapersValues) {
    std::array<uint8_t, 16> key_bytes;
    std::array<uint8_t, 64> input;
    for (size_t i = 0; i < input.size(); ++i) input[i] = static_cast<uint8_t>(i);
    std::memcpy(key_bytes.data(), input.data(), key_bytes.size());
    SipKey key;
    std::memcpy(key.data(), key_bytes.data(), key_bytes.size());
    EXPECT_EQ(siphash(std::span(input).first(15), key), 0xa129ca6149be45e5u);
    EXPECT_EQ(siphash({}, key), 0x726fdb47dd0e0e31u);
    EXPECT_EQ(siphash(std::span(input).first(8), key), 0x93f5f5799a932462u);
    EXPECT_EQ(siphash(std::span(input).first(63), key), 0x958a324ceb064572u);
}

/// A TCP header with options, and the IP header in front of it.
struct Headers {
    std::array<uint8_t, 40> ip{};
    std::array<uint8_t, 60> tcp{};

    explicit Headers(std::initializer_list<uint8_t> options = {}) {
        for (size_t i = 0; i < ip.size(); ++i) ip[i] = static_cast<uint8_t>(i * 7);
        tcp[0] = 0x04;
        tcp[1] = 0xd2;
        tcp[3] = 0x50;
        set_sequence(0x11223344);
        std::copy(options.begin(), options.end(), tcp.begin() + 20);
        tcp[12] = static_cast<uint8_t>((20 + options.size()) / 4 << 4);
    }
    void set_be(size_t at, uint32_t value) {
        for (size_t i = 0; i < 4; ++i) tcp[at + i] = static_cast<uint8_t>(value >> (24 - 8 * i));
    }
    void set_sequence(uint32_t value) { set_be(4, value); }
    void set_acknowledgement(uint32_t value) { set_be(8, value); }
    uint32_t tcp_bytes() const { return (tcp[12] >> 4) * 4u; }
};

class Cookies : public ::testing::Test {
protected:
    Cookies() { frame_.env.syncookies = kKeys; }
    int64_t gen(int64_t id, const Headers& headers, uint32_t bytes) {
        return frame_.call_plain(id, number_of(headers.ip.data()), number_of(headers.tcp.data()),
                                 bytes);
    }
    int64_t gen(int64_t id, const Headers& headers) {
        return gen(id, headers, headers.tcp_bytes());
    }
    int64_t check(int64_t id, const Headers& headers) {
        return frame_.call_plain(id, number_of(headers.ip.data()), number_of(headers.tcp.data()));
    }

    Frame frame_{60};
};

TEST_F(Cookies, CarryTheAnnouncedMss) {
    EXPECT_EQ(gen(kGenV4, Headers()) >> 32, 536);
    EXPECT_EQ(gen(kGenV4, Headers({2, 4, 0x05, 0xb4})) >> 32, 1460);
    EXPECT_EQ(gen(kGenV4, Headers({2, 4, 0x05, 0xb3})) >> 32, 1440);
    EXPECT_EQ(gen(kGenV4, Headers({1, 1, 2, 4, 1, 0, 0, 0})) >> 32, 536);
    EXPECT_EQ(gen(kGenV4, Headers({1, 1, 2, 4, 0xff, 0xff, 0, 0})) >> 32, 1460);
    EXPECT_EQ(gen(kGenV6, Headers()) >> 32, 1220);
    EXPECT_EQ(gen(kGenV6, Headers({2, 4, 0x23, 0x28})) >> 32, 8940);
}

TEST_F(Cookies, StopAtBadOptions) {
    for (const auto& options : {std::initializer_list<uint8_t>{0, 1, 2, 4, 0x05, 0xb4, 0, 0},
                                {3, 1, 2, 4, 0x05, 0xb4, 0, 0},
                                {3, 9, 2, 4, 0x05, 0xb4, 0, 0},
                                {1, 1, 1, 1, 1, 1, 1, 2}})
        EXPECT_EQ(gen(kGenV4, Headers(options)) >> 32, 536);
}

TEST_F(Cookies, NeedAWholeHeader) {
    const Headers headers;
    EXPECT_EQ(gen(kGenV4, headers, 24), -EINVAL);
    EXPECT_EQ(gen(kGenV4, headers, 19), -EINVAL);
    EXPECT_EQ(gen(kGenV6, headers, 0), -EINVAL);
}

TEST_F(Cookies, AreRecognisedWhenTheyComeBack) {
    for (const auto& [make, verify] : {std::pair(kGenV4, kCheckV4), std::pair(kGenV6, kCheckV6)}) {
        Headers headers;
        const auto cookie = static_cast<uint32_t>(gen(make, headers));
        headers.set_sequence(0x11223345);
        headers.set_acknowledgement(cookie + 1);
        EXPECT_EQ(check(verify, headers), 0);
        headers.set_acknowledgement(cookie + 4);
        EXPECT_EQ(check(verify, headers), 0) << "the fourth MSS of the table";
        headers.set_acknowledgement(cookie + 5);
        EXPECT_EQ(check(verify, headers), -EACCES);
        headers.set_acknowledgement(cookie + 1 + (1u << 24));
        EXPECT_EQ(check(verify, headers), -EACCES) << "made in the next minute";
        headers.set_acknowledgement(cookie + 1);
        headers.ip[20] ^= 1;
        headers.ip[15] ^= 1;
        EXPECT_EQ(check(verify, headers), -EACCES) << "of another address";
    }
}

TEST(CheckCookie, ForgetsAfterTwoMinutes) {
    const Headers headers;
    const CookieFlow flow{false, headers.ip.data(), headers.ip.data() + 4, 1, 2};
    for (const uint32_t minute : {5u, 255u, 256u, UINT32_MAX - 1}) {
        const uint32_t cookie = make_cookie(kKeys, flow, 99, 2, minute);
        EXPECT_EQ(check_cookie(kKeys, flow, 99, cookie, minute), 1440);
        EXPECT_EQ(check_cookie(kKeys, flow, 99, cookie, minute + 1), 1440);
        EXPECT_EQ(check_cookie(kKeys, flow, 99, cookie, minute + 2), std::nullopt);
        EXPECT_EQ(check_cookie(kKeys, flow, 90, cookie, minute), std::nullopt);
        EXPECT_EQ(check_cookie({}, flow, 99, cookie, minute), std::nullopt);
    }
}

}  // namespace
}  // namespace weir::vm
