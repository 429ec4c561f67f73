// Objects as an attacker would write them: cut at every length, every byte changed. Each load ends
// in a program list or in one line of error. WEIR_HOSTILE_STRIDE=1 tries everything (minutes); by
// default a sample of offsets runs.
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <iterator>

#include "vm/elf/elf.h"

namespace weir::vm {
namespace {

const std::string kCorpus = WEIR_CORPUS_DIR;
constexpr size_t kStrideDefault = 13;

size_t stride() {
    const char* wanted = std::getenv("WEIR_HOSTILE_STRIDE");
    return wanted != nullptr && std::atoi(wanted) > 0 ? static_cast<size_t>(std::atoi(wanted))
                                                      : kStrideDefault;
}

Bytes read_object(const std::string& name) {
    std::ifstream file(kCorpus + "/" + name, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

/// Copies into memory of exactly that size, so that a sanitizer sees one byte too far.
bool load_ends_well(ByteSpan bytes) {
    const Bytes exact(bytes.begin(), bytes.end());
    const auto loaded = load_object(exact, {.globals = {}, .assume_entries_max = 64});
    if (loaded) return !loaded->programs.empty() || !loaded->unsupported.empty();
    const std::string& message = loaded.error().message;
    return !message.empty() && message.find('\n') == std::string::npos;
}

class HostileObject : public testing::TestWithParam<const char*> {};

TEST_P(HostileObject, EndsWellWhereverItIsCut) {
    const Bytes object = read_object(GetParam());
    ASSERT_GT(object.size(), 1'000u);
    for (size_t length = 0; length < object.size(); length += length < 64 ? 1 : stride())
        ASSERT_TRUE(load_ends_well(ByteSpan(object).first(length))) << "cut to " << length;
    // Section headers stand at the end of clang's objects: nothing shorter can be whole.
    EXPECT_FALSE(load_object(ByteSpan(object).first(object.size() - 1), {}));
}

TEST_P(HostileObject, EndsWellWhateverByteChanges) {
    Bytes object = read_object(GetParam());
    ASSERT_GT(object.size(), 1'000u);
    for (size_t at = 0; at < object.size(); at += at < 64 ? 1 : stride()) {
        const uint8_t original = object[at];
        for (const int changed : {original ^ 0x01, original ^ 0x80, original + 1, 0x00, 0xff}) {
            object[at] = static_cast<uint8_t>(changed);
            ASSERT_TRUE(load_ends_well(object)) << "byte " << at << " is " << changed;
        }
        object[at] = original;
    }
    EXPECT_TRUE(load_object(object, {}));
}

INSTANTIATE_TEST_SUITE_P(
    Corpus, HostileObject,
    testing::Values("flow_hash.clang-14.v3.o", "globals.clang-19.v4.o",
                    "many_sections.clang-14.v2.o", "legacy_maps.clang-19.v3.o"),
    [](const auto& object) {
        return std::string(object.param).substr(0, std::string(object.param).find('.'));
    });

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
