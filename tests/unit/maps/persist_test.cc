#include "maps/persist.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>

#include "tests/unit/maps/map_fixtures.h"

namespace weir::maps {
namespace {

namespace fs = std::filesystem;

class Persist : public ::testing::Test {
protected:
    void SetUp() override {
        char folder[] = "/tmp/weir-persist-XXXXXX";
        ASSERT_NE(mkdtemp(folder), nullptr);
        folder_ = folder;
    }
    void TearDown() override { fs::remove_all(folder_); }

    PersistRequest request(uint32_t cpu_slots = 2) const {
        return {.name = "fw/flows", .cpu_slots = cpu_slots, .directory = folder_ + "/maps"};
    }
    /// As it goes into service.
    static Result<PersistedMap> open(const vm::MapSpec& spec, const PersistRequest& request) {
        Result<PersistedMap> opened = open_persisted(spec, request);
        if (!opened) return opened;
        EXPECT_TRUE(opened->memory->install(opened->keep_old).has_value());
        return opened;
    }
    Result<PersistedMap> open(const vm::MapSpec& spec, uint32_t cpu_slots = 2) const {
        return open(spec, request(cpu_slots));
    }
    std::string path() const { return folder_ + "/maps/fw%2Fflows.map"; }
    std::string refusal(const vm::MapSpec& spec) const {
        const Result<PersistedMap> opened = open(spec);
        EXPECT_FALSE(opened.has_value());
        return opened ? "" : opened.error().message;
    }
    /// Overwrites bytes of the file.
    void damage(uint64_t offset, const std::string& bytes) const {
        std::fstream file(path(), std::ios::in | std::ios::out | std::ios::binary);
        file.seekp(static_cast<std::streamoff>(offset));
        file << bytes;
    }

