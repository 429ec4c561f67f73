// Arguments of a call, each against its kind.

#include "vm/verifier/check_argument.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "vm/program/map_use.h"
#include "vm/verifier/prune.h"

namespace weir::vm::verifier {

std::unexpected<Fault> bad_argument(const Call& call, uint8_t index, const std::string& what,
                                    std::string_view rule) {
    return fault(rule, fmt::format("argument {} of {} {}", index, call.name(), what));
}

namespace {

constexpr uint32_t kMemoryMax = 1 << 29;
constexpr uint32_t kIpv4HeaderBytes = 20, kIpv6HeaderBytes = 40, kTcpHeaderBytes = 20;

/// Helpers that may be given packet memory to read: they neither move the packet nor write to it.
bool takes_packet(const Call& call) {
    constexpr auto kTakers = std::to_array<HelperId>({
        HelperId::map_lookup_elem,
        HelperId::map_update_elem,
        HelperId::map_delete_elem,
        HelperId::map_push_elem,
        HelperId::map_peek_elem,
        HelperId::map_lookup_percpu_elem,
        HelperId::csum_diff,
        HelperId::sk_lookup_tcp,
        HelperId::sk_lookup_udp,
        HelperId::skc_lookup_tcp,
        HelperId::tcp_check_syncookie,
        HelperId::tcp_gen_syncookie,
        HelperId::tcp_raw_gen_syncookie_ipv4,
        HelperId::tcp_raw_gen_syncookie_ipv6,
        HelperId::tcp_raw_check_syncookie_ipv4,
        HelperId::tcp_raw_check_syncookie_ipv6,
        HelperId::perf_event_output,
        HelperId::ringbuf_output,
    });
    return call.is_kfunc ||
           std::ranges::find(kTakers, static_cast<HelperId>(call.helper.id)) != kTakers.end();
}

// ---- maps ---------------------------------------------------------------------------------------

bool changes_map(const Call& call) {
    return call.is(HelperId::map_update_elem) || call.is(HelperId::map_delete_elem) ||
           call.is(HelperId::map_push_elem) || call.is(HelperId::map_pop_elem);
}

Checked check_map(Step& step, Call& call, uint8_t index, const Reg& reg) {
    if (reg.or_null)
        return fault("null-pointer",
                     fmt::format("argument {} of {} is {}; compare it with 0 first", index,
                                 call.name(), nullable_words(step.env.program, reg)));
    if (reg.kind != RegKind::Map)
        return bad_argument(call, index, fmt::format("is {}, expected a map", kind_words(reg)));
    const MapSpec& map = map_of(step.env.program, reg);
    call.map = reg;
    if (call.is(HelperId::timer_init)) return check_timer_map(step, call, index);
    if (!call.is_kfunc && !helper_takes_map(call.helper.id, map.type))
        return fault("map-type", fmt::format("{} does not work on map {} of type {}", call.name(),
                                             map.name, map_type_name(map.type)));
    const bool writes = changes_map(call);
    if (writes && ((map.flags & kMapRdonlyProg) != 0 || map.frozen))
        return fault("map-access", fmt::format("{} on map {}, which programs may only read",
                                               call.name(), map.name));
    // Of what a look-up finds loads are refused, stores are not; a peek copies, which the kernel
    // lets pass.
    const bool only_finds = call.is(HelperId::map_lookup_elem) ||
                            call.is(HelperId::map_lookup_percpu_elem) ||
                            call.is(HelperId::map_peek_elem);
    if (!writes && !only_finds && (map.flags & kMapWronlyProg) != 0)
        return fault("map-access", fmt::format("{} on map {}, which programs may only write",
                                               call.name(), map.name));
    return {};
}

/// An array has all of its elements: a look-up by a constant gives a value.
void note_constant_key(Step& step, Call& call, const Region& region) {
    const MapSpec& map = map_of(step.env.program, call.map);
    const bool is_array = map.type == MapType::Array || map.type == MapType::PercpuArray;
    if (!is_array || call.map.inner || !call.is(HelperId::map_lookup_elem) ||
        region.pointer.kind != RegKind::Stack || region.size != 4)
        return;
    const auto bytes = constant_stack_bytes(step, region);
    if (!bytes) return;
    uint64_t key = 0;
    for (size_t i = bytes->size(); i > 0; --i)
        key = key << 8 | static_cast<uint8_t>((*bytes)[i - 1]);
    call.constant_key = key;
}

Checked check_element(Step& step, Call& call, uint8_t index, const Reg& reg, ArgKind kind) {
    if (!call.has_map()) return bad_argument(call, index, "has no map before it");
    const MapSpec& map = map_of(step.env.program, call.map);
    if (kind == ArgKind::MapValueOut && map.type != MapType::BloomFilter)
        return check_write_argument(step, call, index, reg, 0, map.value_bytes);
    const bool is_key = kind == ArgKind::MapKey;
    const uint32_t size = is_key ? map.key_bytes : map.value_bytes;
    if (const Checked read = check_read_argument(step, call, index, reg, size); !read) return read;
    if (is_key) note_constant_key(step, call, {reg, 0, size});
    return {};
}

// ---- memory with a size -------------------------------------------------------------------------

Checked check_size(Step& step, const Call& call, uint8_t index, const Reg& size,
                   bool zero_is_fine) {
    if (!size.is_scalar())
        return bad_argument(call, index, fmt::format("is {}, expected a size", kind_words(size)));
    step.rely_on(size);
    const Range<64>& bytes = size.value.full;
    if (bytes.smin < 0)
        return bad_argument(
            call, index,
            fmt::format("is a size of {}, which may be negative; mask it or compare it first",
                        describe_reg(size)));
    if (bytes.umax > kMemoryMax)
        return bad_argument(
            call, index,
            fmt::format("is a size of {} without a useful upper bound; compare it first",
                        describe_reg(size)));
    if (bytes.umin == 0 && !zero_is_fine)
        return bad_argument(
            call, index,
            fmt::format("is a size of {}, which may be 0; compare it first", describe_reg(size)));
    return {};
}

bool may_be_null(ArgKind kind) {
    return kind == ArgKind::MemReadOrNull || kind == ArgKind::MemWriteOrNull;
}

/// The size, and with it the memory of the argument before.
Checked check_sized_memory(Step& step, Call& call, uint8_t index, const Reg& size,
                           bool zero_is_fine) {
    if (const Checked fits = check_size(step, call, index, size, zero_is_fine); !fits) return fits;
    const auto most = static_cast<uint32_t>(size.value.full.umax),
               least = static_cast<uint32_t>(size.value.full.umin);
    const auto memory_index = static_cast<uint8_t>(index - 1);
    const Reg memory = step.reg(memory_index);
    const ArgKind kind = call.helper.args[memory_index - 1u];
    if (may_be_null(kind) && memory.is_constant(0)) {
        step.rely_on(memory);
        if (most == 0) return {};
        return bad_argument(
            call, index,
            fmt::format("is a size of {} for a null pointer, expected 0", describe_reg(size)));
    }
    if (kind == ArgKind::MemWrite)
        return check_write_argument(step, call, memory_index, memory, least, most);
    if (kind == ArgKind::MemWriteOrNull)
        return check_write_argument(step, call, memory_index, memory, 0, most);
    if (const Checked read = check_read_argument(step, call, memory_index, memory, most); !read)
        return read;
    if (kind != ArgKind::MemReadWrite) return {};
    if (call.is(HelperId::dynptr_from_mem) && memory.kind != RegKind::MapValue)
        return bad_argument(
            call, memory_index,
            fmt::format("is {}, expected a map value, which lives long enough", kind_words(memory)),
            "dynptr");
    return check_write_argument(step, call, memory_index, memory, 0, most);
}

/// The size of what is returned, and of a buffer before it.
Checked check_result_size(Step& step, Call& call, uint8_t index, const Reg& size) {
    if (const Checked fits = check_size(step, call, index, size, false); !fits) return fits;
    if (!size.value.is_constant())
        return bad_argument(call, index,
                            fmt::format("is {}, expected a constant size", describe_reg(size)));
    call.result_bytes = static_cast<uint32_t>(size.value.full.umin);
    const auto buffer_index = static_cast<uint8_t>(index - 1);
    if (call.helper.args[buffer_index - 1u] != ArgKind::MemWriteOrNull) return {};
    const Reg buffer = step.reg(buffer_index);
    if (buffer.is_constant(0)) {
        step.rely_on(buffer);
        return {};
    }
    // The slice may be this buffer, and must not outlive it.
    if (buffer.kind != RegKind::MapValue &&
        (buffer.kind != RegKind::Stack || !buffer.value.is_constant()))
        return bad_argument(
            call, buffer_index,
            fmt::format("is {}, expected a map value, the stack at a constant offset, or 0",
                        kind_words(buffer)));
    call.buffer = buffer;
    return check_write_argument(step, call, buffer_index, buffer, 0, call.result_bytes);
}

Checked check_number(const Call& call, uint8_t index, const Reg& reg) {
    if (reg.is_scalar()) return {};
    return fault("pointer-leak", fmt::format("argument {} of {} is {}, expected a number", index,
                                             call.name(), kind_words(reg)));
}

Checked check_context(const Call& call, uint8_t index, const Reg& reg) {
    if (reg.kind == RegKind::Context && reg.off == 0) return {};
    return bad_argument(call, index, fmt::format("is {}, expected the context", kind_words(reg)));
}

/// A number of 2, 4 or 8 bytes that the call writes, aligned.
Checked check_number_out(Step& step, Call& call, uint8_t index, const Reg& reg, uint32_t bytes,
                         bool is_read) {
    const Tnum place =
        tnum_add(reg.value.full.bits, Tnum::constant(static_cast<uint64_t>(int64_t{reg.off})));
    if (reg.is_pointer() && ((place.value | place.mask) & (bytes - 1)) != 0)
        return bad_argument(call, index, fmt::format("is not aligned to {} bytes", bytes));
    if (is_read)
        if (const Checked read = check_read_argument(step, call, index, reg, bytes); !read)
            return read;
    return check_write_argument(step, call, index, reg, bytes, bytes);
}

/// Text that ends within a value that never changes.
Checked check_string(Step& step, Call& call, uint8_t index, const Reg& reg) {
    if (reg.kind != RegKind::MapValue || reg.or_null)
        return bad_argument(
            call, index, fmt::format("is {}, expected text in a read-only map", kind_words(reg)));
    const MapSpec& map = map_of(step.env.program, reg);
    const int64_t place = reg.off + reg.value.full.smin;
    if (!reg.value.is_constant() || place < 0 || place >= int64_t{map.value_bytes})
        return bad_argument(call, index, "is no constant place in a map's value");
    const auto text =
        constant_map_bytes(step, {reg, 0, static_cast<uint32_t>(int64_t{map.value_bytes} - place)});
    if (!text)
        return bad_argument(call, index,
                            fmt::format("is in map {}, whose contents may change", map.name));
    if (text->find('\0') == std::string::npos)
        return bad_argument(call, index, fmt::format("is text of map {} without an end", map.name));
    return {};
}

}  // namespace

Checked check_read_argument(Step& step, Call& call, uint8_t index, const Reg& pointer,
                            uint32_t size) {
    if (!pointer.is_pointer())
        return bad_argument(
            call, index,
            fmt::format("is {}, expected memory of {} bytes", kind_words(pointer), size));
    if (pointer.is_packet() && !takes_packet(call))
        return bad_argument(call, index,
                            "points into the packet; copy the bytes to the stack first");
    const Region region{pointer, 0, size};
    if (const Checked bounds = check_region(step, region, Access::Read); !bounds) return bounds;
    if (pointer.kind == RegKind::Socket)
        return bad_argument(call, index, "is a socket, expected memory");
    if (pointer.kind != RegKind::Stack) return {};
    const bool are_values = call.helper.args[index - 1u] == ArgKind::MemReadOrNull &&
                            (call.is(HelperId::snprintf) || call.is(HelperId::trace_vprintk));
    return are_values ? check_format_data(step, call, pointer, size)
                      : read_stack_bytes(step, region);
}

Checked check_write_argument(Step& step, Call& call, uint8_t index, const Reg& pointer,
                             uint32_t sure, uint32_t size) {
    if (!pointer.is_pointer())
        return bad_argument(
            call, index,
            fmt::format("is {}, expected memory of {} bytes", kind_words(pointer), size));
    if (pointer.is_packet())
        return bad_argument(call, index, "points into the packet; copy to the stack first");
    const Region region{pointer, 0, size};
    if (const Checked bounds = check_region(step, region, Access::Write); !bounds) return bounds;
    if (pointer.kind == RegKind::Stack) return overwrite_stack_bytes(step, region, sure);
    return {};
}

namespace {

Checked check_kind(Step& step, Call& call, uint8_t index, const Reg& reg) {
    const ArgKind kind = call.helper.args[index - 1u];
    switch (kind) {
        case ArgKind::None:
        case ArgKind::Unchecked: return {};
        case ArgKind::Scalar: return check_number(call, index, reg);
        case ArgKind::Map: return check_map(step, call, index, reg);
        case ArgKind::MapKey:
        case ArgKind::MapValue:
        case ArgKind::MapValueOut: return check_element(step, call, index, reg, kind);
        case ArgKind::Context: return check_context(call, index, reg);
        case ArgKind::MemRead:
        case ArgKind::MemReadOrNull:
        case ArgKind::MemWrite:
        case ArgKind::MemWriteOrNull:
        case ArgKind::MemReadWrite: return {};  // with its size
        case ArgKind::Size: return check_sized_memory(step, call, index, reg, false);
        case ArgKind::SizeOrZero: return check_sized_memory(step, call, index, reg, true);
        case ArgKind::RecordSize:
        case ArgKind::SliceSize: return check_result_size(step, call, index, reg);
        case ArgKind::U16Out: return check_number_out(step, call, index, reg, 2, false);
        case ArgKind::U32Out: return check_number_out(step, call, index, reg, 4, false);
        case ArgKind::U64Out: return check_number_out(step, call, index, reg, 8, false);
        case ArgKind::U32InOut: return check_number_out(step, call, index, reg, 4, true);
        case ArgKind::Ipv4Header:
            return check_read_argument(step, call, index, reg, kIpv4HeaderBytes);
        case ArgKind::Ipv6Header:
            return check_read_argument(step, call, index, reg, kIpv6HeaderBytes);
        case ArgKind::TcpHeader:
            return check_read_argument(step, call, index, reg, kTcpHeaderBytes);
        case ArgKind::ConstString: return check_string(step, call, index, reg);
        case ArgKind::Callback:
        case ArgKind::CallbackContext:
        case ArgKind::SpinLock:
        case ArgKind::Timer:
        case ArgKind::Dynptr:
        case ArgKind::DynptrOut:
        case ArgKind::Iterator:
        case ArgKind::IteratorOut:
        case ArgKind::Record:
        case ArgKind::Socket:
        case ArgKind::Connection: return check_object_argument(step, call, index, reg);
    }
    return {};
}

}  // namespace

Checked check_argument(Step& step, Call& call, uint8_t index) {
    const ArgKind kind = call.helper.args[index - 1u];
    if (kind == ArgKind::None || kind == ArgKind::Unchecked) return {};
    const auto found = readable_reg(step, index);
    if (!found) return std::unexpected(found.error());
    const Reg reg = **found;
    return check_kind(step, call, index, reg);
}

}  // namespace weir::vm::verifier
