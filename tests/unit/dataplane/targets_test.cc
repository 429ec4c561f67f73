// Entries of devmaps and cpumaps: numbers and the programs behind them, over swaps.
#include <gtest/gtest.h>

#include "dataplane/map_commands.h"
#include "dataplane/registry.h"
#include "dataplane/target_commands.h"
#include "maps/maps.h"
#include "maps/target_map.h"
#include "tests/unit/dataplane/fixtures.h"
#include "vm/verifier/verifier.h"

namespace weir::dataplane {
namespace {

constexpr Owner kAlice = 1, kBob = 2;
const Bytes kKey{1, 0, 0, 0};

Bytes value_of(uint32_t number, Handle program = 0) {
    Bytes value(8);
    maps::Target{number, program}.copy_to(value.data(), value.size());
    return value;
}

class Targets : public testing::Test {
protected:
    Handle make_map(vm::MapType type = vm::MapType::Devmap) {
        const Result<Handle> handle =
            registry_.create_map(kAlice, {"fw/out", testing_map("out", type, 4)});
        EXPECT_TRUE(handle) << handle.error().message;
        return handle.value_or(0);
    }
    Handle make_program(const std::string& name, const std::vector<Handle>& maps,
                        vm::XdpHook hook = vm::XdpHook::Device, Owner owner = kAlice) {
        auto program = std::make_shared<LoadedProgram>();
        program->name = name;
        for (const Handle map : maps) program->maps.push_back(*registry_.map(map));
        program->slot = std::make_shared<const SlotLease>(std::move(*registry_.take_slot()));
        vm::ProgramSpec spec = testing_return(2);
        spec.name = name;
        spec.hook = hook;
        program->verified =
            std::make_shared<const vm::VerifiedProgram>(*vm::accept(spec, *vm::verify(spec)));
        program->compiled =
            *jit::compile(program->verified, {}, maps::all_helpers(), jit::Engine::kInterp);
        program->bound =
            std::make_unique<const BoundProgram>(*program->compiled, program->slot->number());
        return registry_.add_program(owner, std::move(program));
    }
    LoadedMap& map(Handle handle) { return **registry_.map(handle); }
    maps::Destination destination(Handle handle) {
        return static_cast<const maps::TargetMap&>(*map(handle).map).destination(1);
    }
    std::string why_not(Handle handle, const Bytes& value) {
        const Result<void> set = registry_.set_target(map(handle), kKey, value);
        return set ? "" : set.error().message;
    }
    Registry registry_{2};
};

TEST_F(Targets, HaveNumberAndProgramAtOnce) {
    const Handle out = make_map();
    const Handle stamp = make_program("fw/stamp", {}, vm::XdpHook::Devmap);
    ASSERT_EQ(why_not(out, value_of(7, stamp)), "");
    EXPECT_EQ(destination(out).number, 7u);
    EXPECT_EQ(destination(out).program, (*registry_.program(stamp))->bound.get());
    EXPECT_EQ(*lookup_element(map(out), kKey)->value, value_of(7, stamp));
    ASSERT_EQ(why_not(out, value_of(8)), "");
    EXPECT_EQ(destination(out).program, nullptr);
    EXPECT_TRUE(map(out).slots.empty());
}

TEST_F(Targets, SayWhichProgramsDoNotFit) {
    const Handle out = make_map();
    const Handle fw = make_program("fw", {out});
    const Handle there = make_program("fw/there", {}, vm::XdpHook::Cpumap);
    EXPECT_NE(why_not(out, value_of(7, fw)).find("expected one of section xdp/devmap"),
              std::string::npos);
    EXPECT_NE(why_not(out, value_of(7, there)).find("expected one of section xdp/devmap"),
              std::string::npos);
    EXPECT_NE(why_not(out, value_of(7, 99)).find("no program has handle 99"), std::string::npos);
    EXPECT_EQ(destination(out).number, 0u);
    const Handle cpus = [&] {
        const vm::MapSpec spec = testing_map("cpus", vm::MapType::Cpumap, 4);
        return *registry_.create_map(kAlice, {"fw/cpus", spec});
    }();
    EXPECT_EQ(why_not(cpus, value_of(64, there)), "");
    EXPECT_NE(why_not(cpus, value_of(16385, there)).find("longer than is possible"),
              std::string::npos);
    const Bytes beyond{3, 0, 0, 0};
    EXPECT_NE(registry_.set_target(map(cpus), beyond, value_of(64, there))
                  .error()
                  .message.find("no such worker"),
              std::string::npos);
}

TEST_F(Targets, NameThePortsWhereNoneHasTheNumber) {
    const Handle out = make_map();
    std::vector<api::PortConfig> ports(2);
    ports[0].name = "wan";
    ports[0].ifindex = 3;
    ports[1].name = "lan";
    ports[1].ifindex = 5;
    const std::vector<api::Element> wrong = {{kKey, value_of(5)}, {kKey, value_of(4)}};
    const auto refused = update_targets(registry_, map(out), wrong, 0, ports);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().message,
              "element 2 of 2 (those before it are written): map fw/out (handle 1): no port has "
              "ifindex 4: 3 is wan, 5 is lan");
    EXPECT_EQ(destination(out).number, 5u);
    api::MapFill fill{out, vm::kUpdateNoExist, kKey};
    const Bytes value = value_of(3);
    fill.records.insert(fill.records.end(), value.begin(), value.end());
    EXPECT_EQ(fill_targets(registry_, map(out), fill, ports).error().kind, ErrorKind::kRejected);
    fill.flags = vm::kUpdateExist;
    EXPECT_EQ(fill_targets(registry_, map(out), fill, ports)->count, 1u);
    EXPECT_EQ(destination(out).number, 3u);
    fill.records.pop_back();
    EXPECT_FALSE(fill_targets(registry_, map(out), fill, ports));
}

TEST_F(Targets, KeepCompanionsAliveAndGoOnWithThoseOfASwap) {
    const Handle out = make_map();
    const Handle old_stamp = make_program("fw/stamp", {}, vm::XdpHook::Devmap);
    const Handle old_fw = make_program("fw", {out});
    ASSERT_TRUE(registry_.check_publish({old_fw}));
    registry_.published({old_fw});
    registry_.disconnected(kAlice);
    ASSERT_TRUE(registry_.program(old_stamp)) << "somebody may put it behind an entry";
    ASSERT_EQ(why_not(out, value_of(7, old_stamp)), "");
    const Handle stamp = make_program("fw/stamp", {}, vm::XdpHook::Devmap, kBob);
    const Handle fw = make_program("fw", {out}, vm::XdpHook::Device, kBob);
    EXPECT_NE(why_not(out, value_of(7, stamp)).find("not in service"), std::string::npos);
    const Result<void> fits = registry_.check_publish({fw});
    ASSERT_TRUE(fits) << fits.error().message;
    registry_.published({fw});
    registry_.disconnected(kBob);
    EXPECT_EQ(destination(out).number, 7u);
    EXPECT_EQ(destination(out).program, (*registry_.program(stamp))->bound.get());
    EXPECT_FALSE(registry_.program(old_stamp));
    EXPECT_FALSE(registry_.program(old_fw));
}

}  // namespace
}  // namespace weir::dataplane
