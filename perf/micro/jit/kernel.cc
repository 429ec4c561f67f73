#include "perf/micro/jit/kernel.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "vm/base/check.h"

namespace weir::perf {
namespace {

/// Frames of a turn. Each call waits for a grace period, so not all of them each time.
constexpr uint32_t kFramesPerTurn = 4;
constexpr uint32_t kRunsMax = 1u << 22;

/// One object for all programs, as long as the process.
class KernelObject {
public:
    KernelObject() {
        libbpf_set_print(nullptr);
        object_ = bpf_object__open(WEIR_JIT_OBJECT);
        if (object_ == nullptr || bpf_object__load(object_) != 0) {
            missing_ =
                std::string("kernel: it does not load the programs: ") + std::strerror(errno);
            return;
        }
        for (const MapEntry& entry : map_contents()) {
            const bpf_map* const map = bpf_object__find_map_by_name(object_, entry.map.c_str());
            WEIR_CHECK(bpf_map_update_elem(bpf_map__fd(map), entry.key.data(), entry.value.data(),
                                           BPF_ANY) == 0);
        }
    }
    ~KernelObject() { bpf_object__close(object_); }
    KernelObject(const KernelObject&) = delete;
    KernelObject& operator=(const KernelObject&) = delete;

    const std::string& missing() const { return missing_; }

    struct Answer {
        double ns;  ///< of one run, in whole numbers
        uint32_t verdict;
    };
    Answer run(const std::string& program, uint32_t frame, uint32_t runs) const {
        const bpf_program* const which = bpf_object__find_program_by_name(object_, program.c_str());
        const std::array<uint8_t, kFrameBytes> bytes = frame_of(frame);
        LIBBPF_OPTS(bpf_test_run_opts, options);
        options.data_in = bytes.data();
        options.data_size_in = bytes.size();
        options.repeat = static_cast<int>(runs);
        WEIR_CHECK(bpf_prog_test_run_opts(bpf_program__fd(which), &options) == 0);
        return {static_cast<double>(options.duration), options.retval};
    }

private:
    bpf_object* object_ = nullptr;
    std::string missing_;
};

const KernelObject& kernel() {
    static const KernelObject object;
    return object;
}

/// Other frames in the next turn. The mean evens out that the kernel gives whole nanoseconds.
double time(const std::string& program, uint32_t rounds) {
    static uint32_t turn = 0;
    const uint32_t first = turn++;
    const uint64_t wanted = uint64_t{rounds} * kFrameCount / kFramesPerTurn;
    const auto runs = static_cast<uint32_t>(std::clamp<uint64_t>(wanted, 1, kRunsMax));
    double sum = 0;
    for (uint32_t i = 0; i < kFramesPerTurn; ++i) {
        const uint32_t frame = (first + i * kFrameCount / kFramesPerTurn) % kFrameCount;
        sum += kernel().run(program, frame, runs).ns;
    }
    return sum / kFramesPerTurn;
}

}  // namespace

void add_kernel(Lineup& lineup, const std::string& program) {
    if (!kernel_missing().empty()) return;
    for (uint32_t i = 0; i < kFrameCount; ++i)
        WEIR_CHECK(kernel().run(program, i, 1).verdict == lineup.verdicts[i]);
    lineup.contestants.push_back(
        {kKernel, [program](uint32_t rounds) { return time(program, rounds); }});
    if (program == "constant") return;
    lineup.contestants.push_back(
        {kKernelFloor, [](uint32_t rounds) { return time("constant", rounds); }});
}

const std::string& kernel_missing() {
    return kernel().missing();
}

}  // namespace weir::perf
