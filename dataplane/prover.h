#pragma once
// The dataplane's side of the prover: hands a program over, gets back facts or a refusal. Control
// thread only.

#include <sys/types.h>

#include <expected>
#include <memory>
#include <string>

#include "vm/base/result.h"
#include "vm/verifier/verdict_cache.h"
#include "vm/verifier/verifier.h"

namespace weir::dataplane {

/// The rule in the Rejection of a load that the prover could not answer: crash, time-out, no
/// memory.
constexpr const char* kProverRule = "prover";

class Prover {
public:
    /// Runs `executable --prover`, which is to call serve_proofs (prover_process.h). Started before
    /// EAL, so that it inherits nothing; restarted later through posix_spawn, which copies no page
    /// tables and so stalls no worker.
    static Result<std::unique_ptr<Prover>> start(std::string executable);
    ~Prover();  ///< ends the process
    Prover(const Prover&) = delete;
    Prover& operator=(const Prover&) = delete;

    /// Returns within the budget's time and two seconds of grace. A prover that died or hangs
    /// refuses this load, with kProverRule, and is replaced for the next. What was answered for the
    /// same bytes before is answered again, without a proof: the key is made here, of what is sent,
    /// so that a program which breaks into the process that proves it can spoil its own verdict
    /// alone.
    std::expected<vm::Proof, vm::Rejection> prove(const vm::ProgramSpec& program,
                                                  const vm::Budget& budget = {});

    /// Notices a death and starts a new process. Cheap; called now and then.
    void tend();
    /// Why loads are refused at present; empty when they are not.
    const std::string& trouble() const { return trouble_; }
    /// 0 while there is none.
    pid_t pid() const { return pid_; }

private:
    explicit Prover(std::string executable) : executable_(std::move(executable)) {}
    Result<void> spawn();
    void end();
    void replace(const std::string& reason);
    std::expected<vm::Proof, vm::Rejection> ask(ByteSpan spec, const vm::Budget& budget);

    vm::VerdictCache verdicts_;
    std::string executable_;
    std::string trouble_;
    pid_t pid_ = 0;
    int fd_ = -1;
};

}  // namespace weir::dataplane
