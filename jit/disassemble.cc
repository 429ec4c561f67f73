// Zydis decodes and formats; the hooks put names and offsets in place of addresses.

#include "jit/disassemble.h"

#include <Zycore/String.h>
#include <Zydis/Zydis.h>

#include <array>

#include <fmt/format.h>

#include "vm/base/check.h"

namespace weir::jit {
namespace {

constexpr uint64_t kNamedImmediateMin = UINT32_MAX;  ///< smaller numbers are no addresses

/// What the hooks know of the code that is listed.
struct Listing {
    uint64_t address, code_bytes;
    const NameOf* name_of;
    ZydisFormatterFunc print_immediate;

    std::string text_of(uint64_t target) const {
        std::string name = (*name_of)(target);
        if (!name.empty()) return name;
        const bool inside = target >= address && target - address < code_bytes;
        return fmt::format("{:#x}", inside ? target - address : target);
    }
};

ZyanStatus append(ZydisFormatterBuffer* buffer, const std::string& text) {
    ZyanString* string = nullptr;
    if (const ZyanStatus got = ZydisFormatterBufferGetString(buffer, &string); !ZYAN_SUCCESS(got))
        return got;
    ZyanStringView view;
    if (const ZyanStatus made = ZyanStringViewInsideBufferEx(&view, text.data(), text.size());
        !ZYAN_SUCCESS(made))
        return made;
    return ZyanStringAppend(string, &view);
}

ZyanStatus print_address(const ZydisFormatter*, ZydisFormatterBuffer* buffer,
                         ZydisFormatterContext* context) {
    const auto* listing = static_cast<const Listing*>(context->user_data);
    ZyanU64 target = 0;
    const ZyanStatus found = ZydisCalcAbsoluteAddress(context->instruction, context->operand,
                                                      context->runtime_address, &target);
    return ZYAN_SUCCESS(found) ? append(buffer, listing->text_of(target)) : found;
}

ZyanStatus print_immediate(const ZydisFormatter* formatter, ZydisFormatterBuffer* buffer,
                           ZydisFormatterContext* context) {
    const auto* listing = static_cast<const Listing*>(context->user_data);
    const uint64_t value = context->operand->imm.value.u;
    const std::string name = value > kNamedImmediateMin ? (*listing->name_of)(value) : "";
    if (name.empty()) return listing->print_immediate(formatter, buffer, context);
    return append(buffer, "$" + name);
}

ZydisFormatter make_formatter(Listing& listing) {
    ZydisFormatter formatter;
    WEIR_CHECK(ZYAN_SUCCESS(ZydisFormatterInit(&formatter, ZYDIS_FORMATTER_STYLE_ATT)));
    const auto set = [&formatter](ZydisFormatterProperty property, ZyanUPointer value) {
        WEIR_CHECK(ZYAN_SUCCESS(ZydisFormatterSetProperty(&formatter, property, value)));
    };
    set(ZYDIS_FORMATTER_PROP_HEX_UPPERCASE, ZYAN_FALSE);
    set(ZYDIS_FORMATTER_PROP_DISP_PADDING, ZYDIS_PADDING_DISABLED);
    set(ZYDIS_FORMATTER_PROP_IMM_PADDING, ZYDIS_PADDING_DISABLED);
    const void* hook = reinterpret_cast<const void*>(&print_address);
    WEIR_CHECK(ZYAN_SUCCESS(
        ZydisFormatterSetHook(&formatter, ZYDIS_FORMATTER_FUNC_PRINT_ADDRESS_ABS, &hook)));
    hook = reinterpret_cast<const void*>(&print_immediate);
    WEIR_CHECK(
        ZYAN_SUCCESS(ZydisFormatterSetHook(&formatter, ZYDIS_FORMATTER_FUNC_PRINT_IMM, &hook)));
    // The hook gave back what stood there before.
    listing.print_immediate = reinterpret_cast<ZydisFormatterFunc>(const_cast<void*>(hook));
    return formatter;
}

}  // namespace

std::vector<MachineInsn> disassemble(std::span<const uint8_t> code, uint64_t address,
                                     uint32_t begin, uint32_t end, const NameOf& name_of) {
    WEIR_CHECK(begin <= end && end <= code.size());
    ZydisDecoder decoder;
    WEIR_CHECK(
        ZYAN_SUCCESS(ZydisDecoderInit(&decoder, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64)));
    Listing listing{address, code.size(), &name_of, nullptr};
    const ZydisFormatter formatter = make_formatter(listing);
    std::vector<MachineInsn> listed;
    for (uint32_t offset = begin; offset < end;) {
        ZydisDecodedInstruction insn;
        std::array<ZydisDecodedOperand, ZYDIS_MAX_OPERAND_COUNT> operands;
        std::array<char, 256> text{};
        const bool decoded = ZYAN_SUCCESS(ZydisDecoderDecodeFull(
            &decoder, code.data() + offset, end - offset, &insn, operands.data()));
        const bool formatted =
            decoded && ZYAN_SUCCESS(ZydisFormatterFormatInstruction(
                           &formatter, &insn, operands.data(), insn.operand_count_visible,
                           text.data(), text.size(), address + offset, &listing));
        const uint32_t bytes = formatted ? insn.length : 1;
        listed.push_back(
            {offset, bytes, formatted ? text.data() : fmt::format(".byte {:#04x}", code[offset])});
        offset += bytes;
    }
    return listed;
}

}  // namespace weir::jit
