#include "dataplane/registry.h"

#include <gtest/gtest.h>

#include "dataplane/load.h"
#include "dataplane/map_commands.h"
#include "maps/maps.h"
#include "tests/unit/dataplane/fixtures.h"
#include "vm/verifier/verifier.h"

namespace weir::dataplane {
namespace {

constexpr Owner kAlice = 1, kBob = 2;

class RegistryTest : public testing::Test {
protected:
    Handle make_map(Owner owner, const std::string& name) {
        const Result<Handle> handle =
            registry_.create_map(owner, {name, testing_map(name, vm::MapType::Array, 1)});
        EXPECT_TRUE(handle) << handle.error().message;
        return handle.value_or(0);
    }
    Handle make_program(Owner owner, const std::string& name, const std::vector<Handle>& maps) {
        auto program = std::make_shared<LoadedProgram>();
        program->name = name;
        for (const Handle map : maps) program->maps.push_back(*registry_.map(map));
        program->slot = std::make_shared<const SlotLease>(*registry_.take_slot());
        const vm::ProgramSpec spec = testing_return(2);
        program->verified =
            std::make_shared<const vm::VerifiedProgram>(*vm::accept(spec, *vm::verify(spec)));
        program->compiled =
            *jit::compile(program->verified, {}, maps::all_helpers(), jit::Engine::kInterp);
        return registry_.add_program(owner, std::move(program));
    }
    Registry registry_{2};
};

TEST_F(RegistryTest, NumbersMapsAndFindsThem) {
    EXPECT_EQ(make_map(kAlice, "a"), 1u);
    EXPECT_EQ(make_map(kAlice, "b"), 2u);
    EXPECT_EQ((*registry_.map(2))->name, "b");
    EXPECT_EQ(registry_.map(3).error().message, "no map has handle 3");
    EXPECT_EQ(registry_.map(3).error().kind, ErrorKind::kNotFound);
}

TEST_F(RegistryTest, RefusesAPendingNameTwiceButNotThatOfAPublishedMap) {
    const Handle old_map = make_map(kAlice, "fw/.bss");
    const auto again =
        registry_.create_map(kAlice, {"fw/.bss", testing_map("", vm::MapType::Array, 1)});
    ASSERT_FALSE(again);
    EXPECT_EQ(again.error().message,
              "map fw/.bss: this connection has made one of that name already");
    make_map(kBob, "fw/.bss");
    registry_.published({make_program(kAlice, "fw", {old_map})});
    EXPECT_NE(make_map(kAlice, "fw/.bss"), old_map);
}

TEST_F(RegistryTest, SaysWhyAMapCannotBeMade) {
    const auto made =
        registry_.create_map(kAlice, {"empty", testing_map("empty", vm::MapType::Hash, 0)});
    ASSERT_FALSE(made);
    EXPECT_EQ(made.error().message.find("map empty: "), 0u) << made.error().message;
}

TEST_F(RegistryTest, FreesWhatAConnectionLeavesPending) {
    const Handle map = make_map(kAlice, "a");
    const Handle program = make_program(kAlice, "p", {map});
    const Handle other = make_map(kBob, "b");
    registry_.disconnected(kAlice);
    EXPECT_FALSE(registry_.map(map));
    EXPECT_FALSE(registry_.program(program));
    EXPECT_TRUE(registry_.map(other));
}

TEST_F(RegistryTest, KeepsWhatIsPublishedUntilTheNextGenerationDropsIt) {
    const Handle shared = make_map(kAlice, "shared"), own = make_map(kAlice, "own");
    const Handle first = make_program(kAlice, "p", {shared, own});
    registry_.published({first});
    registry_.disconnected(kAlice);
    EXPECT_TRUE(registry_.program(first));
    EXPECT_EQ(registry_.published_maps().size(), 2u);
    const Handle second = make_program(kBob, "p", {shared});
    registry_.published({second});
    EXPECT_FALSE(registry_.program(first));
    EXPECT_TRUE(registry_.map(shared));
    EXPECT_FALSE(registry_.map(own));
    registry_.published({});
    EXPECT_FALSE(registry_.map(shared));
}

TEST_F(RegistryTest, KeepsAPublishedMapForAPendingProgramThatUsesIt) {
    const Handle map = make_map(kAlice, "shared");
    registry_.published({make_program(kAlice, "p", {map})});
    const Handle pending = make_program(kBob, "q", {map});
    registry_.published({});
    EXPECT_TRUE(registry_.map(map));
    registry_.published({pending});
    EXPECT_TRUE((*registry_.map(map))->published);
}

TEST_F(RegistryTest, ShowsPendingMapsToTheirMakerOnly) {
    make_map(kAlice, "a");
    registry_.published({make_program(kBob, "p", {make_map(kBob, "b")})});
    EXPECT_EQ(registry_.maps_seen_by(kAlice).size(), 2u);
    EXPECT_EQ(registry_.maps_seen_by(kBob).size(), 1u);
}

TEST_F(RegistryTest, RefusesTwoOfOneNameInOneGeneration) {
    const Handle a = make_map(kAlice, "m"), b = make_map(kBob, "m");
    const Handle p = make_program(kAlice, "p", {a}), q = make_program(kAlice, "q", {b}),
                 p2 = make_program(kAlice, "p", {});
    EXPECT_EQ(registry_.check_publish({p, q}).error().message,
              "map 'm' would stand for handles 1 and 2 in one generation");
    EXPECT_EQ(registry_.check_publish({p, p2}).error().message,
              "program 'p' would stand for handles 1 and 3 in one generation");
    EXPECT_TRUE(registry_.check_publish({p}));
    EXPECT_EQ(registry_.check_publish({99}).error().message, "no program has handle 99");
}

TEST_F(RegistryTest, GivesASlotBackWithTheLastHolderOfItsProgram) {
    const Handle handle = make_program(kAlice, "p", {});
    std::shared_ptr<LoadedProgram> held = *registry_.program(handle);  // as a generation does
    const uint32_t slot = held->slot->number();
    registry_.disconnected(kAlice);
    EXPECT_NE(registry_.take_slot()->number(), slot);
    held.reset();
    EXPECT_EQ(registry_.take_slot()->number(), slot);
}

class LoadedMapTest : public RegistryTest {
protected:
    LoadedMap& map(const vm::MapSpec& spec) {
        const Result<Handle> handle = registry_.create_map(kAlice, {"m", spec});
        EXPECT_TRUE(handle) << handle.error().message;
        held_ = *registry_.map(*handle);
        return *held_;
    }
    std::shared_ptr<LoadedMap> held_;
};

TEST_F(LoadedMapTest, NamesTheElementThatIsWrong) {
    LoadedMap& hash = map(testing_map("m", vm::MapType::Hash, 2));
    const std::vector<api::Element> elements = {{Bytes{1, 0, 0, 0}, Bytes(8)},
                                                {Bytes{2, 0, 0}, Bytes(8)}};
    EXPECT_EQ(update_elements(hash, {1, 0, false, elements}, at_once).error().message,
              "element 2 of 2 (those before it are written): map m (handle 1): key 0x020000 has 3 "
              "bytes, expected 4");
    EXPECT_EQ(hash.map->entries(), 1u);
    EXPECT_EQ(update_elements(hash, {1, 0, false, {{Bytes(4), Bytes(9)}}}, at_once).error().message,
              "element 1 of 1: map m (handle 1): value of key 0x00000000 has 9 bytes, expected 8");
    const std::vector<api::Element> many = {{Bytes{2, 0, 0, 0}, Bytes(8)},
                                            {Bytes{3, 0, 0, 0}, Bytes(8)}};
    const auto full = update_elements(hash, {1, 0, false, many}, at_once);
    ASSERT_FALSE(full);
    EXPECT_EQ(full.error().kind, ErrorKind::kResource);
    EXPECT_EQ(full.error().message.find("element 2 of 2 (those before it are written): map m "
                                        "(handle 1): key 0x03000000: the map is full"),
              0u);
}

TEST_F(LoadedMapTest, TakesRecordsAndRefusesThoseThatAreNotWhole) {
    LoadedMap& hash = map(testing_map("m", vm::MapType::Hash, 2));
    Bytes records(2 * 12, 7);
    records[12] = 1;
    EXPECT_EQ(fill_elements(hash, {1, 0, records}, at_once)->count, 2u);
    EXPECT_EQ(*lookup_element(hash, Bytes{1, 7, 7, 7})->value, Bytes(8, 7));
    EXPECT_EQ(*lookup_element(hash, Bytes(4, 7))->value, Bytes(8, 7));
    records[12] = 2;
    EXPECT_EQ(fill_elements(hash, {1, 0, records}, at_once)
                  .error()
                  .message.find("element 2 of 2 (those before it are written): map m (handle 1): "
                                "key 0x02070707: the map is full"),
              0u);
    records[0] = 9;
    records.pop_back();
    EXPECT_EQ(fill_elements(hash, {1, 0, records}, at_once).error().message,
              "map m (handle 1): 23 bytes of records are not a multiple of 12 (key 4, value 8)");
    EXPECT_EQ(hash.map->entries(), 2u);
}

TEST_F(LoadedMapTest, LeavesWritesThatTakeAValuesLockToTheWriter) {
    vm::MapSpec spec = testing_map("m", vm::MapType::Hash, 100);
    spec.spin_lock_offset = 0;
    LoadedMap& hash = map(spec);
    const Bytes records = [] {
        Bytes bytes(20 * 12);
        for (uint8_t i = 0; i < 20; ++i) bytes[i * 12u] = i;
        return bytes;
    }();
    std::vector<uint32_t> entries_at_call;
    const Writer counting = [&](const std::function<void()>& write) -> Result<void> {
        entries_at_call.push_back(hash.map->entries());
        write();
        return {};
    };
    EXPECT_EQ(fill_elements(hash, {1, vm::kUpdateLock, records}, counting)->count, 20u);
    EXPECT_EQ(entries_at_call, (std::vector<uint32_t>{0, 8, 16}));
    EXPECT_EQ(fill_elements(hash, {1, 0, records}, counting)->count, 20u);
    EXPECT_EQ(entries_at_call.size(), 3u) << "without the flag nobody needs to wait";
    const Writer hung = [](const std::function<void()>&) -> Result<void> {
        return fail(ErrorKind::kResource, "worker 0 did not come to rest");
    };
    EXPECT_EQ(fill_elements(hash, {1, vm::kUpdateLock, records}, hung).error().message,
              "element 1 of 20: worker 0 did not come to rest");
}

TEST_F(LoadedMapTest, KeepsTheFlagsOfAnUpdate) {
    LoadedMap& hash = map(testing_map("m", vm::MapType::Hash, 2));
    const std::vector<api::Element> one = {{Bytes(4), Bytes(8)}};
    EXPECT_EQ(update_elements(hash, {1, vm::kUpdateExist, false, one}, at_once).error().kind,
              ErrorKind::kNotFound);
    EXPECT_TRUE(update_elements(hash, {1, vm::kUpdateNoExist, false, one}, at_once));
    EXPECT_FALSE(update_elements(hash, {1, vm::kUpdateNoExist, false, one}, at_once));
}

TEST_F(LoadedMapTest, RecordsPolicyAlone) {
    LoadedMap& hash = map(testing_map("m", vm::MapType::Hash, 4));
    EXPECT_TRUE(update_elements(
        hash, {1, 0, true, {{Bytes{1, 0, 0, 0}, Bytes(8)}, {Bytes{2, 0, 0, 0}, Bytes(8)}}},
        at_once));
    EXPECT_TRUE(update_elements(hash, {1, 0, false, {{Bytes{3, 0, 0, 0}, Bytes(8)}}}, at_once));
    EXPECT_EQ(erase_elements(hash, {Bytes{1, 0, 0, 0}, Bytes{7, 0, 0, 0}})->count, 1u);
    int count = 0;
    hash.policy.for_each([&](ByteSpan key, ByteSpan) {
        EXPECT_EQ(key[0], 2);
        ++count;
    });
    EXPECT_EQ(count, 1);
}

vm::MapSpec rodata() {
    vm::MapSpec spec = testing_map(".rodata", vm::MapType::Array, 1);
    spec.flags = vm::kMapRdonlyProg;
    spec.frozen = spec.is_global_data = true;
    spec.contents = Bytes{1, 2, 3, 4, 5, 6, 7, 8};
    return spec;
}

TEST_F(LoadedMapTest, KeepsFrozenContentsFromTheControlSide) {
    LoadedMap& constants = map(rodata());
    EXPECT_EQ(
        update_elements(constants, {1, 0, false, {{Bytes(4), Bytes(8)}}}, at_once).error().message,
        "map m (handle 1): its contents are frozen");
    EXPECT_FALSE(erase_elements(constants, {Bytes(4)}));
    EXPECT_EQ(*lookup_element(constants, Bytes(4))->value, rodata().contents);
}

TEST_F(LoadedMapTest, MustHoldTheConstantsThatTheProgramWasProvenWith) {
    LoadedMap& constants = map(rodata());
    EXPECT_TRUE(check_map(rodata(), constants));
    vm::MapSpec other = rodata();
    other.contents[5] = 0;
    EXPECT_EQ(check_map(other, constants).error().message,
              "map m (handle 1): its frozen contents are not those of the program, from byte 5 on");
    other = rodata();
    other.frozen = false;
    EXPECT_EQ(check_map(other, constants).error().message,
              "map m (handle 1): frozen is false in the program, true in the map");
}

TEST_F(LoadedMapTest, RefusesFrozenContentsThatAProgramMayWrite) {
    vm::MapSpec writable = rodata();
    writable.flags = 0;
    EXPECT_FALSE(check_map(writable, map(writable)));
}

}  // namespace
}  // namespace weir::dataplane
