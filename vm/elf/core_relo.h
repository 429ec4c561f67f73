#pragma once
// CO-RE: makes the code of an object fit the target's types. Every record of .BTF.ext is resolved
// once, however many programs share its function; the target's BTF is not touched before the first
// record asks for it.

#include <map>
#include <memory>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "vm/elf/core_patch.h"
#include "vm/elf/core_spec.h"
#include "vm/elf/core_types.h"
#include "vm/elf/target_types.h"

namespace weir::vm::elf {

class CoreRelocator {
public:
    /// `target_path` as LoadOptions::btf_path.
    CoreRelocator(const BtfView& local, std::string target_path)
        : local_(local), target_path_(std::move(target_path)) {}

    /// Applies records, whose slots count from `first_slot`, to `insns`. Notices say what had to be
    /// poisoned. Errors are reasons to do without this program; a BTF file that the user named and
    /// that cannot be read is an error of kind kInvalid or kResource, all others kUnsupported.
    Result<void> apply(std::span<const CoreRecord> records, uint32_t first_slot,
                       std::span<Insn> insns, std::string_view function,
                       std::vector<std::string>& notices);

private:
    /// The answer to one record, or why there is none.
    struct Answer {
        CoreChange change;
        std::string text;   ///< the spec, for messages
        bool keep = false;  ///< the compiler's own answer holds
        bool noted = false;
    };
    Result<Answer> resolve(const CoreRecord& record);
    Result<Answer> resolve_spec(const CoreSpec& spec, std::string text);
    Result<CoreChange> choose(const CoreSpec& spec, const CoreValue& before);
    /// The one answer of all candidates that match; the others are out of the race for later
    /// records too.
    Result<CoreValue> value_among(const CoreSpec& spec, std::vector<uint32_t>& candidates);
    Result<void> load_target();
    bool is_fixed(uint32_t type) const;

    const BtfView& local_;
    std::string target_path_;
    std::shared_ptr<const TargetTypes> target_;
    std::string target_error_;  ///< why there is no target
    bool target_asked_ = false;
    bool fixed_noted_ = false;
    CoreBudget budget_;
    std::map<uint32_t, std::vector<uint32_t>> candidates_;  ///< by local type id
    std::unordered_map<const CoreRecord*, Result<Answer>> answers_;
};

}  // namespace weir::vm::elf
