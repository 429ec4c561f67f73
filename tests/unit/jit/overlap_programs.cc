#include "tests/unit/jit/overlap_programs.h"

#include "tests/unit/jit/proven.h"

namespace weir::tests {
namespace {

using vm::MapType;

/// r9 = context, r7 = packet (64 bytes of it are there), the first 4 bytes of the packet at r10-4.
const std::string kParse =
    "r9 = r1\nr7 = *(u32 *)(r1 + 0)\nr2 = *(u32 *)(r1 + 4)\nr3 = r7\nr3 += 64\n"
    "if r3 > r2 goto out\nr2 = *(u32 *)(r7 + 0)\n*(u32 *)(r10 - 4) = r2\n";
const std::string kOut = "out: r0 = 2\nexit";

std::string look_up(int map) {
    return "r2 = r10\nr2 += -4\nr1 = map[" + std::to_string(map) + "] ll\ncall 1\n";
}
/// Adds 1 to the counter at `index`, by a load and a store.
std::string count_at(int index, const std::string& label) {
    return "*(u32 *)(r10 - 8) = " + std::to_string(index) +
           "\nr2 = r10\nr2 += -8\nr1 = map[3] ll\ncall 1\nif r0 == 0 goto " + label +
           "\nr1 = *(u64 *)(r0 + 0)\nr1 += 1\n*(u64 *)(r0 + 0) = r1\n" + label + ": ";
}
/// map[key] = r10-16's 8 bytes.
std::string update(int map) {
    return "r2 = r10\nr2 += -4\nr3 = r10\nr3 += -16\nr4 = 0\nr1 = map[" + std::to_string(map) +
           "] ll\ncall 2\n";
}

const std::vector<Program> kPrograms = {
    {"CountsInACallback",
     kParse + "r1 = 3\nld_pseudo r2, 4, each\nr3 = r10\nr3 += -4\nr4 = 0\ncall 181\n" +
         look_up(kHash) +
         "r6 = r0\nr1 = 2\nld_pseudo r2, 4, each\nr3 = r10\nr3 += -4\nr4 = 0\ncall 181\nif r6 == 0 "
         "goto out\nr0 = *(u32 *)(r6 + 0)\nexit\n" +
         kOut +
         "\neach: *(u32 *)(r10 - 8) = 0\nr2 = r10\nr2 += -8\nr1 = map[3] ll\ncall 1\nif r0 == 0 "
         "goto none\nr1 = *(u64 *)(r0 + 0)\nr1 += 1\n*(u64 *)(r0 + 0) = r1\nnone: r0 = 0\nexit"},
    {"HoldsAValueOverAnUpdate",
     kParse + "*(u64 *)(r10 - 16) = 9\nr2 = r10\nr2 += -4\nr1 = map[5] ll\ncall 1\nr6 = r0\n" +
         update(kOther) + look_up(kHash) + "if r6 == 0 goto out\nr0 = *(u32 *)(r6 + 0)\nexit\n" +
         kOut},
    {"UpdatesBeforeTheLookup", kParse + "r2 = *(u8 *)(r7 + 5)\n*(u64 *)(r10 - 16) = r2\n" +
                                   update(kLru) + look_up(kHash) +
                                   "if r0 == 0 goto out\nr0 = *(u32 *)(r0 + 0)\nexit\n" + kOut},
    {"GoesOnAsLongAsItMayBeforeTheLookup",
     kParse +
         "r2 = *(u8 *)(r7 + 4)\nif r2 > 128 goto look\nr6 = 0\nagain: may_goto end\nr6 += 1\nif r6 "
         "< 40 goto again\nend: r0 = r6\nexit\nlook: " +
         look_up(kHash) + "if r0 == 0 goto out\nr0 = *(u32 *)(r0 + 0)\nexit\n" + kOut},
    {"ParksInALoop",
     kParse + "r6 = 0\nr8 = 0\nagain: " + look_up(kHash) +
         "if r0 == 0 goto on\nr1 = *(u32 *)(r0 + 0)\nr8 += r1\nif r8 < 9 goto on\n" +
         look_up(kLru) +
         "if r0 == 0 goto on\nr8 += 1000\non: r1 = *(u32 *)(r10 - 4)\n"
         "r1 += 1\n*(u32 *)(r10 - 4) = r1\nr6 += 1\nif r6 < 12 goto again\nr0 = r8\nexit\n" +
         kOut},
    {"SubtractsOnBothSides",
     kParse + look_up(kOther) +
         "r6 = r0\nif r6 == 0 goto out\nr1 = *(u32 *)(r6 + 0)\nw1 -= 3\nr5 = *(u8 *)(r7 + 3)\nr1 "
         "+= r5\n*(u32 *)(r6 + 0) = r1\n" +
         look_up(kHash) + "r1 = *(u32 *)(r6 + 4)\nr1 -= 1\n*(u32 *)(r6 + 4) = r1\nr0 = 1\nexit\n" +
         kOut},
    {"ReachesItsKeyByASavedRegister",
     kParse +
         "r6 = r10\nr6 += -4\nr2 = r6\nr1 = map[0] ll\ncall 1\nr8 = r0\nr0 = 9\nr3 = 4\nif r8 == 0 "
         "goto end\n"
         "r0 = *(u32 *)(r8 + 0)\nr3 = *(u32 *)(r6 + 0)\nr0 += r3\nend: exit\n" +
         kOut},
    {"HasItsKeysInThePacket", kParse +
                                  "r2 = r7\nr1 = map[0] ll\ncall 1\nif r0 == 0 goto none\nr6 = "
                                  "*(u32 *)(r0 + 0)\nr2 = r7\nr2 += 4\n"
                                  "*(u32 *)(r7 + 4) = r6\nr1 = map[1] ll\ncall 1\nr6 += 1\nif r0 "
                                  "== 0 goto none\nr0 = r6\nexit\nnone: r0 = 77\nexit\n" +
                                  kOut},
    {"PutsItsKeyTogetherOnTwoPaths",
     kParse +
         "r2 = *(u8 *)(r7 + 0)\n*(u8 *)(r10 - 4) = r2\n*(u16 *)(r10 - 2) = 0\n*(u8 *)(r10 - 3) = "
         "0\n"
         "r3 = *(u8 *)(r7 + 1)\nif r3 > 100 goto on\n*(u8 *)(r10 - 3) = r3\non: " +
         look_up(kHash) + "if r0 == 0 goto out\nr0 = *(u32 *)(r0 + 0)\nexit\n" + kOut},
    {"WouldParkInsideAnAddition",
     kParse +
         "*(u32 *)(r10 - 8) = 0\nr2 = r10\nr2 += -8\nr1 = map[3] ll\ncall 1\nif r0 == 0 goto "
         "out\nr6 = r0\n"
         "*(u32 *)(r10 - 8) = 1\nr2 = r10\nr2 += -8\nr1 = map[6] ll\ncall 1\nif r0 == 0 goto "
         "out\nr8 = r0\n"
         "r2 = *(u8 *)(r7 + 0)\nr2 &= 1\nif r2 == 0 goto look\n"
         "r1 = *(u64 *)(r6 + 0)\nr3 = *(u64 *)(r8 + 0)\nr1 += 1\n*(u64 *)(r6 + 0) = r1\n"
         "r3 ^= 5\n*(u64 *)(r8 + 0) = r3\nr0 = 1\nexit\n"
         "look: " +
         look_up(kHash) +
         "r3 = *(u64 *)(r8 + 0)\nr3 += 7\nr3 ^= 3\n*(u64 *)(r8 + 0) = r3\nif r0 == 0 goto out\nr0 "
         "= *(u32 *)(r0 + 0)\nexit\n" +
         kOut},
    {"ReadsOneMap",
     kParse + look_up(kHash) + "if r0 == 0 goto out\nr0 = *(u32 *)(r0 + 0)\nexit\n" + kOut},
    {"CountsInTheValueItFound",
     kParse + look_up(kHash) +
         "if r0 == 0 goto out\nr1 = *(u64 *)(r0 + 0)\nr1 += 1\n*(u64 *)(r0 + 0) = r1\n"
         "r0 = r1\nexit\n" +
         kOut},
    {"AddsAtomicallyToTheValueItFound",
     kParse + look_up(kHash) +
         "if r0 == 0 goto out\nr1 = 3\nr1 = atomic_fetch_add((u64 *)(r0 + 0), r1)\n"
         "r0 = r1\nexit\n" +
         kOut},
    {"InsertsWhatIsMissing",
     kParse + look_up(kLru) + "if r0 == 0 goto fresh\nr1 = *(u64 *)(r0 + 0)\nr1 += 1\n" +
         "*(u64 *)(r0 + 0) = r1\nr0 = r1\nexit\nfresh: *(u64 *)(r10 - 16) = 100\n" + update(kLru) +
         "r0 = 1\nexit\n" + kOut},
    {"DeletesEverySecondTime",
     kParse + look_up(kHash) + "if r0 == 0 goto fresh\n" + "r2 = r10\nr2 += -4\n" +
         "r1 = map[0] ll\ncall 3\nr0 = 7\nexit\nfresh: *(u64 *)(r10 - 16) = 5\n" + update(kHash) +
         "r0 = 1\nexit\n" + kOut},
    {"LooksUpByWhatItFound",
     kParse + look_up(kHash) +
         "if r0 == 0 goto out\nr2 = *(u32 *)(r0 + 0)\n*(u32 *)(r10 - 4) = r2\n" + look_up(kOther) +
         "if r0 == 0 goto out\nr0 = *(u32 *)(r0 + 4)\nexit\n" + kOut},
    {"ReadsThenWritesTheSecondMap",
     kParse + look_up(kHash) + "if r0 == 0 goto out\nr6 = *(u64 *)(r0 + 0)\n" + look_up(kOther) +
         "if r0 == 0 goto fresh\nr1 = *(u64 *)(r0 + 0)\nr1 ^= r6\n*(u64 *)(r0 + 0) = r1\n"
         "r0 = r1\nexit\nfresh: *(u64 *)(r10 - 16) = r6\n" +
         update(kOther) + "r0 = r6\nexit\n" + kOut},
    {"CountsBeforeTheLookup", kParse + count_at(0, "counted") + look_up(kHash) +
                                  "if r0 == 0 goto out\nr0 = *(u32 *)(r0 + 0)\nexit\n" + kOut},
    {"CountsBeforeAndAfterTheLookup",
     kParse + count_at(0, "counted") + look_up(kHash) + "r6 = r0\n" + count_at(0, "again") +
         "r0 = 0\nif r6 == 0 goto end\nr0 = 1\nend: exit\n" + kOut},
    {"CountsTwiceInWhatItFound",
     kParse + look_up(kHash) +
         "if r0 == 0 goto on\nr1 = *(u32 *)(r0 + 0)\nr1 += 1\n*(u32 *)(r0 + 0) = r1\n"
         "r1 = *(u8 *)(r7 + 9)\nr2 = *(u32 *)(r0 + 4)\nr2 += r1\n*(u32 *)(r0 + 4) = r2\non: " +
         look_up(kOther) +
         "if r0 == 0 goto out\nr1 = 1\nlock *(u32 *)(r0 + 0) += r1\n"
         "r0 = 1\nexit\n" +
         kOut},
    {"AddsInTwoWidthsThatOverlap",
     kParse + look_up(kOther) +
         "if r0 == 0 goto on\nr1 = *(u32 *)(r0 + 0)\n"
         "r1 += 2147483647\n*(u32 *)(r0 + 0) = r1\non: " +
         look_up(kHash) + "r6 = r0\n" + look_up(kOther) +
         "if r0 == 0 goto out\nr1 = *(u64 *)(r0 + 0)\nr1 += 2147483647\n"
         "*(u64 *)(r0 + 0) = r1\nr0 = 1\nexit\n" +
         kOut},
    {"AddsAtPlacesThatOverlap", kParse + look_up(kOther) +
                                    "if r0 == 0 goto on\nr1 = *(u32 *)(r0 + 2)\n"
                                    "r1 += 2147483647\n*(u32 *)(r0 + 2) = r1\non: " +
                                    look_up(kHash) + "r6 = r0\n" + look_up(kOther) +
                                    "if r0 == 0 goto out\nr1 = *(u32 *)(r0 + 0)\nr1 += 2147483647\n"
                                    "*(u32 *)(r0 + 0) = r1\nr0 = 1\nexit\n" +
                                    kOut},
    {"StampsTheCountIntoThePacket",
     kParse + count_at(1, "counted") + "*(u64 *)(r7 + 8) = r1\n" + look_up(kHash) +
         "*(u8 *)(r7 + 16) = 9\nif r0 == 0 goto out\nr1 = *(u64 *)(r0 + 0)\n"
         "*(u64 *)(r7 + 24) = r1\nr0 = 3\nexit\n" +
         kOut},
    {"DrawsRandomNumbersOnBothSides",
     kParse + "call 7\n*(u32 *)(r7 + 8) = r0\n" + look_up(kHash) + "r6 = r0\ncall 7\n" +
         "*(u32 *)(r7 + 12) = r0\nr0 = 1\nif r6 == 0 goto end\nr0 = 2\nend: exit\n" + kOut,
     false},
    {"DrawsRandomNumbersBefore", kParse + "call 7\n*(u32 *)(r7 + 8) = r0\n" + look_up(kHash) +
                                     "if r0 == 0 goto out\nr0 = 1\nexit\n" + kOut},
    {"RedirectsByWhatItFound",
     kParse + look_up(kHash) +
         "if r0 == 0 goto out\nr1 = *(u32 *)(r0 + 0)\nr2 = 0\ncall 23\nexit\n" + kOut},
    {"RedirectsBeforeTheLookup",
     kParse + "r1 = *(u8 *)(r7 + 0)\nr2 = 0\nif r1 == 3 goto on\ncall 23\non: " + look_up(kHash) +
         "if r0 == 0 goto out\nr0 = 4\nexit\n" + kOut},
    {"MovesTheHeadBeforeTheLookup",
     kParse +
         "r1 = r9\nr2 = -8\ncall 44\nr1 = r9\nr7 = *(u32 *)(r9 + 0)\n"
         "r2 = *(u32 *)(r9 + 4)\nr3 = r7\nr3 += 16\nif r3 > r2 goto out\n"
         "*(u64 *)(r7 + 0) = 77\n" +
         look_up(kHash) +
         "if r0 == 0 goto out\nr1 = *(u64 *)(r0 + 0)\n"
         "*(u64 *)(r7 + 8) = r1\nr0 = 3\nexit\n" +
         kOut},
    {"LooksUpInALoop",
     kParse + "r6 = 0\nr8 = 0\nagain: " + look_up(kHash) +
         "if r0 == 0 goto on\nr1 = *(u32 *)(r0 + 0)\nr8 += r1\non: r1 = *(u32 *)(r10 - 4)\n"
         "r1 += 1\n*(u32 *)(r10 - 4) = r1\nr6 += 1\nif r6 < 12 goto again\nr0 = r8\nexit\n" +
         kOut},
    {"LooksUpOnOnePathOnly", kParse + "r2 = *(u8 *)(r7 + 1)\nif r2 > 1 goto on\n" + look_up(kHash) +
                                 "if r0 == 0 goto out\non: " + count_at(2, "counted") +
                                 "r0 = 1\nexit\n" + kOut},
    {"ChoosesBetweenMaps",
     kParse + "r2 = *(u8 *)(r7 + 0)\nr2 &= 1\nif r2 == 0 goto even\n" + look_up(kOther) +
         "goto both\neven: " + look_up(kPercpuHash) +
         "both: if r0 == 0 goto out\nr1 = *(u32 *)(r0 + 0)\nr1 += 1\n*(u32 *)(r0 + 0) = r1\n"
         "r0 = r1\nexit\n" +
         kOut},
    {"LooksUpPrefixesThenCounts",
     kParse +
         "*(u32 *)(r10 - 16) = 32\nr2 = *(u32 *)(r7 + 0)\n*(u32 *)(r10 - 12) = r2\n"
         "r2 = r10\nr2 += -16\nr1 = map[2] ll\ncall 1\nif r0 == 0 goto out\n"
         "r6 = *(u32 *)(r0 + 0)\n" +
         count_at(3, "counted") + "r0 = r6\nexit\n" + kOut},
    {"CallsAFunctionThatLooksUp",
     kParse + "r1 = r10\nr1 += -4\ncall find\nr6 = r0\n" + look_up(kOther) +
         "if r0 == 0 goto out\nr0 = *(u32 *)(r0 + 0)\nr0 += r6\nexit\n" + kOut +
         "\nfind: r2 = r1\nr1 = map[0] ll\ncall 1\nif r0 == 0 goto none\n"
         "r0 = *(u32 *)(r0 + 0)\nexit\nnone: r0 = 0\nexit"},
    {"CallsAFunctionThatWritesWhatItReads",
     kParse + look_up(kHash) +
         "r6 = r0\nr1 = r10\nr1 += -4\ncall bump\n"
         "if r6 == 0 goto out\nr0 = *(u32 *)(r6 + 0)\nexit\n" +
         kOut +
         "\nbump: r2 = r1\nr1 = map[0] ll\ncall 1\nif r0 == 0 goto none\n"
         "r1 = *(u64 *)(r0 + 0)\nr1 += 1\n*(u64 *)(r0 + 0) = r1\nnone: r0 = 0\nexit"},
    {"KeepsRegistersAndStackOverTheWait",
     kParse +
         "r6 = *(u8 *)(r7 + 0)\nr8 = *(u64 *)(r7 + 8)\n*(u64 *)(r10 - 200) = r8\n"
         "*(u8 *)(r10 - 300) = r6\n" +
         look_up(kHash) +
         "r1 = *(u8 *)(r10 - 300)\nr2 = *(u64 *)(r10 - 200)\nr2 ^= r8\n"
         "r1 -= r6\nr1 |= r2\nif r0 == 0 goto end\nr1 += 100\nend: r0 = r1\n"
         "exit\n" +
         kOut},
    {"UsesAKeyInAnotherMapsValue", kParse + look_up(kHash) +
                                       "if r0 == 0 goto out\nr2 = r0\nr1 = map[5] ll\ncall 1\n"
                                       "if r0 == 0 goto out\nr1 = *(u32 *)(r0 + 0)\nr1 += 1\n"
                                       "*(u32 *)(r0 + 0) = r1\nr0 = r1\nexit\n" +
                                       kOut},
    {"LoopsOverACallbackBeforeTheLookup",
     kParse + "r1 = 5\nld_pseudo r2, 4, each\nr3 = r10\nr3 += -4\nr4 = 0\ncall 181\n" +
         look_up(kHash) + "if r0 == 0 goto out\nr0 = *(u32 *)(r0 + 0)\nexit\n" + kOut +
         "\neach: r3 = *(u32 *)(r2 + 0)\nr3 += 1\n*(u32 *)(r2 + 0) = r3\nr0 = 0\nexit"},
    {"LoopsOverACallbackThatWritesWhatIsLookedUp",
     kParse + look_up(kHash) +
         "r6 = r0\nr1 = 3\nld_pseudo r2, 4, each\nr3 = r10\nr3 += -4\nr4 = 0\ncall 181\n"
         "if r6 == 0 goto out\nr0 = *(u32 *)(r6 + 0)\nexit\n" +
         kOut +
         "\neach: r1 = map[0] ll\ncall 1\nif r0 == 0 goto none\nr1 = *(u64 *)(r0 + 0)\n"
         "r1 += 1\nr1 ^= 4\n*(u64 *)(r0 + 0) = r1\nnone: r0 = 0\nexit"},
    {"GoesOnAsLongAsItMayBehindTheLookup",
     kParse + look_up(kHash) +
         "r6 = 0\nagain: may_goto end\nr6 += 1\nif r6 < 40 goto again\nend: r0 = r6\nexit\n" +
         kOut},
};

}  // namespace

std::vector<vm::MapSpec> world_maps() {
    vm::MapSpec lpm = map_spec(MapType::LpmTrie, 8, 8, 64);
    lpm.flags = 1;  // BPF_F_NO_PREALLOC, which the kind asks for
    return {map_spec(MapType::Hash, 4, 8, 32),
            map_spec(MapType::LruHash, 4, 8, 32),
            lpm,
            map_spec(MapType::PercpuArray, 4, 8, 4),
            map_spec(MapType::PercpuHash, 4, 8, 32),
            map_spec(MapType::Hash, 4, 8, 32),
            map_spec(MapType::Array, 4, 8, 4)};
}

std::span<const Program> overlap_programs() {
    return kPrograms;
}

}  // namespace weir::tests
