#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <numeric>
#include <vector>

#include "perf/micro/maps_program.h"

namespace weir::perf {
namespace {

constexpr uint32_t kBatchKeys = 1u << 14;

struct ObjectCloser {
    void operator()(bpf_object* object) const { bpf_object__close(object); }
};
using ObjectHandle = std::unique_ptr<bpf_object, ObjectCloser>;

/// What the kernel says that a map takes, in /proc/self/fdinfo.
uint64_t memlock_of(int fd) {
    std::array<char, 64> path;
    std::snprintf(path.data(), path.size(), "/proc/self/fdinfo/%d", fd);
    FILE* const file = std::fopen(path.data(), "re");
    if (file == nullptr) return 0;
    unsigned long long bytes = 0;
    for (std::array<char, 128> line; std::fgets(line.data(), line.size(), file) != nullptr;)
        if (std::sscanf(line.data(), "memlock: %llu", &bytes) == 1) break;
    std::fclose(file);
    return bytes;
}

class KernelHost final : public ProgramHost {
public:
    explicit KernelHost(ObjectHandle object) : object_(std::move(object)) {}

    bool fill(const std::string& map, const KeyList& keys) override {
        const bpf_map* const into = bpf_object__find_map_by_name(object_.get(), map.c_str());
        const bool by_index = map == "keys";
        const size_t value_bytes = bpf_map__value_size(into);
        for (size_t begin = 0; begin < keys.size(); begin += kBatchKeys) {
            auto count = static_cast<uint32_t>(std::min<size_t>(kBatchKeys, keys.size() - begin));
            std::vector<uint32_t> indices(count);
            std::iota(indices.begin(), indices.end(), static_cast<uint32_t>(begin));
            std::vector<uint8_t> values(slots_of(into) * value_bytes * count);
            for (uint32_t i = 0; by_index && i < count; ++i)
                std::memcpy(&values[i * value_bytes], keys.at(begin + i), keys.key_bytes());
            const void* const from =
                by_index ? static_cast<const void*>(indices.data()) : keys.at(begin);
            if (bpf_map_update_batch(bpf_map__fd(into), from, values.data(), &count, nullptr) != 0)
                return false;
        }
        return true;
    }

    double run(const std::string& program, uint32_t runs) override {
        const bpf_program* const which =
            bpf_object__find_program_by_name(object_.get(), program.c_str());
        std::array<uint8_t, 64> packet{};
        LIBBPF_OPTS(bpf_test_run_opts, options);
        options.data_in = packet.data();
        options.data_size_in = packet.size();
        options.repeat = static_cast<int>(runs);
        if (bpf_prog_test_run_opts(bpf_program__fd(which), &options) != 0) return 0;
        return static_cast<double>(options.duration) / kKeysPerRun;
    }

    uint64_t memory_bytes(const std::string& map) override {
        return memlock_of(bpf_map__fd(bpf_object__find_map_by_name(object_.get(), map.c_str())));
    }

private:
    /// Values of one key in a batch.
    static size_t slots_of(const bpf_map* map) {
        if (bpf_map__type(map) != BPF_MAP_TYPE_PERCPU_HASH) return 1;
        return static_cast<size_t>(libbpf_num_possible_cpus());
    }

    ObjectHandle object_;
};

}  // namespace

std::unique_ptr<ProgramHost> load_in_kernel(const MapSizes& sizes) {
    ObjectHandle object(bpf_object__open(WEIR_MAPS_OBJECT));
    if (!object) return nullptr;
    for (const auto& [name, entries] : sizes)
        bpf_map__set_max_entries(bpf_object__find_map_by_name(object.get(), name.c_str()), entries);
    if (bpf_object__load(object.get()) != 0) {
        std::fprintf(stderr, "the kernel does not load the object: %s\n", std::strerror(errno));
        return nullptr;
    }
    return std::make_unique<KernelHost>(std::move(object));
}

std::string kernel_missing() {
    libbpf_set_print(nullptr);
    const bool loads = load_in_kernel({}) != nullptr;
    return loads ? "" : "it does not load the programs (not root, or without bpf())";
}

}  // namespace weir::perf
