// Programs in prog arrays and maps in maps: what stands in a slot lives as long as it is reached.
#include <gtest/gtest.h>

#include "dataplane/load.h"
#include "dataplane/map_commands.h"
#include "dataplane/registry.h"
#include "dataplane/replacement.h"
#include "maps/maps.h"
#include "tests/unit/dataplane/fixtures.h"
#include "vm/verifier/verifier.h"

namespace weir::dataplane {
namespace {

constexpr Owner kAlice = 1;
const Bytes kFirst{0, 0, 0, 0}, kSecond{1, 0, 0, 0};

vm::MapSpec jumps() {
    vm::MapSpec spec = testing_map("jmp", vm::MapType::ProgArray, 2);
    spec.value_bytes = 4;
    return spec;
}

vm::MapSpec tables(vm::MapType type) {
    vm::MapSpec spec = testing_map("outer", type, 2);
    spec.value_bytes = 4;
    spec.inner = std::make_shared<const vm::MapSpec>(testing_map("inner", vm::MapType::Array, 3));
    return spec;
}

class SlotBinding : public testing::Test {
protected:
    Handle make_map(const std::string& name, const vm::MapSpec& spec) {
        const Result<Handle> handle = registry_.create_map(kAlice, {name, spec});
        EXPECT_TRUE(handle) << handle.error().message;
        return handle.value_or(0);
    }
    Handle make_program(const std::string& name, const std::vector<Handle>& maps,
                        bool has_frags = false, jit::Engine engine = jit::Engine::kInterp) {
        auto program = std::make_shared<LoadedProgram>();
        program->name = name;
        for (const Handle map : maps) program->maps.push_back(*registry_.map(map));
        program->slot = std::make_shared<const SlotLease>(std::move(*registry_.take_slot()));
        vm::ProgramSpec spec = testing_return(2);
        spec.name = name;
        spec.has_frags = has_frags;
        program->verified =
            std::make_shared<const vm::VerifiedProgram>(*vm::accept(spec, *vm::verify(spec)));
        program->compiled = *jit::compile(program->verified, {}, maps::all_helpers(), engine);
        return registry_.add_program(kAlice, std::move(program));
    }
    Result<void> bind(Handle map, const Bytes& key, Handle target) {
        return registry_.bind(**registry_.map(map), key, target);
    }
    std::string why_not(Handle map, const Bytes& key, Handle target) {
        const Result<void> bound = bind(map, key, target);
        return bound ? "" : bound.error().message;
    }
    Registry registry_{1};
};

TEST_F(SlotBinding, PutsTheProgramThereAsItsEngineRunsIt) {
    const Handle array = make_map("jmp", jumps());
    const Handle target = make_program("later", {});
    ASSERT_TRUE(bind(array, kSecond, target));
    const vm::Map& map = *(*registry_.map(array))->map;
    EXPECT_EQ(map.program_at(1), &(*registry_.program(target))->runnable());
    EXPECT_EQ(map.program_at(0), nullptr);
    EXPECT_EQ(*lookup_element(**registry_.map(array), kSecond)->value,
              (Bytes{static_cast<uint8_t>(target), 0, 0, 0}));
}

TEST_F(SlotBinding, BindsAProgramAgainByTheEngineThatRunsIt) {
    for (const jit::Engine engine : {jit::Engine::kInterp, jit::Engine::kJit}) {
        const auto program = *registry_.program(make_program("fw", {}, false, engine));
        const auto again = bind_again(*program, {});
        ASSERT_TRUE(again) << again.error().message;
        EXPECT_EQ((*again)->compiled->engine(), engine);
    }
}

TEST_F(SlotBinding, RefusesToJoinMachineCodeWithWhatTheInterpreterRuns) {
    const Handle array = make_map("jmp", jumps());
    make_program("fw", {array}, false, jit::Engine::kJit);
    const Handle slow = make_program("slow", {}),
                 fast = make_program("fast", {}, false, jit::Engine::kJit);
    EXPECT_EQ(why_not(array, kFirst, slow),
              "map jmp (handle 1): fw is machine code, slow could not be, and neither makes tail "
              "calls into the other");
    EXPECT_EQ((*registry_.map(array))->map->program_at(0), nullptr);
    EXPECT_EQ(why_not(array, kFirst, fast), "");
    const Handle other = make_map("other", jumps());
    ASSERT_TRUE(bind(other, kFirst, slow));
    const LoadedProgram& fw = **registry_.program(fast);
    const Result<void> joined = registry_.check_engine(**registry_.map(other), fw);
    ASSERT_FALSE(joined);
    EXPECT_EQ(joined.error().kind, ErrorKind::kResource);
    EXPECT_EQ(
        joined.error().message,
        "map other (handle 2): fast is machine code, slow could not be, and neither makes tail "
        "calls into the other");
}

TEST_F(SlotBinding, KeepsWhatASlotOfTheGenerationNames) {
    const Handle array = make_map("jmp", jumps());
    const Handle first = make_program("fw", {array}), later = make_program("later", {});
    ASSERT_TRUE(bind(array, kFirst, later));
    registry_.published({first});
    registry_.disconnected(kAlice);
    ASSERT_TRUE(registry_.program(later));
    EXPECT_TRUE((*registry_.program(later))->published);
    EXPECT_EQ(erase_elements(**registry_.map(array), {kFirst})->count, 1u);
    registry_.sweep();
    EXPECT_FALSE(registry_.program(later));
    EXPECT_EQ(registry_.tend(), 0u);
}

TEST_F(SlotBinding, FreesAProgramThatAnotherTakesThePlaceOf) {
    const Handle array = make_map("jmp", jumps());
    const Handle fw = make_program("fw", {array});
    const Handle one = make_program("one", {}), two = make_program("two", {});
    ASSERT_TRUE(bind(array, kFirst, one));
    ASSERT_TRUE(bind(array, kSecond, two));
    registry_.published({fw});
    const std::weak_ptr<LoadedProgram> gone = *registry_.program(one);
    ASSERT_TRUE(bind(array, kFirst, two));
    EXPECT_TRUE(gone.expired());
    EXPECT_TRUE(registry_.program(two));
}

TEST_F(SlotBinding, CollectsSlotsThatLeadBackToWhereTheyCameFrom) {
    const Handle array = make_map("jmp", jumps());
    const Handle fw = make_program("fw", {array}), other = make_program("other", {array});
    ASSERT_TRUE(bind(array, kFirst, fw));
    ASSERT_TRUE(bind(array, kSecond, other));
    registry_.published({fw});
    const std::weak_ptr<LoadedProgram> program = *registry_.program(fw);
    const std::weak_ptr<LoadedMap> map = *registry_.map(array);
    registry_.published({});
    EXPECT_TRUE(program.expired());
    EXPECT_TRUE(map.expired());
    EXPECT_FALSE(registry_.program(other));
}

TEST_F(SlotBinding, FreesNothingBeforeEveryWorkerWasQuiescent) {
    const Handle array = make_map("jmp", jumps());
    const Handle fw = make_program("fw", {array}), later = make_program("later", {});
    ASSERT_TRUE(bind(array, kFirst, later));
    registry_.published({fw});
    const std::weak_ptr<LoadedProgram> held = *registry_.program(later);
    maps::reader_register();
    ASSERT_EQ(erase_elements(**registry_.map(array), {kFirst})->count, 1u);
    registry_.sweep();
    EXPECT_FALSE(registry_.program(later));
    EXPECT_FALSE(held.expired());
    EXPECT_EQ(registry_.tend(), 1u);
    maps::reader_quiescent();
    EXPECT_EQ(registry_.tend(), 0u);
    EXPECT_TRUE(held.expired());
    maps::reader_unregister();
}

TEST_F(SlotBinding, KeepsInnerMapsAsLongAsTheirSlot) {
    for (const vm::MapType type : {vm::MapType::ArrayOfMaps, vm::MapType::HashOfMaps}) {
        const Handle outer = make_map("outer", tables(type));
        const Handle inner = make_map("inner", testing_map("inner", vm::MapType::Array, 3));
        const Handle fw = make_program("fw", {outer});
        ASSERT_TRUE(bind(outer, kSecond, inner));
        registry_.published({fw});
        registry_.disconnected(kAlice);
        ASSERT_TRUE(registry_.map(inner));
        EXPECT_EQ(registry_.published_maps().size(), 2u);
        EXPECT_EQ(erase_elements(**registry_.map(outer), {kSecond})->count, 1u);
        registry_.sweep();
        EXPECT_FALSE(registry_.map(inner));
        registry_.published({});
    }
}

TEST_F(SlotBinding, SaysWhatDoesNotFit) {
    const Handle array = make_map("jmp", jumps());
    const Handle outer = make_map("outer", tables(vm::MapType::ArrayOfMaps));
    const Handle small = make_map("small", testing_map("small", vm::MapType::Array, 2));
    const Handle program = make_program("later", {});
    EXPECT_EQ(why_not(small, kFirst, program),
              "map small (handle 3): a map of type array has no slots for programs or maps");
    EXPECT_EQ(why_not(array, {0, 0}, program),
              "map jmp (handle 1): slot 0x0000: a key of 2 bytes, expected 4");
    EXPECT_EQ(why_not(array, {2, 0, 0, 0}, program),
              "map jmp (handle 1): slot 0x02000000: beyond the map's end or its room: max_entries "
              "is 2");
    EXPECT_EQ(why_not(array, kFirst, 99),
              "map jmp (handle 1): slot 0x00000000: no program has handle 99");
    EXPECT_EQ(why_not(outer, kFirst, 99),
              "map outer (handle 2): slot 0x00000000: no map has handle 99");
    EXPECT_EQ(why_not(outer, kFirst, small),
              "map outer (handle 2): slot 0x00000000: map small has not the definition that the "
              "programs of outer rely on for its inner maps");
    const auto at_once = [](const std::function<void()>& write) -> Result<void> {
        write();
        return {};
    };
    EXPECT_NE(
        update_elements(**registry_.map(array), {array, 0, false, {{kFirst, Bytes(4)}}}, at_once)
            .error()
            .message.find("its slots take programs by name"),
        std::string::npos);
}

TEST_F(SlotBinding, JoinsOnlyProgramsThatMayRunInEachOthersPlace) {
    const Handle array = make_map("jmp", jumps());
    make_program("fw", {array});
    const Handle with_frags = make_program("frags", {}, true);
    EXPECT_EQ(why_not(array, kFirst, with_frags),
              "map jmp (handle 1): of frags and fw, which the map joins, only one is of xdp.frags");
}

TEST_F(SlotBinding, TakesOnlyWhatIsInServiceIntoAMapInService) {
    const Handle array = make_map("jmp", jumps());
    registry_.published({make_program("fw", {array})});
    const Handle pending = make_program("pending", {});
    EXPECT_EQ(why_not(array, kFirst, pending),
              "map jmp (handle 1): slot 0x00000000: program pending is not in service");
}

TEST_F(SlotBinding, ReplacesNoContentsOfWhatStandsInASlot) {
    const Handle outer = make_map("outer", tables(vm::MapType::ArrayOfMaps));
    const Handle inner = make_map("inner", testing_map("inner", vm::MapType::Array, 3));
    const Handle array = make_map("jmp", jumps());
    const Handle own = make_map("own", testing_map("own", vm::MapType::Array, 3));
    const Handle fw = make_program("fw", {outer, array, own});
    ASSERT_TRUE(bind(outer, kFirst, inner));
    ASSERT_TRUE(bind(array, kFirst, fw));
    registry_.published({fw});
    const auto why = [&](Handle map, const std::string& name) {
        const Handle fresh = make_map(name, testing_map(name, vm::MapType::Array, 3));
        const auto prepared = Replacement::prepare(registry_, kAlice, {{map, fresh}});
        return prepared ? "" : prepared.error().message;
    };
    EXPECT_NE(why(inner, "inner").find("it stands in a slot of map outer (handle 1)"),
              std::string::npos);
    EXPECT_NE(why(own, "own").find("program fw: it stands in a slot of map jmp (handle 3)"),
              std::string::npos);
}

TEST_F(SlotBinding, RefusesTwoOfOneNameAlsoWhereASlotLeadsThere) {
    const Handle array = make_map("jmp", jumps());
    const Handle fw = make_program("fw", {array}), same = make_program("fw", {});
    ASSERT_TRUE(bind(array, kFirst, same));
    EXPECT_EQ(registry_.check_publish({fw}).error().message,
              "program 'fw' would stand for handles 1 and 2 in one generation");
}

}  // namespace
}  // namespace weir::dataplane
