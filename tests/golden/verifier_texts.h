#pragma once
// The texts of golden/verifier as programs, and the maps that they name by index.
//
// Comments in a text may change what is made of it:
//   # program: socket frags devmap     its type, its hook, whether it takes fragments
//   # slot 3: 95 00 00 00 01 00 00 00  the eight bytes of a slot that no statement gives
//   # functions: 0 3                   where functions begin; else at 0 and where calls and
//                                      callbacks lead
//   # global 7: returns number context memory 8
//                                      the function at 7 is global, and its declaration says so
// A name that ends with " behind a devmap" says the same as "# program: devmap".

#include <vector>

#include "tests/golden/golden_file.h"
#include "vm/program/spec.h"

namespace weir::tests {

/// Maps of every program in the texts, in this order:
///    0 flows, hash 4 -> 8              1 table, array of 16 x 64       2 .rodata, 16 bytes
///    3 .bss, 32 bytes                  4 counters, percpu_array of 8   5 routes, lpm_trie 8 -> 4
///    6 sink, array that programs only write                            7 sockets, xskmap
///    8 settings, hash that programs only read                          9 recent, lru_hash 16 -> 48
///   10 events, ringbuf                11 programs, prog_array         12 locked, hash 4 -> 16,
///   lock at 0 13 timed, array of 4 x 24, timer at 0                             14 per_worker,
///   percpu_hash 4 -> 8 15 devices, devmap                16 tables, array_of_maps like table 17
///   waiting, queue of 8 bytes      18 samples, perf_event_array    19 seen, bloom_filter of 8
///   bytes 20 workers, cpumap                21 by_name, hash_of_maps like flows 22 both, array of
///   4 x 32, lock at 24, timer at 0                  23 undo, stack of 8 bytes
std::vector<vm::MapSpec> text_maps();

/// Expects (in the sense of gtest) that the text can be assembled.
vm::ProgramSpec text_program(const GoldenBlock& block);

/// "map-bounds" of "map-bounds: one byte past the value".
std::string text_verdict(const GoldenBlock& block);

/// The words behind "# key:" in the text, or an empty string.
std::string text_remark(const GoldenBlock& block, const std::string& key);

}  // namespace weir::tests
