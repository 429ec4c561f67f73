// Reading a file of prefixes for `weir map import`: a million IPv4 and 200,000 IPv6 lines, with the
// length distribution of real tables. Ours checks every word, finds keys that come twice, and says
// where what is wrong; the peer is the loop that one would write in C: memchr, inet_pton, strtoul
// into an array, which checks nothing but that there is an address.

#include <arpa/inet.h>
#include <benchmark/benchmark.h>

#include <array>
#include <cstdlib>
#include <cstring>
#include <string>

#include "controlplane/cli/element_file.h"
#include "perf/micro/lpm_tables.h"
#include "perf/micro/ratio_table.h"
#include "vm/base/check.h"

using namespace weir;

namespace {

constexpr uint32_t kPrefixes4 = 1'000'000, kPrefixes6 = 200'000;

struct File {
    bool is_ipv6 = false;
    size_t lines = 0;
    std::string text;
    dataplane::api::MapInfo map;
};

File make_file(const std::vector<perf::Prefix>& table, bool is_ipv6) {
    File file;
    file.is_ipv6 = is_ipv6;
    file.lines = table.size();
    for (const perf::Prefix& prefix : table) {
        char address[INET6_ADDRSTRLEN];
        inet_ntop(is_ipv6 ? AF_INET6 : AF_INET, prefix.address.data(), address, sizeof address);
        file.text += std::string(address) + "/" + std::to_string(prefix.bits) + " " +
                     std::to_string(file.text.size() % 1000) + "\n";
    }
    file.map.spec.type = vm::MapType::LpmTrie;
    file.map.spec.key_bytes = is_ipv6 ? 20 : 8;
    file.map.spec.value_bytes = 4;
    file.map.spec.entries_max = kPrefixes4;
    return file;
}

void parse_ours(benchmark::State& state, const File& file) {
    for (auto _ : state) {
        const auto records = controlplane::cli::parse_elements(file.text, "file", file.map);
        WEIR_CHECK(records && records->count() == file.lines);
        benchmark::DoNotOptimize(records->bytes.data());
    }
}

void parse_plain(benchmark::State& state, const File& file) {
    struct Record {
        uint32_t length;
        uint8_t address[16];
        uint32_t value;
    };
    for (auto _ : state) {
        std::vector<Record> records;
        records.reserve(file.lines);
        std::string copy = file.text;
        char* at = copy.data();
        while (char* const end = std::strchr(at, '\n')) {
            Record record{};
            char* const slash = std::strchr(at, '/');
            *slash = '\0';
            if (inet_pton(file.is_ipv6 ? AF_INET6 : AF_INET, at, record.address) != 1) break;
            char* rest = nullptr;
            record.length = static_cast<uint32_t>(std::strtoul(slash + 1, &rest, 10));
            record.value = static_cast<uint32_t>(std::strtoul(rest, nullptr, 10));
            records.push_back(record);
            at = end + 1;
        }
        WEIR_CHECK(records.size() == file.lines);
        benchmark::DoNotOptimize(records.data());
    }
}

}  // namespace

int main(int argc, char** argv) {
    constexpr std::array<const char*, 2> kWays = {"inet_pton loop", "weir"};
    constexpr double kNsPerMs = 1'000'000;
    perf::initialize(argc, argv);
    const File ipv4 = make_file(perf::draw_table4(kPrefixes4), false);
    const File ipv6 = make_file(perf::draw_table6(kPrefixes6), true);
    for (const File* file : {&ipv4, &ipv6}) {
        const std::string name =
            file->is_ipv6 ? "200,000 IPv6 prefixes" : "1,000,000 IPv4 prefixes";
        benchmark::RegisterBenchmark((name + "/inet_pton loop").c_str(), parse_plain, *file);
        benchmark::RegisterBenchmark((name + "/weir").c_str(), parse_ours, *file);
    }
    perf::RatioTable table("ms, median", kWays, kNsPerMs);
    benchmark::RunSpecifiedBenchmarks(&table);
    return 0;
}
