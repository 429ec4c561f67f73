// Readers of an lpm_trie's full-length look-ups while writers build, grow and drop the blocks and
// cells below them.

#include <atomic>
#include <cerrno>
#include <random>
#include <thread>

#include "tests/unit/maps/stress_workers.h"

namespace weir::maps {
namespace {

/// A value says which prefix it belongs to, twice.
struct Record {
    uint32_t bits;
    uint8_t address[4];
    uint32_t bits_again;
    uint8_t address_again[4];

    static Record of(const Prefix4& prefix) {
        Record record{
            .bits = prefix.bits, .address = {}, .bits_again = prefix.bits, .address_again = {}};
        std::memcpy(record.address, prefix.address, 4);
        std::memcpy(record.address_again, prefix.address, 4);
        return record;
    }
};

uint32_t number_of(const uint8_t* address) {
    return __builtin_bswap32(value_at<uint32_t>(address));
}

Prefix4 prefix_of(uint32_t bits, uint32_t number) {
    Prefix4 prefix{bits, {}};
    const uint32_t kept = bits == 0 ? 0 : number >> (32 - bits) << (32 - bits);
    const uint32_t address = __builtin_bswap32(kept);
    std::memcpy(prefix.address, &address, 4);
    return prefix;
}

/// Addresses crowd below two /16 and now and then lie elsewhere in 10.0.0.0/8.
uint32_t draw_number(std::mt19937_64& random) {
    const auto low = static_cast<uint32_t>(random());
    if (random() % 8 == 0) return 10u << 24 | (low & 0xffffff);
    return 10u << 24 | (low & 0x10000) | (low & 0x0300) | (low & 0xff);
}

class LpmChurn {
public:
    explicit LpmChurn(uint32_t entries_max)
        : map_(
              make_map(make_spec(vm::MapType::LpmTrie, 8, sizeof(Record), entries_max), kWorkers)) {
        const Prefix4 cover = prefix_of(8, 10u << 24);
        EXPECT_EQ(map_->update(bytes_of(cover), bytes_of(Record::of(cover)), 0, 0), 0);
        const Prefix4 fixed = prefix_of(20, kFixed);
        EXPECT_EQ(map_->update(bytes_of(fixed), bytes_of(Record::of(fixed)), 0, 0), 0);
    }

    /// What is found covers the address, and is no shorter than what always stays.
    void look_up(std::mt19937_64& random) {
        Prefix4 keys[8];
        const uint8_t* raw[8];
        uint8_t* values[8];
        for (int i = 0; i < 8; ++i) {
            keys[i] = prefix_of(32, draw_number(random));
            raw[i] = bytes_of(keys[i]);
        }
        map_->lookup_bulk(raw, 8, values, 0);
        for (int i = 0; i < 8; ++i) check(keys[i], values[i]);
        check(keys[0], map_->lookup_function()(*map_, raw[0], 0));
    }

    void write(std::mt19937_64& random, bool control) {
        const auto bits = static_cast<uint32_t>(9 + random() % 24);
        const Prefix4 prefix = prefix_of(bits, draw_number(random));
        if (bits == 20 && number_of(prefix.address) == kFixed) return;
        const Record record = Record::of(prefix);
        const bool erase = random() % 5 < 2;
        int status = 0;
        if (control) {
            status = erase ? map_->control_erase(bytes_of(prefix))
                           : map_->control_update(bytes_of(prefix),
                                                  {bytes_of(record), sizeof record}, 0);
        } else {
            status = erase ? map_->erase(bytes_of(prefix))
                           : map_->update(bytes_of(prefix), bytes_of(record), 0, 0);
        }
        const bool fine = status == 0 || status == -ENOENT || status == -ENOSPC ||
                          (!control && (status == -ENOMEM || status == -EBUSY));
        failed += fine ? 0 : 1;
    }

    vm::Map& map() { return *map_; }
    std::atomic<uint64_t> missed{0}, wrong{0}, failed{0};

private:
    static constexpr uint32_t kFixed = 10u << 24 | 0x10000;

    void check(const Prefix4& key, const uint8_t* value) {
        if (value == nullptr) {
            ++missed;
            return;
        }
        const auto record = value_at<Record>(value);
        const uint32_t number = number_of(key.address);
        const bool matches =
            std::memcmp(prefix_of(record.bits, number).address, record.address, 4) == 0;
        const bool whole = record.bits == record.bits_again &&
                           std::memcmp(record.address, record.address_again, 4) == 0;
        const uint32_t at_least = number >> 12 == kFixed >> 12 ? 20 : 8;
        wrong += !matches || !whole || record.bits < at_least ? 1 : 0;
    }

    std::unique_ptr<vm::Map> map_;
};

/// Tables with eight, with 16, and with 8 and 24 bits at once.
TEST(LpmStress, LookUpsFindWhatCoversTheirAddressWhileBlocksComeAndGo) {
    for (const uint32_t entries_max : {200u, 4000u, 65536u}) {
        LpmChurn churn(entries_max);
        std::mt19937_64 control_random(1);
        run_workers(
            [&](uint32_t worker) {
                std::mt19937_64 random(worker + 7);
                for (uint32_t step = 0; step < (kSlow ? 1'000 : 10'000); ++step) {
                    churn.look_up(random);
                    if (step % 2 == 0) churn.write(random, false);
                    if (step % 16 == 0) reader_quiescent();
                }
            },
            [&] { churn.write(control_random, true); });
        EXPECT_EQ(churn.missed, 0u) << entries_max;
        EXPECT_EQ(churn.wrong, 0u) << entries_max;
        EXPECT_EQ(churn.failed, 0u) << entries_max;
        EXPECT_EQ(count_keys(churn.map()), churn.map().entries());
    }
}

}  // namespace
}  // namespace weir::maps
