#pragma once
// Who the numbers of a RunRecord are.

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "vm/interp/run_record.h"
#include "vm/program/spec.h"

namespace weir::controlplane::cli {

struct TraceNames {
    struct Program {
        std::string name, object;
        std::shared_ptr<const vm::ProgramSpec> spec;  ///< nullptr: it is gone
    };
    struct Map {
        std::string name;
        std::shared_ptr<const vm::MapSpec> spec;  ///< nullptr: it is gone
    };
    std::vector<Program> programs;          ///< by RunRecord::programs
    std::vector<Map> maps;                  ///< by RunRecord::maps
    std::map<uint32_t, std::string> ports;  ///< by ifindex

    const Program& program(size_t index) const {
        static const Program kUnknown{"a program that is gone", "", nullptr};
        return index < programs.size() ? programs[index] : kUnknown;
    }
    const Map& map(size_t index) const {
        static const Map kUnknown{"a map that is gone", nullptr};
        return index < maps.size() ? maps[index] : kUnknown;
    }
    std::string port(uint32_t ifindex) const {
        const auto found = ports.find(ifindex);
        return found != ports.end() ? found->second : "ifindex " + std::to_string(ifindex);
    }
};

/// One packet of a trace or an explanation.
struct TracedStory {
    vm::RunRecord record;
    TraceNames names;
    std::string port;  ///< it came in by
    // What became of it, in the dataplane's words.
    struct Drop {
        std::string port, reason;
    };
    std::vector<Drop> drops;  ///< a broadcast's copies may have several
    std::vector<std::string> out_ports;
    bool to_kernel = false;
    std::vector<uint32_t> to_workers;  ///< which go on with it, out of the trace's sight
    std::vector<std::string> notes;    ///< what the reader should know of this run
    void drop(std::string at, std::string reason) {
        drops.push_back({std::move(at), std::move(reason)});
    }
    // Of a trace.
    uint64_t generation = 0, time_ns = 0;
    uint32_t worker = 0;
};

/// A stretch of the record's bytes; empty where there is none.
inline ByteSpan bytes_of(const vm::RunRecord& record, const vm::TracedBytes& place) {
    if (place.offset == vm::TracedBytes::kNone || place.offset > record.bytes.size() ||
        place.bytes > record.bytes.size() - place.offset)
        return {};
    return ByteSpan(record.bytes).subspan(place.offset, place.bytes);
}

}  // namespace weir::controlplane::cli
