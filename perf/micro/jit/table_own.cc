// Our side of table_sides.h.

#include <algorithm>
#include <cstring>
#include <map>

#include "jit/jit.h"
#include "maps/maps.h"
#include "perf/micro/jit/native.h"
#include "perf/micro/jit/own_program.h"
#include "perf/micro/jit/table_sides.h"
#include "perf/micro/thread_cpu.h"
#include "vm/base/check.h"
#include "vm/elf/elf.h"

namespace weir::perf {
namespace {

constexpr size_t kProtocolAt = 23, kAddressesAt = 26;
constexpr size_t kRewrittenBytes = offsetof(Flow, protocol);
/// Bursts whose verdicts are compared.
constexpr uint32_t kBurstsCompared = 256;

enum class How : uint8_t { kRewrite, kNative, kSingle, kBurst, kPlainBurst };

}  // namespace

class OwnTable::State {
public:
    State(const TableShape& shape, const TableKeys& keys, jit::Overlap overlap)
        : overlap_(overlap), asked_(keys.asked) {
        object_ = vm::load_object_file(WEIR_JIT_TABLES_OBJECT,
                                       {.map_entries_max = {{shape.map, shape.entries}}})
                      .value();
        const auto spec = std::ranges::find(object_.maps, shape.map, &vm::MapSpec::name);
        map_ = maps::create_map(*spec, 1).value();
        std::vector<uint8_t> value(sizeof(uint64_t));
        uint32_t number = 0;
        for (const std::vector<uint8_t>& key : keys.contents) {
            std::memcpy(value.data(), &++number, sizeof number);
            WEIR_CHECK(map_->control_update(key.data(), value, 0) == 0);
        }
        for (const vm::XdpContext& context : frames_.contexts())
            context.data[kProtocolAt] = static_cast<uint8_t>(asked_[0].protocol);
    }

    struct Program {
        NativeFn native;
        std::unique_ptr<jit::CompiledProgram> machine, plain;
    };
    const Program& program(const TableWork& work) {
        Program& place = programs_[work.suffix];
        if (place.machine) return place;
        const std::string name = map_->spec().name + work.suffix;
        const auto spec = std::ranges::find(object_.programs, name, &vm::ProgramSpec::name);
        WEIR_CHECK(spec != object_.programs.end() && spec->maps.size() == 1);
        place.native = native_program(name);
        place.machine = compiled(*spec, overlap_);
        place.plain = compiled(*spec, jit::Overlap::kNever);
        return place;
    }

    void rewrite() {
        for (vm::XdpContext& context : frames_.contexts()) {
            std::memcpy(context.data + kAddressesAt, &asked_[next_], kRewrittenBytes);
            next_ = (next_ + 1) % kFlowsAsked;
        }
    }
    void run(const Program& program, How how) {
        const std::span<vm::XdpContext> contexts = frames_.contexts();
        switch (how) {
            case How::kRewrite: return;
            case How::kBurst:
                program.machine->run_burst(contexts, verdicts_, redirects_, env_);
                return;
            case How::kPlainBurst:
                program.plain->run_burst(contexts, verdicts_, redirects_, env_);
                return;
            case How::kSingle:
                for (size_t i = 0; i < kFrameCount; ++i)
                    verdicts_[i] = program.machine->run(contexts[i], env_);
                return;
            case How::kNative:
                for (size_t i = 0; i < kFrameCount; ++i)
                    verdicts_[i] = program.native(&contexts[i], env_);
                return;
        }
    }
    double time(const Program& program, How how, uint32_t passes) {
        bind_native();
        const double start = thread_cpu_ns();
        for (uint32_t pass = 0; pass < passes; ++pass) {
            rewrite();
            run(program, how);
            asm volatile("" ::: "memory");
        }
        return (thread_cpu_ns() - start) / passes / kFrameCount;
    }
    BurstVerdicts verdicts_from(const Program& program, How how, uint32_t first) {
        bind_native();
        next_ = first;
        env_ = {};  // a worker looks at the sizes of maps in its first burst
        rewrite();
        run(program, how);
        return verdicts_;
    }

private:
    std::unique_ptr<jit::CompiledProgram> compiled(const vm::ProgramSpec& spec,
                                                   jit::Overlap overlap) const {
        vm::Map* const map = map_.get();
        return jit::compile(proven(spec), std::span(&map, 1), maps::all_helpers(),
                            jit::Engine::kJit, {.overlap = overlap})
            .value();
    }
    void bind_native() {
        vm::Map* const map = map_.get();
        bind_native_maps(std::span(&map, 1));
    }

    jit::Overlap overlap_;
    std::vector<Flow> asked_;
    vm::ObjectSpec object_;
    std::unique_ptr<vm::Map> map_;
    std::map<std::string, Program> programs_;
    FrameSet frames_;
    uint32_t next_ = 0;
    BurstVerdicts verdicts_{}, redirects_{};
    vm::RunEnv env_;
};

OwnTable::OwnTable(const TableShape& shape, const TableKeys& keys, jit::Overlap overlap)
    : state_(std::make_shared<State>(shape, keys, overlap)) {}
OwnTable::~OwnTable() = default;

BurstVerdicts OwnTable::verdicts_of(const TableWork& work, uint32_t first) {
    return state_->verdicts_from(state_->program(work), How::kNative, first);
}

void OwnTable::add(std::vector<Contestant>& contestants, const TableWork& work) {
    struct Column {
        How how;
        const char* column;
    };
    constexpr std::array<Column, 5> kColumns = {{{How::kNative, kTableNative},
                                                 {How::kSingle, kTableSingle},
                                                 {How::kPlainBurst, kPlainBurst},
                                                 {How::kBurst, kTableBurst},
                                                 {How::kRewrite, kRewriting}}};
    const State::Program& program = state_->program(work);
    for (const auto& [how, column] : kColumns) {
        for (uint32_t i = 0; how != How::kRewrite && i < kBurstsCompared; ++i) {
            const uint32_t first = i * kFrameCount;
            WEIR_CHECK(state_->verdicts_from(program, how, first) == verdicts_of(work, first));
        }
        contestants.push_back({column, [state = state_, &program, how = how](uint32_t passes) {
                                   return state->time(program, how, passes);
                               }});
    }
}

}  // namespace weir::perf
