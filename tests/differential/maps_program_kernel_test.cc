// What programs get from helpers on maps: the same calls from a program of the live kernel and from
// the helper table.

#include <cerrno>
#include <cstring>
#include <functional>

#include <fmt/format.h>

#include "maps/maps.h"
#include "tests/differential/kernel_map_calls.h"
#include "tests/support/environment.h"
#include "tests/support/map_sequences.h"

namespace weir::tests {
namespace {

using Call = HelperProgram::Call;
using Shape = HelperProgram::Shape;
using vm::MapType;

constexpr int32_t kLookup = 1, kUpdate = 2, kDelete = 3, kRedirectMap = 51, kPush = 87, kPop = 88,
                  kPeek = 89, kLookupPercpu = 195;
constexpr int kXdpRedirect = 4;
constexpr uint32_t kNoCommonLru = 1u << 1;

uint64_t address(const void* pointer) {
    return reinterpret_cast<uint64_t>(pointer);
}

/// One helper on a map of ours, as HelperProgram does it in the kernel.
int call_own(vm::Map& map, int32_t helper, Shape shape, Call& call) {
    vm::RunEnv env;
    const vm::HelperFn code = maps::all_helpers().at(helper);
    const uint64_t m = address(&map), key = address(call.key.data());
    const uint64_t value = address(call.value.data());
    switch (shape) {
        case Shape::Key: return static_cast<int>(code(m, key, 0, 0, 0, env));
        case Shape::KeyToValue: {
            const uint64_t found = code(m, key, call.number, 0, 0, env);
            if (found == 0) return -ENOENT;
            std::memcpy(call.value.data(), reinterpret_cast<const void*>(found), call.value.size());
            return 0;
        }
        case Shape::KeyAndValue: return static_cast<int>(code(m, key, value, call.number, 0, env));
        case Shape::Value: return static_cast<int>(code(m, value, call.number, 0, 0, env));
        case Shape::Numbers: return static_cast<int>(code(m, call.number, call.second, 0, 0, env));
        case Shape::Memory:
        case Shape::ContextMemory: break;
    }
    ADD_FAILURE() << "no such shape";
    return 0;
}

class ProgramsAgainstKernel : public ::testing::Test {
protected:
    void SetUp() override {
        if (!kernel_answers()) GTEST_SKIP() << kKernelMissing;
        stay_on_first_cpu();
    }

    void make(const vm::MapSpec& spec) {
        own_.reset();
        const int in_kernel = create_in_kernel(spec);
        ASSERT_GE(in_kernel, 0) << strerror(-in_kernel);
        auto own = maps::create_map(spec, kernel_cpus());
        ASSERT_TRUE(own.has_value()) << own.error().message;
        own_ = std::move(*own);
        kernel_ = std::make_unique<KernelControlSide>(in_kernel, spec.key_bytes,
                                                      own_->control_value_bytes());
    }
    HelperProgram program(int32_t helper, Shape shape) const {
        return {kernel_->fd(), helper, shape, own_->spec().key_bytes, own_->spec().value_bytes};
    }
    /// The same call on both sides; the result of both.
    int same_call(const HelperProgram& in_kernel, int32_t helper, Shape shape, Call call) {
        call.value.resize(own_->spec().value_bytes);
        Call own = call;
        const int expected = in_kernel.run(call);
        EXPECT_EQ(expected, call_own(*own_, helper, shape, own)) << "helper " << helper;
        EXPECT_EQ(call.value, own.value) << "helper " << helper;
        return expected;
    }
    int same_control_update(uint32_t key, const Bytes& value, uint64_t flags) {
        Bytes key_bytes(4);
        std::memcpy(key_bytes.data(), &key, 4);
        const int expected = kernel_->update(key_bytes, value, flags);
        EXPECT_EQ(expected, own_->control_update(key_bytes.data(), value, flags))
            << "key " << key << " flags " << flags;
        return expected;
    }

    std::unique_ptr<KernelControlSide> kernel_;
    std::unique_ptr<vm::Map> own_;
};

/// Elements as programs reach them; iteration is the control side's.
class ProgramSide final : public testing::ControlSide {
public:
    using Run = std::function<int(int32_t helper, Shape shape, Call& call)>;
    ProgramSide(Run run, testing::ControlSide& control, uint32_t value_bytes)
        : run_(std::move(run)), control_(control), value_bytes_(value_bytes) {}

