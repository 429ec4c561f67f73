// Answers: bpf_fib_lookup and bpf_check_mtu of Linux 6.18 in a network namespace with the routes of
// fib_world.h.

#include <cerrno>
#include <cstring>

#include <gtest/gtest.h>

#include "tests/unit/vm/helpers/fib_world.h"
#include "tests/unit/vm/helpers/frame.h"

namespace weir::vm {
namespace {

constexpr int64_t kFibLookup = 69, kCheckMtu = 163;
constexpr uint32_t kDirect = 1, kOutput = 2, kSkipNeighbour = 4, kTableId = 8, kSource = 16,
                   kMark = 32;

/// struct bpf_fib_lookup.
struct Parameters {
    uint8_t family = 0;
    uint8_t l4_protocol = 0;
    uint16_t source_port = 0x1111;
    uint16_t destination_port = 0x2222;
    uint16_t total_length = 0;
    uint32_t ifindex = 0;
    uint32_t metric = 0;
    std::array<uint8_t, 16> source{};
    std::array<uint8_t, 16> destination{};
    uint32_t table = 0;
    MacAddress source_mac{};
    MacAddress destination_mac{};
};
static_assert(sizeof(Parameters) == 64);

struct Question {
    const char* destination;
    uint32_t ifindex = 10;
    uint32_t flags = 0;
    uint16_t total_length = 0;
    uint32_t table = 0;
    const char* source = nullptr;
};

/// What stands in the parameters afterwards; what is not named stays as it was.
struct Answer {
    int64_t result;
    uint16_t mtu = 0;
    uint32_t ifindex = 0;  ///< 0: not changed
    uint32_t metric = 0;
    const char* source = nullptr;
    const char* next_hop = nullptr;
    uint8_t source_mac = 0, destination_mac = 0;  ///< the last byte; 0: none written
    bool table_is_kept = false;
};

struct Row {
    Question question;
    Answer answer;
};

constexpr Row kIpv4Rows[] = {
    {{"203.0.113.5"}, {0, 1400, 20, 7, nullptr, "198.51.100.9", 0x0b, 0x99}},
    {{"203.0.113.130"}, {7, 0, 20, 9, nullptr, "198.51.100.10"}},
    {{"203.0.113.130", 10, kSkipNeighbour}, {0, 1400, 20, 9, nullptr, "198.51.100.10"}},
    {{"203.0.113.130", 10, kSkipNeighbour | kSource},
     {0, 1400, 20, 9, "192.0.2.1", "198.51.100.10"}},
    {{"203.0.113.5", 10, kSource}, {0, 1400, 20, 7, "198.51.100.1", "198.51.100.9", 0x0b, 0x99}},
    {{"203.0.113.200"}, {0, 900, 10, 0, nullptr, "192.0.2.9", 0x0a, 0x19}},
    {{"203.0.113.200", 10, 0, 901}, {8, 900}},
    {{"203.0.113.200", 10, 0, 900}, {0, 900, 10, 0, nullptr, "192.0.2.9", 0x0a, 0x19}},
    {{"203.0.113.5", 10, 0, 1400}, {0, 1400, 20, 7, nullptr, "198.51.100.9", 0x0b, 0x99}},
    {{"203.0.113.5", 10, 0, 1401}, {8, 1400}},
    {{"10.1.2.3"}, {1}},
    {{"10.2.2.3"}, {2}},
    {{"10.3.2.3"}, {3}},
    {{"10.5.2.3"}, {0, 1400, 20, 0, nullptr, "2001:db8:2::9", 0x0b, 0x69}},
    {{"10.5.2.3", 10, kSource}, {0, 1400, 20, 0, "198.51.100.1", "2001:db8:2::9", 0x0b, 0x69}},
    {{"10.6.1.1"}, {4}},
    {{"10.6.1.1", 10, kDirect | kTableId, 0, 100},
     {0, 1400, 20, 0, nullptr, "198.51.100.9", 0x0b, 0x99}},
    {{"10.6.1.1", 10, kDirect | kTableId, 0, 999}, {4}},
    {{"10.6.1.1", 10, kTableId, 0, 100}, {.result = 4, .table_is_kept = true}},
    {{"10.6.1.1", 10, kDirect | kTableId, 0, 254}, {4}},
    {{"10.7.1.1"}, {7, 0, 20, 5}},
    {{"10.7.1.1", 10, kSkipNeighbour}, {0, 1400, 20, 5}},
    {{"10.7.1.1", 10, kOutput | kSkipNeighbour}, {0, 1500, 10, 6}},
    {{"10.7.1.1", 20, kOutput | kSkipNeighbour}, {0, 1400, 20, 5}},
    {{"10.7.1.1", 21, kOutput | kSkipNeighbour}, {4}},
    {{"10.7.1.1", 10, kOutput | kSkipNeighbour | kDirect}, {0, 1500, 10, 6}},
    {{"192.0.2.77"}, {0, 1500, 10, 0, nullptr, nullptr, 0x0a, 0x77}},
    {{"192.0.2.77", 10, kMark}, {0, 1500, 10, 0, nullptr, nullptr, 0x0a, 0x77}},
    {{"192.0.2.78"}, {7, 0, 10, 0}},
    {{"192.0.2.1"}, {4}},
    {{"192.0.2.1", 10, kDirect}, {4}},
    {{"192.0.2.255"}, {4}},
    {{"8.8.8.8"}, {4}},
    {{"192.0.2.77", 11}, {5}},
    {{"192.0.2.77", 999}, {-ENODEV}},
    {{"192.0.2.77", 10, 64}, {-EINVAL}},
};

constexpr Row kIpv6Rows[] = {
    {{"2001:db8:9::5"}, {0, 1400, 20, 77, nullptr, "2001:db8:2::9", 0x0b, 0x69}},
    {{"2001:db8:9:1::5"}, {0, 1300, 10, 1024, nullptr, "2001:db8:1::9", 0x0a, 0x61}},
    {{"2001:db8:9:1::5", 10, 0, 1301}, {8, 1300}},
    {{"2001:db8:9::5", 10, 0, 1401}, {8, 1400}},
    {{"2001:db8:9:1::5", 10, kSource},
     {0, 1300, 10, 1024, "2001:db8:2::1", "2001:db8:1::9", 0x0a, 0x61}},
    {{"2001:db8:9::5", 10, kSource},
     {0, 1400, 20, 77, "2001:db8:2::1", "2001:db8:2::9", 0x0b, 0x69}},
    {{"2001:db8:a::5"}, {1}},
    {{"2001:db8:b::5"}, {2}},
    {{"2001:db8:c::5"}, {3}},
    {{"2001:db8:ffff::1"}, {4}},
    {{"2001:db8:1::1"}, {4}},
    {{"2001:db8:1::9"}, {0, 1500, 10, 256, nullptr, nullptr, 0x0a, 0x61}},
    {{"2001:db8:1::8"}, {7, 0, 10, 256}},
    {{"fe80::1"}, {4}},
    {{"ff02::1"}, {4}},
    {{"::1"}, {4}},
    {{"2001:db8:9::5", 10, 0, 0, 0, "fe80::7"}, {4}},
    {{"2001:db8:9::5", 11}, {5}},
    {{"2001:db8:9::5", 999}, {-ENODEV}},
    {{"2001:db8:d::1", 10, kSkipNeighbour}, {0, 1400, 20, 5}},
    {{"2001:db8:d::1", 10, kSkipNeighbour | kOutput}, {0, 1400, 20, 5}},
    {{"2001:db8:d::1", 21, kSkipNeighbour | kOutput}, {0, 1400, 20, 5}},
    {{"2001:db8:9::5", 10, kDirect}, {0, 1400, 20, 77, nullptr, "2001:db8:2::9", 0x0b, 0x69}},
    {{"2001:db8:9::5", 10, kDirect | kTableId, 0, 55}, {4}},
};

Parameters parameters_of(const Question& question) {
    const IpAddress destination = ip(question.destination);
    Parameters parameters;
    parameters.family = destination.family == IpFamily::V4 ? AF_INET : AF_INET6;
    parameters.total_length = question.total_length;
    parameters.ifindex = question.ifindex;
    parameters.table = question.table;
    parameters.destination = destination.bytes;
    if (question.source != nullptr) parameters.source = ip(question.source).bytes;
    return parameters;
}

Parameters expected_of(const Row& row) {
    const Answer& answer = row.answer;
    Parameters expected = parameters_of(row.question);
    if (answer.mtu != 0) expected.total_length = answer.mtu;
    if (answer.ifindex != 0) expected.ifindex = answer.ifindex;
    expected.metric = answer.metric;
    if (answer.source != nullptr) expected.source = ip(answer.source).bytes;
    if (answer.next_hop != nullptr) {
        const IpAddress next_hop = ip(answer.next_hop);
        if (next_hop.family == IpFamily::V6) expected.family = AF_INET6;
        expected.destination = next_hop.bytes;
    }
    if (!answer.table_is_kept) expected.table = 0;
    if (answer.source_mac != 0) {
        expected.source_mac = mac(answer.source_mac);
        expected.destination_mac = mac(answer.destination_mac);
    }
    return expected;
}

void expect_rows(std::span<const Row> rows) {
    const auto fib = build(world());
    Frame frame(60);
    frame.env.fib = fib.get();
    for (const Row& row : rows) {
        Parameters parameters = parameters_of(row.question);
        const int64_t result =
            frame.call(kFibLookup, number_of(&parameters), sizeof parameters, row.question.flags);
        EXPECT_EQ(result, row.answer.result) << row.question.destination;
        const Parameters expected = expected_of(row);
        EXPECT_EQ(std::memcmp(&parameters, &expected, sizeof expected), 0)
            << row.question.destination << " flags " << row.question.flags << ": mtu "
            << parameters.total_length << " ifindex " << parameters.ifindex << " metric "
            << parameters.metric << " family " << int{parameters.family};
    }
}

TEST(FibLookup, AnswersAsTheKernelForIpv4) {
    expect_rows(kIpv4Rows);
}
TEST(FibLookup, AnswersAsTheKernelForIpv6) {
    expect_rows(kIpv6Rows);
}

TEST(FibLookup, ChecksItsArgumentsFirst) {
    const auto fib = build(world());
    Frame frame(60);
    Parameters parameters = parameters_of({"192.0.2.77"});
    const auto ask = [&](int64_t bytes) {
        return frame.call(kFibLookup, number_of(&parameters), offset_of(bytes));
    };
    EXPECT_EQ(ask(64), -ENODEV) << "nothing is configured";
    frame.env.fib = fib.get();
    EXPECT_EQ(ask(63), -EINVAL);
    EXPECT_EQ(ask(-1), -EINVAL);
    EXPECT_EQ(ask(64), 0);
    parameters.family = 7;
    EXPECT_EQ(ask(64), -EAFNOSUPPORT);
}

TEST(FibLookup, LeavesIpv6WithoutSourceWhereThereIsNone) {
    FibSpec spec = world();
    spec.routes.push_back(route("2001:db8:e::/48", 21));
    spec.routes.push_back(route("10.8.0.0/16", 21));
    const auto fib = build(spec);
    Frame frame(60);
    frame.env.fib = fib.get();
    for (const auto& [destination, result] : {std::pair("2001:db8:e::1", 9), {"10.8.0.1", 0}}) {
        Parameters parameters = parameters_of({destination});
        EXPECT_EQ(frame.call(kFibLookup, number_of(&parameters), sizeof parameters,
                             kSource | kSkipNeighbour),
                  result);
        EXPECT_EQ(parameters.ifindex, 21u);
        EXPECT_EQ(parameters.source, (std::array<uint8_t, 16>{}));
    }
}

TEST(CheckMtu, ComparesWithTheInterfacesMtu) {
    FibSpec spec;
    spec.interfaces = {{.ifindex = 1, .mtu = 65'536}, {.ifindex = 2, .mtu = 1500}};
    const auto fib = build(spec);
    Frame frame(60);
    frame.env.fib = fib.get();
    uint32_t mtu = 0;
    const auto check = [&](uint64_t ifindex, uint32_t given, int64_t difference) {
        mtu = given;
        return frame.call(kCheckMtu, ifindex, number_of(&mtu), offset_of(difference));
    };
    EXPECT_EQ(check(0, 0, 0), 0);
    EXPECT_EQ(mtu, 65'536u);
    EXPECT_EQ(check(1, 0, 0), 0);
    EXPECT_EQ(check(9999, 7, 0), -ENODEV);
    EXPECT_EQ(mtu, 7u);
    EXPECT_EQ(check(0, 65'536, 0), 0);
    EXPECT_EQ(check(0, 65'537, 0), 1);
    EXPECT_EQ(mtu, 65'536u);
    EXPECT_EQ(check(0, 65'537, -1), 0);
    EXPECT_EQ(check(0, 0xffff'ffff, 0), 0);
    EXPECT_EQ(check(0, 0x7fff'ffff, 0), 0);
    EXPECT_EQ(check(0, 0, 65'490), 0);
    EXPECT_EQ(check(0, 0, 65'491), 1);
    EXPECT_EQ(check(2, 1501, 0), 1);
    const uint64_t flags = 1;
    EXPECT_EQ(frame.call_plain(kCheckMtu, number_of(&frame.context), 0, number_of(&mtu), 0, flags),
              -EINVAL);
}

}  // namespace
}  // namespace weir::vm
