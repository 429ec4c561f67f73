#pragma once
// A capture's own thread: takes records out of the rings of all workers, oldest first, and writes
// them as pcapng. It may wait for a disk or a reader; no worker and no command waits for it.

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "dataplane/capture/lane.h"
#include "dataplane/capture/output.h"
#include "dataplane/capture/pcapng.h"

namespace weir::dataplane::capture {

/// What the file says of this node; the same for all captures.
struct NodeNames {
    std::string application;  ///< "weir 0.1.0"
    std::vector<std::string> ports, devices;
    std::vector<std::string_view> reasons;  ///< by DropReason
    uint64_t tsc_hz = 0;
};

struct WriterRequest {
    std::string filter_text;
    uint32_t snap_bytes = 0;
    uint64_t count = 0;  ///< packets after which nothing more is to come; 0: no such number
    api::WhenFull when_full = api::WhenFull::End;
};

/// The time of day of a time stamp counter.
class TscClock {
public:
    explicit TscClock(uint64_t hz) : hz_(hz) { synchronise(); }
    void synchronise();
    uint64_t time_ns(uint64_t tsc) const;

private:
    uint64_t hz_;
    uint64_t base_tsc_ = 0;
    int64_t base_ns_ = 0;
};

class Writer {
public:
    /// `lanes` outlive it.
    Writer(std::shared_ptr<const NodeNames> names, WriterRequest request, std::vector<Lane*> lanes,
           Output output);

    /// The thread's body: until finish() was called and all that is in the rings is written.
    void run();

    // -- any thread -------------------------------------------------------------------------------
    /// Nothing comes into the rings any more.
    void finish() { finish_.store(true, std::memory_order_release); }
    bool finished() const { return finished_.load(std::memory_order_acquire); }
    /// Taken out of a ring and not in the output. Read before the lanes' counts.
    uint64_t lost() const { return lost_.load(std::memory_order_acquire); }
    uint64_t written() const { return written_.load(std::memory_order_acquire); }
    uint64_t written_bytes() const { return written_bytes_.load(std::memory_order_relaxed); }
    /// Why nothing more is written; empty: it is.
    std::string ended() const;
    /// Because the output takes nothing, though somebody may want it.
    bool failed() const { return failed_.load(std::memory_order_relaxed); }
    /// What keeps packets from the output at present.
    std::string trouble() const;

private:
    /// A record in the batch: where its block ends, and whose interface it belongs to.
    struct Pending {
        size_t end = 0;
        uint32_t port = 0;
    };
    struct PortCount {
        uint64_t written = 0, lost = 0;
    };

    void begin();
    bool drain();
    Lane* oldest() const;
    void append(const RecordHeader& record);
    void describe(const RecordHeader& record, std::string_view program);
    void flush();
    void settle(const Output::Written& result);
    void fail_with(int error);
    void say_ended(std::string reason);
    void break_off(int error);
    void append_totals();

    std::shared_ptr<const NodeNames> names_;
    WriterRequest request_;
    std::vector<Lane*> lanes_;
    Output output_;
    TscClock clock_;
    uint64_t synchronised_ns_ = 0;
    uint64_t began_ns_ = 0;
    Bytes batch_;
    std::vector<Pending> pending_;
    std::vector<PortCount> ports_;
    std::string comment_;
    bool broken_ = false;                                ///< nothing more can be written
    std::atomic<bool> finish_{false}, finished_{false};  ///< release; partners: run, finished
    std::atomic<uint64_t> written_{0}, lost_{0};         ///< release; after the lanes' counts
    std::atomic<uint64_t> written_bytes_{0};
    std::atomic<bool> failed_{false};
    mutable std::mutex texts_;
    std::string ended_, trouble_;  ///< under texts_
};

}  // namespace weir::dataplane::capture
