// What the functions under bpf_dynptr_* say of dynptrs that helpers never see.

#include "vm/helpers/dynptr.h"

#include <cerrno>
#include <cstring>

#include <gtest/gtest.h>

#include "tests/unit/vm/helpers/segments_frame.h"

namespace weir::vm {
namespace {

TEST(Dynptr, IsKeptInSixteenBytesAnywhere) {
    std::array<uint8_t, 32> stack{};
    const uint64_t odd = number_of(stack.data() + 3);
    Dynptr dynptr = Dynptr::make(DynptrKind::Record, 0x1234, kDynptrBytesMax);
    dynptr.offset = 7;
    dynptr.set_readonly();
    store_dynptr(odd, dynptr);
    const Dynptr again = load_dynptr(odd);
    EXPECT_EQ(again.data, 0x1234u);
    EXPECT_EQ(again.size(), kDynptrBytesMax);
    EXPECT_EQ(again.kind(), DynptrKind::Record);
    EXPECT_EQ(again.offset, 7u);
    EXPECT_TRUE(again.is_readonly());
    clear_dynptr(odd);
    EXPECT_TRUE(load_dynptr(odd).is_null());
}

TEST(Dynptr, ChecksRangesWithoutOverflow) {
    const Dynptr dynptr = Dynptr::make(DynptrKind::Memory, 1, 100);
    EXPECT_EQ(check_dynptr_range(dynptr, 0, 100), 0);
    EXPECT_EQ(check_dynptr_range(dynptr, 100, 0), 0);
    EXPECT_EQ(check_dynptr_range(dynptr, 101, 0), -E2BIG);
    EXPECT_EQ(check_dynptr_range(dynptr, 1, 100), -E2BIG);
    EXPECT_EQ(check_dynptr_range(dynptr, UINT32_MAX, 2), -E2BIG);
    EXPECT_EQ(check_dynptr_range(dynptr, 2, UINT32_MAX), -E2BIG);
}

TEST(Dynptr, ReadsAndWritesRecords) {
    std::array<uint8_t, 8> record{1, 2, 3, 4, 5, 6, 7, 8};
    const Dynptr dynptr = Dynptr::make(DynptrKind::Record, number_of(record.data()), record.size());
    std::array<uint8_t, 2> out{};
    EXPECT_EQ(read_dynptr(dynptr, 6, out.data(), 2), 0);
    EXPECT_EQ(out, (std::array<uint8_t, 2>{7, 8}));
    EXPECT_EQ(write_dynptr(dynptr, 0, out.data(), 2), 0);
    EXPECT_EQ(record[1], 8);
    EXPECT_EQ(dynptr_slice(dynptr, 3, 5), record.data() + 3);
    EXPECT_EQ(dynptr_slice(dynptr, 3, 6), nullptr);
}

TEST(Dynptr, SeesAPacketThatBecameShorter) {
    SegmentsFrame frame;
    const Dynptr dynptr = Dynptr::make(DynptrKind::Packet, number_of(&frame.context), 9000);
    frame.context.segment_count = 0;
    std::array<uint8_t, 4> out{1, 2, 3, 4};
    EXPECT_EQ(read_dynptr(dynptr, 3518, out.data(), 4), -EINVAL);
    EXPECT_EQ(out[0], 1);
    EXPECT_EQ(write_dynptr(dynptr, 3518, out.data(), 4), -EINVAL);
    EXPECT_EQ(dynptr_slice(dynptr, 3518, 4), nullptr);
    EXPECT_EQ(dynptr_slice(dynptr, 3516, 4), frame.context.data + 3516);
}

}  // namespace
}  // namespace weir::vm
