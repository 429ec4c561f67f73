#pragma once
// Maps of the live kernel, for kernel_runner: filled as an application would, read back for
// comparison, their events drained.

#include <bpf/libbpf.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "tests/support/kernel_runner.h"

namespace weir::tests {

constexpr int kKernelCpu = 0;  ///< programs run here, so that per-CPU maps are filled in one slot

class FileDescriptor {
public:
    explicit FileDescriptor(int fd = -1) : fd_(fd) {}
    FileDescriptor(FileDescriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    FileDescriptor& operator=(FileDescriptor&& other) noexcept {
        std::swap(fd_, other.fd_);
        return *this;
    }
    ~FileDescriptor();
    int get() const { return fd_; }

private:
    int fd_;
};

struct LiveMap {
    std::string name;
    int fd = -1;
    vm::MapType type = vm::MapType::Array;
    uint32_t key_bytes = 0, value_bytes = 0;
};

std::unexpected<Error> kernel_failure(const std::string& what, int error);

/// Kinds whose elements can be read back.
bool has_contents(vm::MapType type);

/// What kinds with elements hold, sorted by key; of queues and stacks what pops out, in that order
/// (which empties them). Values of maps in maps are names out of `maps`.
Result<MapEntries> read_entries(const LiveMap& map, const std::vector<LiveMap>& maps);

/// AF_XDP sockets that stand in xskmaps, kept open while programs run.
struct FilledMaps {
    std::vector<FileDescriptor> sockets;
};
Result<FilledMaps> fill_maps(const std::vector<LiveMap>& maps, const std::vector<MapFill>& fills);

/// Opens every ring buffer and perf event array before the first packet, and collects after the
/// last.
class KernelEvents {
public:
    Result<void> open(const std::vector<LiveMap>& maps, bool with_perf);
    Result<void> collect();
    const std::map<std::string, EventRecords>& records() const { return records_; }

private:
    struct RingCloser {
        void operator()(ring_buffer* ring) const { ring_buffer__free(ring); }
    };
    struct PerfCloser {
        void operator()(perf_buffer* buffer) const { perf_buffer__free(buffer); }
    };

    std::vector<std::unique_ptr<ring_buffer, RingCloser>> rings_;
    std::vector<std::unique_ptr<perf_buffer, PerfCloser>> perf_;
    std::map<std::string, EventRecords> records_;
};

}  // namespace weir::tests
