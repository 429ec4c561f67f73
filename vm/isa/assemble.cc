#include "vm/isa/assemble.h"

#include <algorithm>
#include <cctype>
#include <map>
#include <optional>
#include <string>

#include <fmt/format.h>

#include "vm/base/limits.h"
#include "vm/isa/helper_info.h"
#include "vm/isa/statement.h"
#include "vm/isa/text_cursor.h"

namespace weir::vm {
namespace {

struct PlacedStatement {
    Statement statement;
    size_t line = 0;
    size_t slot = 0;
};

std::unexpected<Error> wrong(size_t line, std::string_view what) {
    return fail(ErrorKind::kInvalid, fmt::format("line {}: {}", line, what));
}

std::string_view without_comment(std::string_view line) {
    const size_t end = std::min({line.find('#'), line.find(';'), line.find("//")});
    return line.substr(0, end);
}

bool is_number(std::string_view word) {
    return std::ranges::all_of(
        word, [](char c) { return std::isxdigit(static_cast<unsigned char>(c)) != 0; });
}

std::optional<int64_t> helper_named(std::string_view name) {
    constexpr std::string_view kPrefix = "bpf_";
    if (name.starts_with(kPrefix)) name.remove_prefix(kPrefix.size());
    for (int64_t id = 1; id <= kHelperIdMax; ++id)
        if (helper_name(id) == name) return id;
    return std::nullopt;
}

class Assembler {
public:
    Result<std::vector<Insn>> run(std::string_view text) {
        for (size_t start = 0; start <= text.size();) {
            const size_t end = std::min(text.find('\n', start), text.size());
            ++line_;
            const Result<void> read = read_line(without_comment(text.substr(start, end - start)));
            if (!read) return std::unexpected(read.error());
            if (slots_ > kProgramInsnsMax)
                return wrong(line_,
                             fmt::format("program of more than {} instructions", kProgramInsnsMax));
            start = end + 1;
        }
        std::vector<Insn> insns;
        for (PlacedStatement& placed : statements_) {
            const Result<void> linked = link(placed);
            if (!linked) return std::unexpected(linked.error());
            encode(placed.statement.insn, insns);
        }
        return insns;
    }

private:
    /// "name:", "12:" as in listings, or "0000000000000000 <name>:" as llvm-objdump has it.
    Result<void> read_label(TextCursor& in) {
        TextCursor ahead = in;
        std::string_view name = ahead.word();
        if (ahead.accept("<")) {
            name = ahead.word();
            ahead.expect(">");
        }
        if (name.empty() || !ahead.accept(":")) return {};
        in = ahead;
        if (is_number(name) && !std::isalpha(static_cast<unsigned char>(name[0]))) return {};
        if (!labels_.emplace(name, slots_).second)
            return wrong(line_, fmt::format("label '{}' stands twice", name));
        return {};
    }

    Result<void> read_line(std::string_view line) {
        TextCursor in(line);
        const Result<void> label = read_label(in);
        if (!label || in.at_end()) return label;
        Statement statement = read_statement(in);
        if (in.failed()) return wrong(line_, in.error());
        const uint32_t slots = statement.insn.slots();
        statements_.push_back({std::move(statement), line_, slots_});
        slots_ += slots;
        return {};
    }

    /// Puts the distance of the label, or the number of the helper, where the instruction wants it.
    Result<void> link(PlacedStatement& placed) const {
        const std::string& name = placed.statement.label;
        DecodedInsn& insn = placed.statement.insn;
        if (name.empty()) return {};
        const auto label = labels_.find(name);
        if (label == labels_.end()) {
            const std::optional<int64_t> helper =
                insn.op == Op::kCallHelper ? helper_named(name) : std::nullopt;
            if (!helper) return wrong(placed.line, fmt::format("no label '{}'", name));
            insn.imm = *helper;
            return {};
        }
        if (insn.op == Op::kCallHelper) insn.op = Op::kCallLocal;
        const auto distance =
            static_cast<int64_t>(label->second) - static_cast<int64_t>(placed.slot) - 1;
        if (insn.op == Op::kCallLocal || insn.op == Op::kGotoLong || insn.op == Op::kLoadCodeAddr) {
            insn.imm = distance;
        } else {
            if (distance < INT16_MIN || distance > INT16_MAX)
                return wrong(placed.line,
                             fmt::format("label '{}' is {} slots away, expected {} to {}", name,
                                         distance, INT16_MIN, INT16_MAX));
            insn.off = static_cast<int16_t>(distance);
        }
        return {};
    }

    size_t line_ = 0;
    size_t slots_ = 0;
    std::vector<PlacedStatement> statements_;
    std::map<std::string, size_t, std::less<>> labels_;
};

template <typename T>
T fixed_or(int64_t fixed, int64_t operand) {
    return static_cast<T>(fixed == kAnyField ? operand : fixed);
}

}  // namespace

Result<std::vector<Insn>> assemble(std::string_view text) {
    return Assembler().run(text);
}

void encode(const DecodedInsn& insn, std::vector<Insn>& out) {
    const OpInfo& row = op_info(insn.op);
    Insn slot;
    slot.opcode = row.opcode;
    slot.dst = static_cast<uint8_t>(insn.dst & 0xf);
    slot.src = static_cast<uint8_t>(fixed_or<uint8_t>(row.src, insn.src) & 0xf);
    slot.off = fixed_or<int16_t>(row.off, insn.off);
    slot.imm = fixed_or<int32_t>(row.imm, insn.imm);
    out.push_back(slot);
    if (insn.slots() == 1) return;
    Insn second;
    second.imm = insn.op == Op::kLoadImm64 ? static_cast<int32_t>(insn.imm >> 32) : insn.next_imm;
    out.push_back(second);
}

}  // namespace weir::vm
