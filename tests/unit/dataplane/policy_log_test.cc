#include "dataplane/policy_log.h"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <string>
#include <vector>

namespace weir::dataplane {
namespace {

Bytes key_of(uint32_t number) {
    ByteWriter writer;
    writer.write(number);
    return writer.take();
}

std::vector<std::pair<uint32_t, uint8_t>> contents(PolicyLog& log) {
    std::vector<std::pair<uint32_t, uint8_t>> list;
    log.for_each([&](ByteSpan key, ByteSpan value) {
        list.emplace_back(*ByteReader(key).read<uint32_t>(), value[0]);
    });
    return list;
}

TEST(PolicyLog, KeepsTheLastValueOfEachKeyInOrderOfWriting) {
    PolicyLog log(4);
    log.put(key_of(1), Bytes{10});
    log.put(key_of(2), Bytes{20});
    log.put(key_of(1), Bytes{11, 0, 0});
    EXPECT_EQ(contents(log), (std::vector<std::pair<uint32_t, uint8_t>>{{2, 20}, {1, 11}}));
}

TEST(PolicyLog, ForgetsWhatWasErased) {
    PolicyLog log(4);
    log.erase(key_of(9));
    log.put(key_of(1), Bytes{10});
    log.put(key_of(2), Bytes{20});
    log.erase(key_of(1));
    EXPECT_EQ(contents(log), (std::vector<std::pair<uint32_t, uint8_t>>{{2, 20}}));
    log.put(key_of(1), Bytes{12});
    EXPECT_EQ(contents(log).size(), 2u);
}

TEST(PolicyLog, AgreesWithAMapUnderAnyOperations) {
    std::mt19937 random(7);
    PolicyLog log(4);
    std::map<uint32_t, uint8_t> model;
    for (int step = 0; step < 100'000; ++step) {
        const auto key = static_cast<uint32_t>(random() % 500);
        if (random() % 4 == 0) {
            log.erase(key_of(key));
            model.erase(key);
        } else {
            const auto value = static_cast<uint8_t>(random());
            log.put(key_of(key), Bytes{value});
            model[key] = value;
        }
    }
    std::map<uint32_t, uint8_t> seen;
    for (const auto& [key, value] : contents(log))
        EXPECT_TRUE(seen.emplace(key, value).second) << "key twice: " << key;
    EXPECT_EQ(seen, model);
}

TEST(PolicyLog, StaysBoundedWhenTheSameKeysAreWrittenForEver) {
    PolicyLog log(4);
    for (uint32_t i = 0; i < 1'000'000; ++i) log.put(key_of(i % 10), Bytes(8));
    EXPECT_LT(log.memory_bytes(), 1u << 20);
    EXPECT_EQ(contents(log).size(), 10u);
}

}  // namespace
}  // namespace weir::dataplane
