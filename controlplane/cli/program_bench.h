#pragma once
// A program with maps and packets of its own, in this process: what `prog run` and `prog bench`
// stand on.

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "controlplane/cli/options.h"
#include "jit/jit.h"
#include "vm/base/limits.h"
#include "vm/elf/elf.h"
#include "vm/program/map.h"

namespace weir::controlplane::cli {

/// Room that a program may grow a packet into, as BPF_PROG_TEST_RUN has it: a page less headroom
/// and the kernel's tail (net/bpf/test_run.c).
constexpr uint32_t kFrameDataBytes = 4096 - kPacketHeadroomBytes - 320;
constexpr uint32_t kOfflineIfindex = 1;

/// Memory of one packet: headroom, bytes, tailroom.
class PacketBuffer {
public:
    explicit PacketBuffer(size_t data_bytes);
    /// Copies `bytes` in and returns a context for them. `bytes` fit into data_bytes.
    vm::XdpContext load(ByteSpan bytes);

private:
    Bytes memory_;
};

/// A loaded object, one of its programs proven and compiled, its maps made (and filled by
/// --map-fill).
class ProgramBench {
public:
    /// Reads --prog, --map, --global, --type, --engine, --map-fill. kRejected when the verifier
    /// refuses.
    static Result<std::unique_ptr<ProgramBench>> make(const Parsed& parsed);

    const jit::CompiledProgram& program() const { return *compiled_; }
    const vm::ProgramSpec& spec() const { return verified_->spec(); }
    vm::RunEnv& env() { return env_; }
    /// {"NAME":[["KEYHEX","VALUEHEX"],…]}, keys sorted.
    Json maps_json() const;

private:
    ProgramBench() = default;
    Result<void> make_maps(const vm::ObjectSpec& object);
    Result<void> fill_map(const std::string& option);
    Result<void> compile(std::optional<jit::Engine> engine);

    std::shared_ptr<const vm::VerifiedProgram> verified_;
    std::vector<std::unique_ptr<vm::Map>> maps_;  ///< all of the object's, in file order
    std::vector<vm::Map*> program_maps_;          ///< one per spec().maps
    std::unique_ptr<jit::CompiledProgram> compiled_;
    vm::RunEnv env_;
};

/// Adds --pcap-in, --map-fill, --engine, --burst.
void add_bench_options(Options& options);

}  // namespace weir::controlplane::cli
