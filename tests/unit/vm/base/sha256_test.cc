#include "vm/base/sha256.h"

#include <gtest/gtest.h>

#include <string_view>

namespace weir {
namespace {

Sha256 of(std::string_view text) {
    return sha256({reinterpret_cast<const uint8_t*>(text.data()), text.size()});
}

TEST(Sha256, IsThatOfFips180) {  // "abc", from the standard's examples
    const Sha256 expected = {0xba, 0x78, 0x16, 0xbf, 0x8f, 0x01, 0xcf, 0xea, 0x41, 0x41, 0x40,
                             0xde, 0x5d, 0xae, 0x22, 0x23, 0xb0, 0x03, 0x61, 0xa3, 0x96, 0x17,
                             0x7a, 0x9c, 0xb4, 0x10, 0xff, 0x61, 0xf2, 0x00, 0x15, 0xad};
    EXPECT_EQ(of("abc"), expected);
}

TEST(Sha256, TakesNothingAtAll) {
    const Sha256 empty = of("");
    EXPECT_EQ(empty[0], 0xe3);
    EXPECT_EQ(empty[31], 0x55);
}

}  // namespace
}  // namespace weir
