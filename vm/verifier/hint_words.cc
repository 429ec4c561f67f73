#include "vm/verifier/hint_words.h"

#include <array>
#include <string>

namespace weir::vm::verifier {
namespace {

struct Row {
    std::string_view rule;
    std::string_view words;  ///< of the message
    std::string_view text;
};

/// The first that fits is taken.
constexpr auto kRows = std::to_array<Row>({
    {"atomic", "may not be a multiple", "align the field to its own size, 4 or 8 bytes"},
    {"callback", "a timer's callback returns", "return 0 from the timer's callback"},
    {"callback", "the callback returns", "return 0 from the callback to go on, or 1 to end"},
    {"callback", "to the stack or null",
     "hand the callback NULL or the address of a variable on the stack"},
    {"callback", "outside the stack",
     "hand the callback NULL or the address of a variable on the stack"},
    {"context-access", "in r6", "keep the context in r6 for such a load: r6 = ctx"},
    {"context-access", "cannot be moved",
     "leave ctx where it points and put the offset into the load"},
    {"context-access", "read-only", "change a copy: programs may only read this field"},
    {"context-access", "is known only to", "leave the field out: it holds nothing here"},
    {"context-access", "is not for", "leave the field out: it holds nothing here"},
    {"context-access", "__sk_buff", "touch the fields of struct __sk_buff whole, as declared"},
    {"dynptr", "only helpers may read", "read it with bpf_dynptr_read or bpf_dynptr_slice"},
    {"dynptr", "may lie in pieces", "use bpf_dynptr_slice, with a buffer on the stack"},
    {"helper-argument", "expected the context", "hand over ctx as the program got it"},
    {"helper-argument", "expected a map", "hand over the address of a map: &name"},
    {"helper-argument", "points into the packet",
     "copy the bytes to a variable on the stack and hand that over"},
    {"helper-argument", "in a read-only map", "hand over a string literal, which is in .rodata"},
    {"instruction", "is known only when it runs", "call helpers and functions by their names"},
    {"invalid-pointer", "a number (0)",
     "the pointer is NULL on this path: compare it with NULL, and leave, before it is used"},
    {"invalid-pointer", "of before the packet changed",
     "behind the call that changed the packet load data and data_end again from the context, and "
     "compare them again"},
    {"invalid-pointer", "slice",
     "take the slice again after its buffer was written, and use it only in the function that "
     "has the buffer"},
    {"iterator", "only helpers may read", "use what bpf_iter_num_next points to"},
    {"lock", "expected the bpf_spin_lock",
     "put a struct bpf_spin_lock into the map's value and lock that"},
    {"lock", "where no bpf_spin_lock is", "lock the struct bpf_spin_lock in the map's value"},
    {"lock", "without a lock", "take the lock on every path that comes here"},
    {"map-access", "bpf_spin_lock", "touch the fields beside the lock only"},
    {"map-access", "bpf_timer", "touch the fields beside the timer only"},
    {"map-access", ".rodata", "leave out const where the variable is declared, or change a copy"},
    {"map-access", "only read",
     "change another map, or take BPF_F_RDONLY_PROG off this one if it has that"},
    {"map-access", "only write", "read another map, or take BPF_F_WRONLY_PROG off this one"},
    {"pointer-arithmetic", "part of", "copy pointers whole: all 64 bits"},
    {"pointer-arithmetic", "is not possible",
     "leave this pointer as it is: only those into packet, stack, map values and memory of "
     "helpers can be moved"},
    {"pointer-arithmetic", "would cut it", "move pointers in 64 bits"},
    {"pointer-arithmetic", "only adding",
     "mask, shift and multiply the number before it is added to the pointer"},
    {"pointer-leak", "show it with %p", "print addresses with %p"},
    {"pointer-leak", "to its own stack",
     "let the caller hand over a variable of its own, to be filled"},
    {"pointer-leak", "to this frame's stack",
     "keep what must outlive the function in a variable of its caller"},
    {"pointer-leak", "spilled pointer; load", "load all 8 bytes of what was spilled"},
    {"pointer-leak", "alf of a packet pointer",
     "move, compare and subtract packet pointers whole, in 64 bits"},
    {"pointer-leak", "argument", "hand over a number"},
    {"reference", "references at once", "give some back before more are taken"},
    {"stack-bounds", "at a constant offset only", "store the pointer in a variable, at no index"},
    {"tail-call", "a callback", "make the tail call where the helper has come back"},
    {"tail-call", "below frames", "use less stack in the functions that lead to the tail call"},
});

}  // namespace

std::string_view hint_by_words(const Fault& fault) {
    for (const Row& row : kRows)
        if (row.rule == fault.rule && fault.message.contains(row.words)) return row.text;
    return {};
}

}  // namespace weir::vm::verifier
