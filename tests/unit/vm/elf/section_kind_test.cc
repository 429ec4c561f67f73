#include "vm/elf/section_kind.h"

#include <gtest/gtest.h>

namespace weir::vm::elf {
namespace {

TEST(SectionKind, KnowsLibbpfsXdpSections) {
    struct Case {
        const char* name;
        XdpHook hook;
        bool frags;
    };
    for (const Case& row :
         {Case{"xdp", XdpHook::Device, false}, Case{"xdp.frags", XdpHook::Device, true},
          Case{"xdp/devmap", XdpHook::Devmap, false},
          Case{"xdp.frags/devmap", XdpHook::Devmap, true},
          Case{"xdp/cpumap", XdpHook::Cpumap, false},
          Case{"xdp.frags/cpumap", XdpHook::Cpumap, true},
          Case{"xdp_devmap/egress", XdpHook::Devmap, false},
          Case{"xdp_cpumap", XdpHook::Cpumap, false}, Case{"xdp/anything", XdpHook::Device, false},
          Case{"xdp_prog", XdpHook::Device, false}, Case{"xdp1", XdpHook::Device, false}}) {
        const SectionKind kind = classify_section(row.name);
        EXPECT_EQ(kind.type, ProgramType::Xdp) << row.name;
        EXPECT_EQ(kind.hook, row.hook) << row.name;
        EXPECT_EQ(kind.has_frags, row.frags) << row.name;
        EXPECT_FALSE(kind.assumed) << row.name;
        EXPECT_TRUE(kind.load_by_default);
        EXPECT_TRUE(kind.unsupported_type.empty()) << row.name;
        const SectionKind optional = classify_section(std::string("?") + row.name);
        EXPECT_FALSE(optional.load_by_default);
        EXPECT_EQ(optional.hook, row.hook);
    }
}

TEST(SectionKind, KnowsSocketFilters) {
    for (const char* name :
         {"socket", "socket1", "socket/http", "?socket", "filter", "loadbalancer"})
        EXPECT_EQ(classify_section(name).type, ProgramType::SocketFilter) << name;
}

TEST(SectionKind, RefusesOtherTypesByName) {
    for (const char* name : {"tc",
                             "tc/ingress",
                             "tcx/egress",
                             "classifier",
                             "classifier/x",
                             "action",
                             "kprobe/do_exit",
                             "kretprobe/x",
                             "uprobe//lib:f",
                             "usdt",
                             "tracepoint/a/b",
                             "tp/a/b",
                             "tp_btf/x",
                             "raw_tp/x",
                             "raw_tracepoint.w/x",
                             "fentry/x",
                             "fexit.s/x",
                             "fmod_ret/x",
                             "freplace/x",
                             "lsm/x",
                             "lsm_cgroup/x",
                             "iter/task",
                             "syscall",
                             "perf_event",
                             "lwt_in",
                             "lwt_seg6local",
                             "sockops",
                             "sk_skb/stream_verdict",
                             "sk_msg",
                             "sk_lookup",
                             "sk_reuseport/migrate",
                             "lirc_mode2",
                             "flow_dissector",
                             "cgroup_skb/ingress",
                             "cgroup/connect4",
                             "cgroup/dev",
                             "struct_ops/x",
                             "struct_ops.s",
                             "netfilter",
                             "netkit/peer",
                             "kprobe.multi/x",
                             "?fentry/x"}) {
        const SectionKind kind = classify_section(name);
        EXPECT_FALSE(kind.unsupported_type.empty()) << name;
        EXPECT_NE(kind.reason.find("are not offered"), std::string::npos) << name;
    }
    EXPECT_NE(classify_section("freplace/prog").reason.find("--type xdp"), std::string::npos);
}

TEST(SectionKind, TakesUnknownNamesForXdpWithANotice) {
    for (const char* name : {"prog", "2/15", "drop", "tcp_filter", "actions", "sktop", "foo/bar"}) {
        const SectionKind kind = classify_section(name);
        EXPECT_TRUE(kind.assumed) << name;
        EXPECT_EQ(kind.type, ProgramType::Xdp) << name;
    }
}

TEST(SectionKind, ForcesTheTypeAndKeepsTheRest) {
    EXPECT_TRUE(forced_kind(ProgramType::Xdp, "xdp.frags").has_frags);
    EXPECT_FALSE(forced_kind(ProgramType::SocketFilter, "xdp.frags").has_frags);
    EXPECT_EQ(forced_kind(ProgramType::SocketFilter, "tc").type, ProgramType::SocketFilter);
    EXPECT_FALSE(forced_kind(ProgramType::Xdp, "?tc").load_by_default);
    EXPECT_TRUE(forced_kind(ProgramType::Xdp, "fentry/x").unsupported_type.empty());
}

TEST(SectionKind, ReadsTailCallSlots) {
    const auto slot = tail_slot_of("2/15");
    ASSERT_TRUE(slot);
    EXPECT_EQ(slot->map_id, 2u);
    EXPECT_EQ(slot->index, 15u);
    EXPECT_EQ(tail_slot_of("0xab/0x10")->map_id, 0xabu);
    EXPECT_EQ(tail_slot_of("1/010")->index, 8u) << "octal";
    for (const char* name : {"", "/", "2/", "/2", "2", "2/x", "xdp/2", "2/3/4", "99999999999/1"})
        EXPECT_FALSE(tail_slot_of(name)) << name;
}

TEST(SectionKind, TellsDataFromOtherSections) {
    for (const char* name : {".data", ".data.x", ".bss", ".bss.y", ".rodata", ".rodata.str1.1"})
        EXPECT_TRUE(is_data_section(name)) << name;
    for (const char* name : {".database", ".rodatax", "data", ".text", "license", ".maps"})
        EXPECT_FALSE(is_data_section(name)) << name;
    EXPECT_TRUE(is_rodata_section(".rodata.cst16"));
    EXPECT_FALSE(is_rodata_section(".data"));
}

}  // namespace
}  // namespace weir::vm::elf