    int lookup(const Bytes& key, Bytes& value) override {
        Call call{.key = key, .value = Bytes(value_bytes_)};
        const int status = run_(kLookup, Shape::KeyToValue, call);
        value = call.value;
        return status;
    }
    int update(const Bytes& key, const Bytes& value, uint64_t flags) override {
        Call call{.key = key, .value = value, .number = flags};
        return run_(kUpdate, Shape::KeyAndValue, call);
    }
    int erase(const Bytes& key) override {
        Call call{.key = key, .value = Bytes(value_bytes_)};
        return run_(kDelete, Shape::Key, call);
    }
    int next_key(const Bytes* key, Bytes& next) override { return control_.next_key(key, next); }

private:
    Run run_;
    testing::ControlSide& control_;
    uint32_t value_bytes_;
};

/// Each operation by a program or through the control side, by chance: what one writes the other
/// reads, and only a program's look-up counts as use.
class AlternatingSide final : public testing::ControlSide {
public:
    AlternatingSide(testing::ControlSide& program, testing::ControlSide& control, uint32_t seed)
        : program_(program), control_(control), draw_(seed) {}
    /// Not by the order of calls: that in which a dump asks for keys is each map's own.
    int lookup(const Bytes& key, Bytes& value) override {
        return ((key.back() ^ key[0] ^ updates_ / 16) % 2 == 0 ? program_ : control_)
            .lookup(key, value);
    }
    int update(const Bytes& key, const Bytes& value, uint64_t flags) override {
        ++updates_;
        return side().update(key, value, flags);
    }
    int erase(const Bytes& key) override { return side().erase(key); }
    int next_key(const Bytes* key, Bytes& next) override { return control_.next_key(key, next); }

private:
    testing::ControlSide& side() { return draw_(2) == 0 ? program_ : control_; }

