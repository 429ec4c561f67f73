#include "dataplane/prover_process.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <new>
#include <string>

#include "dataplane/api/codec.h"
#include "dataplane/api/fields.h"
#include "dataplane/api/stream.h"
#include "dataplane/sandbox.h"

namespace weir::dataplane {
namespace {

using api::Deadline;

constexpr uint32_t kTransferMs = 10'000;  ///< to move one request or reply once it has begun
constexpr Deadline kNever = Deadline::max();

struct Request {
    vm::Budget budget;
    Bytes spec;
};

struct Reply {
    ProofOutcome outcome = ProofOutcome::Failed;
    Bytes body;
};

Reply failure(const std::string& text) {
    return {ProofOutcome::Failed, Bytes(text.begin(), text.end())};
}

// -- in the child
// ------------------------------------------------------------------------------------------------------

Reply refusal(vm::Rejection rejection) {
    rejection.rule.resize(std::min<size_t>(rejection.rule.size(), kNameBytesMax));
    for (std::string* text : {&rejection.line, &rejection.message, &rejection.state}) {
        text->resize(std::min<size_t>(text->size(), api::kTextBytesMax));
    }
    return {ProofOutcome::Refused,
            api::encode(api::ErrorReply{ErrorKind::kRejected, "", std::move(rejection)})};
}

Reply proof_of(const Request& request, ProveFn prove) {
    ByteReader reader(request.spec);
    const Result<vm::ProgramSpec> spec = vm::read_program_spec(reader);
    if (!spec) return failure("cannot read the program: " + spec.error().message);
    if (!reader.finished()) return failure("cannot read the program: bytes left over");
    std::expected<vm::Proof, vm::Rejection> proof = prove(*spec, request.budget);
    if (!proof) return refusal(std::move(proof.error()));
    ByteWriter writer;
    vm::write_proof(writer, *proof);
    return {ProofOutcome::Proved, writer.take()};
}

bool write_all(int fd, ByteSpan bytes) {
    while (!bytes.empty()) {
        const ssize_t done = ::write(fd, bytes.data(), bytes.size());
        if (done < 0 && errno == EINTR) continue;
        if (done <= 0) return false;
        bytes = bytes.subspan(static_cast<size_t>(done));
    }
    return true;
}

[[noreturn]] void prove_and_exit(int reply_fd, const Request& request, ProveFn prove) {
    const ProofLimits limits{kProofMemoryBytes, request.budget.time_ms_max / 1000 + 2};
    Reply reply;
    if (Result<void> entered = enter_proof_sandbox(reply_fd, limits); !entered) {
        reply = failure("cannot give up its rights: " + entered.error().message);
    } else {
        try {
            reply = proof_of(request, prove);
        } catch (const std::bad_alloc&) {
            reply = failure(fmt::format("it needs more than {} MiB", kProofMemoryBytes >> 20));
        }
    }
    const uint8_t outcome = static_cast<uint8_t>(reply.outcome);
    const bool written = write_all(reply_fd, {&outcome, 1}) && write_all(reply_fd, reply.body);
    ::_exit(written ? 0 : 1);
}

// -- in the parent
// -----------------------------------------------------------------------------------------------------

/// Everything that the child writes until it closes; nullopt at the deadline or when it writes too
/// much.
std::optional<Bytes> collect(int fd, Deadline deadline) {
    Bytes bytes;
    for (;;) {
        pollfd entry{fd, POLLIN, 0};
        const int ready = ::poll(&entry, 1, api::remaining_ms(deadline));
        if (ready == 0) return std::nullopt;
        if (ready < 0) continue;  // EINTR
        uint8_t chunk[1 << 16];
        const ssize_t got = ::read(fd, chunk, sizeof chunk);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) return bytes;
        bytes.insert(bytes.end(), chunk, chunk + got);
        if (bytes.size() > kProofBytesMax) return std::nullopt;
    }
}

std::string death_of(int status) {
    if (WIFEXITED(status))
        return fmt::format("the proof ended with exit status {}", WEXITSTATUS(status));
    const int signal = WTERMSIG(status);
    if (signal == SIGXCPU) return "the proof took too much processor time";
    return fmt::format("the proof was ended by signal {} ({})", signal, ::strsignal(signal));
}

Reply wait_for_reply(pid_t child, int fd, const vm::Budget& budget) {
    const uint32_t wait_ms = static_cast<uint32_t>(budget.time_ms_max) + kProofGraceMs;
    std::optional<Bytes> answer = collect(fd, api::deadline_in(wait_ms));
    if (!answer) ::kill(child, SIGKILL);
    int status = 0;
    while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    if (!answer)
        return failure(
            fmt::format("the proof gave no answer of bounded size within {} ms", wait_ms));
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) return failure(death_of(status));
    if (answer->empty() || answer->front() > static_cast<uint8_t>(ProofOutcome::Failed)) {
        return failure("the proof gave an answer that is none");
    }
    return {static_cast<ProofOutcome>(answer->front()), Bytes(answer->begin() + 1, answer->end())};
}

Reply prove_in_child(const Request& request, ProveFn prove) {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0)
        return failure(fmt::format("pipe: {}", std::strerror(errno)));
    const pid_t child = ::fork();
    if (child == 0) prove_and_exit(ends[1], request, prove);
    ::close(ends[1]);
    Reply reply = child > 0 ? wait_for_reply(child, ends[0], request.budget)
                            : failure(fmt::format("fork: {}", std::strerror(errno)));
    ::close(ends[0]);
    return reply;
}

/// False when the other end has closed, or says what it never says.
bool read_request(Request& request) {
    uint8_t header[kProofRequestHeaderBytes];
    if (!api::receive_all(kProverFd, header, kNever)) return false;
    ByteReader reader(header);
    request.budget.visited_insns_max = *reader.read<uint64_t>();
    request.budget.states_max = *reader.read<uint64_t>();
    request.budget.bytes_max = *reader.read<uint64_t>();
    request.budget.time_ms_max = *reader.read<uint64_t>();
    const uint32_t length = *reader.read<uint32_t>();
    if (length > kProofBytesMax) return false;
    request.spec.resize(length);
    return api::receive_all(kProverFd, request.spec, api::deadline_in(kTransferMs)).has_value();
}

bool write_reply(const Reply& reply) {
    ByteWriter writer;
    writer.write(reply.outcome);
    writer.write(static_cast<uint32_t>(reply.body.size()));
    writer.append(reply.body);
    return api::send_all(kProverFd, writer.bytes(), api::deadline_in(kTransferMs)).has_value();
}

/// Library code may write to standard error; with these descriptors closed it would write into a
/// pipe instead.
bool keep_only_the_socket() {
    const int null_fd = ::open("/dev/null", O_RDWR);
    if (null_fd < 0) return false;
    for (int fd = 0; fd < kProverFd; ++fd) {
        if (fd != null_fd && ::dup2(null_fd, fd) < 0) return false;
    }
    return ::close_range(kProverFd + 1, ~0u, 0) == 0;
}

}  // namespace

int serve_proofs(ProveFn prove) {
    ::prctl(PR_SET_NAME, "weir-prover");
    if (!keep_only_the_socket()) return 2;
    const Result<void> entered = enter_prover_sandbox();
    Request request;
    while (read_request(request)) {
        const Reply reply =
            entered ? prove_in_child(request, prove)
                    : failure("the prover cannot give up its rights: " + entered.error().message);
        if (!write_reply(reply)) return 1;
        request.spec = Bytes();
    }
    return 0;
}

}  // namespace weir::dataplane