    std::string folder_;
};

constexpr vm::MapType kKeyedKinds[] = {vm::MapType::Hash, vm::MapType::PercpuHash,
                                       vm::MapType::LruHash, vm::MapType::LruPercpuHash};

uint64_t value_of(uint32_t key) {
    return key * 0x9E3779B97F4A7C15u;
}

void fill(vm::Map& map, uint32_t keys) {
    for (uint32_t key = 0; key < keys; ++key) {
        const uint64_t value = value_of(key);
        ASSERT_EQ(map.control_update(bytes_of(key), {bytes_of(value), 8}, vm::kUpdateAny), 0);
    }
}

/// The value of the first slot, or 0.
uint64_t look_up(vm::Map& map, uint32_t key) {
    Bytes value(map.control_value_bytes());
    return map.control_lookup(bytes_of(key), value) == 0 ? value_at<uint64_t>(value.data()) : 0;
}

TEST_F(Persist, KeyedKindsKeepTheirElements) {
    for (const vm::MapType type : kKeyedKinds) {
        const vm::MapSpec spec = make_spec(type, 4, 8, 1000);
        {
            Result<PersistedMap> first = open(spec);
            ASSERT_TRUE(first.has_value()) << first.error().message;
            fill(*first->map, 700);
            const uint32_t gone = 13;
            ASSERT_EQ(first->map->control_erase(bytes_of(gone)), 0);
        }
        Result<PersistedMap> again = open(spec);
        ASSERT_TRUE(again.has_value()) << again.error().message;
        EXPECT_EQ(again->salvaged, (Salvaged{699, 0})) << vm::map_type_name(type);
        EXPECT_EQ(again->map->entries(), 699u);
        for (uint32_t key = 0; key < 700; ++key)
            ASSERT_EQ(look_up(*again->map, key), key == 13 ? 0 : value_of(key)) << key;
        fs::remove_all(folder_ + "/maps");
    }
}

TEST_F(Persist, AFullLruMapWithASharePerCpuKeepsAllOfThem) {
    vm::MapSpec spec = make_spec(vm::MapType::LruHash, 4, 8, 1000);
    spec.flags = 1u << 1;  // BPF_F_NO_COMMON_LRU
    constexpr uint32_t kCpus = 4;
    {
        Result<PersistedMap> first = open(spec, kCpus);
        ASSERT_TRUE(first.has_value()) << first.error().message;
        for (uint32_t key = 0; key < 1000; ++key) {
            const uint64_t value = value_of(key);
            ASSERT_EQ(first->map->update(bytes_of(key), bytes_of(value), 0, key % kCpus), 0);
        }
        ASSERT_EQ(first->map->evicted_count(), 0u);
    }
    Result<PersistedMap> again = open(spec, kCpus);
    ASSERT_TRUE(again.has_value()) << again.error().message;
    EXPECT_EQ(again->salvaged, (Salvaged{1000, 0}));
    for (uint32_t key = 0; key < 1000; ++key) ASSERT_EQ(look_up(*again->map, key), value_of(key));
}

TEST_F(Persist, ArraysKeepTheirElementsByCpu) {
    for (const vm::MapType type : {vm::MapType::Array, vm::MapType::PercpuArray}) {
        const vm::MapSpec spec = make_spec(type, 4, 8, 100);
        {
            Result<PersistedMap> first = open(spec);
            ASSERT_TRUE(first.has_value()) << first.error().message;
            fill(*first->map, 100);
        }
        Result<PersistedMap> again = open(spec, 3);  // a worker more
        ASSERT_TRUE(again.has_value()) << again.error().message;
        EXPECT_EQ(again->salvaged, (Salvaged{100, 0}));
        for (uint32_t key = 0; key < 100; ++key)
            ASSERT_EQ(look_up(*again->map, key), value_of(key));
        if (type == vm::MapType::PercpuArray) {
            const uint32_t key = 7;
            EXPECT_EQ(value_at<uint64_t>(again->map->lookup(bytes_of(key), 1)), value_of(7));
            EXPECT_EQ(value_at<uint64_t>(again->map->lookup(bytes_of(key), 2)), 0u);
        }
        fs::remove_all(folder_ + "/maps");
    }
}

TEST_F(Persist, TriesKeepTheirPrefixes) {
    const vm::MapSpec spec = make_spec(vm::MapType::LpmTrie, 8, 4, 5000);
    const auto prefix = [](uint32_t i) {
        const auto bits = static_cast<uint8_t>(i % 25 + 8);
        const uint32_t address = __builtin_bswap32((i * 2654435761u) >> (32 - bits) << (32 - bits));
        Prefix4 made{bits, {}};
        std::memcpy(made.address, &address, 4);
        return made;
    };
    std::map<std::string, uint32_t> wanted;
    {
        Result<PersistedMap> first = open(spec);
        ASSERT_TRUE(first.has_value()) << first.error().message;
        for (uint32_t i = 0; i < 3000; ++i) {
            const Prefix4 key = prefix(i);
            const std::string name(reinterpret_cast<const char*>(&key), sizeof key);
            ASSERT_EQ(first->map->control_update(bytes_of(key), {bytes_of(i), 4}, 0), 0);
            wanted[name] = i;
            if (i % 3 != 0) continue;
            wanted.erase(name);
            ASSERT_EQ(first->map->control_erase(bytes_of(key)), 0);
        }
    }
    Result<PersistedMap> again = open(spec);
    ASSERT_TRUE(again.has_value()) << again.error().message;
    EXPECT_EQ(again->salvaged, (Salvaged{wanted.size(), 0}));
    EXPECT_EQ(again->map->entries(), wanted.size());
    uint8_t key[8];
    for (int error = again->map->next_key(nullptr, key); error == 0;
         error = again->map->next_key(key, key)) {
        const auto found = wanted.find(std::string(reinterpret_cast<const char*>(key), 8));
        ASSERT_NE(found, wanted.end());
        uint8_t full[8];
        std::memcpy(full, key, 8);
        EXPECT_EQ(value_at<uint32_t>(again->map->lookup(full, 0)), found->second);
        wanted.erase(found);
    }
    EXPECT_TRUE(wanted.empty());
}

TEST_F(Persist, QueuesAndStacksKeepTheirOrder) {
    for (const vm::MapType type : {vm::MapType::Queue, vm::MapType::Stack}) {
        const vm::MapSpec spec = make_spec(type, 0, 8, 5);
        {
            Result<PersistedMap> first = open(spec);
            ASSERT_TRUE(first.has_value()) << first.error().message;
            for (uint64_t value = 1; value <= 7; ++value)  // two fall out
                ASSERT_EQ(first->map->push(bytes_of(value), vm::kUpdateExist), 0);
        }
        Result<PersistedMap> again = open(spec);
        ASSERT_TRUE(again.has_value()) << again.error().message;
        EXPECT_EQ(again->salvaged, (Salvaged{5, 0}));
        for (uint64_t i = 0; i < 5; ++i) {
            uint8_t value[8];
            ASSERT_EQ(again->map->pop(value), 0);
            EXPECT_EQ(value_at<uint64_t>(value), type == vm::MapType::Queue ? 3 + i : 7 - i);
        }
        fs::remove_all(folder_ + "/maps");
    }
}

TEST_F(Persist, AQueueWhosePositionWasDamagedStartsEmpty) {
    const vm::MapSpec spec = make_spec(vm::MapType::Queue, 0, 8, 5);
    ASSERT_TRUE(open(spec).has_value());
    damage(4096 + 4096, std::string(8, '\x7f'));
    Result<PersistedMap> again = open(spec);
    ASSERT_TRUE(again.has_value()) << again.error().message;
    EXPECT_EQ(again->salvaged, (Salvaged{0, 1}));
    EXPECT_EQ(again->map->entries(), 0u);
}

TEST_F(Persist, BloomFiltersAnswerAsBefore) {
    const vm::MapSpec spec = make_spec(vm::MapType::BloomFilter, 0, 8, 1000);
    {
        Result<PersistedMap> first = open(spec);
        ASSERT_TRUE(first.has_value()) << first.error().message;
        for (uint64_t value = 0; value < 500; ++value)
            ASSERT_EQ(first->map->push(bytes_of(value), vm::kUpdateAny), 0);
    }
    Result<PersistedMap> again = open(spec);
    ASSERT_TRUE(again.has_value()) << again.error().message;
    uint32_t strangers = 0;
    for (uint64_t value = 0; value < 1000; ++value) {
        uint64_t asked = value;
        const int answer = again->map->peek(reinterpret_cast<uint8_t*>(&asked));
        ASSERT_TRUE(value >= 500 || answer == 0) << value;
        strangers += value >= 500 && answer == 0 ? 1 : 0;
    }
    EXPECT_LT(strangers, 50u);
}

TEST_F(Persist, AFullTableWithChainsComesBackWhole) {
    vm::MapSpec spec = make_spec(vm::MapType::Hash, 4, 8, 3);  // one bucket
    {
        Result<PersistedMap> first = open(spec);
        ASSERT_TRUE(first.has_value());
        fill(*first->map, 3);
    }
    EXPECT_EQ(open(spec)->salvaged, (Salvaged{3, 0}));
}

TEST_F(Persist, AnElementWhoseKeyWasDamagedIsDroppedAndCounted) {
    const vm::MapSpec spec = make_spec(vm::MapType::Hash, 4, 8, 100);
    {
        Result<PersistedMap> first = open(spec);
        ASSERT_TRUE(first.has_value());
        fill(*first->map, 50);
    }
    std::string bytes;
    {
        std::ifstream file(path(), std::ios::binary);
        bytes.assign(std::istreambuf_iterator<char>(file), {});
    }
    const uint64_t value = value_of(20);
    const size_t at = bytes.find(std::string(reinterpret_cast<const char*>(&value), 8));
    ASSERT_NE(at, std::string::npos);
    damage(at - 8, "\xff\xff\xff\xff");
    Result<PersistedMap> again = open(spec);
    ASSERT_TRUE(again.has_value()) << again.error().message;
    EXPECT_EQ(again->salvaged, (Salvaged{49, 1}));
    EXPECT_EQ(look_up(*again->map, 20), 0u);
}

TEST_F(Persist, AnElementWhoseLockWasHeldIsDroppedAndCounted) {
    for (const vm::MapType type : {vm::MapType::Hash, vm::MapType::Array}) {
        vm::MapSpec spec = make_spec(type, 4, 16, 8);
        spec.spin_lock_offset = 8;
        {
            Result<PersistedMap> first = open(spec);
            ASSERT_TRUE(first.has_value()) << first.error().message;
            for (uint32_t key = 0; key < 8; ++key) {
                const uint64_t value[2] = {value_of(key), 0};
                ASSERT_EQ(first->map->control_update(bytes_of(key), {bytes_of(value), 16}, 0), 0);
            }
            const uint32_t held = 3;
            first->map->lookup(bytes_of(held), 0)[8] = 1;
        }
        Result<PersistedMap> again = open(spec);
        ASSERT_TRUE(again.has_value()) << again.error().message;
        EXPECT_EQ(again->salvaged, (Salvaged{7, 1})) << vm::map_type_name(type);
        EXPECT_EQ(look_up(*again->map, 3), 0u);
        EXPECT_EQ(look_up(*again->map, 4), value_of(4));
        fs::remove_all(folder_ + "/maps");
    }
}

TEST_F(Persist, RubbishInATrieIsSurvived) {
    const vm::MapSpec spec = make_spec(vm::MapType::LpmTrie, 8, 4, 200);
    for (unsigned seed = 0; seed < 20; ++seed) {
        {
            Result<PersistedMap> map = open(spec);
            ASSERT_TRUE(map.has_value()) << map.error().message;
            for (uint32_t i = 0; i < 200; ++i) {
                const Prefix4 key{32, {10, 0, 0, static_cast<uint8_t>(i)}};
                ASSERT_EQ(map->map->control_update(bytes_of(key), {bytes_of(i), 4}, 0), 0);
            }
        }
        srand(seed);
        const auto size = fs::file_size(path());
        for (int i = 0; i < 3000; ++i)
            damage(4096 + static_cast<uint64_t>(rand()) % (size - 4096),
                   std::string(1, static_cast<char>(rand())));
        Result<PersistedMap> again = open(spec);
        ASSERT_TRUE(again.has_value()) << again.error().message;
        EXPECT_EQ(again->map->entries(), again->salvaged.kept);
        fs::remove_all(folder_ + "/maps");
    }
}

TEST_F(Persist, RubbishInTheRegionsIsSurvived) {
    for (const vm::MapType type : kKeyedKinds) {
        const vm::MapSpec spec = make_spec(type, 4, 8, 200);
        for (unsigned seed = 0; seed < 20; ++seed) {
            {
                Result<PersistedMap> map = open(spec);
                ASSERT_TRUE(map.has_value()) << map.error().message;
                fill(*map->map, 200);
            }
            srand(seed);
            const auto size = fs::file_size(path());
            for (int i = 0; i < 300; ++i)
                damage(4096 + static_cast<uint64_t>(rand()) % (size - 4096),
                       std::string(1, static_cast<char>(rand())));
            Result<PersistedMap> again = open(spec);
            ASSERT_TRUE(again.has_value()) << again.error().message;
            EXPECT_LE(again->map->entries(), 200u);
            EXPECT_EQ(again->map->entries(), again->salvaged.kept);
            fs::remove_all(folder_ + "/maps");
        }
    }
}

TEST_F(Persist, AnotherDefinitionIsRefusedWithTheDifference) {
    ASSERT_TRUE(open(make_spec(vm::MapType::Hash, 4, 8, 100)).has_value());
    EXPECT_EQ(refusal(make_spec(vm::MapType::Hash, 4, 16, 200)),
              path() +
                  ": holds a map of another definition (value_bytes 8 -> 16, max_entries 100 -> "
                  "200); remove it, or say if_changed: fresh, to start with an empty map");
    PersistRequest fresh = request();
    fresh.fresh_if_changed = true;
    const auto opened = open(make_spec(vm::MapType::Hash, 4, 16, 200), fresh);
    ASSERT_TRUE(opened.has_value()) << opened.error().message;
    EXPECT_EQ(opened->map->entries(), 0u);
    EXPECT_TRUE(fs::exists(path() + ".old"));
}

TEST_F(Persist, FewerCpuSlotsThanWereWrittenAreRefused) {
    ASSERT_TRUE(open(make_spec(vm::MapType::PercpuHash, 4, 8, 100), 4).has_value());
    EXPECT_NE(refusal(make_spec(vm::MapType::PercpuHash, 4, 8, 100))
                  .find("cpu slots (workers.max) 4 -> 2"),
              std::string::npos);
}

TEST_F(Persist, FilesThatAreNoneOfOursAreRefusedByNameAndReason) {
    const vm::MapSpec spec = make_spec(vm::MapType::Hash, 4, 8, 100);
    const auto renew = [&] {
        fs::remove_all(folder_ + "/maps");
        ASSERT_TRUE(open(spec).has_value());
    };
    renew();
    fs::resize_file(path(), 100);
    EXPECT_EQ(refusal(spec), path() + ": is cut off: it has 100 bytes, its header alone 4096");
    renew();
    fs::resize_file(path(), fs::file_size(path()) - 4096);
    EXPECT_NE(refusal(spec).find("cut off"), std::string::npos);
    renew();
    damage(0, "NOTWEIR!");
    EXPECT_EQ(refusal(spec), path() + ": is no map file, which starts with WEIRMAP1");
    renew();
    damage(8, "\x09");
    EXPECT_NE(refusal(spec).find("has layout version 9, expected 1"), std::string::npos);
    renew();
    damage(60, "\xff\xff");
    EXPECT_NE(refusal(spec).find("is damaged: its header's checksum"), std::string::npos);
    renew();
    fs::rename(path(), folder_ + "/elsewhere");
    fs::create_symlink(folder_ + "/elsewhere", path());
    EXPECT_EQ(refusal(spec), path() + ": is a symbolic link");
    fs::remove(path());
    fs::create_directory(path());
    EXPECT_NE(refusal(spec).find(path()), std::string::npos);
    fs::remove(path());
    ASSERT_EQ(mkfifo(path().c_str(), 0600), 0);
    EXPECT_EQ(refusal(spec), path() + ": is no plain file");
    renew();
    ASSERT_EQ(chmod(path().c_str(), 0666), 0);
    EXPECT_NE(refusal(spec).find("is open to others (mode 0666)"), std::string::npos);
}

TEST_F(Persist, AFileOfAnotherUserIsRefused) {
    if (geteuid() != 0) GTEST_SKIP() << "only root can give a file away";
    const vm::MapSpec spec = make_spec(vm::MapType::Hash, 4, 8, 100);
    ASSERT_TRUE(open(spec).has_value());
    ASSERT_EQ(chown(path().c_str(), 65534, 65534), 0);
    EXPECT_EQ(refusal(spec), path() + ": belongs to user 65534, expected 0");
}

TEST_F(Persist, AFileInUseIsRefusedAndStaysAsItIs) {
    const vm::MapSpec spec = make_spec(vm::MapType::Hash, 4, 8, 100);
    Result<PersistedMap> user = open(spec);
    ASSERT_TRUE(user.has_value());
    EXPECT_EQ(refusal(spec), path() + ": is in use by another process or map");
    fill(*user->map, 10);
    *user = PersistedMap();
    EXPECT_EQ(open(spec)->salvaged, (Salvaged{10, 0}));
}

TEST_F(Persist, UntilTheNewMapIsInServiceTheOldFileStays) {
    const vm::MapSpec spec = make_spec(vm::MapType::Hash, 4, 8, 100);
    {
        Result<PersistedMap> first = open(spec);
        ASSERT_TRUE(first.has_value());
        fill(*first->map, 10);
    }
    std::ofstream(path() + ".new") << "left by an interrupted install";
    {
        Result<PersistedMap> never = open_persisted(spec, request());
        ASSERT_TRUE(never.has_value());
        fill(*never->map, 50);
    }
    EXPECT_EQ(open(spec)->salvaged, (Salvaged{10, 0}));
    EXPECT_FALSE(fs::exists(path() + ".new"));
}

TEST_F(Persist, AReplacementTakesTheNameFromTheMapInService) {
    const vm::MapSpec spec = make_spec(vm::MapType::Hash, 4, 8, 100);
    {
        Result<PersistedMap> before = open(spec);
        ASSERT_TRUE(before.has_value());
        fill(*before->map, 10);
        PersistRequest replacing = request();
        replacing.starts_empty = true;
        Result<PersistedMap> after = open(spec, replacing);
        ASSERT_TRUE(after.has_value()) << after.error().message;
        fill(*after->map, 20);
        fill(*before->map, 30);
    }
    EXPECT_EQ(open(spec)->salvaged, (Salvaged{20, 0}));
}

TEST_F(Persist, KindsThatAreMadeAtStartAreRefusedByReason) {
    vm::MapSpec global = make_spec(vm::MapType::Array, 4, 8, 1);
    global.is_global_data = true;
    EXPECT_EQ(refusal(global), "map m (array): persist: global data starts fresh");
    EXPECT_EQ(refusal(make_spec(vm::MapType::Ringbuf, 0, 0, 4096)),
              "map m (ringbuf): persist: it holds records on their way to a reader");
    EXPECT_EQ(refusal(make_spec(vm::MapType::ProgArray, 4, 4, 4)),
              "map m (prog_array): persist: it holds programs or maps, which are made at start");
    EXPECT_FALSE(fs::exists(folder_ + "/maps"));
}

TEST_F(Persist, NamesBecomeFileNamesThatLeadNowhereElse) {
    EXPECT_EQ(map_file_path("/d", "fw/a.b-c_9"), "/d/fw%2Fa.b-c_9.map");
    EXPECT_EQ(map_file_path("/d", "../x y%"), "/d/%2E.%2Fx%20y%25.map");
}

}  // namespace
}  // namespace weir::maps
