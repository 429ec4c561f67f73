// Sizes that no map can have, over the socket: refused with the reason, and nothing is there
// afterwards.

#include <fstream>

#include "tests/unit/dataplane/commands_fixture.h"

namespace weir::dataplane {
namespace {

using vm::MapType;

class MapSizesTest : public CommandsTest {
protected:
    struct Sizes {
        MapType type;
        uint32_t key_bytes, value_bytes, entries_max;
        const char* reason;
    };
    void refuses(const Sizes& sizes, api::Persistence persistence) {
        vm::MapSpec spec = testing_map("m", sizes.type, sizes.entries_max);
        spec.key_bytes = sizes.key_bytes;
        spec.value_bytes = sizes.value_bytes;
        if (sizes.type == MapType::LpmTrie) spec.flags = vm::kMapNoPrealloc;
        const Result<api::Handle> made = client_->create_map({"fw/m", spec, persistence});
        ASSERT_FALSE(made.has_value()) << sizes.reason;
        EXPECT_NE(made.error().message.find(sizes.reason), std::string::npos)
            << made.error().message;
        EXPECT_TRUE(must(client_->list_maps()).empty());
    }
};

TEST_F(MapSizesTest, ThatAreNoneAreRefusedAndNothingIsMade) {
    configure();
    constexpr uint32_t kMost = UINT32_MAX;
    for (const Sizes& sizes : {
             Sizes{MapType::Hash, 4, 8, 0, "max_entries is 0, at least 1 is needed"},
             Sizes{MapType::Array, 4, 8, 0, "max_entries is 0, at least 1 is needed"},
             Sizes{MapType::Hash, 0, 8, 4, "key size is 0, at least 1 byte is needed"},
             Sizes{MapType::Hash, 4, 0, 4, "value size is 0, at least 1 byte is needed"},
             Sizes{MapType::Array, 8, 8, 4, "key size 8 must be 4: an array's key is an index"},
             Sizes{MapType::LpmTrie, 4, 8, 4, "key size 4 must lie between 5 and 260"},
             Sizes{MapType::LpmTrie, 261, 8, 4, "key size 261 must lie between 5 and 260"},
             Sizes{MapType::Queue, 4, 8, 4, "key size 4 must be 0: it has no keys"},
             Sizes{MapType::PercpuHash, 4, 32769, 4, "value size 32769 exceeds 32768 per CPU"},
             Sizes{MapType::Hash, 4, 8, kMost, "max_entries 4294967295 exceeds 42949672"},
             Sizes{MapType::Hash, 4, 64, kMost - 9, "bytes of memory, at most 17179869184"},
             Sizes{MapType::Array, 4, 1u << 20, kMost, "bytes of memory, at most 17179869184"},
             Sizes{MapType::LruHash, 4, 64, kMost - 9, "bytes of memory, at most 17179869184"},
         }) {
        for (const auto persistence : {api::Persistence::None, api::Persistence::Keep})
            refuses(sizes, persistence);
    }
    refuses({MapType::LpmTrie, 8, 8, kMost, "max_entries 4294967295 exceeds"},
            api::Persistence::Keep);
}

TEST_F(MapSizesTest, ThatAFrameCannotSayAreRefusedAtOnce) {
    configure();
    vm::MapSpec spec = testing_map("m", MapType::Hash, 4);
    spec.key_bytes = 513;
    const auto long_key = client_->create_map({"fw/m", spec});
    ASSERT_FALSE(long_key.has_value());
    EXPECT_NE(long_key.error().message.find("key_bytes"), std::string::npos)
        << long_key.error().message;
    EXPECT_NE(long_key.error().message.find("513 is above the limit of 512"), std::string::npos)
        << long_key.error().message;
}

/// MemAvailable, in bytes.
uint64_t available_bytes() {
    std::ifstream meminfo("/proc/meminfo");
    for (std::string line; std::getline(meminfo, line);) {
        unsigned long long kib = 0;
        if (std::sscanf(line.c_str(), "MemAvailable: %llu", &kib) == 1) return kib << 10;
    }
    return 0;
}

TEST_F(MapSizesTest, AboveTheMachinesMemoryAreRefusedWithWhatItHas) {
    configure();
    constexpr uint64_t kMost = uint64_t{16} << 30;
    const uint64_t wanted = kMost - (1u << 20);
    if (available_bytes() + (uint64_t{1} << 30) >= wanted)
        GTEST_SKIP() << "this machine has more than a map may take";
    vm::MapSpec spec = testing_map("m", MapType::Array, 1);
    spec.value_bytes = 1u << 20;
    spec.entries_max = static_cast<uint32_t>(wanted >> 20);
    for (const auto persistence : {api::Persistence::None, api::Persistence::Keep}) {
        const auto made = client_->create_map({"fw/m", spec, persistence});
        ASSERT_FALSE(made.has_value());
        EXPECT_EQ(made.error().kind, ErrorKind::kResource);
        EXPECT_NE(made.error().message.find("are available"), std::string::npos)
            << made.error().message;
        EXPECT_TRUE(must(client_->list_maps()).empty());
    }
}

}  // namespace
}  // namespace weir::dataplane
