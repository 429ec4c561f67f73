#include "controlplane/cli/search_shadow.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "controlplane/cli/search_arguments.h"

namespace weir::controlplane::cli {
namespace {

using vm::Format;
using vm::HelperId;
using vm::Op;

constexpr size_t kBranchesMax = 20'000;
constexpr size_t kMemoryBytesMax = 200'000;  ///< beyond, what is written is forgotten

uint64_t address_of(const void* pointer) {
    return reinterpret_cast<uint64_t>(pointer);
}

bool is(const vm::DecodedInsn& insn, HelperId id) {
    return insn.op == Op::kCallHelper && insn.imm == vm::number_of(id);
}

/// The instruction that extends a load's sign.
std::optional<Op> sign_extension(Op op) {
    if (op == Op::kLoadSx8) return Op::kMovSx8To64;
    if (op == Op::kLoadSx16) return Op::kMovSx16To64;
    if (op == Op::kLoadSx32) return Op::kMovSx32To64;
    return std::nullopt;
}

}  // namespace

void Shadow::begin(const SearchScene& scene) {
    scene_.emplace(scene);
    suspect_.begin(scene);
    suspect_.enter_frame(0);
    packet_start_ = address_of(scene.packet.data);
    packet_end_ = address_of(scene.packet.data_end);
    frames_.assign(1, Registers{});
}

void Shadow::step(const vm::RunStep& step) {
    const size_t came_from = depth_;
    if (pending_ != nullptr && step.depth == depth_) finish(step);
    pending_ = nullptr;
    if (step.depth != came_from) enter_frames(step);
    for (size_t i = 0; i < vm::kRegisterCount; ++i)
        if (frame()[i].number != step.registers[i]) frame()[i] = {step.registers[i], 0};
    last_.insn = step.insn;
    std::ranges::copy(step.registers, last_.registers.begin());
    last_.packet_start = address_of(scene_->packet.data);
    last_.packet_end = address_of(scene_->packet.data_end);
    suspect_.look(step, frame(), terms_, branches_.size());
    if (&step.program == &scene_->bench.spec()) begin_insn(step);
}

/// A callee sees its caller's arguments; what it returns goes back. Numbers that do not agree with
/// the run's are dropped by the caller of this.
void Shadow::enter_frames(const vm::RunStep& step) {
    const Registers left = frame();
    if (step.depth >= frames_.size()) frames_.resize(step.depth + 1);
    if (step.depth > depth_) {
        frames_[step.depth] = left;
        suspect_.enter_frame(step.depth);
    } else {
        frames_[step.depth][0] = left[0];
    }
    depth_ = step.depth;
}

// ---- one instruction ----------------------------------------------------------------------------

void Shadow::begin_insn(const vm::RunStep& step) {
    const vm::DecodedInsn& insn = scene_->bench.code()[step.insn].insn;
    const auto imm = static_cast<uint64_t>(insn.imm);
    Registers& regs = frame();
    switch (vm::op_info(insn.op).format) {
        case Format::AluImm:
        case Format::AluUnary:
        case Format::ByteOrder:
            regs[insn.dst] = terms_.apply(insn.op, regs[insn.dst], {imm, 0});
            break;
        case Format::AluReg:
            regs[insn.dst] = terms_.apply(insn.op, regs[insn.dst], regs[insn.src]);
            break;
        case Format::JumpImm:
        case Format::JumpReg: note_branch(step, insn); break;
        case Format::StoreImm:
        case Format::StoreReg: begin_store(step, insn); break;
        case Format::Call:
        case Format::CallReg:
            scene_->calls.begin_call();
            pending_ = &insn;
            before_ = regs;
            break;
        case Format::Load:
        case Format::Atomic:
        case Format::LoadImm64:
        case Format::LoadPacketAbs:
        case Format::LoadPacketInd:
            pending_ = &insn;
            before_ = regs;
            break;
        case Format::Goto:
        case Format::GotoLong:
        case Format::MayGoto:
        case Format::Exit: break;
    }
}

void Shadow::note_branch(const vm::RunStep& step, const vm::DecodedInsn& insn) {
    if (branches_.size() >= kBranchesMax) return;
    const bool by_register = vm::op_info(insn.op).format == Format::JumpReg;
    const Value a = frame()[insn.dst];
    const Value b = by_register ? frame()[insn.src] : Value{static_cast<uint64_t>(insn.imm), 0};
    branches_.push_back({step.insn, {insn.op, compare(insn.op, a.number, b.number), a, b}});
}

void Shadow::begin_store(const vm::RunStep& step, const vm::DecodedInsn& insn) {
    const bool by_register = vm::op_info(insn.op).format == Format::StoreReg;
    const uint64_t address = frame()[insn.dst].number + static_cast<uint64_t>(insn.off);
    const uint32_t bytes = vm::op_info(insn.op).bits / 8;
    const Value value = by_register ? frame()[insn.src] : Value{static_cast<uint64_t>(insn.imm), 0};
    store(address, value, bytes);
    suspect_.note_write(step, address, bytes);
}

void Shadow::finish(const vm::RunStep& step) {
    const vm::DecodedInsn& insn = *pending_;
    const vm::OpInfo& row = vm::op_info(insn.op);
    const uint32_t bytes = row.bits / 8;
    if (row.format == Format::Load) {
        const uint64_t address = before_[insn.src].number + static_cast<uint64_t>(insn.off);
        frame()[insn.dst] = loaded(address, step.registers[insn.dst]);
    } else if (row.format == Format::LoadPacketAbs || row.format == Format::LoadPacketInd) {
        frame()[0] = packet_load(step.registers[0]);
    } else if (row.format == Format::LoadImm64) {
        frame()[insn.dst] = {step.registers[insn.dst], 0};
    } else if (row.format == Format::Atomic) {
        const bool loads = row.spelling == "load_acquire";
        const uint64_t address =
            before_[loads ? insn.src : insn.dst].number + static_cast<uint64_t>(insn.off);
        uint64_t now = 0;
        std::memcpy(&now, reinterpret_cast<const void*>(address), bytes);
        if (!loads) store(address, {now, 0}, bytes);
        suspect_.note_write(step, address, bytes);
    } else {
        finish_call(step);
    }
}

// ---- calls --------------------------------------------------------------------------------------

void Shadow::finish_call(const vm::RunStep& step) {
    const vm::DecodedInsn& insn = *pending_;
    if (const vm::HelperInfo* const helper = helper_of(insn))
        for (size_t index = 0; index < helper->args.size(); ++index)
            suspect_.note_write(step, before_[index + 1].number,
                                written_bytes(*helper, index, before_, step));
    frame()[0] = call_result(step.registers[0]);
}

Value Shadow::length() {
    return terms_.unknown({UnknownKind::PacketLength}, scene_->input.packet.size());
}

Value Shadow::call_result(uint64_t r0) {
    const LastCall& last = scene_->calls.last();
    if (last.result) return terms_.unknown(*last.result, r0);
    if (last.element) return lookup_result(scene_->calls.touched()[*last.element], r0);
    if (is(*pending_, HelperId::xdp_load_bytes) || is(*pending_, HelperId::skb_load_bytes))
        return copy_result(r0);
    if (is(*pending_, HelperId::xdp_get_buff_len) && r0 == scene_->input.packet.size())
        return length();
    return {r0, 0};
}

Value Shadow::lookup_result(const TouchedElement& element, uint64_t r0) {
    const vm::MapSpec& map = element.map->spec();
    if (!element.lookup || is(*pending_, HelperId::for_each_map_elem)) return {r0, 0};
    if (has_no_keys(map.type)) {
        const Value hit = terms_.unknown({UnknownKind::LookupHit, *element.lookup, 0}, r0 == 0);
        return terms_.choice(hit, {1, 0}, uint64_t{0} - ENOENT, 0);
    }
    if (!has_all_elements(map.type))
        return terms_.unknown({UnknownKind::LookupHit, *element.lookup, 0}, r0);
    const Value key = load(before_[2].number, map.key_bytes);
    return terms_.choice(key, {map.entries_max, 0}, r0 == 0 ? 1 : r0, 0);
}

/// Out of the packet: fails where it ends before. Bytes of fragments are not followed.
Value Shadow::copy_result(uint64_t r0) {
    const Value offset = before_[2], bytes = before_[4];
    const uint64_t from = last_.packet_start + offset.number, to = before_[3].number;
    const bool is_linear = from >= last_.packet_start && from + bytes.number <= last_.packet_end;
    if (r0 == 0 && is_linear)
        for (uint64_t i = 0; i < bytes.number; ++i) memory_[to + i] = {load_byte(from + i), 0};
    const Value end = terms_.apply(Op::kAdd64Reg, offset, bytes);
    const Value past = terms_.apply(Op::kAdd64Imm, length(), {1, 0});
    const uint64_t failure = r0 == 0 ? uint64_t{0} - EFAULT : r0;
    return terms_.choice(end, past, 0, failure);
}

// ---- memory -------------------------------------------------------------------------------------

void Shadow::store(uint64_t address, Value value, uint32_t bytes) {
    if (memory_.size() >= kMemoryBytesMax) memory_.clear();
    for (uint32_t i = 0; i < bytes; ++i) memory_[address + i] = {value, static_cast<uint8_t>(i)};
}

/// What lies there since before the program wrote anything; `now` is the byte.
Value Shadow::first_byte(uint64_t address, uint8_t now) {
    if (address >= packet_start_ && address < packet_end_)
        return terms_.unknown(
            {UnknownKind::PacketByte, 0, static_cast<uint32_t>(address - packet_start_)}, now);
    for (const TouchedElement& element : scene_->calls.touched()) {
        const vm::MapSpec& map = element.map->spec();
        const uint64_t offset = address - element.address;
        if (element.address == 0 || offset >= map.value_bytes || vm::is_map_in_map(map.type))
            continue;
        if (!element.lookup) return {now, 0};
        return terms_.unknown(
            {UnknownKind::ValueByte, *element.lookup, static_cast<uint32_t>(offset)}, now);
    }
    if (const auto place = scene_->bench.global_at(address))
        return terms_.unknown({UnknownKind::GlobalByte, place->map, place->offset}, now);
    return {now, 0};
}

Value Shadow::load_byte(uint64_t address) {
    const uint8_t now = *reinterpret_cast<const uint8_t*>(address);
    const auto written = memory_.find(address);
    if (written == memory_.end()) return first_byte(address, now);
    const Value byte = terms_.byte_of(written->second.value, written->second.index);
    return byte.number == now ? byte : Value{now, 0};
}

Value Shadow::load(uint64_t address, uint32_t bytes) {
    const auto first = memory_.find(address);
    bool is_whole = first != memory_.end();
    for (uint32_t i = 0; is_whole && i < bytes; ++i) {
        const auto found = memory_.find(address + i);
        is_whole = found != memory_.end() && found->second.index == i &&
                   found->second.value.term == first->second.value.term &&
                   found->second.value.number == first->second.value.number;
    }
    if (is_whole) {
        const uint64_t mask = ~uint64_t{0} >> (64 - 8 * bytes);
        return terms_.apply(Op::kAnd64Imm, first->second.value, {mask, 0});
    }
    std::array<Value, 8> parts;
    for (uint32_t i = 0; i < bytes; ++i) parts[i] = load_byte(address + i);
    return terms_.joined(std::span(parts).first(bytes));
}

Value Shadow::context_value(uint64_t address, uint64_t number) {
    const uint64_t offset = address - scene_->context;
    const uint64_t bytes = scene_->input.packet.size();
    if (number == packet_end_ && packet_end_ - packet_start_ == bytes)
        return terms_.apply(Op::kAdd64Imm, length(), {packet_start_, 0});
    const bool is_xdp = scene_->bench.spec().type == vm::ProgramType::Xdp;
    constexpr uint64_t kFirstNumber =
        12;  // xdp_md: ingress_ifindex, rx_queue_index, egress_ifindex
    if (is_xdp && offset >= kFirstNumber && offset < vm::kXdpMdBytes)
        return terms_.unknown(
            {UnknownKind::ContextField, static_cast<uint32_t>((offset - kFirstNumber) / 4), 0},
            number);
    if (!is_xdp && offset == 0 && number == bytes) return length();
    return {number, 0};
}

Value Shadow::loaded(uint64_t address, uint64_t number) {
    const uint64_t context_bytes = scene_->bench.spec().type == vm::ProgramType::Xdp
                                       ? sizeof(vm::XdpContext)
                                       : sizeof(vm::SkbContext);
    if (address - scene_->context < context_bytes) return context_value(address, number);
    const Value value = load(address, vm::op_info(pending_->op).bits / 8);
    const auto extension = sign_extension(pending_->op);
    return extension ? terms_.apply(*extension, {}, value) : value;
}

/// LD_ABS, LD_IND: big-endian.
Value Shadow::packet_load(uint64_t number) {
    const vm::OpInfo& row = vm::op_info(pending_->op);
    const uint64_t index = row.format == Format::LoadPacketInd ? before_[pending_->src].number : 0;
    const uint64_t offset = index + static_cast<uint64_t>(pending_->imm);
    const uint32_t bytes = row.bits / 8;
    if (offset + bytes > packet_end_ - packet_start_) return {number, 0};
    std::array<Value, 4> parts;
    for (uint32_t i = 0; i < bytes; ++i)
        parts[bytes - 1 - i] = load_byte(packet_start_ + offset + i);
    return terms_.joined(std::span(parts).first(bytes));
}

}  // namespace weir::controlplane::cli
