#pragma once
// Who looks up in big tables: contestants over the same keys, a row for each amount of work around
// the look-up.

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "jit/jit.h"
#include "perf/micro/jit/contest.h"
#include "perf/micro/jit/frames.h"
#include "perf/micro/jit/table_keys.h"

namespace weir::perf {

/// Columns.
constexpr const char *kTableNative = "native", *kTableSingle = "JIT",
                     *kTableBurst = "JIT burst, overlapped", *kPlainBurst = "JIT burst",
                     *kRewriting = "rewriting", *kBulk = "DPDK bulk alone",
                     *kTableKernel = "kernel", *kTableKernelFloor = "kernel floor";

struct TableWork {
    const char* suffix;  ///< of the program's name
    const char* title;
};
constexpr std::array<TableWork, 3> kTableWorks = {{
    {"_alone", "nothing else"},
    {"_mixed", "100 instructions more"},
    {"_mixed_more", "300 instructions more"},
}};

using BurstVerdicts = std::array<uint32_t, kFrameCount>;

/// Ours. Packets of a burst get the next keys before each burst, which is part of their time;
/// kRewriting is that alone.
class OwnTable {
public:
    /// `overlap`: of kTableBurst.
    OwnTable(const TableShape& shape, const TableKeys& keys, jit::Overlap overlap);
    ~OwnTable();
    OwnTable(const OwnTable&) = delete;
    OwnTable& operator=(const OwnTable&) = delete;

    /// After a look whether all sides give the same verdicts.
    void add(std::vector<Contestant>& contestants, const TableWork& work);
    /// Of flows first .. first + kFrameCount - 1 of those asked.
    BurstVerdicts verdicts_of(const TableWork& work, uint32_t first);

private:
    class State;
    std::shared_ptr<State> state_;
};

/// The kernel, a flow at a time from an array; nullptr where there is none.
class KernelTable {
public:
    static std::shared_ptr<KernelTable> make(const TableShape& shape, const TableKeys& keys);
    ~KernelTable();
    KernelTable(const KernelTable&) = delete;
    KernelTable& operator=(const KernelTable&) = delete;

    /// After a look whether its verdicts are those of `own`.
    static void add(const std::shared_ptr<KernelTable>& self, std::vector<Contestant>& contestants,
                    const TableWork& work, OwnTable& own);

private:
    class State;
    explicit KernelTable(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

/// rte_hash_lookup_bulk or rte_fib_lookup_bulk alone, 32 keys at a time.
class DpdkTable {
public:
    virtual ~DpdkTable() = default;
    /// nullptr, and a line on stderr, where DPDK has not the memory.
    static std::shared_ptr<DpdkTable> make(const TableShape& shape, const TableKeys& keys);
    virtual double time(uint32_t passes) = 0;
};

}  // namespace weir::perf
