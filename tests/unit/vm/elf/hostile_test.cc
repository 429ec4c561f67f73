// Objects as an attacker would write them: cut at every length, every byte changed. Each load ends
// in a program list or in one line of error, soon, and without much memory. By default a sample of
// offsets runs; WEIR_HOSTILE_STRIDE=1 tries them all (minutes), WEIR_HOSTILE_VALUES=255 every value
// there (hours).
#include <gtest/gtest.h>
#include <time.h>

#include <fstream>
#include <iterator>

#include "tests/support/environment.h"
#include "tests/support/kernel_facts.h"
#include "tests/unit/vm/elf/loaded_object.h"
#include "tests/unit/vm/elf/memory_use.h"
#include "vm/base/printable.h"
#include "vm/elf/elf.h"

namespace weir::vm {
namespace {

constexpr size_t kStrideDefault = 97;
constexpr size_t kValuesDefault = 5;
constexpr size_t kMemoryBytesMax = 64u << 20;
constexpr double kSecondsMax = 1;

size_t stride() {
    return weir::tests::number_from_environment("WEIR_HOSTILE_STRIDE", kStrideDefault);
}

Bytes read_object(const std::string& name) {
    std::ifstream file(tests::corpus_path(name), std::ios::binary);
    return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

/// Neither the kernel's types nor its configuration: they are the same in every run.
LoadOptions options() {
    return {.btf_path = tests::corpus_path("loader/core_target.clang-14.v3.o"),
            .kconfig_path = weir::tests::kernel_facts_path(),
            .assume_entries_max = 64};
}

/// Processor time of this thread: other work on the machine does not count.
double seconds_now() {
    timespec now{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

/// Copies into memory of exactly that size, so that a sanitizer sees one byte too far.
testing::AssertionResult load_ends_well(ByteSpan bytes) {
    const Bytes exact(bytes.begin(), bytes.end());
    const LoadOptions with = options();
    const size_t before = weir::tests::heap_bytes();
    weir::tests::start_peak();
    const double start = seconds_now();
    const auto loaded = load_object(exact, with);
    const double seconds = seconds_now() - start;
    const size_t most = weir::tests::heap_bytes_peak() - before;
    if (seconds > kSecondsMax) return testing::AssertionFailure() << "took " << seconds << " s";
    if (most > kMemoryBytesMax) return testing::AssertionFailure() << "took " << most << " bytes";
    if (loaded) {
        if (!loaded->programs.empty() || !loaded->unsupported.empty())
            return testing::AssertionSuccess();
        return testing::AssertionFailure() << "loaded nothing";
    }
    const std::string& message = loaded.error().message;
    if (!message.empty() && message == printable(message)) return testing::AssertionSuccess();
    return testing::AssertionFailure() << "no line of error: " << message;
}

/// The values to try in place of `original`.
std::vector<uint8_t> changes_of(uint8_t original) {
    std::vector<uint8_t> values;
    for (const int value : {original ^ 0x01, original ^ 0x80, original + 1, 0x00, 0xff})
        values.push_back(static_cast<uint8_t>(value));
    for (size_t i = kValuesDefault;
         i < weir::tests::number_from_environment("WEIR_HOSTILE_VALUES", kValuesDefault); ++i)
        values.push_back(static_cast<uint8_t>(original + i - kValuesDefault + 2));
    return values;
}

class HostileObject : public testing::TestWithParam<const char*> {};

TEST_P(HostileObject, EndsWellWhereverItIsCut) {
    const Bytes object = read_object(GetParam());
    ASSERT_GT(object.size(), 1'000u);
    for (size_t length = 0; length < object.size(); length += length < 64 ? 1 : stride())
        ASSERT_TRUE(load_ends_well(ByteSpan(object).first(length))) << "cut to " << length;
    // Section headers stand at the end of clang's objects: nothing shorter can be whole.
    EXPECT_FALSE(load_object(ByteSpan(object).first(object.size() - 1), options()));
}

TEST_P(HostileObject, EndsWellWhateverByteChanges) {
    Bytes object = read_object(GetParam());
    ASSERT_GT(object.size(), 1'000u);
    for (size_t at = 0; at < object.size(); at += at < 64 ? 1 : stride()) {
        const uint8_t original = object[at];
        for (const uint8_t changed : changes_of(original)) {
            object[at] = changed;
            ASSERT_TRUE(load_ends_well(object)) << "byte " << at << " is " << int{changed};
        }
        object[at] = original;
    }
    EXPECT_TRUE(load_object(object, options()));
}

INSTANTIATE_TEST_SUITE_P(
    Corpus, HostileObject,
    testing::Values("flow_hash.clang-14.v3.o", "globals.clang-19.v4.o", "legacy_maps.clang-19.v3.o",
                    "many_sections.clang-14.v2.o", "subprograms.clang-14.v1.o",
                    "loader/core_local.clang-19.v4.o", "loader/elf_maps.clang-14.v3.o",
                    "loader/kernel_facts.clang-14.v3.o", "loader/map_fields.clang-19.v4.o",
                    "loader/map_kinds.clang-14.v3.o"),
    [](const auto& object) {
        const std::string path = object.param;
        const size_t start = path.find('/') + 1;  // 0 where there is none
        return path.substr(start, path.find('.') - start);
    });

TEST(HostileObject, CountsMemoryOfEveryLibrary) {
    const Bytes object = read_object("loader/kernel_facts.clang-14.v3.o");
    const size_t before = weir::tests::heap_bytes();
    weir::tests::start_peak();
    void* volatile block = malloc(1 << 20);  // else the compiler leaves both calls out
    ASSERT_NE(block, nullptr);
    EXPECT_GE(weir::tests::heap_bytes(), before + (1 << 20));
    free(block);
    EXPECT_EQ(weir::tests::heap_bytes(), before);
    EXPECT_GE(weir::tests::heap_bytes_peak(), before + (1 << 20));
    EXPECT_TRUE(load_ends_well(object));
}

/// An array of char without a byte would have no room for the zero that ends a text.
TEST(HostileObject, EndsWellWhereCharsHaveNoSize) {
    Bytes object = read_object("loader/kernel_facts.clang-14.v3.o");
    // BTF of `char`: kind INT, size 1, signed, 8 bits.
    const Bytes plain = {0, 0, 0, 1, 1, 0, 0, 0, 8, 0, 0, 1};
    const Bytes empty = {0, 0, 0, 1, 0, 0, 0, 0, 8, 0, 0, 2};
    const auto found = std::ranges::search(object, plain);
    ASSERT_EQ(found.size(), plain.size());
    std::ranges::copy(empty, found.begin());
    EXPECT_TRUE(load_ends_well(object));
    const auto loaded = load_object(object, options());
    ASSERT_TRUE(loaded) << loaded.error().message;
    EXPECT_NE(tests::reason_of(*loaded, "settings").find("no configuration value"),
              std::string::npos);
}

std::string error_of(ByteSpan bytes) {
    const auto loaded = load_object(bytes, {});
    return loaded ? "" : loaded.error().message;
}

TEST(HostileObject, SaysWhatIsNoObject) {
    EXPECT_NE(error_of({}).find("not an ELF file"), std::string::npos);
    Bytes object = read_object("constant.clang-14.v3.o");
    EXPECT_NE(error_of(ByteSpan(object).first(20)).find("truncated: 20 bytes"), std::string::npos);
    Bytes changed = object;
    changed[18] = 62, changed[19] = 0;
    EXPECT_NE(error_of(changed).find("ELF machine 62 (x86-64): expected 247"), std::string::npos);
    changed[18] = changed[19] = 0;
    EXPECT_EQ(error_of(changed), "");
    changed = object;
    changed[16] = 2;
    EXPECT_NE(error_of(changed).find("ELF type 2 (executable)"), std::string::npos);
    changed = object;
    changed[5] = 2;
    EXPECT_NE(error_of(changed).find("byte order 2 (big-endian)"), std::string::npos);
    changed = object;
    changed[4] = 1;
    EXPECT_NE(error_of(changed).find("class 1 (32-bit)"), std::string::npos);
    EXPECT_NE(error_of(ByteSpan(object).first(object.size() / 2)).find("truncated"),
              std::string::npos);
}

}  // namespace
}  // namespace weir::vm
