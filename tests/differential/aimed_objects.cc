// What must be given back, and what helpers call: records, dynptrs, iterators, locks, timers,
// callbacks, tail calls.

#include "tests/differential/aimed_facts.h"
#include "tests/differential/aimed_generator.h"

namespace weir::tests {

using vm::HelperId;
using vm::KfuncId;
using vm::Op;

void AimedGenerator::reference() {
    if (in_callback_) return arithmetic();
    switch (in_function_ ? pick(3) : plan_.is_filter ? pick(5) : pick(6)) {
        case 0: return record();
        case 1: return iterator();
        case 2: return memory_dynptr();
        case 3: return record_dynptr();
        case 4: return packet_dynptr();
        default: return chance(2) ? locked() : timer();
    }
}

void AimedGenerator::record() {
    const auto bytes = static_cast<int32_t>(8 * (1 + pick(4)));
    w_.load_map(1, kAimedRing).mov(2, bytes).mov(3, slips() ? edge() : 0);
    call(HelperId::ringbuf_reserve);
    after_call();
    set(0, {});
    if (!slips()) to_out_.push_back(jump(Op::kJeq64Imm, 0, 0, 0));
    const uint8_t kept = 9;
    if ((locked_ & 1u << kept) != 0) {  // nothing to keep it in: back with it
        w_.mov_reg(1, 0).mov(2, 0);
        call(HelperId::ringbuf_discard);
        return after_call();
    }
    w_.mov_reg(kept, 0);
    access(kept, 0, bytes, false);
    const uint8_t index = 3;
    if (chance(2)) {
        fresh_number(index);
        apply(Op::kAnd64Imm, index, 0, near(7));
        w_.mov_reg(4, kept).put(Op::kAdd64Reg, 4, index);
        put(Op::kStoreImm8, 4, 0, static_cast<int16_t>(near(bytes - 8)), 1);
    }
    if (slips()) refine(number());  // leaves with the record
    if (chance(3)) {                // given back on two ways
        const size_t fork = jump(Op::kJeq64Imm, number_in(5), 0, edge());
        w_.mov_reg(1, kept).mov(2, 0);
        call(HelperId::ringbuf_submit);
        const size_t over = jump(Op::kGoto);
        land(fork);
        w_.mov_reg(1, kept).mov(2, 0);
        if (!slips()) call(HelperId::ringbuf_discard);
        land(over);
    } else {
        w_.mov_reg(1, kept).mov(2, 0);
        if (!slips()) call(chance(2) ? HelperId::ringbuf_submit : HelperId::ringbuf_discard);
    }
    after_call();
    set(0, {});
    set(kept, {});
    if (slips()) access(kept, 0, bytes, false);  // after it was given back
}

void AimedGenerator::record_dynptr() {
    w_.load_map(1, kAimedRing).mov(2, near(16)).mov(3, 0);
    stack_address(4, kAimedObject);
    call(HelperId::ringbuf_reserve_dynptr);
    after_call();
    if (chance(2)) {
        stack_address(1, kAimedObject);
        w_.mov(2, static_cast<int32_t>(pick(4)) * 4).mov(3, near(8));
        call(HelperId::dynptr_data);
        after_call();
        set(0, {});
        const size_t none = jump(Op::kJeq64Imm, 0, 0, 0);
        access(0, 0, 8, false);
        if (!slips())
            land(none);
        else
            w_.at(none).off = 0;
        for (uint8_t reg = 0; reg < 6; ++reg) set(reg, {});
    }
    if (slips()) put(Op::kStoreImm64, 10, 0, kAimedObject, 0);  // over the object
    stack_address(1, kAimedObject);
    w_.mov(2, 0);
    if (!slips())
        call(chance(2) ? HelperId::ringbuf_submit_dynptr : HelperId::ringbuf_discard_dynptr);
    after_call();
    set(0, {});
}

void AimedGenerator::memory_dynptr() {
    w_.load_map_value(1, kAimedData, 0).mov(2, near(kAimedDataBytes)).mov(3, 0);
    stack_address(4, kAimedObject);
    call(HelperId::dynptr_from_mem);
    after_call();
    if (chance(2)) {
        stack_address(1, kAimedBuffer);
        const uint8_t size = 2;
        fresh_number(size);
        bound(size, 63);
        stack_address(3, kAimedObject);
        w_.mov(4, static_cast<int32_t>(pick(80))).mov(5, 0);
        call(HelperId::dynptr_read);
    } else {
        stack_address(1, kAimedObject);
        w_.mov(2, static_cast<int32_t>(pick(60)));
        stack_address(3, kAimedBuffer);
        w_.mov(4, near(kAimedBufferBytes)).mov(5, 0);
        call(HelperId::dynptr_write);
    }
    after_call();
}

void AimedGenerator::packet_dynptr() {
    w_.mov_reg(1, 6).mov(2, 0);
    stack_address(3, kAimedObject);
    kfunc(plan_.is_filter ? KfuncId::bpf_dynptr_from_skb : KfuncId::bpf_dynptr_from_xdp);
    after_call();
    stack_address(1, kAimedObject);
    w_.mov(2, static_cast<int32_t>(pick(32)));
    stack_address(3, kAimedBuffer);
    const int32_t bytes = near(static_cast<int32_t>(1 + pick(32)));
    w_.mov(4, bytes);
    const bool writes = !plan_.is_filter && chance(2);
    kfunc(writes ? KfuncId::bpf_dynptr_slice_rdwr : KfuncId::bpf_dynptr_slice);
    after_call();
    set(0, {});
    null_check();
    put(writes && chance(2) ? Op::kStoreImm8 : Op::kLoad8, 1, 0, 0, 0);
    w_.at(w_.size() - 1) = make_insn(writes && chance(2) ? Op::kStoreImm8 : Op::kLoad8, 0, 0,
                                     static_cast<int16_t>(near(bytes - 1)), 1);
    set(0, {});
}

/// for (i = first; i < last; i++)
void AimedGenerator::iterator() {
    if (in_loop_ > 0) return arithmetic();
    const auto first = static_cast<int32_t>(pick(5));
    stack_address(1, kAimedObject2);
    w_.mov(2, first).mov(3, first + static_cast<int32_t>(pick(chance(4) ? 1000 : 10)));
    kfunc(KfuncId::bpf_iter_num_new);
    ++in_loop_;
    const size_t head = w_.size();
    const Scene outside = scene_;
    for (Fact& each : scene_.regs) each = {};
    scene_.slots = {};
    stack_address(1, kAimedObject2);
    kfunc(KfuncId::bpf_iter_num_next);
    const size_t done = jump(Op::kJeq64Imm, 0, 0, 0);
    put(Op::kLoad32, 1, 0, 0);
    set(1, Fact::of(Scalar::below_bits(32)));
    // Leaving from within would keep the iterator: bounds by masks alone.
    const uint8_t index = 1;
    apply(Op::kAnd64Imm, index, 0, near(31));
    use_index(index);
    if (slips()) block(1);
    put(Op::kGoto, 0, 0, static_cast<int32_t>(head) - static_cast<int32_t>(w_.size()) - 1);
    land(done);
    --in_loop_;
    scene_ = outside;
    stack_address(1, kAimedObject2);
    if (!slips()) kfunc(KfuncId::bpf_iter_num_destroy);
    scene_.slots = {};
    for (Fact& each : scene_.regs)
        if (each.holds != Holds::Packet && each.holds != Holds::PacketEnd) each = {};
}

void AimedGenerator::locked() {
    put(Op::kStoreImm64, 10, 0, kAimedKey, static_cast<int32_t>(pick(2)));
    stack_address(2, kAimedKey);
    w_.load_map(1, kAimedGuarded);
    call(HelperId::map_lookup_elem);
    after_call();
    set(0, {});
    null_check();
    if ((locked_ & 1u << 9) != 0) return;
    w_.mov_reg(9, 0).mov_reg(1, 0).add(1, near(kAimedLockOffset));
    call(HelperId::spin_lock);
    for (uint8_t reg = 0; reg < 6; ++reg) set(reg, {});
    put(chance(2) ? Op::kStoreImm32 : Op::kStoreImm64, 9, 0, slips() ? 4 : 0, 1);
    if (slips()) refine(number());
    w_.mov_reg(1, 9).add(1, kAimedLockOffset);
    if (!slips()) call(HelperId::spin_unlock);
    after_call();
    set(0, {});
    set(9, {});
}

void AimedGenerator::timer() {
    put(Op::kStoreImm64, 10, 0, kAimedKey, static_cast<int32_t>(pick(2)));
    stack_address(2, kAimedKey);
    w_.load_map(1, kAimedGuarded);
    call(HelperId::map_lookup_elem);
    after_call();
    set(0, {});
    null_check();
    if ((locked_ & 1u << 9) != 0) return;
    w_.mov_reg(9, 0).mov_reg(1, 0).add(1, near(kAimedTimerOffset));
    w_.load_map(2, slips() ? kAimedArray : kAimedGuarded).mov(3, 1);
    call(HelperId::timer_init);
    w_.mov_reg(1, 9).add(1, kAimedTimerOffset);
    functions_[function_for(FunctionKind::TimerBody)].uses.push_back(w_.size());
    w_.load_code(2);
    call(HelperId::timer_set_callback);
    w_.mov_reg(1, 9).add(1, kAimedTimerOffset).mov(2, 0).mov(3, 0);
    call(chance(2) ? HelperId::timer_start : HelperId::timer_cancel);
    after_call();
    set(9, {});
}

void AimedGenerator::loop_helper() {
    if (in_callback_ || in_loop_ > 0) return arithmetic();
    if (chance(2)) {
        w_.mov(1, static_cast<int32_t>(pick(20)));
    } else {
        fresh_number(1);
        bound(1, 63);
    }
    functions_[function_for(FunctionKind::LoopBody)].uses.push_back(w_.size());
    w_.load_code(2);
    stack_address(3, kAimedBuffer);
    w_.mov(4, 0);
    call(HelperId::loop);
    after_call();
    if (chance(2)) {
        put(Op::kLoad8, 1, 10, kAimedBuffer + static_cast<int32_t>(pick(64)));
        set(1, Fact::of(Scalar::below_bits(8)));
        use_index(1);
    }
}

void AimedGenerator::visit_elements() {
    if (in_callback_ || in_loop_ > 0) return arithmetic();
    constexpr AimedMap kVisited[] = {kAimedArray, kAimedHash, kAimedPercpu, kAimedLru};
    w_.load_map(1, any(kVisited));
    functions_[function_for(FunctionKind::Visitor)].uses.push_back(w_.size());
    w_.load_code(2);
    stack_address(3, kAimedBuffer);
    w_.mov(4, 0);
    call(HelperId::for_each_map_elem);
    after_call();
}

void AimedGenerator::tail_call() {
    if (in_callback_) return arithmetic();
    w_.mov_reg(1, 6).load_map(2, kAimedPrograms);
    if (chance(2))
        w_.mov(3, static_cast<int32_t>(pick(5)));
    else
        w_.mov_reg(3, number());
    call(HelperId::tail_call);
    after_call();
    set(0, {});
}

void AimedGenerator::output() {
    if (in_function_ && !chance(2)) return arithmetic();
    switch (in_function_ ? 0 : pick(plan_.is_filter ? 2 : 3)) {
        case 0:
            w_.load_map(1, kAimedRing);
            stack_address(2, kAimedBuffer);
            w_.mov(3, near(kAimedBufferBytes)).mov(4, 0);
            call(HelperId::ringbuf_output);
            break;
        case 1:
            w_.mov_reg(1, 6).load_map(2, kAimedEvents).mov(3, -1);
            put(Op::kMov32Imm, 3, 0, 0, -1);
            stack_address(4, kAimedBuffer);
            w_.mov(5, near(kAimedBufferBytes));
            call(HelperId::perf_event_output);
            break;
        default:
            w_.load_map(1, kAimedPorts).mov(2, static_cast<int32_t>(pick(6))).mov(3, 0);
            call(HelperId::redirect_map);
    }
    after_call();
}

}  // namespace weir::tests
