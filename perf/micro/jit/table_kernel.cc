// The kernel's side of table_sides.h.

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <algorithm>
#include <numeric>

#include "perf/micro/jit/kernel.h"
#include "perf/micro/jit/table_sides.h"
#include "vm/base/check.h"

namespace weir::perf {
namespace {

constexpr uint32_t kBatchKeys = 1u << 14;
constexpr uint32_t kRunsMax = 1u << 20;

struct ObjectCloser {
    void operator()(bpf_object* object) const { bpf_object__close(object); }
};

}  // namespace

class KernelTable::State {
public:
    explicit State(const TableShape& shape) : map_(shape.map) {
        object_.reset(bpf_object__open(WEIR_JIT_TABLES_OBJECT));
        if (!object_) return;
        bpf_map* map = nullptr;
        bpf_object__for_each_map(map, object_.get()) {
            const std::string name = bpf_map__name(map);
            if (name == shape.map)
                bpf_map__set_max_entries(map, shape.entries);
            else if (bpf_map__max_entries(map) > 1 && name != "flows")
                bpf_map__set_max_entries(map, 1);
        }
        loaded_ = bpf_object__load(object_.get()) == 0;
    }

    /// False where there is no such kernel, or not the memory.
    bool fill(const TableKeys& keys) const {
        return loaded_ && fill_flows(keys.asked) && fill_table(keys.contents);
    }

    double run(const std::string& program, uint32_t runs, uint32_t* verdict) {
        const bpf_program* const which =
            bpf_object__find_program_by_name(object_.get(), program.c_str());
        const std::array<uint8_t, kFrameBytes> frame = frame_of(0);
        LIBBPF_OPTS(bpf_test_run_opts, options);
        options.data_in = frame.data();
        options.data_size_in = frame.size();
        options.repeat = static_cast<int>(runs);
        WEIR_CHECK(bpf_prog_test_run_opts(bpf_program__fd(which), &options) == 0);
        position_ += runs;
        *verdict = options.retval;
        return static_cast<double>(options.duration);
    }

    double time(const std::string& program, uint32_t passes) {
        const auto runs =
            static_cast<uint32_t>(std::min<uint64_t>(uint64_t{passes} * kFrameCount, kRunsMax));
        uint32_t verdict = 0;
        return run(program, runs, &verdict);
    }

    BurstVerdicts next_verdicts(const std::string& program) {
        BurstVerdicts verdicts;
        for (uint32_t& verdict : verdicts) run(program, 1, &verdict);
        return verdicts;
    }
    /// Which flow comes next.
    uint32_t position() const { return position_ % kFlowsAsked; }
    const std::string& map() const { return map_; }

private:
    bool fill_flows(const std::vector<Flow>& flows) const {
        std::vector<uint32_t> indices(flows.size());
        std::iota(indices.begin(), indices.end(), 0u);
        return update("flows", indices.data(), flows.data(), flows.size(), sizeof indices[0],
                      sizeof flows[0]);
    }
    bool fill_table(const std::vector<std::vector<uint8_t>>& contents) const {
        std::vector<uint8_t> keys;
        std::vector<uint64_t> values(contents.size());
        std::iota(values.begin(), values.end(), uint64_t{1});
        for (const std::vector<uint8_t>& key : contents)
            keys.insert(keys.end(), key.begin(), key.end());
        return update(map_, keys.data(), values.data(), contents.size(), contents[0].size(),
                      sizeof values[0]);
    }
    bool update(const std::string& name, const void* keys, const void* values, size_t count,
                size_t key_bytes, size_t value_bytes) const {
        const bpf_map* const map = bpf_object__find_map_by_name(object_.get(), name.c_str());
        for (size_t begin = 0; begin < count; begin += kBatchKeys) {
            auto some = static_cast<uint32_t>(std::min<size_t>(kBatchKeys, count - begin));
            const auto* const key = static_cast<const uint8_t*>(keys) + begin * key_bytes;
            const auto* const value = static_cast<const uint8_t*>(values) + begin * value_bytes;
            if (bpf_map_update_batch(bpf_map__fd(map), key, value, &some, nullptr) != 0)
                return false;
        }
        return true;
    }

    std::string map_;
    std::unique_ptr<bpf_object, ObjectCloser> object_;
    bool loaded_ = false;
    uint64_t position_ = 0;
};

KernelTable::KernelTable(std::unique_ptr<State> state) : state_(std::move(state)) {}
KernelTable::~KernelTable() = default;

std::shared_ptr<KernelTable> KernelTable::make(const TableShape& shape, const TableKeys& keys) {
    if (!kernel_missing().empty()) return nullptr;
    auto state = std::make_unique<State>(shape);
    if (!state->fill(keys)) return nullptr;
    return std::shared_ptr<KernelTable>(new KernelTable(std::move(state)));
}

void KernelTable::add(const std::shared_ptr<KernelTable>& self,
                      std::vector<Contestant>& contestants, const TableWork& work, OwnTable& own) {
    const std::string program = "next_" + self->state_->map() + work.suffix;
    const uint32_t first = self->state_->position();
    WEIR_CHECK(self->state_->next_verdicts(program) == own.verdicts_of(work, first));
    contestants.push_back({kTableKernel, [self, program](uint32_t passes) {
                               return self->state_->time(program, passes);
                           }});
    contestants.push_back({kTableKernelFloor, [self](uint32_t passes) {
                               return self->state_->time("next_alone", passes);
                           }});
}

}  // namespace weir::perf
