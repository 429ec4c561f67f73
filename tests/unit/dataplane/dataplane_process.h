#pragma once
// A real weir-dataplane in a run directory of its own, with ports that need no privileges.

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <fstream>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "dataplane/api/client.h"
#include "dataplane/run_dir.h"
#include "tests/unit/dataplane/temporary_dir.h"

namespace weir::dataplane {

class DataplaneProcess {
public:
    explicit DataplaneProcess(std::string run_dir) : run_dir_(std::move(run_dir)) {}
    DataplaneProcess(const DataplaneProcess&) = delete;
    DataplaneProcess& operator=(const DataplaneProcess&) = delete;
    ~DataplaneProcess() { stop(SIGKILL); }

    /// The binary that the build passes in.
    static std::string binary() {
        const char* path = std::getenv("WEIR_DATAPLANE");
        return path ? path : "";
    }

    void start(const std::vector<std::string>& more = {}) {
        std::vector<std::string> words = {binary(), "--run-dir", run_dir_};
        words.insert(words.end(), more.begin(), more.end());
        pid_ = ::fork();
        if (pid_ == 0) {
            const int log = ::open((run_dir_ + ".log").c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
            ::dup2(log, 2);
            std::vector<char*> argv;
            for (std::string& word : words) argv.push_back(word.data());
            argv.push_back(nullptr);
            ::execv(argv[0], argv.data());
            ::_exit(127);
        }
    }
    /// Exit status, or 128 + signal.
    int wait() {
        int status = 0;
        ::waitpid(pid_, &status, 0);
        pid_ = 0;
        return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    }
    int stop(int signal) {
        if (pid_ <= 0) return 0;
        ::kill(pid_, signal);
        return wait();
    }
    /// Waits for the socket.
    api::Client connect() {
        for (int i = 0; i < 500; ++i) {
            Result<api::Client> client = api::Client::connect(socket());
            if (client) return std::move(*client);
            std::this_thread::sleep_for(std::chrono::milliseconds(10));
        }
        ADD_FAILURE() << "no command socket after 5 s; log: " << log();
        std::abort();
    }
    std::string socket() const { return run_dir_ + "/" + kSocketName; }
    const std::string& run_dir() const { return run_dir_; }
    pid_t pid() const { return pid_; }
    std::string log() const {
        std::ifstream file(run_dir_ + ".log");
        return {std::istreambuf_iterator<char>(file), {}};
    }

private:
    std::string run_dir_;
    pid_t pid_ = 0;
};

/// One worker on the first CPU that this process may use, one net_null port that receives nothing
/// but empty frames.
inline api::Configure testing_configure() {
    cpu_set_t cpus;
    ::sched_getaffinity(0, sizeof cpus, &cpus);
    uint32_t first = 0;
    while (!CPU_ISSET(first, &cpus)) ++first;
    api::Configure configure;
    configure.lcores = {first};
    configure.hugepages = api::HugepageMode::Off;
    configure.memory_bytes = 64u << 20;
    api::PortConfig port;
    port.name = "wan";
    port.device = "net_null0";
    port.ifindex = 1;
    configure.ports = {port};
    return configure;
}

}  // namespace weir::dataplane
