#include "dataplane/prover.h"

#include <fmt/format.h>
#include <signal.h>
#include <spawn.h>
#include <spdlog/spdlog.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "dataplane/api/codec.h"
#include "dataplane/api/stream.h"
#include "dataplane/prover_process.h"

extern char** environ;

namespace weir::dataplane {
namespace {

constexpr uint64_t kTimeMsMax = 60'000;  ///< of a budget; the reply is waited for this long at most
constexpr uint32_t kExchangeMs = 2 * kProofGraceMs;

vm::Rejection refused(std::string message) {
    vm::Rejection rejection;
    rejection.rule = kProverRule;
    rejection.message = std::move(message);
    return rejection;
}

Bytes request_of(ByteSpan spec, const vm::Budget& budget) {
    ByteWriter writer;
    writer.write(budget.visited_insns_max);
    writer.write(budget.states_max);
    writer.write(budget.bytes_max);
    writer.write(budget.time_ms_max);
    writer.write_sized(spec);
    return writer.take();
}

struct Answer {
    ProofOutcome outcome = ProofOutcome::Failed;
    Bytes body;
};

Result<Answer> exchange(int fd, ByteSpan request, api::Deadline deadline) {
    if (Result<void> sent = api::send_all(fd, request, deadline); !sent)
        return std::unexpected(sent.error());
    uint8_t header[kProofReplyHeaderBytes];
    if (Result<void> got = api::receive_all(fd, header, deadline); !got)
        return std::unexpected(got.error());
    ByteReader reader(header);
    const uint8_t outcome = *reader.read<uint8_t>();
    const uint32_t length = *reader.read<uint32_t>();
    if (outcome > static_cast<uint8_t>(ProofOutcome::Failed) || length > kProofBytesMax) {
        return fail(ErrorKind::kResource,
                    fmt::format("it sent outcome {} with {} bytes", outcome, length));
    }
    Answer answer{static_cast<ProofOutcome>(outcome), Bytes(length)};
    if (Result<void> got = api::receive_all(fd, answer.body, deadline); !got)
        return std::unexpected(got.error());
    return answer;
}

std::expected<vm::Proof, vm::Rejection> read_answer(const Answer& answer) {
    switch (answer.outcome) {
        case ProofOutcome::Proved: {
            ByteReader reader(answer.body);
            Result<vm::Proof> proof = vm::read_proof(reader);
            if (!proof)
                return std::unexpected(refused("the proof is malformed: " + proof.error().message));
            if (!reader.finished())
                return std::unexpected(refused("the proof is malformed: bytes left over"));
            return std::move(*proof);
        }
        case ProofOutcome::Refused: {
            Result<api::ErrorReply> reply = api::decode<api::ErrorReply>(answer.body);
            if (!reply)
                return std::unexpected(
                    refused("the refusal is malformed: " + reply.error().message));
            if (!reply->rejection) return std::unexpected(refused("the refusal gives no reason"));
            return std::unexpected(std::move(*reply->rejection));
        }
        case ProofOutcome::Failed: break;
    }
    return std::unexpected(refused(std::string(answer.body.begin(), answer.body.end())));
}

}  // namespace

Result<std::unique_ptr<Prover>> Prover::start(std::string executable) {
    std::unique_ptr<Prover> prover(new Prover(std::move(executable)));
    if (Result<void> spawned = prover->spawn(); !spawned) return std::unexpected(spawned.error());
    return prover;
}

Prover::~Prover() {
    end();
}

Result<void> Prover::spawn() {
    int ends[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) {
        return fail(ErrorKind::kResource, fmt::format("socketpair: {}", std::strerror(errno)));
    }
    posix_spawn_file_actions_t actions;
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawn_file_actions_adddup2(&actions, ends[1], kProverFd);
    posix_spawnattr_t attributes;
    ::posix_spawnattr_init(&attributes);
    sigset_t none, all;
    ::sigemptyset(&none);
    ::sigfillset(&all);
    ::posix_spawnattr_setsigmask(&attributes, &none);
    ::posix_spawnattr_setsigdefault(&attributes, &all);
    ::posix_spawnattr_setpgroup(
        &attributes, 0);  // Ctrl-C on a terminal is for the dataplane, which ends the prover last
    ::posix_spawnattr_setflags(
        &attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
    std::string option = kProverOption;
    char* argv[] = {executable_.data(), option.data(), nullptr};
    const int error =
        ::posix_spawn(&pid_, executable_.c_str(), &actions, &attributes, argv, environ);
    ::posix_spawnattr_destroy(&attributes);
    ::posix_spawn_file_actions_destroy(&actions);
    ::close(ends[1]);
    if (error != 0) {
        pid_ = 0;
        ::close(ends[0]);
        return fail(ErrorKind::kResource,
                    fmt::format("{} {}: {}", executable_, kProverOption, std::strerror(error)));
    }
    fd_ = ends[0];
    return {};
}

void Prover::end() {
    if (fd_ >= 0) ::close(fd_);
    fd_ = -1;
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
    }
    pid_ = 0;
}

void Prover::replace(const std::string& reason) {
    end();
    const Result<void> spawned = spawn();
    trouble_ = spawned ? ""
                       : fmt::format("programs are not loaded: the prover cannot be restarted: {}",
                                     spawned.error().message);
    if (spawned)
        spdlog::warn("prover: {}; a new one runs as pid {}", reason, pid_);
    else
        spdlog::error("prover: {}; {}", reason, trouble_);
}

void Prover::tend() {
    if (pid_ > 0 && ::waitpid(pid_, nullptr, WNOHANG) == 0) return;
    const bool died = pid_ > 0;
    pid_ = 0;
    replace(died ? "it died" : "there was none");
}

std::expected<vm::Proof, vm::Rejection> Prover::prove(const vm::ProgramSpec& program,
                                                      const vm::Budget& budget) {
    vm::Budget bounded = budget;
    bounded.time_ms_max = std::min(bounded.time_ms_max, kTimeMsMax);
    ByteWriter spec;
    vm::write_program_spec(spec, program);
    const vm::VerdictKey key = vm::verdict_key(spec.bytes(), bounded);
    if (const auto known = verdicts_.find(key)) return *known;
    std::expected<vm::Proof, vm::Rejection> verdict = ask(spec.bytes(), bounded);
    if (verdict || verdict.error().rule != kProverRule) verdicts_.keep(key, verdict);
    return verdict;
}

std::expected<vm::Proof, vm::Rejection> Prover::ask(ByteSpan spec, const vm::Budget& budget) {
    tend();
    if (pid_ == 0) return std::unexpected(refused(trouble_));
    const Bytes request = request_of(spec, budget);
    if (request.size() > kProofBytesMax) {
        return std::unexpected(refused(fmt::format(
            "the program takes {} bytes, the prover at most {}", request.size(), kProofBytesMax)));
    }
    const auto wait_ms = static_cast<uint32_t>(budget.time_ms_max) + kExchangeMs;
    const Result<Answer> answer = exchange(fd_, request, api::deadline_in(wait_ms));
    if (!answer) {
        replace(answer.error().message);
        return std::unexpected(refused("the prover gave no answer: " + answer.error().message));
    }
    return read_answer(*answer);
}

}  // namespace weir::dataplane