    testing::ControlSide& program_;
    testing::ControlSide& control_;
    Draw draw_;
    uint32_t updates_ = 0;
};

class ElementsFromPrograms : public ProgramsAgainstKernel {
protected:
    static MapType one_slot(MapType type) {
        switch (type) {
            case MapType::PercpuArray: return MapType::Array;
            case MapType::PercpuHash: return MapType::Hash;
            case MapType::LruPercpuHash: return MapType::LruHash;
            default: return type;
        }
    }
    static testing::SequenceOptions sequence_options(const vm::MapSpec& spec, uint64_t seed,
                                                     uint32_t operations) {
        operations = static_cast<uint32_t>(number_from_environment("WEIR_OPERATIONS", operations));
        return {.seed = seed + first_seed() - 1,
                .operations = operations,
                .control_value_bytes = spec.value_bytes,
                .dump_every = operations / 10};
    }
    void run(const vm::MapSpec& spec, uint64_t seed, uint32_t operations, bool alternates = false) {
        SCOPED_TRACE(vm::map_type_name(spec.type) + fmt::format(" of {}", spec.entries_max));
        ASSERT_NO_FATAL_FAILURE(make(spec));
        const HelperProgram lookup = program(kLookup, Shape::KeyToValue),
                            update = program(kUpdate, Shape::KeyAndValue),
                            erase = program(kDelete, Shape::Key);
        ProgramSide reference(
            [&](int32_t helper, Shape, Call& call) {
                return (helper == kLookup ? lookup : helper == kUpdate ? update : erase).run(call);
            },
            *kernel_, spec.value_bytes);
        testing::WeirControlSide own_control(*own_);
        ProgramSide tested([&](int32_t helper, Shape shape,
                               Call& call) { return call_own(*own_, helper, shape, call); },
                           own_control, spec.value_bytes);
        vm::MapSpec as_seen = spec;  // one slot: values have no padding
        as_seen.type = one_slot(spec.type);
        const testing::SequenceOptions options = sequence_options(spec, seed, operations);
        if (!alternates) return testing::expect_same_sequence(as_seen, options, reference, tested);
        AlternatingSide mixed_reference(reference, *kernel_, static_cast<uint32_t>(seed));
        AlternatingSide mixed(tested, own_control, static_cast<uint32_t>(seed));
        testing::expect_same_sequence(as_seen, options, mixed_reference, mixed);
    }
};

TEST_F(ElementsFromPrograms, LookUpsKeepKeysInAnLruHash) {
    for (const uint32_t entries : {2u, 16u, 100u, 600u}) {
        run({.name = "l",
             .type = MapType::LruHash,
             .key_bytes = 8,
             .value_bytes = 8,
             .entries_max = entries},
            entries, 30'000);
        run({.name = "l",
             .type = MapType::LruHash,
             .key_bytes = 4,
             .value_bytes = 12,
             .entries_max = entries,
             .flags = kNoCommonLru},
            entries + 1, 20'000);
    }
}

TEST_F(ElementsFromPrograms, LookUpsKeepKeysInAPercpuLruHash) {
    for (const uint32_t flags : {0u, kNoCommonLru}) {
        run({.name = "l",
             .type = MapType::LruPercpuHash,
             .key_bytes = 4,
             .value_bytes = 16,
             .entries_max = 40,
             .flags = flags},
            flags + 5, 30'000);
    }
}

TEST_F(ElementsFromPrograms, AgreeWithTheControlSideInBetween) {
    for (const MapType type : {MapType::Array, MapType::Hash, MapType::LruHash, MapType::LpmTrie})
        for (const uint32_t entries : {1u, 7u, 50u, 300u})
            run({.name = "b",
                 .type = type,
                 .key_bytes = type == MapType::Array ? 4u : 8u,
                 .value_bytes = 12,
                 .entries_max = entries,
                 .flags = type == MapType::LpmTrie ? vm::kMapNoPrealloc : 0u},
                entries, 10'000, true);
}

/// The slot of the first cpu.
TEST_F(ElementsFromPrograms, PercpuKindsAgree) {
    for (const MapType type : {MapType::PercpuArray, MapType::PercpuHash})
        for (const uint32_t entries : {1u, 20u})
            run({.name = "p",
                 .type = type,
                 .key_bytes = 4,
                 .value_bytes = 12,
                 .entries_max = entries},
                entries, 10'000);
}

TEST_F(ElementsFromPrograms, TriesAgree) {
    for (const uint32_t key_bytes : {5u, 8u, 20u, 33u})
        run({.name = "t",
             .type = MapType::LpmTrie,
             .key_bytes = key_bytes,
             .value_bytes = 12,
             .entries_max = 60,
             .flags = vm::kMapNoPrealloc},
            key_bytes, 10'000);
}

TEST_F(ElementsFromPrograms, HashesAndArraysAgree) {
    run({.name = "h", .type = MapType::Hash, .key_bytes = 8, .value_bytes = 12, .entries_max = 40},
        3, 20'000);
    run({.name = "a", .type = MapType::Array, .key_bytes = 4, .value_bytes = 12, .entries_max = 40},
        4, 10'000);
}

TEST_F(ProgramsAgainstKernel, QueuesAndStacksAgree) {
    for (const MapType type : {MapType::Queue, MapType::Stack}) {
        ASSERT_NO_FATAL_FAILURE(
            make({.name = "q", .type = type, .value_bytes = 12, .entries_max = 5}));
        const HelperProgram push = program(kPush, Shape::Value), pop = program(kPop, Shape::Value),
                            peek = program(kPeek, Shape::Value);
        Draw draw(1);
        uint32_t full = 0, empty = 0;
        for (uint32_t step = 0; step < 20'000; ++step) {
            Call call{.value = Bytes(12, static_cast<uint8_t>(draw(256)))};
            const uint32_t choice = draw(10);
            if (choice < 5) {
                call.number = draw(8) == 0 ? draw(5) : 0;
                full += same_call(push, kPush, Shape::Value, call) == -E2BIG ? 1 : 0;
            } else if (choice < 9) {
                empty += same_call(pop, kPop, Shape::Value, call) == -ENOENT ? 1 : 0;
            } else {
                same_call(peek, kPeek, Shape::Value, call);
                Bytes expected(12), actual(12);
                EXPECT_EQ(kernel_->lookup({}, expected), own_->control_lookup(nullptr, actual));
                EXPECT_EQ(expected, actual);
            }
            ASSERT_FALSE(HasFailure()) << "step " << step;
        }
        EXPECT_GT(full, 100u);
        EXPECT_GT(empty, 100u);
    }
}

/// With a known seed even the wrong "yes" is the same.
TEST_F(ProgramsAgainstKernel, BloomFiltersAgree) {
    for (const uint32_t value_bytes : {1u, 4u, 7u, 12u, 13u, 24u, 40u}) {
        ASSERT_NO_FATAL_FAILURE(make({.name = "b",
                                      .type = MapType::BloomFilter,
                                      .value_bytes = value_bytes,
                                      .entries_max = 20,
                                      .flags = vm::kMapZeroSeed,
                                      .extra = value_bytes % 4}));
        const HelperProgram push = program(kPush, Shape::Value),
                            peek = program(kPeek, Shape::Value);
        Draw draw(value_bytes);
        uint32_t yes = 0;
        for (uint32_t step = 0; step < 2'000; ++step) {
            Call call;
            for (uint32_t i = 0; i < value_bytes; ++i)
                call.value.push_back(static_cast<uint8_t>(draw(256)));
            call.number = step % 16 == 0 ? draw(3) : 0;
            if (step % 64 == 0) same_call(push, kPush, Shape::Value, call);
            yes += same_call(peek, kPeek, Shape::Value, call) == 0 ? 1 : 0;
            ASSERT_FALSE(HasFailure()) << "step " << step << ", " << value_bytes << " bytes";
        }
        EXPECT_GT(yes, 0u);
    }
}

TEST_F(ProgramsAgainstKernel, RedirectsAgree) {
    const uint64_t flag_sets[] = {0, 1, 2, 3, 4, 8, 9, 16, 24, 26, 32, 64, uint64_t{1} << 32};
    for (const MapType type :
         {MapType::Devmap, MapType::DevmapHash, MapType::Cpumap, MapType::Xskmap}) {
        ASSERT_NO_FATAL_FAILURE(
            make({.name = "r", .type = type, .key_bytes = 4, .value_bytes = 4, .entries_max = 4}));
        if (type != MapType::Xskmap) same_control_update(1, {1, 0, 0, 0}, 0);
        const HelperProgram redirect = program(kRedirectMap, Shape::Numbers);
        uint32_t redirected = 0;
        for (const uint64_t key : {uint64_t{0}, uint64_t{1}, uint64_t{3}, uint64_t{4},
                                   uint64_t{0xffffffff}, (uint64_t{1} << 32) + 1})
            for (const uint64_t flags : flag_sets)
                redirected += same_call(redirect, kRedirectMap, Shape::Numbers,
                                        {.number = key, .second = flags}) == kXdpRedirect
                                  ? 1
                                  : 0;
        EXPECT_EQ(redirected > 0, type != MapType::Xskmap) << vm::map_type_name(type);
    }
}

/// Interface 1 is the loopback.
TEST_F(ProgramsAgainstKernel, TargetsAreSetAndRemovedAlike) {
    for (const MapType type : {MapType::Devmap, MapType::DevmapHash, MapType::Cpumap}) {
        for (const uint32_t value_bytes : {4u, 8u}) {
            ASSERT_NO_FATAL_FAILURE(make({.name = "t",
                                          .type = type,
                                          .key_bytes = 4,
                                          .value_bytes = value_bytes,
                                          .entries_max = 3}));
            Draw draw(value_bytes);
            uint32_t found = 0;
            for (uint32_t step = 0; step < 3'000; ++step) {
                const uint32_t key = draw(5);
                const Bytes key_bytes = {static_cast<uint8_t>(key), 0, 0, 0};
                Bytes value(value_bytes, 0);
                value[0] = draw(4) != 0;
                if (type == MapType::Cpumap) value[2] = draw(8) == 0;
                same_control_update(key, value, draw(5));
                if (draw(3) == 0) {
                    EXPECT_EQ(kernel_->erase(key_bytes), own_->control_erase(key_bytes.data()));
                }
                Bytes expected(value_bytes), actual(value_bytes);
                const int status = kernel_->lookup(key_bytes, expected);
                EXPECT_EQ(status, own_->control_lookup(key_bytes.data(), actual));
                if (status == 0) {
                    EXPECT_EQ(expected, actual);
                    ++found;
                }
                ASSERT_FALSE(HasFailure()) << vm::map_type_name(type) << " step " << step;
            }
            EXPECT_GT(found, 0u) << vm::map_type_name(type);
        }
    }
}

/// What makes no sense for a kind.
TEST_F(ProgramsAgainstKernel, ControlSidesRefuseAlike) {
    const auto no_name = [](int status) {
        return status == kKernelNotSupported ? -EOPNOTSUPP : status;
    };
    for (const MapType type :
         {MapType::Queue, MapType::Stack, MapType::BloomFilter, MapType::Ringbuf, MapType::Xskmap,
          MapType::ProgArray, MapType::PerfEventArray}) {
        const bool keyless = type == MapType::Queue || type == MapType::Stack ||
                             type == MapType::BloomFilter || type == MapType::Ringbuf;
        const bool ring = type == MapType::Ringbuf;
        ASSERT_NO_FATAL_FAILURE(make({.name = "n",
                                      .type = type,
                                      .key_bytes = keyless ? 0u : 4u,
                                      .value_bytes = ring ? 0u : 4u,
                                      .entries_max = ring ? 4096u : 2u}));
        const Bytes key(4, 0);
        Bytes value(own_->control_value_bytes(), 0), own_value = value;
        EXPECT_EQ(no_name(kernel_->lookup(key, value)), own_->control_lookup(key.data(), own_value))
            << vm::map_type_name(type);
        if (type != MapType::PerfEventArray) {  // the kernel's error is that no event was opened
            EXPECT_EQ(no_name(kernel_->erase(key)), own_->control_erase(key.data()))
                << vm::map_type_name(type);
        }
        Bytes next(4), own_next(4);
        EXPECT_EQ(no_name(kernel_->next_key(nullptr, next)),
                  own_->next_key(nullptr, own_next.data()))
            << vm::map_type_name(type);
    }
}

}  // namespace
}  // namespace weir::tests
