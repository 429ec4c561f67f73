#include "vm/program/context.h"

#include <gtest/gtest.h>

namespace weir::vm {
namespace {

ContextRequest load_of(ProgramType type, int64_t offset, uint32_t bytes) {
    return {.type = type, .offset = offset, .bytes = bytes};
}

std::string refusal(const ContextRequest& request) {
    const auto access = context_access(request);
    return access ? "" : access.error().message;
}

TEST(ContextAccess, TranslatesEveryFieldOfXdpMd) {
    for (const XdpField& field : kXdpFields) {
        ContextRequest request = load_of(ProgramType::Xdp, field.xdp_md_offset, 4);
        request.hook = XdpHook::Devmap;
        const auto access = context_access(request);
        ASSERT_TRUE(access) << access.error().message;
        EXPECT_EQ(access->native_offset, field.native_offset);
        EXPECT_EQ(access->native_bytes, field.native_bytes);
        EXPECT_EQ(access->is_pointer, field.kind != XdpFieldKind::Scalar);
    }
    EXPECT_NE(refusal(load_of(ProgramType::Xdp, -4, 4)), "");
    EXPECT_NE(refusal(load_of(ProgramType::Xdp, 2, 4)), "");
}

TEST(ContextAccess, ReadsPartsOfFieldsOfSkBuffWhereTheyStand) {
    const auto part = context_access(load_of(ProgramType::SocketFilter, 2, 2));
    ASSERT_TRUE(part) << part.error().message;
    EXPECT_EQ(part->native_offset, offsetof(SkbContext, len) + 2);
    EXPECT_EQ(part->native_bytes, 2u);
    const auto data = context_access(load_of(ProgramType::SocketFilter, 76, 4));
    ASSERT_TRUE(data) << data.error().message;
    EXPECT_TRUE(data->is_pointer);
    EXPECT_EQ(data->native_bytes, 8u);
    EXPECT_EQ(refusal(load_of(ProgramType::SocketFilter, 1, 2)),
              "load of 2 bytes at offset 1: field len of __sk_buff is read and written aligned");
    EXPECT_EQ(refusal(load_of(ProgramType::SocketFilter, 0, 8)),
              "load of 8 bytes at offset 0: field len of __sk_buff ends at offset 4");
}

TEST(ContextAccess, NamesEveryFieldOfSkBuffThatItRefuses) {
    for (uint32_t offset = 0; offset < kSkbBytes; ++offset) {
        const SkbField* field = skb_field_at(offset);
        const std::string why = refusal(load_of(ProgramType::SocketFilter, offset, 1));
        const bool is_pointer = field != nullptr && (field->kind == SkbFieldKind::PacketStart ||
                                                     field->kind == SkbFieldKind::PacketEnd);
        if (field == nullptr) {
            EXPECT_NE(why.find("no field there"), std::string::npos) << offset;
        } else if (field->kind == SkbFieldKind::Refused) {
            EXPECT_NE(why.find(field->name), std::string::npos) << offset;
        } else {
            EXPECT_EQ(why.empty(), !is_pointer) << offset;
        }
    }
    EXPECT_EQ(skb_field_at(kSkbBytes), nullptr);
    EXPECT_EQ(skb_field_at(-1), nullptr);
}

TEST(ContextAccess, LetsFiltersWriteToCbAlone) {
    for (int64_t offset = 0; offset < kSkbBytes; offset += 4) {
        ContextRequest store = load_of(ProgramType::SocketFilter, offset, 4);
        store.is_store = true;
        EXPECT_EQ(refusal(store).empty(), offset >= 48 && offset < 68) << offset;
    }
}

}  // namespace
}  // namespace weir::vm
