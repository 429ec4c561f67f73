#include "dataplane/out_of_service.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include "vm/base/check.h"

namespace weir::dataplane {

OutOfService::OutOfService(uint32_t workers)
    : event_fd_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)), mailboxes_(workers) {
    WEIR_CHECK(event_fd_ >= 0);
}

OutOfService::~OutOfService() {
    ::close(event_fd_);
}

void OutOfService::wake() {
    constexpr uint64_t kOne = 1;
    [[maybe_unused]] const ssize_t wrote = ::write(event_fd_, &kOne, sizeof kOne);
}

void OutOfService::put(const OutReport& report) {
    mailboxes_[report.worker].put(report);
    wake();
}

void OutOfService::program_faulted(uint32_t worker, const Fault& fault) {
    programs_[fault.slot].store(true, std::memory_order_relaxed);
    put({.worker = worker, .reason = OutReason::Fault, .fault = fault});
}

void OutOfService::chain_overran(uint32_t worker, uint32_t port, uint64_t packet_cycles) {
    ports_[port].store(true, std::memory_order_relaxed);
    put({.worker = worker,
         .reason = OutReason::Budget,
         .fault = {},
         .port = port,
         .packet_cycles = packet_cycles});
}

std::vector<OutReport> OutOfService::take_reports() {
    uint64_t count = 0;
    [[maybe_unused]] const ssize_t got = ::read(event_fd_, &count, sizeof count);
    std::vector<OutReport> reports;
    OutReport report;
    for (Mailbox& box : mailboxes_)
        while (box.take(report)) reports.push_back(report);
    return reports;
}

}  // namespace weir::dataplane
