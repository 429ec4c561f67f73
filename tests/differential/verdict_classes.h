#pragma once
// The kept list of what explains that the live kernel and we do not agree on a program.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "vm/base/result.h"

namespace weir::tests {

/// There is no kind for an unsafe program that we accept.
enum class VerdictKind {
    kKernelImprecision,  ///< safe, we can prove it, the kernel cannot
    kKernelPolicy,       ///< safe or not is not the question: the kernel allows or forbids it
    kKernelBug,          ///< unsafe, and the kernel accepts it
    kRootOnly,           ///< unsafe; the kernel allows it to those who may read its memory anyway
    kOurImprecision,     ///< safe, the kernel can prove it, we cannot
    kOurPolicy,          ///< safe or not is not the question: we forbid it
};

/// A program on which we disagree.
struct Disagreement {
    bool by_kernel = false;  ///< the kernel refuses it, else we do
    bool root_only = false;  ///< the kernel accepts it only with CAP_PERFMON
    std::string message;     ///< the refusal; ours begins with the rule
};

struct VerdictClass {
    VerdictKind kind;
    std::string why;  ///< the whole heading
    bool by_kernel;
    std::string start;  ///< of the message, numbers as N
};

/// "== KIND: explanation" begins a group; its entries are "kernel MESSAGE" (refused by the kernel)
/// and "we RULE: MESSAGE", each the beginning of such messages, their numbers written as N; "kernel
/// RELEASE" comes first, and # begins a comment.
struct VerdictClasses {
    std::string kernel;  ///< release that the list was made with: "6.18"
    std::vector<VerdictClass> classes;

    /// The first that explains it: of root only where it is, else of the others.
    const VerdictClass* find(const Disagreement& disagreement) const;
};
Result<VerdictClasses> read_verdict_classes(const std::string& path);

/// Every number of the text, decimal or hexadecimal, as N.
std::string without_numbers(std::string_view text);

}  // namespace weir::tests
