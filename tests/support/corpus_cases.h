#pragma once
// How each program of the corpus is to be run: over what, with what set up.

#include <string>
#include <vector>

#include "tests/support/corpus_objects.h"
#include "tests/support/kernel_runner.h"
#include "tests/support/packets.h"

namespace weir::tests {

/// The objects of the folder and of all themes, which are the folders in it but those whose
/// programs are not for running.
std::vector<CorpusObject> all_corpus_objects(const std::string& folder);

/// How a kernel of today takes an object.
enum class KernelPath {
    Libbpf,   ///< libbpf opens and links it
    Linked,   ///< its loader does not know what is in it: we link, the kernel runs
    LoadOnly  ///< it can be loaded, but no test may run it
};
KernelPath kernel_path(const CorpusObject& object);

/// False of a function in a section of its own, which a loader cannot tell from a program.
bool is_program(const CorpusObject& object, const std::string& name);

/// What an application would have set up for this object.
RunSetup run_setup(const CorpusObject& object);

/// Every packet that the kernel's test run takes for a program of this kind.
std::vector<TestPacket> packets_for(bool is_socket_filter, bool has_frags);

}  // namespace weir::tests
