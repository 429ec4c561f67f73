#pragma once
// Names for `perf`: without them, samples in machine code have no symbol.

#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "jit/symbols.h"
#include "vm/base/result.h"

namespace weir::jit {

/// /tmp/perf-PID.map, where perf looks when it reads samples
/// (tools/perf/Documentation/jit-interface.txt in the kernel): "START SIZE NAME" a line. Symbols of
/// freed code stay, so that old samples keep their names, until other code takes their place.
/// Any thread.
class PerfMap {
public:
    static constexpr size_t kSymbolsMax = 65'536;

    /// Of more than `symbols_max` the older half goes, from the file, too.
    explicit PerfMap(std::string path, size_t symbols_max = kSymbolsMax)
        : path_(std::move(path)), symbols_max_(symbols_max) {}
    /// Of this process.
    static PerfMap& of_process();

    /// Errors name the file. It is not written where it belongs to somebody else: /tmp is
    /// everybody's.
    Result<void> add(std::span<const CodeSymbol> symbols);

private:
    bool forget_overlapped(std::span<const CodeSymbol> symbols);
    Result<void> write(std::span<const CodeSymbol> symbols, bool from_start);

    const std::string path_;
    const size_t symbols_max_;
    std::mutex mutex_;
    std::vector<CodeSymbol> written_;
    bool begun_ = false;
};

}  // namespace weir::jit
