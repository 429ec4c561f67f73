#include "controlplane/deploy/policy_keys.h"

#include <gtest/gtest.h>

namespace weir::controlplane {
namespace {

TEST(PolicyKeys, MergesAndPrefersTheNewerSize) {
    const PolicyKeys old = {{"a/m", {{1, 1}, {1, 3}}}, {"b/m", {{1, 2}}}};
    const PolicyKeys more = {{"a/m", {{1, 2}, {1, 3}}}, {"b/m", {{1, 2, 3, 4}}}};
    const PolicyKeys wanted = {{"a/m", {{1, 1}, {1, 2}, {1, 3}}}, {"b/m", {{1, 2, 3, 4}}}};
    EXPECT_EQ(merge_keys(old, more), wanted);
    EXPECT_EQ(merge_keys(old, {}), old);
}

TEST(PolicyKeys, ComeBackFromBytesAndRefuseWhatIsCut) {
    const PolicyKeys keys = {{"a/m", {{1, 1}, {1, 3}}}, {"b/m", {{9, 8, 7}}}};
    const Bytes bytes = encode_keys(keys);
    EXPECT_EQ(decode_keys(bytes).value(), keys);
    for (size_t length = 0; length < bytes.size(); ++length)
        EXPECT_FALSE(decode_keys(ByteSpan(bytes).first(length))) << length;
    Bytes longer = bytes;
    longer.push_back(0);
    EXPECT_FALSE(decode_keys(longer));
}

}  // namespace
}  // namespace weir::controlplane
