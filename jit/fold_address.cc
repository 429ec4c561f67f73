// Sums that only address memory.

#include "jit/insn_class.h"
#include "jit/peephole.h"

namespace weir::jit {
namespace {

using vm::DecodedInsn;
using vm::Op;
namespace x86 = asmjit::x86;

/// The two registers whose sum `sum` holds behind the first `insns` instructions of the window.
struct Sum {
    uint8_t sum = 0, left = 0, right = 0;
    size_t insns = 0;
};

/// r1 = r2; r1 += r3, or r1 += r3 alone.
bool find_sum(const Window& w, Sum& found) {
    const DecodedInsn& first = *w.at(0);
    if (first.op == Op::kAdd64Reg) {
        found = {first.dst, first.dst, first.src, 1};
        return true;
    }
    const DecodedInsn* second = w.at(1);
    if (first.op != Op::kMov64Reg || second == nullptr || second->op != Op::kAdd64Reg) return false;
    if (second->dst != first.dst || second->src == first.dst || first.src == first.dst)
        return false;
    found = {first.dst, first.src, second->src, 2};
    return true;
}

}  // namespace

size_t fold_address(Emission& e, const Window& w) {
    Sum sum;
    if (!find_sum(w, sum)) return 0;
    const DecodedInsn* load = w.at(sum.insns);
    if (load == nullptr || vm::op_info(load->op).format != vm::Format::Load) return 0;
    if (load->src != sum.sum) return 0;
    if (load->dst != sum.sum && !w.is_dead_after(sum.insns, sum.sum)) return 0;
    const x86::Mem place =
        x86::ptr(reg64(sum.left), reg64(sum.right), 0, load->off, vm::op_info(load->op).bits / 8u);
    emit_load_from(e, *load, place);
    return sum.insns + 1;
}

}  // namespace weir::jit
