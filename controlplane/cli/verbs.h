#pragma once
// Every verb of the command line. Each parses its own words (those behind the verb), prints, and
// returns the exit status.

#include "controlplane/cli/options.h"

namespace weir::controlplane::cli {

// run_verb.cc, check.cc, doctor.cc
int verb_run(const Words& words);
int verb_check(const Words& words);
int verb_doctor(const Words& words);

int verb_capture(const Words& words);  ///< capture_verb.cc: asks the dataplane itself

// node_verbs.cc, map_verbs.cc, map_read_verbs.cc, map_write_verbs.cc, map_queue_verbs.cc: they ask
// the control plane of a running node
int verb_apply(const Words& words);
int verb_status(const Words& words);
int verb_stats(const Words& words);
int verb_top(const Words& words);  ///< top_verb.cc
int verb_trace(const Words& words);
int verb_explain(const Words& words);  ///< or offline, by a configuration
int verb_prog_list(const Words& words);
int verb_prog_swap(const Words& words);
int verb_map_list(const Words& words);
int verb_map_show(const Words& words);
int verb_map_dump(const Words& words);
int verb_map_lookup(const Words& words);
int verb_map_update(const Words& words);
int verb_map_delete(const Words& words);
int verb_map_import(const Words& words);
int verb_map_push(const Words& words);
int verb_map_peek(const Words& words);

// Offline: a file or an expression, and this process alone.
int verb_prog_show(const Words& words);  ///< an object, or a program of the running node
int verb_prog_verify(const Words& words);
int verb_prog_run(const Words& words);
int verb_prog_bench(const Words& words);
int verb_prog_disasm(const Words& words);
int verb_prog_asm(const Words& words);
int verb_prog_dump(const Words& words);
int verb_filter_compile(const Words& words);
int verb_filter_run(const Words& words);

}  // namespace weir::controlplane::cli
