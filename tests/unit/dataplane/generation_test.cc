#include "dataplane/generation.h"

#include <gtest/gtest.h>

#include "tests/unit/dataplane/fixtures.h"
#include "vm/verifier/verifier.h"

namespace weir::dataplane {
namespace {

bool keeps_frames(const vm::ProgramSpec& spec) {
    auto proof = vm::verify(spec);
    EXPECT_TRUE(proof) << proof.error().message;
    const Result<vm::VerifiedProgram> verified = vm::accept(spec, std::move(*proof));
    EXPECT_TRUE(verified) << verified.error().message;
    return make_entry(nullptr, 0, *verified).keeps_frames;
}

/// r1 is the context still.
vm::ProgramSpec calling(int32_t helper, int32_t second_argument) {
    return testing_program("calls", {{0xb7, 2, 0, 0, second_argument},
                                     {0x85, 0, 0, 0, helper},
                                     {0xb7, 0, 0, 0, vm::XDP_PASS},
                                     {0x95, 0, 0, 0, 0}});
}

/// bpf_tail_call(context, map, 0)
vm::ProgramSpec tail_calling() {
    vm::ProgramSpec program = testing_program("tail", {{0x18, 2, 1, 0, 0},
                                                       {0x00, 0, 0, 0, 0},
                                                       {0xb7, 3, 0, 0, 0},
                                                       {0x85, 0, 0, 0, 12},
                                                       {0xb7, 0, 0, 0, vm::XDP_PASS},
                                                       {0x95, 0, 0, 0, 0}});
    program.maps = {testing_map("programs", vm::MapType::ProgArray, 4)};
    program.maps[0].value_bytes = 4;
    return program;
}

/// return bpf_redirect_map(map, 0, 0)
vm::ProgramSpec redirecting() {
    vm::ProgramSpec program = testing_program("redirect", {{0x18, 1, 1, 0, 0},
                                                           {0x00, 0, 0, 0, 0},
                                                           {0xb7, 2, 0, 0, 0},
                                                           {0xb7, 3, 0, 0, 0},
                                                           {0x85, 0, 0, 0, 51},
                                                           {0x95, 0, 0, 0, 0}});
    program.maps = {testing_map("ports", vm::MapType::Devmap, 4)};
    program.maps[0].value_bytes = 4;
    return program;
}

TEST(ChainEntry, KeepsFramesUnlessACallMayChangeThem) {
    EXPECT_TRUE(keeps_frames(testing_return(vm::XDP_PASS)));
    EXPECT_TRUE(
        keeps_frames(testing_counter(vm::XDP_DROP, testing_map("counts", vm::MapType::Array, 1))));
    EXPECT_TRUE(keeps_frames(calling(188, 0))) << "xdp_get_buff_len";
    EXPECT_FALSE(keeps_frames(calling(44, 0))) << "xdp_adjust_head";
    EXPECT_FALSE(keeps_frames(calling(54, 0))) << "xdp_adjust_meta";
    EXPECT_FALSE(keeps_frames(calling(65, 0))) << "xdp_adjust_tail";
    EXPECT_FALSE(keeps_frames(tail_calling()));
    EXPECT_FALSE(keeps_frames(redirecting()));
}

}  // namespace
}  // namespace weir::dataplane
