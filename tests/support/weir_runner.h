#pragma once
// Our machine as kernel_runner runs the kernel's: an object's maps and programs, packets in the
// room that the kernel's test run would give them, what is left afterwards in the same shape.

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "tests/support/kernel_runner.h"
#include "vm/interp/interp.h"
#include "vm/program/context.h"
#include "vm/program/map.h"
#include "vm/program/spec.h"

namespace weir::tests {

/// A packet as bpf_prog_test_run_xdp lays it out: a page with headroom and tail, the rest in pieces
/// of a page where the program takes them.
class TestFrame {
public:
    TestFrame(const Bytes& packet, const vm::ProgramSpec& program, const RunSetup& setup);

    vm::XdpContext& context() { return context_; }
    /// The same packet for a socket filter, which starts behind the Ethernet header there.
    vm::SkbContext socket_context() const;
    static Bytes bytes_of(const vm::XdpContext& context);

private:
    Bytes room_;
    std::vector<Bytes> pieces_;
    std::vector<vm::Segment> segments_;
    vm::XdpContext context_{};
};

/// The maps of an object, by name, inner maps in their slots, filled as `setup` says.
class TestMaps {
public:
    static Result<TestMaps> make(const vm::ObjectSpec& object, const RunSetup& setup);

    /// In the order of spec.maps.
    std::vector<vm::Map*> of(const vm::ProgramSpec& program) const;
    vm::Map* find(const std::string& name) const;
    std::span<const std::unique_ptr<vm::Map>> all() const { return maps_; }
    /// Elements and events as kernel_runner gives them. Queues, stacks and rings are empty then.
    void read(RunResult& result) const;

private:
    std::vector<std::unique_ptr<vm::Map>> maps_;
};

/// What the machine is set up with: routes of the test's network, timers, one CPU.
class TestMachine {
public:
    TestMachine();
    ~TestMachine();
    vm::RunEnv& env() { return env_; }
    vm::Timers& timers() { return *timers_; }

private:
    std::unique_ptr<const vm::Fib> fib_;
    std::unique_ptr<vm::Timers> timers_;
    vm::RunEnv env_;
};

/// Runs what comes due until `is_done`, as the kernel's run is waited for: what is late shows in
/// the comparison. Does nothing where there is nothing to wait for.
void wait_for_timers(TestMachine& machine, const TestMaps& maps, const IsDone& is_done);

/// Watches the runs over packets, one after the other.
class PacketWatch {
public:
    virtual ~PacketWatch() = default;
    /// `context` is the address that the program gets; maps are in the order of its spec's.
    virtual vm::RunWatcher* begin(const vm::XdpContext& packet, uint64_t context,
                                  std::span<vm::Map* const> maps) = 0;
    virtual void end() = 0;
};

/// Runs one program over the packets in the instrumented interpreter, nothing verified. A fault of
/// the program is an error.
Result<RunResult> run_checked(const vm::ObjectSpec& object, const std::string& program,
                              std::span<const Bytes> packets, const RunSetup& setup,
                              PacketWatch* watch = nullptr);

}  // namespace weir::tests
