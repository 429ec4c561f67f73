#include "dataplane/eal_log.h"

#include <rte_log.h>
#include <spdlog/spdlog.h>
#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <cstdio>

namespace weir::dataplane {
namespace {

constexpr size_t kLinesMax = 256;
constexpr size_t kLineBytesMax = 512;

ssize_t cookie_write(void* cookie, const char* text, size_t length) {
    static_cast<EalLog*>(cookie)->append({text, length});
    return static_cast<ssize_t>(length);
}

/// "open_single_rx_pcap(): Couldn't open x" -> "Couldn't open x"
std::string without_function(const std::string& line) {
    const size_t at = line.find("(): ");
    if (at == std::string::npos || line.find(' ') < at) return line;
    return line.substr(at + 4);
}

bool is_general(const std::string& line) {
    return line.starts_with("EAL: ") || line.starts_with("TELEMETRY: ");
}

}  // namespace

EalLog& EalLog::install() {
    static EalLog* const log = [] {
        auto* instance =
            new EalLog;  // lives as long as the process: EAL's threads may log until the end
        const cookie_io_functions_t functions{
            .read = nullptr, .write = cookie_write, .seek = nullptr, .close = nullptr};
        FILE* stream = fopencookie(instance, "w", functions);
        if (stream != nullptr) {
            setvbuf(stream, nullptr, _IOLBF, 0);
            rte_openlog_stream(stream);
        }
        return instance;
    }();
    return *log;
}

void EalLog::append(std::string_view text) {
    const std::lock_guard lock(mutex_);
    for (const char c : text) {
        if (c != '\n') {
            if (partial_.size() < kLineBytesMax) partial_.push_back(c);
            continue;
        }
        if (partial_.empty()) continue;
        spdlog::debug("dpdk: {}", partial_);
        lines_.push_back(std::move(partial_));
        partial_.clear();
        if (lines_.size() > kLinesMax) {
            lines_.erase(lines_.begin());
            ++dropped_;
        }
    }
}

size_t EalLog::mark() const {
    const std::lock_guard lock(mutex_);
    return dropped_ + lines_.size();
}

std::string EalLog::cause_since(size_t mark) const {
    const std::lock_guard lock(mutex_);
    const size_t first = mark > dropped_ ? mark - dropped_ : 0;
    std::string general;
    for (size_t i = first; i < lines_.size(); ++i) {
        if (!is_general(lines_[i])) return without_function(lines_[i]);
        if (general.empty()) general = lines_[i].substr(lines_[i].find(": ") + 2);
    }
    return general;
}

StderrCapture::StderrCapture() {
    std::fflush(stderr);
    memory_fd_ = memfd_create("stderr", MFD_CLOEXEC);
    if (memory_fd_ < 0) return;
    saved_fd_ = dup(STDERR_FILENO);
    if (saved_fd_ >= 0) dup2(memory_fd_, STDERR_FILENO);
}

void StderrCapture::collect() {
    if (memory_fd_ < 0) return;
    std::fflush(stderr);
    std::array<char, 4096> chunk;
    off_t at = 0;
    for (ssize_t n = 0; (n = pread(memory_fd_, chunk.data(), chunk.size(), at)) > 0; at += n) {
        EalLog::install().append({chunk.data(), static_cast<size_t>(n)});
    }
    if (ftruncate(memory_fd_, 0) == 0) lseek(memory_fd_, 0, SEEK_SET);
}

StderrCapture::~StderrCapture() {
    collect();
    if (saved_fd_ >= 0) {
        dup2(saved_fd_, STDERR_FILENO);
        close(saved_fd_);
    }
    if (memory_fd_ >= 0) close(memory_fd_);
}

}  // namespace weir::dataplane
