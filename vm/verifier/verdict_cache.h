#pragma once
// Verdicts by content: the second load of the same program is not verified again.

#include <cstddef>
#include <expected>
#include <list>
#include <map>
#include <memory>
#include <mutex>

#include "vm/base/bytes.h"
#include "vm/base/sha256.h"
#include "vm/verifier/verifier.h"

namespace weir::vm {

using Verdict = std::expected<Proof, Rejection>;
using VerdictKey = Sha256;

/// Hash of all that verify() is given: the budget and the program as write_program_spec writes it,
/// so instructions, maps with their definitions and first or frozen contents, but names and source
/// lines too, as a rejection quotes them. A program that was compiled again and differs in its line
/// numbers alone is verified again.
VerdictKey verdict_key(const ProgramSpec& program, const Budget& budget);
/// The same for who has written the program already.
VerdictKey verdict_key(ByteSpan program_spec, const Budget& budget);

/// The verdicts asked for last, within bounds. It lives in memory and ends with its process, so
/// that all of its verdicts are of the verifier that it was built with. Whoever keeps a verdict
/// here must have made the key of that very program itself: then a verdict that is wrong, whoever
/// gave it, harms no other program. Any thread.
class VerdictCache {
public:
    struct Bounds {
        size_t verdicts_max = 256;
        size_t bytes_max = size_t{16} << 20;
    };

    VerdictCache() : VerdictCache(Bounds()) {}
    explicit VerdictCache(Bounds bounds) : bounds_(bounds) {}

    /// nullptr where there is none.
    std::shared_ptr<const Verdict> find(const VerdictKey& key);
    /// Forgets the verdicts that nobody has asked for the longest. One that would not fit alone is
    /// not kept, nor is "budget": with more time, or on an idle machine, it may be another.
    void keep(const VerdictKey& key, const Verdict& verdict);
    /// vm::verify, where it has to be.
    Verdict verify(const ProgramSpec& program, const Budget& budget = {});

    size_t verdicts() const;
    /// What they take, as keep() counts it.
    size_t bytes() const;

private:
    struct Entry {
        VerdictKey key;
        std::shared_ptr<const Verdict> verdict;
        size_t bytes = 0;
    };

    void forget_last();

    const Bounds bounds_;
    mutable std::mutex mutex_;
    std::list<Entry> entries_;  ///< the one asked for last comes first
    std::map<VerdictKey, std::list<Entry>::iterator> by_key_;
    size_t bytes_ = 0;
};

}  // namespace weir::vm
