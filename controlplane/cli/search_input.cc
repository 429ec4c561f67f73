#include "controlplane/cli/search_input.h"

namespace weir::controlplane::cli {
namespace {

uint64_t byte_of(const Bytes& bytes, uint32_t offset) {
    return offset < bytes.size() ? bytes[offset] : 0;
}

bool set_byte(Bytes& bytes, uint32_t offset, uint64_t number) {
    if (offset >= bytes.size()) bytes.resize(offset + 1);
    bytes[offset] = static_cast<uint8_t>(number);
    return true;
}

LookupChoice& lookup_at(SearchInput& input, uint32_t which) {
    if (which >= input.lookups.size()) input.lookups.resize(which + 1);
    return input.lookups[which];
}

bool set_length(SearchInput& input, uint64_t number) {
    if (number < kFrameBytesMin || number > kFrameBytesMax) return false;
    input.packet.resize(number);
    return true;
}

/// A status of 0 is success, a null pointer is not.
void force_failure(SearchInput& input, const Unknown& unknown, uint64_t number) {
    const bool succeeds = (number == 0) == (unknown.offset != 0);
    if (succeeds)
        input.results.erase(unknown.which);
    else
        input.results[unknown.which] = uint64_t{0} - unknown.offset;
}

}  // namespace

uint64_t possible_bits(const Unknown& unknown) {
    switch (unknown.kind) {
        case UnknownKind::PacketByte:
        case UnknownKind::ValueByte:
        case UnknownKind::GlobalByte: return 0xff;
        case UnknownKind::PacketLength: return 0x3fff;  // kFrameBytesMax
        case UnknownKind::ContextField: return 0xffff'ffff;
        case UnknownKind::CallResult: return ~uint64_t{0} >> (64 - unknown.offset);
        case UnknownKind::LookupHit:
        case UnknownKind::FailableCall: break;
    }
    return ~uint64_t{0};
}

std::optional<uint64_t> read_unknown(const SearchInput& input, const Unknown& unknown) {
    const auto lookup = [&]() -> const LookupChoice* {
        return unknown.which < input.lookups.size() ? &input.lookups[unknown.which] : nullptr;
    };
    switch (unknown.kind) {
        case UnknownKind::PacketByte: return byte_of(input.packet, unknown.offset);
        case UnknownKind::PacketLength: return input.packet.size();
        case UnknownKind::LookupHit: return lookup() != nullptr && lookup()->hit ? 1 : 0;
        case UnknownKind::ValueByte:
            return lookup() == nullptr ? 0 : byte_of(lookup()->value, unknown.offset);
        case UnknownKind::GlobalByte: {
            const auto found = input.globals.find(unknown.which);
            if (found == input.globals.end()) return std::nullopt;
            return byte_of(found->second, unknown.offset);
        }
        case UnknownKind::CallResult:
        case UnknownKind::FailableCall: {
            const auto found = input.results.find(unknown.which);
            if (found == input.results.end()) return std::nullopt;
            return found->second;
        }
        case UnknownKind::ContextField: return input.context[unknown.which];
    }
    return std::nullopt;
}

bool write_unknown(SearchInput& input, const Unknown& unknown, uint64_t number) {
    switch (unknown.kind) {
        case UnknownKind::PacketByte:
            return unknown.offset < input.packet.size() &&
                   set_byte(input.packet, unknown.offset, number);
        case UnknownKind::PacketLength: return set_length(input, number);
        case UnknownKind::LookupHit: lookup_at(input, unknown.which).hit = number != 0; return true;
        case UnknownKind::ValueByte:
            return set_byte(lookup_at(input, unknown.which).value, unknown.offset, number);
        case UnknownKind::GlobalByte: {
            const auto found = input.globals.find(unknown.which);
            return found != input.globals.end() && set_byte(found->second, unknown.offset, number);
        }
        case UnknownKind::CallResult: input.results[unknown.which] = number; return true;
        case UnknownKind::FailableCall: force_failure(input, unknown, number); return true;
        case UnknownKind::ContextField:
            input.context[unknown.which] = static_cast<uint32_t>(number);
            return true;
    }
    return false;
}

}  // namespace weir::controlplane::cli
