#include "jit/perf_map.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include <fmt/format.h>

namespace weir::jit {
namespace {

std::unexpected<Error> file_error(const std::string& path, const std::string& what) {
    return fail(ErrorKind::kResource, fmt::format("{}: {}", path, what));
}

bool overlap(const CodeSymbol& a, const CodeSymbol& b) {
    return a.address < b.address + b.bytes && b.address < a.address + a.bytes;
}

Result<void> write_text(int fd, const std::string& path, std::string_view text) {
    while (!text.empty()) {
        const ssize_t written = ::write(fd, text.data(), text.size());
        if (written < 0 && errno == EINTR) continue;
        if (written <= 0) return file_error(path, written < 0 ? std::strerror(errno) : "cut short");
        text.remove_prefix(static_cast<size_t>(written));
    }
    return {};
}

/// A plain file of our own and of nobody else.
Result<void> check_ours(int fd, const std::string& path) {
    struct stat status = {};
    if (::fstat(fd, &status) != 0) return file_error(path, std::strerror(errno));
    if (!S_ISREG(status.st_mode) || status.st_uid != ::geteuid() || status.st_nlink != 1)
        return file_error(path, "expected a file of this user's own");
    return {};
}

}  // namespace

PerfMap& PerfMap::of_process() {
    static PerfMap map(fmt::format("/tmp/perf-{}.map", ::getpid()));
    return map;
}

Result<void> PerfMap::add(std::span<const CodeSymbol> symbols) {
    const std::lock_guard lock(mutex_);
    bool from_start = forget_overlapped(symbols) || !begun_;
    written_.insert(written_.end(), symbols.begin(), symbols.end());
    if (written_.size() > symbols_max_) {
        // Half of them, so that the file is seldom written anew.
        written_.erase(written_.begin(),
                       written_.end() - static_cast<std::ptrdiff_t>(symbols_max_ / 2));
        from_start = true;
    }
    const Result<void> done =
        write(from_start ? std::span<const CodeSymbol>(written_) : symbols, from_start);
    begun_ = done.has_value();
    return done;
}

/// True where the file says something that is not so any more.
bool PerfMap::forget_overlapped(std::span<const CodeSymbol> symbols) {
    return std::erase_if(written_, [symbols](const CodeSymbol& old) {
               return std::ranges::any_of(
                   symbols, [&old](const CodeSymbol& symbol) { return overlap(old, symbol); });
           }) != 0;
}

Result<void> PerfMap::write(std::span<const CodeSymbol> symbols, bool from_start) {
    // No symlinks and no waiting: /tmp is everybody's, and this may run as root.
    const int fd = ::open(
        path_.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);
    if (fd < 0) return file_error(path_, std::strerror(errno));
    std::string text;
    for (const CodeSymbol& symbol : symbols)
        text += fmt::format("{:x} {:x} {}\n", symbol.address, symbol.bytes, symbol.name);
    Result<void> done = check_ours(fd, path_);
    if (done && from_start && ::ftruncate(fd, 0) != 0)
        done = file_error(path_, std::strerror(errno));
    if (done) done = write_text(fd, path_, text);
    ::close(fd);
    return done;
}

}  // namespace weir::jit
