#include "perf/micro/jit/sides.h"

#include <algorithm>
#include <map>
#include <utility>

#include "jit/jit.h"
#include "maps/maps.h"
#include "perf/micro/jit/native.h"
#include "perf/micro/jit/own_program.h"
#include "perf/micro/thread_cpu.h"
#include "vm/base/check.h"
#include "vm/elf/elf.h"

namespace weir::perf {
namespace {

enum class Side : uint8_t { kNative, kSingle, kBurst, kInterp };

const vm::ObjectSpec& object() {
    static const vm::ObjectSpec loaded = vm::load_object_file(WEIR_JIT_OBJECT, {}).value();
    return loaded;
}

/// One program in all our forms, over one set of maps.
class OwnSides {
public:
    explicit OwnSides(const vm::ProgramSpec& spec)
        : OwnSides(spec.maps, proven(spec), native_program(spec.name)) {}

    void run(Side side, FrameSet& frames) {
        const std::span<vm::XdpContext> contexts = frames.contexts();
        switch (side) {
            case Side::kBurst: machine_->run_burst(contexts, verdicts_, redirects_, env_); return;
            case Side::kSingle: run_each(*machine_, contexts); return;
            case Side::kInterp: run_each(*interp_, contexts); return;
            case Side::kNative:
                for (size_t i = 0; i < kFrameCount; ++i) verdicts_[i] = native_(&contexts[i], env_);
        }
    }
    double time(Side side, uint32_t rounds) {
        if (side == Side::kNative) bind_native_maps(pointers_);
        const double start = thread_cpu_ns();
        for (uint32_t round = 0; round < rounds; ++round) {
            run(side, frames_);
            asm volatile("" ::: "memory");
        }
        return (thread_cpu_ns() - start) / rounds / kFrameCount;
    }
    struct Outcome {
        std::array<std::array<uint32_t, kFrameCount>, 2> verdicts;
        std::array<std::vector<uint8_t>, 2 * kFrameCount> packets;
        bool operator==(const Outcome&) const = default;
    };
    /// What becomes of all frames in two runs.
    Outcome outcome(Side side) {
        bind_native_maps(pointers_);
        FrameSet frames;
        Outcome all;
        for (size_t round = 0; round < all.verdicts.size(); ++round) {
            run(side, frames);
            all.verdicts[round] = verdicts_;
            for (size_t i = 0; i < kFrameCount; ++i)
                all.packets[round * kFrameCount + i] = frames.bytes_of(i);
        }
        return all;
    }

private:
    OwnSides(const std::vector<vm::MapSpec>& maps,
             const std::shared_ptr<const vm::VerifiedProgram>& program, NativeFn native)
        : native_(native) {
        WEIR_CHECK(native != nullptr);
        for (const vm::MapSpec& map : maps) maps_.push_back(maps::create_map(map, 1).value());
        for (const auto& map : maps_) pointers_.push_back(map.get());
        fill();
        machine_ = jit::compile(program, pointers_, maps::all_helpers(), jit::Engine::kJit).value();
        interp_ =
            jit::compile(program, pointers_, maps::all_helpers(), jit::Engine::kInterp).value();
    }

    void fill() {
        for (const MapEntry& entry : map_contents()) {
            for (vm::Map* const map : pointers_) {
                if (map->spec().name != entry.map) continue;
                WEIR_CHECK(map->control_update(entry.key.data(), entry.value, 0) == 0);
            }
        }
    }
    void run_each(const jit::CompiledProgram& program, std::span<vm::XdpContext> contexts) {
        for (size_t i = 0; i < kFrameCount; ++i) verdicts_[i] = program.run(contexts[i], env_);
    }

    NativeFn native_;
    std::vector<std::unique_ptr<vm::Map>> maps_;
    std::vector<vm::Map*> pointers_;
    std::unique_ptr<jit::CompiledProgram> machine_, interp_;
    FrameSet frames_;
    std::array<uint32_t, kFrameCount> verdicts_{}, redirects_{};
    vm::RunEnv env_;
};

struct OwnColumn {
    Side side;
    const char* column;
};
constexpr std::array<OwnColumn, 4> kOwnColumns = {{
    {Side::kNative, kNative},
    {Side::kSingle, kSingle},
    {Side::kBurst, kBurst},
    {Side::kInterp, kInterp},
}};

std::shared_ptr<OwnSides> sides_of(const std::string& program) {
    const auto spec = std::ranges::find(object().programs, program, &vm::ProgramSpec::name);
    WEIR_CHECK(spec != object().programs.end());
    return std::make_shared<OwnSides>(*spec);
}

}  // namespace

Lineup own_lineup(const std::string& program) {
    const auto sides = sides_of(program);
    const OwnSides::Outcome wanted = sides->outcome(Side::kNative);
    Lineup lineup{.contestants = {}, .verdicts = wanted.verdicts[0]};
    for (const auto& [side, column] : kOwnColumns) {
        WEIR_CHECK(sides->outcome(side) == wanted);
        lineup.contestants.push_back(
            {column, [sides, side = side](uint32_t rounds) { return sides->time(side, rounds); }});
    }
    if (program == "constant") return lineup;
    const auto constant = sides_of("constant");
    lineup.contestants.push_back({kSingleFloor, [constant](uint32_t rounds) {
                                      return constant->time(Side::kSingle, rounds);
                                  }});
    return lineup;
}

}  // namespace weir::perf
