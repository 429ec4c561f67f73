#include "tests/differential/aimed_generator.h"

#include "tests/differential/aimed_facts.h"

namespace weir::tests {

using vm::Op;

namespace {

constexpr uint32_t kStatementsMax = 14;

}  // namespace

AimedPlan aimed_plan(uint64_t seed) {
    Random random(seed ^ 0x706c'616e);
    AimedPlan plan;
    plan.calls = random.one_in(3);
    plan.loops = random.one_in(2);
    plan.references = random.one_in(3);
    plan.callbacks = random.one_in(4);
    plan.tail_calls = random.one_in(8);
    plan.adjusts = random.one_in(4);
    constexpr uint32_t kSlips[] = {0, 0, 100, 60, 30, 15};
    plan.slip_one_in = kSlips[random.below(std::size(kSlips))];
    plan.is_filter = random.one_in(8);
    plan.has_frags = !plan.is_filter && random.one_in(4);
    plan.confusions = random.one_in(3) ? 0 : 1 + random.below(2);
    return plan;
}

vm::ProgramSpec aimed_program(uint64_t seed, const AimedPlan& plan) {
    return AimedGenerator(seed, plan).generate();
}

/// The buffer is always written.
void AimedGenerator::begin() {
    scene_ = {};
    for (int32_t at = 0; at < kAimedBufferBytes; at += 8)
        put(Op::kStoreImm64, 10, 0, kAimedBuffer + at, static_cast<int32_t>(pick(3)));
}

void AimedGenerator::statement() {
    if (left_ == 0) return;
    --left_;
    const uint32_t kind = pick(100);
    if (kind < 14) return arithmetic();
    if (kind < 18) return refine(number());
    if (kind < 23) return claim();
    if (kind < 30) return copies();
    if (kind < 36) return use_index(number());
    if (kind < 40) return spill();
    if (kind < 44) return fill();
    if (kind < 47) return patch_slot();
    if (kind < 50) return buffer_access();
    if (kind < 53) return switch_ladder();
    if (kind < 60) return depth_ < 3 ? diamond() : arithmetic();
    if (kind < 65) return plan_.loops ? loop() : copies();
    if (kind < 68) return helper_on_buffer();
    if (kind < 72) return value_access();
    if (kind < 76) return value_index();
    if (kind < 78) return map_change();
    if (kind < 79) return plan_.references ? queue_use() : arithmetic();
    if (kind < 80) return plan_.references ? inner_map() : value_access();
    if (kind < 84) return plan_.references ? reference() : use_index(number());
    if (kind < 86) return plan_.references ? output() : arithmetic();
    if (kind < 88)
        return plan_.callbacks ? (chance(2) ? loop_helper() : visit_elements()) : copies();
    if (in_function_) return fill();
    if (plan_.is_filter && kind < 96) return chance(2) ? load_packet() : context_field();
    if (kind < 91) return packet_fixed();
    if (kind < 95) return packet_variable();
    if (kind < 96) return packet_length();
    if (kind < 97) return plan_.loops ? packet_walk() : packet_meta();
    if (kind < 98) return plan_.adjusts && !plan_.is_filter ? adjust() : packet_fixed();
    if (kind < 99) return plan_.calls ? local_call() : packet_variable();
    plan_.tail_calls ? tail_call() : packet_fixed();
}

void AimedGenerator::block(uint32_t statements) {
    ++depth_;
    for (uint32_t i = 0; i < statements; ++i) statement();
    --depth_;
}

size_t AimedGenerator::function_for(FunctionKind kind) {
    for (size_t i = 0; i < functions_.size(); ++i)
        if (functions_[i].kind == kind && chance(2)) return i;
    functions_.push_back({.kind = kind});
    return functions_.size() - 1;
}

/// Both ends of a function: one that is allowed, one that is not.
void AimedGenerator::finish() {
    const int32_t most = in_callback_ ? 2 : 5;
    if (!in_callback_ && !in_function_ && chance(2)) {
        const uint8_t result = number();
        w_.mov_reg(0, result);
    } else if (in_callback_ || !chance(2)) {
        w_.mov(0, static_cast<int32_t>(pick(static_cast<uint32_t>(most))));
    } else {
        w_.mov_reg(0, number());
        set(0, Fact::of({}));
        apply(Op::kAnd64Imm, 0, 0, near(31));
    }
    w_.exit();
    if (!to_out_.empty()) {
        for (const size_t jump : to_out_) land(jump);
        w_.mov(0, static_cast<int32_t>(pick(static_cast<uint32_t>(most)))).exit();
    }
    if (!to_bad_.empty()) {
        for (const size_t jump : to_bad_) land(jump);
        put(Op::kLoad8, 0, 10, 8).exit();
    }
    to_out_.clear();
    to_bad_.clear();
}

void AimedGenerator::write_function(FunctionKind kind) {
    in_function_ = true;
    in_callback_ = is_called_back(kind);
    begin();
    locked_ = 0;
    left_ = 6;
    depth_ = 1;
    const uint8_t index = kind == FunctionKind::Numbers ? 1 : 2;
    // As global functions must.
    const bool takes_memory = kind == FunctionKind::Buffer || kind == FunctionKind::Changer;
    if (takes_memory && chance(2)) jump_out(Op::kJeq64Imm, 1, 0, 0);
    switch (kind) {
        case FunctionKind::Numbers:
            set(1, Fact::of(Scalar::below_bits(5)));
            set(2, Fact::of({}));
            break;
        case FunctionKind::Buffer: set(2, Fact::of(Scalar::below_bits(5))); break;
        case FunctionKind::LoopBody:
            w_.mov_reg(7, 2);
            set(1, Fact::of(Scalar::below_bits(32)));
            bound(1, 31);
            w_.mov_reg(2, 1).mov_reg(1, 7);
            set(2, fact(1));
            set(1, {});
            break;
        case FunctionKind::LoopChanger: w_.mov_reg(1, 2); [[fallthrough]];
        case FunctionKind::Changer: change_number(); break;
        case FunctionKind::VisitChanger:
            w_.mov_reg(1, 4);
            change_number();
            break;
        case FunctionKind::Visitor:
        case FunctionKind::TimerBody:
            put(Op::kLoad32, 5, 2, static_cast<int16_t>(near(0)));
            set(5, Fact::of(Scalar::below_bits(32)));
            access(3, 0, kind == FunctionKind::Visitor ? 32 : 8, false);
            break;
    }
    if (kind == FunctionKind::Buffer || kind == FunctionKind::LoopBody) {
        put(Op::kAdd64Reg, 1, index);
        put(chance(2) ? Op::kStoreImm8 : Op::kStoreReg8, 1, 2, static_cast<int16_t>(near(32)), 5);
        set(1, {});
    }
    statement();
    if (chance(2)) statement();
    finish();
}

vm::ProgramSpec AimedGenerator::generate() {
    vm::ProgramSpec spec;
    spec.name = "aimed";
    spec.section = "xdp";
    spec.maps = aimed_maps();
    spec.subprograms.push_back({"aimed", 0});
    w_.mov_reg(6, 1);
    begin();
    const bool is_short = plan_.confusions > 0 && chance(2);
    const uint32_t statements = is_short ? 1 + pick(3) : 3 + pick(kStatementsMax);
    for (uint32_t i = 0; i < statements; ++i) {
        statement();
        if (plan_.confusions > 0 && chance(statements / plan_.confusions + 1))
            chance(2) ? confuse() : relate();
    }
    finish();
    for (size_t i = 0; i < functions_.size(); ++i) {  // functions may ask for more
        const auto entry = static_cast<uint32_t>(w_.size());
        spec.subprograms.push_back({"f" + std::to_string(i), entry});
        functions_[i].entry = entry;
        write_function(functions_[i].kind);
    }
    for (const Function& function : functions_)
        for (const size_t use : function.uses)
            w_.at(use).imm = static_cast<int32_t>(function.entry) - static_cast<int32_t>(use) - 1;
    spec.insns = w_.insns();
    spec.type = plan_.is_filter ? vm::ProgramType::SocketFilter : vm::ProgramType::Xdp;
    if (plan_.is_filter) spec.section = "socket";
    spec.has_frags = plan_.has_frags;
    return spec;
}

}  // namespace weir::tests
